"""holdfast as a client of a server that is not the right one, or none at all."""

import socket
import ssl
import threading

import pytest

from harness import tools
from harness.cli import Cli


@pytest.fixture
def cli(server, folder):
    return Cli(server, folder)


def test_a_certificate_that_is_not_trusted(cli, server, folder):
    result = cli("login", cli.host, "-u", "admin", "--password-stdin", stdin="x\n", expect=4)
    assert f"https://{cli.host}/ca" in result.stderr and "--ca" in result.stderr
    other = folder / "other.pem"
    tools.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", folder / "k.pem",
               "-out", other, "-subj", "/CN=another"])
    cli("login", cli.host, "-u", "admin", "--password-stdin", "--ca", str(other), stdin="x\n", expect=4)
    port = cli.host.rpartition(":")[2]
    cli("login", f"localhost:{port}", "-u", "admin", "--password-stdin", "--ca", str(server.ca),
        stdin=server.admin_password + "\n")
    cli("logout")
    loud = cli("login", cli.host, "-u", "admin", "--password-stdin", "--insecure",
               stdin=server.admin_password + "\n")
    assert "WARNING" in loud.stderr
    # It is not remembered.
    cli("repo", "list", expect=4)


@pytest.mark.parametrize("right, wrong", [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost")])
def test_a_certificate_for_another_name(holdfast, folder, right, wrong):
    server = holdfast({"tls.names": [right]})
    cli = Cli(server, folder)
    port = cli.host.rpartition(":")[2]
    for host, code in ((right, 0), (wrong, 4)):
        result = cli("login", f"{host}:{port}", "-u", "admin", "--password-stdin", "--ca", str(server.ca),
                     stdin=server.admin_password + "\n", expect=code)
    assert "mismatch" in result.stderr and "tls.names" in result.stderr


def test_a_server_that_is_not_there(cli, server):
    result = cli("login", "127.0.0.1:1", "-u", "admin", "--password-stdin", "--ca", str(server.ca),
                 stdin="x\n", expect=4)
    assert "127.0.0.1:1" in result.stderr
    for host in ("", "a b", "x/y", "h:", "h:x", "http://x", "h\r\nX: y"):
        cli("login", host, "-u", "admin", "--password-stdin", stdin="x\n", expect=2)


class Pretender:
    """Speaks TLS and answers each connection's requests with the same bytes, whatever is asked."""

    def __init__(self, folder, answer: bytes):
        self.answer = answer
        self.certificate = folder / "pretender.pem"
        key = folder / "pretender.key"
        tools.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-keyout", key, "-out", self.certificate, "-subj", "/CN=x", "-addext",
                   "subjectAltName=IP:127.0.0.1"])
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
                with self.context.wrap_socket(plain, server_side=True) as connection:
                    while connection.recv(65536):
                        connection.sendall(self.answer)
                        if b"Connection: close" in self.answer:
                            break
            except OSError:
                if self.socket.fileno() < 0:
                    return

    def variables(self):
        return {"HOLDFAST_HOST": "127.0.0.1:%d" % self.socket.getsockname()[1], "HOLDFAST_USER": "u",
                "HOLDFAST_TOKEN": "t", "HOLDFAST_CA": str(self.certificate)}


def http(status: str, body: bytes, *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


ROWS = b'{"repositories":[{"namespace":"a","name":"\\u001b[2Jb"}]}'
BAD = b'{"errors":[{"code":"X","message":"\\u001b]0;title\\u0007 no"}]}'


@pytest.mark.parametrize("answer, code, says", [
    (b"\x00\xff\r\n\r\nConnection: close", 4, "cannot be reached"),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n{}", 4, "cannot be reached"),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99999999999999\r\n\r\n", 4, "cannot be reached"),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 4, "cannot be reached"),
    (http("200 OK", b"<html>"), 1, "no JSON"),
    (http("200 OK", b"[]"), 1, "no list"),
    (http("200 OK", b'{"repositories":7}'), 1, "no list"),
    (http("302 Found", b"", "Location: https://evil.mydns.com/"), 1, "status 302"),
    (http("500 Internal Server Error", b"<html>"), 1, "status 500"),
    (http("400 Bad Request", BAD), 1, "no"),
    (http("401 Unauthorized", b""), 3, "holdfast login"),
    (http("200 OK", ROWS, "X-Next-Page-Start: again"), 0, ""),
])
def test_a_server_that_is_none(cli, folder, answer, code, says):
    server = Pretender(folder, answer)
    result = cli("repo", "list", "--all", expect=code, **server.variables())
    assert says in result.stderr
    assert "\x1b" not in result.stdout + result.stderr and "\x07" not in result.stderr
    server.socket.close()
