"""Health, metrics, the CA, plain HTTP, proxies, certificates, logs, configuration."""

import json
import re
import subprocess

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.registry_client import Origin, RegistryClient, parse_challenge
from harness.tools import wait_until


@pytest.mark.parametrize("path", ["/_ping", "/health"])
def test_health(anonymous, path):
    response = anonymous.raw("GET", path)
    assert response.status == 200, str(response)
    assert response.header("Content-Type").split(";")[0] == "application/json"
    document = response.json()
    assert document["Error"] == ""
    assert document["Healthy"] is True
    head = anonymous.raw("HEAD", path)
    assert head.status == 200


def test_the_ca(server, anonymous):
    response = anonymous.raw("GET", "/ca")
    assert response.status == 200, str(response)
    assert response.body == server.ca.read_bytes()
    assert b"BEGIN CERTIFICATE" in response.body


def test_the_web_root_says_what_this_is(anonymous):
    response = anonymous.raw("GET", "/")
    assert response.status == 200, str(response)
    text = response.body.decode()
    assert "Holdfast" in text
    assert "docker login" in text
    assert "docker push" in text
    assert response.header("Content-Type").startswith("text/html")
    assert response.header("X-Content-Type-Options") == "nosniff"


def test_metrics(server, anonymous, alice, repository):
    alice.push(repository, content.image(), "v1")
    response = anonymous.raw("GET", "/metrics")
    assert response.status == 200, str(response)
    assert response.header("Content-Type").startswith("text/plain")
    text = response.body.decode()
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and line[0] != "#"}
    assert any("request" in name for name in names), sorted(names)
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(r'[a-zA-Z_:][\w:]*(\{.*\})? \S+( \d+)?', line) or not line
    assert repository not in text, "names of repositories are no labels"
    assert "alice" not in text


def test_metrics_only_for_those_allowed(holdfast):
    server = holdfast({"metrics.allow": ["10.0.0.0/8"]})
    response = server.client().raw("GET", "/metrics")
    assert response.status in (403, 404), str(response)


def test_metrics_can_be_off(holdfast):
    server = holdfast({"metrics.enabled": False})
    assert server.client().raw("GET", "/metrics").status == 404


def test_an_unknown_path(anonymous):
    response = anonymous.raw("GET", "/no/such/page")
    assert response.status == 404, str(response)


# --- plain HTTP
def test_plain_http_redirects_by_default(holdfast):
    server = holdfast({"http.mode": None})
    client = server.client(origin=server.http)
    port = server.https.address[1]
    for method, path in (("GET", "/v2/"), ("GET", "/x?y=z&a=%20b"), ("HEAD", "/")):
        response = client.raw(method, path)
        assert response.status in (301, 307, 308), str(response)
        assert response.header("Location") == f"https://127.0.0.1:{port}{path}"


def test_a_redirect_goes_to_the_external_url(holdfast):
    server = holdfast({"http.mode": "redirect", "external_url": "https://hub.example"})
    response = server.client(origin=server.http).raw("GET", "/v2/", headers=[])
    assert response.header("Location") == "https://hub.example/v2/"


def test_plain_http_off(holdfast):
    server = holdfast({"http.mode": "off"})
    assert "http" not in server.ready


def test_plain_http_serves_when_told_to_and_says_so(server, alice, repository):
    image = alice.push(repository, content.image(), "v1")
    plain = server.client("alice", PASSWORD, origin=server.http)
    response = plain.raw("GET", "/v2/")
    parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
    assert parameters["realm"] == f"{server.http.url}/auth/token"
    assert plain.manifest(repository, "v1").body == image.body
    assert re.search(r"http\b.*(clear|plain|unencrypted|not encrypted|without tls)", server.log_text(), re.I)


# --- names and proxies
def test_an_external_url_decides_realm_and_service(holdfast):
    server = holdfast({"external_url": "https://dtr.mydns.com"})
    for headers in ([], [("Host", "other.example:99")]):
        with server.client().connect() as connection:
            response = connection.request("GET", "/v2/", headers=headers)
        parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
        assert parameters["realm"] == "https://dtr.mydns.com/auth/token"
        assert parameters["service"] == "dtr.mydns.com"


def test_an_external_url_with_a_port(holdfast):
    server = holdfast({"external_url": "https://dtr.mydns.com:4443/"})
    response = server.client().raw("GET", "/v2/")
    parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
    assert parameters["realm"] == "https://dtr.mydns.com:4443/auth/token"
    assert parameters["service"] == "dtr.mydns.com:4443"


FORWARDED = [
    ("X-Forwarded-For", "198.51.100.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "dtr.mydns.com"),
]


def access_lines(server, path):
    """The access log's lines for a path, once they are there."""

    def find():
        return [line for line in server.log_lines() if path in str(line.get("path", ""))]

    return wait_until(find, f"a log line for {path}", timeout=10)


def holds(line: dict, value: str) -> bool:
    return value in line.values()


def test_a_trusted_proxy_is_believed(holdfast):
    server = holdfast({"trusted_proxies": ["127.0.0.1/32"]})
    client = server.client(origin=server.http)
    response = client.raw("GET", "/v2/trusted/x/tags/list", headers=FORWARDED)
    parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
    assert parameters["realm"] == "https://dtr.mydns.com/auth/token"
    assert parameters["service"] == "dtr.mydns.com"
    assert holds(access_lines(server, "/v2/trusted/x")[0], "198.51.100.7")


def test_others_are_not_believed(holdfast):
    server = holdfast({"trusted_proxies": ["127.0.0.9", "10.0.0.0/8"]})
    client = server.client(origin=server.http)
    response = client.raw("GET", "/v2/untrusted/x/tags/list", headers=FORWARDED)
    parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
    assert parameters["realm"] == f"{server.http.url}/auth/token"
    line = access_lines(server, "/v2/untrusted/x")[0]
    assert holds(line, "127.0.0.1")
    assert "198.51.100.7" not in line.values()


def test_a_chain_of_proxies_stops_at_the_first_stranger(holdfast):
    """What a client wrote itself into X-Forwarded-For does not count."""
    server = holdfast({"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]})
    client = server.client(origin=server.http)
    headers = [("X-Forwarded-For", "6.6.6.6, 198.51.100.7, 10.1.2.3"), ("X-Forwarded-Proto", "https")]
    client.raw("GET", "/v2/chain/x/tags/list", headers=headers)
    line = access_lines(server, "/v2/chain/x")[0]
    assert holds(line, "198.51.100.7"), line


@pytest.mark.parametrize("value", ["", "nonsense", "1.2.3.4.5", "<script>", "a" * 5000, ",,,", "198.51.100.7:99x"])
def test_a_malformed_forwarded_address_is_no_harm(holdfast, value):
    server = holdfast({"trusted_proxies": ["127.0.0.1"]})
    client = server.client(origin=server.http)
    response = client.raw("GET", "/v2/", headers=[("X-Forwarded-For", value)])
    assert response.status in (400, 401), str(response)


def proxy_v1(address="198.51.100.9") -> bytes:
    return f"PROXY TCP4 {address} 127.0.0.1 4711 443\r\n".encode()


def proxy_v2(address="198.51.100.9", command=0x21) -> bytes:
    import socket
    import struct

    body = socket.inet_aton(address) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", 4711, 443)
    return b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH", command, 0x11, len(body)) + body


@pytest.mark.parametrize("header", [proxy_v1(), proxy_v2()], ids=["v1", "v2"])
@pytest.mark.parametrize("port", ["http", "https"])
def test_the_proxy_protocol(holdfast, header, port):
    import socket
    import ssl

    server = holdfast({f"{port}.proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]})
    origin = server.https if port == "https" else server.http
    with socket.create_connection(origin.address, timeout=30) as raw:
        raw.sendall(header)
        wire = raw
        if origin.ca:
            wire = ssl.create_default_context(cafile=str(origin.ca)).wrap_socket(
                raw, server_hostname="localhost"
            )
        wire.sendall(b"GET /v2/proxied/x/tags/list HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := wire.recv(65536):
            data += piece
    assert data.startswith(b"HTTP/1.1 401"), data
    assert holds(access_lines(server, "/v2/proxied/x")[0], "198.51.100.9")


def test_a_local_proxy_header_keeps_the_address(holdfast):
    """v2 LOCAL: the proxy's own health check."""
    import socket

    server = holdfast({"http.proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]})
    with socket.create_connection(server.http.address, timeout=30) as raw:
        raw.sendall(proxy_v2(command=0x20) + b"GET /_ping HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "header",
    [
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PROXY TCP4 1.2.3.4\r\n",
        b"PROXY TCP4 999.2.3.4 127.0.0.1 1 2\r\nGET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PROXY " + b"x" * 500 + b"\r\n",
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + b"x" * 100,
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x01x",
        b"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c" + b"x" * 12,
    ],
)
def test_a_broken_proxy_header_ends_the_connection(holdfast, header):
    import socket

    server = holdfast(
        {"http.proxy_protocol": True, "trusted_proxies": ["127.0.0.1"], "limits.header_timeout": "1s"}
    )
    with socket.create_connection(server.http.address, timeout=30) as raw:
        raw.sendall(header)
        data = b""
        try:
            while piece := raw.recv(65536):
                data += piece
        except ConnectionError:
            pass
    assert data == b"" or data.startswith(b"HTTP/1.1 400"), data


def test_a_proxy_header_from_a_stranger_is_refused(holdfast):
    import socket

    server = holdfast({"http.proxy_protocol": True, "trusted_proxies": ["10.0.0.0/8"]})
    with socket.create_connection(server.http.address, timeout=30) as raw:
        raw.sendall(proxy_v1() + b"GET /v2/stranger/x/tags/list HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            data = raw.recv(65536)
        except ConnectionError:
            data = b""
    assert not data.startswith(b"HTTP/1.1 2") and not data.startswith(b"HTTP/1.1 401"), data
    assert "198.51.100.9" not in server.log_text().replace("PROXY", "")


# --- certificates
def make_certificate(folder, name, *names):
    """A self-signed certificate by openssl: (certificate file, key file)."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    alternative = ",".join(
        f"IP:{value}" if re.fullmatch(r"[\d.]+", value) else f"DNS:{value}" for value in names
    )
    tools.run(
        [tools.tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "30", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName={alternative}"]
    )
    return certificate, key


def test_certificates_of_ones_own_and_their_reload(holdfast, folder):
    certificate, key = make_certificate(folder, "first", "localhost", "127.0.0.1")
    server = holdfast({"tls.certificate": str(certificate), "tls.key": str(key)})
    origin = Origin(server.https.address, certificate)
    client = RegistryClient(origin)
    assert client.raw("GET", "/_ping").status == 200
    pid = server.process.pid

    other, other_key = make_certificate(folder, "second", "localhost", "127.0.0.1")
    key.write_bytes(other_key.read_bytes())
    certificate.write_bytes(other.read_bytes())

    def replaced():
        try:
            with RegistryClient(Origin(server.https.address, other)).connect() as connection:
                return connection.request("GET", "/_ping").status == 200
        except OSError:
            return False

    wait_until(replaced, "the new certificate is served", timeout=90)
    assert server.process.pid == pid
    # A connection from before goes on.
    assert client.raw("GET", "/_ping").status == 200
    client.close()


def test_a_broken_certificate_does_not_replace_a_good_one(holdfast, folder):
    certificate, key = make_certificate(folder, "first", "localhost", "127.0.0.1")
    good = folder / "good.crt"
    good.write_bytes(certificate.read_bytes())
    server = holdfast({"tls.certificate": str(certificate), "tls.key": str(key)})
    certificate.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    wait_until(lambda: "certificate" in server.log_text(), "the log says so", timeout=90)
    with RegistryClient(Origin(server.https.address, good)).connect() as connection:
        assert connection.request("GET", "/_ping").status == 200


@pytest.mark.parametrize("what", ["missing", "mismatch", "half"])
def test_a_certificate_that_cannot_be_used_is_an_error_at_start(holdfast, folder, what):
    certificate, key = make_certificate(folder, "first", "localhost")
    _, other_key = make_certificate(folder, "second", "localhost")
    settings = {"tls.certificate": str(certificate), "tls.key": str(key)}
    if what == "missing":
        settings["tls.key"] = str(folder / "no-such.key")
    elif what == "mismatch":
        settings["tls.key"] = str(other_key)
    else:
        del settings["tls.key"]
    server = holdfast(settings, start=False)
    process = server.spawn()
    wait_until(lambda: not process.running(), "the server gives up", timeout=60)
    assert process.popen.returncode > 0, process.output()
    assert "tls.key" in process.output() or "key" in process.output(), process.output()
    server.process = None


def test_the_built_in_certificate(holdfast):
    server = holdfast({"tls.names": ["localhost", "dtr.mydns.com", "127.0.0.1"]})
    for name in ("localhost", "dtr.mydns.com", "127.0.0.1"):
        client = RegistryClient(Origin(server.https.address, server.ca, None))
        import socket
        import ssl

        with socket.create_connection(server.https.address) as raw:
            context = ssl.create_default_context(cafile=str(server.ca))
            with context.wrap_socket(raw, server_hostname=name) as wrapped:
                assert wrapped.version() in ("TLSv1.2", "TLSv1.3")
        client.close()
    # Another configured name at the next start is in the certificate, under the same CA.
    server.stop()
    server.settings["tls.names"] = ["localhost", "127.0.0.1", "new.example"]
    ca = server.ca.read_bytes()
    server.start()
    assert server.ca.read_bytes() == ca
    import socket
    import ssl

    with socket.create_connection(server.https.address) as raw:
        context = ssl.create_default_context(cafile=str(server.ca))
        context.wrap_socket(raw, server_hostname="new.example").close()


# --- log and events
def test_the_log_is_json_with_request_ids(server, alice, repository):
    response = alice.request("GET", f"/v2/{repository}/tags/list")
    identity = response.header("X-Request-Id")
    line = wait_until(
        lambda: next((line for line in server.log_lines() if identity in line.values()), None),
        "the line of the request",
        timeout=10,
    )
    assert 404 in line.values() or "404" in line.values(), line
    assert "alice" in line.values(), line
    for text in server.log_text().splitlines()[1:]:
        if text.startswith("{"):
            json.loads(text)


def test_a_client_cannot_forge_log_lines(holdfast):
    server = holdfast({"log.format": "text"})
    client = server.client()
    client.raw("GET", "/v2/x%0aFORGED/y/tags/list", headers=[("User-Agent", "x\x1b[31m\ty")])
    server.stop()
    assert not any(line.startswith("FORGED") for line in server.log_text().splitlines())
    assert "\x1b" not in server.log_text()


def test_the_access_log_can_be_off(holdfast):
    server = holdfast({"log.access": False})
    server.client().raw("GET", "/v2/quiet/x/tags/list")
    server.stop()
    assert "/v2/quiet/x" not in server.log_text()


# --- configuration
def config(server, *arguments, env=None, expect=0):
    return tools.run(
        [server.program, "config", *arguments], env=tools.environment(**(env or {})), expect=expect
    )


def test_config_check(holdfast):
    server = holdfast(start=False)
    path = server.write_config()
    config(server, "check", "--config", str(path))
    path.write_text('https.listn = ":1"\nhttp.mode = "sideways"\nlimits.connections = "many"\n')
    result = config(server, "check", "--config", str(path), expect=None)
    text = result.stdout + result.stderr
    assert "https.listn" in text and "https.listen" in text, "what may have been meant"
    assert "http.mode" in text and "redirect" in text
    assert "limits.connections" in text, "every problem at once"
    assert f"{path}:1" in text or "holdfast.toml:1" in text


def test_config_show_names_the_source_of_each_value(holdfast):
    server = holdfast({"http.mode": "off"}, start=False)
    path = server.write_config()
    result = config(
        server, "show", "--config", str(path), "--log.level", "warn",
        env={"HOLDFAST_LIMITS_PAGE": "77"},
    )
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "off" in lines["http.mode"] and "holdfast.toml" in lines["http.mode"]
    assert "77" in lines["limits.page"] and "HOLDFAST_LIMITS_PAGE" in lines["limits.page"]
    assert "warn" in lines["log.level"] and "--log.level" in lines["log.level"]
    assert "default" in lines["token.lifetime"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('data_dirr = "x"\n', ["data_dirr", "data_dir"]),
        ("[https\n", ["holdfast.toml"]),
        ("http.mode = 5\n", ["http.mode"]),
        ('https.listen = "nonsense"\n', ["https.listen"]),
        ('https.listen = "127.0.0.1:99999"\n', ["https.listen"]),
        ('trusted_proxies = ["999.1.1.1/8"]\n', ["trusted_proxies"]),
        ('external_url = "ftp://x"\n', ["external_url"]),
        ('external_url = "https://x/path"\n', ["external_url"]),
        ('token.lifetime = "1s"\n', ["token.lifetime"]),
        ('limits.header = "lots"\n', ["limits.header"]),
    ],
)
def test_serve_refuses_a_wrong_configuration(holdfast, text, words):
    server = holdfast(start=False)
    path = server.folder / "holdfast.toml"
    path.write_text(text)
    result = tools.run(
        [server.program, "serve", "--config", path, "--data-dir", server.data], expect=None, timeout=60
    )
    output = result.stdout + result.stderr
    assert result.returncode > 0, output
    for word in words:
        assert word in output, output
    assert not server.data.exists() or not list(server.data.iterdir())


@pytest.mark.parametrize(("name", "value"), [("HOLDFAST_HTTPS_LISTN", "x"), ("HOLDFAST_HTTP_MODE", "sideways")])
def test_serve_refuses_a_wrong_variable(holdfast, name, value):
    server = holdfast(start=False)
    result = tools.run(
        [server.program, "serve", "--data-dir", server.data],
        env=tools.environment(**{name: value}), expect=None, timeout=60,
    )
    assert name in result.stdout + result.stderr


def test_an_address_in_use_is_said(holdfast):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = holdfast({"https.listen": address}, start=False)
        process = server.spawn()
        wait_until(lambda: not process.running(), "the server gives up", timeout=60)
        assert process.popen.returncode > 0
        assert address in process.output() and "in use" in process.output(), process.output()
        server.process = None


def test_version_and_help(holdfast):
    server = holdfast(start=False)
    assert re.search(r"\d+\.\d+", tools.run([server.program, "--version"]).stdout)
    assert "serve" in tools.run([server.program, "--help"]).stdout
    result = tools.run([server.program, "no-such-verb"], expect=None)
    assert isinstance(result, subprocess.CompletedProcess)
    assert "no-such-verb" in result.stdout + result.stderr
