"""Requests that nobody honest sends: paths, framing, sizes, slowness."""

import socket

import pytest

from harness import content
from harness.http_client import ConnectionClosed

PATHS = [
    "/v2/../../etc/passwd",
    "/v2/alice/../../../etc/passwd",
    "/v2/alice/x/../y/manifests/v1",
    "/v2/alice/x/./manifests/v1",
    "/v2/%2e%2e/%2e%2e/etc/passwd",
    "/v2/alice%2fx/manifests/v1",
    "/v2/alice/x%2fmanifests%2fv1",
    "/v2/alice/x/manifests/%2e%2e",
    "/v2/alice/x/manifests/..%2f..%2fholdfast.db",
    "/v2/alice/x/blobs/..%2f..%2f..%2fholdfast.db",
    "/v2/alice/x/blobs/sha256:%2e%2e",
    "/v2/alice/x/blobs/uploads/..%2f..%2fsecret.key",
    "/v2/alice/x/manifests/v1%00",
    "/v2/alice%00/x/manifests/v1",
    "/v2/alice/x/manifests/%",
    "/v2/alice/x/manifests/%zz",
    "/v2/alice/x/manifests/%c0%ae%c0%ae",
    "/v2/alice/x/manifests/" + "a" * 8000,
    "/v2//",
    "/v2/manifests/v1",
    "/v2/blobs/uploads/",
    "/v2/_catalog/..",
    "/v2/alice/x/manifests/",
    "/v2/alice/x/blobs/",
    "/v2/alice/x/tags/",
    "/v2/alice/x/tags/list/",
    "/v2/alice/x/nonsense",
    "/v2/alice/x",
    "/../holdfast.db",
    "/ca/../secret.key",
    "/%2e%2e/secret.key",
    "//v2/",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_tricky_paths(alice, path, method):
    token = alice.token_for([])
    response = alice.raw(method, path, headers=[("Authorization", f"Bearer {token}")])
    assert response.status in (400, 401, 403, 404, 405, 414), str(response)
    assert b"root:" not in response.body
    assert b"SQLite format" not in response.body


def test_percent_encoding_in_a_path_is_decoded_once(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    encoded = "".join(f"%{ord(letter):02x}" for letter in "v1")
    response = alice.manifest(repository, encoded)
    assert response.status in (200, 400, 404), str(response)
    if response.status == 200:
        assert response.body == image.body
    colon = alice.manifest(repository, image.digest.replace(":", "%3A"))
    assert colon.status == 200, str(colon)
    twice = alice.manifest(repository, image.digest.replace(":", "%253A"))
    assert twice.status in (400, 404), str(twice)


def exchange(client, data: bytes, method="GET"):
    """Sends bytes; gives the response, or None when the server just closed."""
    with client.connect() as connection:
        try:
            connection.send(data)
            return connection.read_response(method)
        except (ConnectionClosed, ConnectionError):
            return None


def check_refused(response, *statuses):
    assert response is None or response.status in (statuses or (400,)), str(response)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n\r\n\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v2/\r\n\r\n",
        b"GET /v2/ HTTP/3.7\r\nHost: x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHo\x00st: x\r\n\r\n",
        b"G\x00T /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_no_http(server, alice, data):
    with alice.connect() as connection:
        connection.send(data)
        connection.socket.shutdown(socket.SHUT_WR) if not connection.secure else None
        connection.socket.settimeout(40)
        try:
            check_refused(connection.read_response("GET"), 400, 505)
        except (ConnectionClosed, ConnectionError):
            pass
    assert alice.raw("GET", "/v2/").status == 401


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 5"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, chunked"],
        ["Content-Length: -5"],
        ["Content-Length: 5 5"],
    ],
)
def test_ambiguous_framing_smuggles_nothing(alice, repository, lines):
    """The bytes behind must never be answered as a request of their own."""
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    smuggled = b"GET /ca HTTP/1.1\r\nHost: x\r\n\r\n"
    with alice.connect() as connection:
        head = "\r\n".join(
            [
                f"PATCH {session.location} HTTP/1.1",
                f"Host: {connection.authority}",
                f"Authorization: Bearer {token}",
                *lines,
            ]
        )
        connection.send(head.encode() + b"\r\n\r\n0\r\n\r\n" + smuggled)
        try:
            response = connection.read_response("PATCH")
        except (ConnectionClosed, ConnectionError):
            return
        assert response.status in (400, 411, 501), str(response)
        assert connection.closed_by_server(), "the connection must end after a framing error"


def test_a_head_beyond_the_limit(server, alice):
    for extra in (
        "X-Large: " + "x" * 70000,
        "\r\n".join(f"X-{number}: {'y' * 100}" for number in range(1000)),
    ):
        response = exchange(
            alice, f"GET /v2/ HTTP/1.1\r\nHost: x\r\n{extra}\r\n\r\n".encode()
        )
        check_refused(response, 400, 431)
    assert alice.raw("GET", "/v2/").status == 401


def test_a_large_head_within_the_limit(alice):
    padding = [(f"X-{number}", "y" * 1000) for number in range(50)]
    response = alice.raw("GET", "/v2/", headers=padding)
    assert response.status == 401, str(response)


def test_a_target_beyond_the_limit(alice):
    response = exchange(alice, b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    check_refused(response, 400, 414, 431)


def test_http_1_1_needs_a_host(alice):
    check_refused(exchange(alice, b"GET /v2/ HTTP/1.1\r\n\r\n"), 400)


@pytest.mark.parametrize("host", ["evil.example", "a\"b", "x,y", "a b", "<script>", "x" * 2000])
def test_a_hostile_host_breaks_no_header(alice, host):
    response = exchange(alice, f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    if response is None or response.status == 400:
        return
    assert response.status == 401, str(response)
    from harness.registry_client import parse_challenge

    parse_challenge(response.header("WWW-Authenticate"))


def test_header_names_and_values_cannot_be_injected(alice, repository):
    alice.push(repository, content.image(), "v1")
    for target in (
        f"/v2/{repository}/tags/list?n=1%0d%0aX-Evil:%20yes",
        f"/v2/{repository}/tags/list?last=a%0d%0aX-Evil:%20yes&n=1",
        f"/v2/{repository}/manifests/v1%0d%0aX-Evil:%20yes",
        f"/v2/{repository}/referrers/sha256:{'0' * 64}?artifactType=a%0d%0aX-Evil:%20yes",
        "/v2%0d%0aX-Evil:%20yes",
    ):
        response = alice.request("GET", target)
        assert response.header("X-Evil") is None, str(response)


def test_a_slow_head_is_cut_off(holdfast):
    server = holdfast({"limits.header_timeout": "1s"})
    client = server.client()
    with client.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n")
        assert connection.closed_by_server(20)
    assert client.raw("GET", "/v2/").status == 401


def test_a_body_that_does_not_come_is_cut_off(holdfast):
    server = holdfast({"limits.body_timeout": "1s", "create_repository_on_push": True})
    client = server.admin_client()
    session = client.begin("admin/app")
    token = client.token_for(["repository:admin/app:pull,push,delete"])
    with client.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Content-Length", "1000"),
            ],
        )
        connection.send(b"x" * 10)
        assert connection.closed_by_server(20)
    assert session.status().status == 204


def test_an_idle_connection_is_closed(holdfast):
    server = holdfast({"limits.idle_timeout": "1s"})
    client = server.client()
    with client.connect() as connection:
        assert connection.request("GET", "/v2/").status == 401
        assert connection.closed_by_server(20)


def test_the_number_of_connections_is_limited(holdfast):
    server = holdfast({"limits.connections": 10})
    client = server.client(origin=server.http)
    connections = []
    try:
        for _ in range(10):
            connection = client.connect()
            connections.append(connection)
            assert connection.request("GET", "/v2/").status == 401
        refused = client.connect(timeout=10)
        connections.append(refused)
        try:
            response = refused.request("GET", "/v2/")
            assert response.status == 503, str(response)
        except (ConnectionClosed, ConnectionError):
            pass
        # The others go on, and room comes back.
        assert connections[0].request("GET", "/v2/").status == 401
        for connection in connections:
            connection.close()
        from harness.tools import wait_until

        def again():
            try:
                with client.connect() as fresh:
                    return fresh.request("GET", "/v2/").status == 401
            except (ConnectionClosed, ConnectionError):
                return False

        wait_until(again, "a free connection")
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_tls_is_refused(server, version):
    import ssl
    import warnings

    context = ssl.create_default_context(cafile=str(server.ca))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(server.https.address) as raw:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw, server_hostname="localhost").recv(1)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_sessions_resume(server, version):
    """dockerd opens a connection for each request: without tickets each is a full handshake."""
    import ssl

    context = ssl.create_default_context(cafile=str(server.ca))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    session = None
    for attempt in range(2):
        with socket.create_connection(server.https.address) as raw:
            with context.wrap_socket(raw, server_hostname="localhost", session=session) as wrapped:
                wrapped.sendall(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                while wrapped.recv(65536):
                    pass
                assert wrapped.session_reused == (attempt == 1)
                session = wrapped.session


def test_plain_http_on_the_tls_port(server):
    with socket.create_connection(server.https.address, timeout=30) as raw:
        raw.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        data = raw.recv(1000)
        assert not data.startswith(b"HTTP/1.1 2"), data
