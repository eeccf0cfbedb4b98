"""What may stand between a client and the server: nginx, HAProxy, and a wire that gets cut."""

import contextlib
import socket
import threading
from pathlib import Path

from . import tools
from .processes import Process


def free_port(address: str = "127.0.0.1") -> int:
    """A port for a program that cannot tell which one it got."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
        return True
    except OSError:
        return False


class Nginx:
    """nginx in the foreground, as one process tree, with the given http block."""

    def __init__(self, folder: Path, port: int, http: str):
        self.folder = folder / "nginx"
        self.folder.mkdir()
        self.port = port
        configuration = self.folder / "nginx.conf"
        configuration.write_text(
            f"""daemon off;
master_process off;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log info;
events {{ worker_connections 256; }}
http {{
  access_log {self.folder}/access.log;
  client_body_temp_path {self.folder}/body;
  proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
{http}
}}
"""
        )
        self.process = Process(
            [tools.tool("nginx"), "-p", str(self.folder), "-c", str(configuration)],
            self.folder / "nginx.log",
        )
        try:
            self.process.wait_for(lambda: accepts(("127.0.0.1", port)), "nginx")
        except BaseException:
            self.close()
            raise

    def close(self):
        self.process.kill()


class Haproxy:
    """HAProxy in the foreground with the given frontends and backends."""

    def __init__(self, folder: Path, ports: list[int], sections: str):
        self.folder = folder / "haproxy"
        self.folder.mkdir()
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(
            f"""global
  maxconn 256
defaults
  timeout connect 10s
  timeout client 60s
  timeout server 60s
{sections}
"""
        )
        self.process = Process(
            [tools.tool("haproxy"), "-db", "-f", str(configuration)], self.folder / "haproxy.log"
        )
        try:
            for port in ports:
                self.process.wait_for(lambda port=port: accepts(("127.0.0.1", port)), "haproxy")
        except BaseException:
            self.close()
            raise

    def close(self):
        self.process.kill()


class CuttingProxy:
    """A TCP proxy that cuts the next connections after so many bytes from the server.

    `cut_after(bytes)` arms it for one connection: the first that delivers more than that many bytes
    to its client is ended there. `delivered` notes the bytes of each finished connection.
    """

    def __init__(self, target: tuple[str, int]):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.limit: int | None = None
        self.cuts = 0
        self.open: set[socket.socket] = set()
        self.threads: list[threading.Thread] = []
        self.stopping = False
        self._thread(self._accept)

    def cut_after(self, size: int):
        with self.lock:
            self.limit = size

    def _thread(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            self._thread(self._copy, client, server, False)
            self._thread(self._copy, server, client, True)

    def _copy(self, source: socket.socket, sink: socket.socket, from_server: bool):
        delivered = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                delivered += len(data)
                if from_server:
                    with self.lock:
                        cut = self.limit is not None and delivered > self.limit
                        if cut:
                            data = data[: len(data) - (delivered - self.limit)]
                            self.limit = None
                            self.cuts += 1
                    if cut:
                        sink.sendall(data)
                        break
                sink.sendall(data)
        # Either side's end ends both: clients here do not half-close.
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            with self.lock:
                self.open.discard(end)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            ends = list(self.open)
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive(), "a proxy thread hangs"
