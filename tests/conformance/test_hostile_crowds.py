"""Clients that come in great numbers, or never end, or never listen. Others notice nothing."""

import contextlib
import os
import re
import resource
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import content
from harness.tools import wait_until

PUSHING = {"create_repository_on_push": True}


def metric(server, name: str) -> float:
    client = server.client()
    text = client.raw("GET", "/metrics").body.decode()
    client.close()
    return sum(float(value) for value in re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", text))


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_connections_that_say_nothing(holdfast, many_files):
    server = holdfast({"limits.connections_per_address": 0, "limits.header_timeout": "60s"})
    silent = []
    try:
        for _ in range(10_000):
            silent.append(socket.create_connection(server.http.address, timeout=30))
        client = server.client()
        for _ in range(20):
            began = time.monotonic()
            assert client.raw("GET", "/v2/").status == 401
            assert time.monotonic() - began < 2
        wait_until(lambda: metric(server, "holdfast_connections") >= 10_000, "all of them", timeout=40)
        # They are sent away without a word of theirs.
        wait_until(lambda: metric(server, "holdfast_connections") < 100, "the end of them", timeout=120)
    finally:
        for connection in silent:
            connection.close()


def test_a_flood_of_pipelined_requests_is_answered_in_order(server, alice, repository):
    alice.push(repository, content.image(), "v1")
    tags = [f"t{number}" for number in range(1000)]
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    with alice.connect() as connection:
        head = f"Host: {connection.authority}\r\nAuthorization: Bearer {token}\r\n\r\n"
        flood = "".join(f"GET /v2/{repository}/manifests/{tag} HTTP/1.1\r\n{head}" for tag in tags)
        sender = threading.Thread(target=connection.send, args=(flood.encode(),))
        sender.start()
        for tag in tags:
            answer = connection.read_response("GET")
            assert answer.status == 404 and tag in answer.body.decode(), str(answer)
        sender.join()


def test_a_flood_that_nobody_reads_the_answers_of(holdfast):
    """The server stops reading where its answers do not go away, and ends it in time."""
    server = holdfast({"limits.body_timeout": "2s"})
    request = b"GET /ca HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
    with socket.create_connection(server.http.address, timeout=30) as connection:
        connection.setblocking(False)
        sent, until = 0, time.monotonic() + 30
        while time.monotonic() < until:
            try:
                sent += connection.send(request)
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break
        else:
            raise AssertionError(f"still open after 30 s and {sent} bytes")
        assert sent < 64 << 20, "what is not answered must not be read without end"
    assert server.client().raw("GET", "/v2/").status == 401


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_download_that_nobody_reads_is_ended(holdfast, scheme):
    server = holdfast({**PUSHING, "limits.body_timeout": "2s"})
    admin = server.admin_client(origin=getattr(server, scheme))
    digest = admin.push_blob("admin/app", content.random_blob(32 << 20))
    token = admin.token_for(["repository:admin/app:pull,push,delete"])
    before = metric(server, "holdfast_connections")
    with admin.connect() as connection:
        connection.send_head(
            "GET",
            f"/v2/admin/app/blobs/{digest}",
            [("Host", connection.authority), ("Authorization", f"Bearer {token}")],
        )
        wait_until(lambda: metric(server, "holdfast_connections") > before, "the download", timeout=20)
        wait_until(lambda: metric(server, "holdfast_connections") <= before, "its end", timeout=30)
        connection.close()
    assert admin.blob("admin/app", digest).status == 200


def test_a_body_without_end(holdfast):
    server = holdfast({**PUSHING, "limits.blob": 8 << 20})
    admin = server.admin_client(origin=server.http)
    session = admin.begin("admin/app")
    token = admin.token_for(["repository:admin/app:pull,push,delete"])
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with admin.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Transfer-Encoding", "chunked"),
            ],
        )
        until = time.monotonic() + 60
        with pytest.raises(OSError):
            while time.monotonic() < until:
                connection.send(piece)
    assert metric(server, "holdfast_limit_met_total") >= 1
    assert session.delete().status == 204


def test_a_thousand_wrong_logins(holdfast):
    """Each is refused, they are slowed down, and they neither stop others nor lock the account."""
    server = holdfast()
    wrong = server.client("admin", "not the password", source="127.0.7.7")
    challenge = wrong.challenge()
    statuses = []

    def attack(_):
        client = server.client("admin", "not the password", source="127.0.7.7")
        client._challenge, client._asked = challenge, True
        for _ in range(50):
            statuses.append(client.get_token().status)
        client.close()

    honest = server.admin_client()
    assert honest.get_token().status == 200  # from now on its address is known
    with ThreadPoolExecutor(20) as pool:
        attackers = [pool.submit(attack, number) for number in range(20)]
        for _ in range(5):
            began = time.monotonic()
            assert honest.get_token().status == 200
            assert time.monotonic() - began < 10
        for attacker in attackers:
            attacker.result()
    assert len(statuses) == 1000 and set(statuses) <= {401, 429}, set(statuses)
    assert statuses.count(429) > 900, "guessing must be slowed"
    assert server.admin_client().get_token().status == 200


def test_garbage_instead_of_a_handshake(server, alice):
    hello = bytes.fromhex("160301020001 0001fc0303".replace(" ", ""))
    for number in range(300):
        with socket.create_connection(server.https.address, timeout=30) as raw:
            garbage = os.urandom(1 + number * 7)
            with contextlib.suppress(OSError):  # refused after the first bytes
                raw.sendall(garbage if number % 2 else hello + garbage)
                if number % 3:
                    raw.shutdown(socket.SHUT_WR)
    assert alice.raw("GET", "/v2/").status == 401


def test_tls_renegotiation_is_refused(server):
    host, port = server.https.address
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2", "-CAfile", server.ca],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    client.stdin.write(b"R\n")
    client.stdin.flush()
    output, _ = client.communicate(timeout=60)
    assert b"RENEGOTIATING" in output, output
    assert b"no renegotiation" in output, output
    assert client.returncode != 0


def test_an_upload_cancelled_at_every_stage(server, alice, repository):
    """The client goes away after so many bytes of each request: the session goes on or is cancelled,
    and no blob comes of it."""
    data = content.random_blob(200_000)
    digest = content.digest_of(data)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    for method in ("PATCH", "PUT"):
        for sent in (0, 1, 65_536, 199_999):
            session = alice.begin(repository)
            target = session.location + (f"?digest={digest}" if method == "PUT" else "")
            connection = alice.connect()
            connection.send_head(
                method,
                target,
                [
                    ("Host", connection.authority),
                    ("Authorization", f"Bearer {token}"),
                    ("Content-Type", "application/octet-stream"),
                    ("Content-Length", str(len(data))),
                ],
            )
            connection.send(data[:sent])
            connection.reset()
            assert alice.blob(repository, digest).status == 404

            def free(session=session):
                return session.delete().status == 204

            wait_until(free, f"cancelling after {sent} bytes of a {method}", timeout=20)
            assert session.status().status == 404
            assert not (server.data / "uploads" / session.location.rsplit("/", 1)[1]).exists()
    alice.push_blob(repository, data)


SMUGGLED = {
    "folded header": "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n",
    "xchunked": "POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": "POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked on 1.0": "POST /v2/ HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "5, 5": "POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde",
    "two lengths": "POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    "chunked with a length": "POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": "GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "no host": "GET /v2/ HTTP/1.1\r\n\r\n",
    "raw bytes in the target": "GET /v2/\x80\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare LF": "GET /v2/ HTTP/1.1\nHost: x\n\n",
    "space before the colon": "GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nabcde",
    "plus sign in a length": "POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
}
CHUNKS = {
    "size is no number": "zz\r\nab\r\n0\r\n\r\n",
    "size too large": "fffffffffffffffff\r\nab\r\n0\r\n\r\n",
    "negative size": "-2\r\nab\r\n0\r\n\r\n",
    "0x": "0x2\r\nab\r\n0\r\n\r\n",
    "size with a space": " 2\r\nab\r\n0\r\n\r\n",
    "bare LF behind the size": "2\nab\r\n0\r\n\r\n",
    "no CRLF behind the data": "2\r\nabXX0\r\n\r\n",
}


def check_ends_with_400(connection, method):
    answer = connection.read_response(method)
    assert answer.status == 400, str(answer)
    assert connection.closed_by_server(20), "what comes behind must not be read as a request"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("what", SMUGGLED)
def test_smuggling_is_400_and_close(server, scheme, what):
    client = server.client(origin=getattr(server, scheme))
    data = SMUGGLED[what].encode("latin-1")
    with client.connect() as connection:
        connection.send(data + b"GET /ca HTTP/1.1\r\nHost: x\r\n\r\n")
        check_ends_with_400(connection, data.split(b" ")[0].decode())


@pytest.mark.parametrize("what", CHUNKS)
def test_bad_chunks_are_400_and_close(server, alice, repository, what):
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    with alice.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Transfer-Encoding", "chunked"),
            ],
        )
        connection.send(CHUNKS[what].encode() + b"GET /ca HTTP/1.1\r\nHost: x\r\n\r\n")
        check_ends_with_400(connection, "PATCH")
