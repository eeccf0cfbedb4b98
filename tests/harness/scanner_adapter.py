"""A scanner adapter by Harbor's API v1.2, for tests: it pulls what it is asked to scan and answers as it is told."""

import json
import ssl
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPORT = "application/vnd.security.vulnerability.report; version=1.1"
OLD_REPORT = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
OCI = "application/vnd.oci.image.manifest.v1+json"
SCANNER = {"name": "Probe", "vendor": "Tests", "version": "1.2.3"}
UPDATED = "2026-11-25T00:00:00Z"


def item(name: str, package: str, severity="High", **more) -> dict:
    return {"id": name, "package": package, "version": "1.0", "fix_version": "1.1", "severity": severity,
            "description": f"About {name}", "links": [f"https://advisories.test/{name}"], **more}


@dataclass
class Job:
    request: dict
    pulled: list[tuple[str, int]] = field(default_factory=list)  # (path, status)
    polls: int = 0


class Adapter:
    """`with Adapter() as adapter:`. What is set on it holds for the next requests."""

    def __init__(self, ca=None):
        self.trusted = ssl.create_default_context(cafile=ca) if ca else None
        self.items: list[dict] = []
        self.credential = None  # (field, value) that every request must have
        self.metadata = {
            "scanner": SCANNER,
            "capabilities": [{"type": "vulnerability", "consumes_mime_types": [OCI],
                              "produces_mime_types": [REPORT]}],
            "properties": {"harbor.scanner-adapter/vulnerability-database-updated-at": UPDATED}}
        self.polls_before = 1  # answers of 302 before the report
        self.refresh_after = "0"  # seconds; None: not said
        self.scan_answers: list[tuple[int, bytes]] = []  # in the place of 202, one each
        self.report_answers: list[tuple[int, bytes]] = []  # in the place of the report, one each
        self.hold = threading.Event()  # no report before it is set
        self.hold.set()
        self.jobs: list[Job] = []
        self.fields: list[dict] = []  # of each request
        self.lock = threading.Lock()

    def __enter__(self) -> "Adapter":
        adapter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                adapter.answer(self, b"")

            def do_POST(self):
                adapter.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, handler, body: bytes):
        with self.lock:
            self.fields.append(dict(handler.headers))
        if self.credential and handler.headers.get(self.credential[0]) != self.credential[1]:
            return self.send(handler, 401, {"error": {"message": "who are you?"}})
        if handler.path == "/api/v1/metadata":
            return self.send(handler, 200, self.metadata)
        if handler.path == "/api/v1/scan" and handler.command == "POST":
            return self.accept(handler, json.loads(body))
        number = handler.path.removeprefix("/api/v1/scan/").removesuffix("/report")
        if not number.isdigit() or int(number) >= len(self.jobs):
            return self.send(handler, 404, {"error": {"message": "no such scan"}})
        return self.report(handler, self.jobs[int(number)])

    def accept(self, handler, request: dict):
        with self.lock:
            if self.scan_answers:
                return self.send_bytes(handler, *self.scan_answers.pop(0))
            job = Job(request)
            self.jobs.append(job)
            number = len(self.jobs) - 1
        self.pull(job)
        self.send(handler, 202, {"id": str(number)})

    def report(self, handler, job: Job):
        with self.lock:
            job.polls += 1
            early = job.polls <= self.polls_before or not self.hold.is_set()
            if not early and self.report_answers:
                return self.send_bytes(handler, *self.report_answers.pop(0))
        if early:
            handler.send_response(302)
            if self.refresh_after is not None:
                handler.send_header("Refresh-After", self.refresh_after)
            handler.send_header("Location", handler.path)
            handler.send_header("Content-Length", "0")
            return handler.end_headers()
        if handler.headers["Accept"] not in (REPORT, OLD_REPORT):
            return self.send(handler, 415, {"error": {"message": "unsupported media type"}})
        artifact = {key: job.request["artifact"][key] for key in ("repository", "digest")}
        self.send(handler, 200, {"generated_at": UPDATED, "artifact": artifact, "scanner": SCANNER,
                                 "severity": "High", "vulnerabilities": self.items})

    def pull(self, job: Job):
        """The manifest and every blob that it names, with the credential of the request."""
        artifact = job.request["artifact"]
        base = f"/v2/{artifact['repository']}"
        manifest = self.registry(job, "GET", f"{base}/manifests/{artifact['digest']}")
        if manifest:
            parsed = json.loads(manifest)
            for one in [parsed["config"], *parsed["layers"]]:
                self.registry(job, "GET", f"{base}/blobs/{one['digest']}")

    def registry(self, job: Job, method: str, path: str, body: bytes | None = None) -> bytes | None:
        registry = job.request["registry"]
        request = urllib.request.Request(registry["url"] + path, data=body, method=method,
                                         headers={"Authorization": registry["authorization"], "Accept": OCI})
        try:
            with urllib.request.urlopen(request, context=self.trusted, timeout=30) as answer:
                content, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            content, status = None, error.code
        except urllib.error.URLError:
            content, status = None, 0  # nobody is there
        job.pulled.append((f"{method} {path}", status))
        return content

    def send(self, handler, status: int, document):
        self.send_bytes(handler, status, json.dumps(document).encode())

    def send_bytes(self, handler, status: int, body: bytes):
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
