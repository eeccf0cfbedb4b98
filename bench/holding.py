"""Many connections that do little, and the server's memory meanwhile."""

import contextlib
import os
import socket
import ssl
import time

import load
from servers import Server


_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TLS.check_hostname, _TLS.verify_mode = False, ssl.CERT_NONE


def _connect(server: Server, tls: bool, receive_bytes: int = 0) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", server.tls_port if tls else server.port))
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    return _TLS.wrap_socket(made) if tls else made


def _head(server: Server, method: str, path: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in server.headers.items()), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _close(held: list[socket.socket]):
    for connection in held:
        connection.close()


def idle_connections(server: Server, count: int, tls: bool) -> int:
    """RSS with that many connections that had one answer each and say nothing more."""
    held = []
    try:
        for _ in range(count):
            connection = _connect(server, tls)
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            held.append(connection)
        for connection in held:
            assert connection.recv(4096).startswith(b"HTTP/1.1")
        time.sleep(1)
        return server.rss_bytes()
    finally:
        _close(held)


def _peak_while(server: Server, held: list[socket.socket], move, seconds: float) -> int:
    """Peak RSS while `move` is done on each connection ten times a second, where it can be."""
    server.forget_peak()
    for connection in held:
        connection.setblocking(False)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            for connection in held:
                with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    move(connection)
            time.sleep(0.1)
        return server.peak_bytes()
    finally:
        _close(held)


def slow_downloads(server: Server, path: str, tls: bool, count: int = 200, seconds: float = 5) -> int:
    """Peak RSS while clients read 16 KiB ten times a second."""
    held = []
    for _ in range(count):
        connection = _connect(server, tls, receive_bytes=16384)
        connection.sendall(_head(server, "GET", path))
        held.append(connection)
    return _peak_while(server, held, lambda connection: connection.recv(16384), seconds)


def slow_uploads(server: Server, repository: str, tls: bool, count: int = 200, seconds: float = 5) -> int:
    """Peak RSS while clients send 16 KiB ten times a second."""
    session = load.Session(server, repository)
    held = []
    for _ in range(count):
        connection = _connect(server, tls)
        connection.sendall(_head(server, "PATCH", session.begin(), "Content-Length: 8388608",
                                 "Content-Type: application/octet-stream"))
        held.append(connection)
    part = os.urandom(16384)
    return _peak_while(server, held, lambda connection: connection.send(part), seconds)
