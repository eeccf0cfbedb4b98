"""An HTTP/1.1 client over plain sockets: it sends exactly the bytes it is told to, and reads strictly.

Not http.client, since hostile requests need control of every byte, and since framing mistakes of the
server (a body after HEAD, a wrong Content-Length) must be seen and not be repaired.
"""

import json
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


class ProtocolError(AssertionError):
    """The server broke HTTP."""


class ConnectionClosed(ConnectionError):
    """The server closed the connection before a whole response."""


@dataclass
class Response:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    interim: list[int] = field(default_factory=list)  # 1xx that came before
    request: str = ""  # for messages

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        return values[0] if values else None

    def headers(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ProtocolError(f"{self}: no JSON: {error}") from None

    def error_codes(self) -> list[str]:
        """The codes of an OCI error body; its shape is checked."""
        content_type = self.header("Content-Type") or ""
        assert content_type.split(";")[0].strip() == "application/json", f"{self}: {content_type!r}"
        document = self.json()
        assert isinstance(document, dict) and isinstance(document.get("errors"), list), str(self)
        assert document["errors"], str(self)
        for error in document["errors"]:
            assert isinstance(error.get("code"), str) and error["code"], str(self)
            assert isinstance(error.get("message"), str) and error["message"], str(self)
        return [error["code"] for error in document["errors"]]

    def __str__(self):
        lines = "\n".join(f"  {name}: {value}" for name, value in self.fields)
        return f"{self.request} -> {self.status} {self.reason}\n{lines}\n  {self.body[:600]!r}"


class Connection:
    """One connection. Used from one thread; close() or a with-statement ends it."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        ca: Path | None = None,
        server_name: str | None = None,
        source: str | None = None,
        timeout: float = 30,
    ):
        self.secure = ca is not None
        self.authority = f"{server_name or address[0]}:{address[1]}"
        raw = socket.create_connection(
            address, timeout=timeout, source_address=(source, 0) if source else None
        )
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            try:
                raw = context.wrap_socket(raw, server_hostname=server_name or address[0])
            except BaseException:
                raw.close()
                raise
        self.socket = raw
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with a TCP reset, as a crashed client would."""
        import struct

        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # --- sending
    def send(self, data: bytes):
        """ConnectionError when the server has closed, with TLS as without."""
        try:
            self.socket.sendall(data)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise ConnectionClosed("closed by the server") from error

    def send_head(self, method: str, target: str, headers: Iterable[tuple[str, str]]):
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] | None = None,
    ) -> Response:
        """Sends a request and reads its response. bytes go with Content-Length, an iterable as chunks."""
        headers = list(headers)
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            headers.insert(0, ("Host", self.authority))
        chunks: Iterable[bytes] | None = None
        if isinstance(body, (bytes, bytearray)):
            if "content-length" not in names:
                headers.append(("Content-Length", str(len(body))))
        elif body is not None:
            chunks = body
            headers.append(("Transfer-Encoding", "chunked"))
        elif method in ("POST", "PUT", "PATCH") and "content-length" not in names:
            headers.append(("Content-Length", "0"))
        self.send_head(method, target, headers)
        try:
            if isinstance(body, (bytes, bytearray)):
                self.send(body)
            elif chunks is not None:
                for chunk in chunks:
                    if chunk:
                        self.send(b"%x\r\n" % len(chunk) + chunk + b"\r\n")
                self.send(b"0\r\n\r\n")
        except ConnectionError:
            pass  # a server may answer early and close; the response tells
        return self.read_response(method, f"{method} {target}")

    # --- receiving
    def _receive(self, size: int) -> bytes:
        """Nothing when the server has closed, with TLS as without."""
        try:
            return self.socket.recv(size)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def _fill(self):
        data = self._receive(65536)
        if not data:
            raise ConnectionClosed("closed by the server")
        self._buffer += data

    def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > 65536:
                raise ProtocolError("a line without end")
            self._fill()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def _exactly(self, size: int) -> bytes:
        pieces = [self._buffer[:size]]
        got = len(pieces[0])
        self._buffer = self._buffer[size:]
        while got < size:
            data = self._receive(min(size - got, 1 << 20))
            if not data:
                raise ConnectionClosed(f"closed by the server after {got} of {size} body bytes")
            pieces.append(data)
            got += len(data)
        return b"".join(pieces)

    def read_head(self, request: str = "") -> Response:
        status_line = self._line()
        parts = status_line.split(" ", 2)
        if len(parts) < 2 or parts[0] not in ("HTTP/1.1", "HTTP/1.0") or not parts[1].isdigit():
            raise ProtocolError(f"status line {status_line!r}")
        fields = []
        while line := self._line():
            name, separator, value = line.partition(":")
            if not separator or not name or name != name.strip():
                raise ProtocolError(f"header line {line!r}")
            fields.append((name, value.strip()))
        reason = parts[2] if len(parts) > 2 else ""
        return Response(int(parts[1]), reason, fields, request=request)

    def read_response(self, method: str, request: str = "") -> Response:
        interim = []
        response = self.read_head(request)
        while 100 <= response.status < 200:
            interim.append(response.status)
            response = self.read_head(request)
        response.interim = interim
        if method == "HEAD" or response.status in (204, 304):
            # A body here would be read as the next status line and fail there; look for it at once.
            if self._buffer:
                raise ProtocolError(f"{response}: bytes after a response without a body")
            return response
        encoding = (response.header("Transfer-Encoding") or "").lower()
        lengths = response.headers("Content-Length")
        if encoding and lengths:
            raise ProtocolError(f"{response}: Content-Length and Transfer-Encoding")
        if encoding == "chunked":
            while size := int(self._line().split(";")[0], 16):
                response.body += self._exactly(size)
                if self._exactly(2) != b"\r\n":
                    raise ProtocolError("chunk without its end")
            while self._line():
                pass
        elif lengths:
            if len(set(lengths)) != 1:
                raise ProtocolError(f"{response}: several Content-Length")
            response.body = self._exactly(int(lengths[0]))
        else:
            try:
                while True:
                    self._fill()
            except ConnectionClosed:
                response.body, self._buffer = self._buffer, b""
        return response

    def closed_by_server(self, timeout: float = 10) -> bool:
        """Whether the server ends the connection; bytes that come before are thrown away."""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
            return True
        except TimeoutError:
            return False
