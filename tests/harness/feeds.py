"""What stands at the other end of a feed: a server of files on the loopback, and its certificate."""

import http.server
import ssl
import threading
from pathlib import Path

from . import tools


def certificate(folder: Path, name: str = "127.0.0.1") -> Path:
    """A certificate for an address or a name, with its key in one file, that is its own authority."""
    path = folder / f"{name}.pem"
    kind = "IP" if name[0].isdigit() else "DNS"
    tools.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
               "-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{name}", "-keyout", f"{path}.key", "-out", path])
    path.write_text(path.read_text() + Path(f"{path}.key").read_text())
    return path


class FeedServer:
    """Serves `files` by path: bytes, or a function that answers a request itself. With ETags, while `tags` is set."""

    def __init__(self, pem: Path | None = None):
        self.files: dict = {}
        self.tags = True
        self.requests: list[tuple[str, dict[str, str], int]] = []  # path, fields, status
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer._answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # whoever hangs up is told of by the one that did
        self.scheme = "http"
        if pem is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.server.server_address[1]}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def statuses(self, path: str) -> list[int]:
        return [status for asked, _, status in self.requests if asked == path]

    def send(self, request, status: int, body: bytes = b"", **fields: str):
        self.requests.append((request.path, dict(request.headers), status))
        request.send_response(status)
        for name, value in fields.items():
            request.send_header(name.replace("_", "-"), value)
        if status != 304:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _answer(self, request):
        found = self.files.get(request.path)
        if callable(found):
            return found(request)
        if found is None:
            return self.send(request, 404, b"no such file")
        if not self.tags:
            return self.send(request, 200, found)
        tag = f'"{hash(found) & 0xFFFFFFFF:x}"'
        if request.headers.get("If-None-Match") == tag:
            return self.send(request, 304)
        return self.send(request, 200, found, ETag=tag)
