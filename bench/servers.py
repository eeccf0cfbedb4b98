"""The servers that are compared, each in a folder of its own, on loopback."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def need(program: str, package: str) -> str:
    found = shutil.which(program, path=PATH)
    if not found:
        raise SystemExit(f"{program} is missing: apt-get install {package}")
    return found


class Server:
    """A process and its children: its CPU time, its memory, its end."""

    name = ""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        self.process: subprocess.Popen | None = None
        self.port = free_port()
        self.tls_port = free_port()
        self.headers: dict[str, str] = {}

    def spawn(self, command, **environment):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={"PATH": PATH, **environment},
            start_new_session=True,
        )
        log.close()

    def wait(self, path: str = "/"):
        """Until something answers; gives the seconds that took."""
        began = time.monotonic()
        while time.monotonic() < began + 30:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    probe.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                    if probe.recv(16).startswith(b"HTTP/1.1"):
                        return time.monotonic() - began
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        raise SystemExit(f"{self.name} did not start:\n{(self.folder / 'log').read_text()[-2000:]}")

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def pids(self) -> list[int]:
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def cpu_seconds(self) -> float:
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def _memory_bytes(self, field: str) -> int:
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024
        return total

    def rss_bytes(self) -> int:
        return self._memory_bytes("VmRSS")

    def peak_bytes(self) -> int:
        """The largest RSS since forget_peak()."""
        return self._memory_bytes("VmHWM")

    def forget_peak(self):
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def url(self, path: str, tls: bool = False) -> str:
        return f"{'https' if tls else 'http'}://127.0.0.1:{self.tls_port if tls else self.port}{path}"


class Holdfast(Server):
    name = "holdfast"
    program = ROOT / "build/release/apps/holdfast/holdfast"
    password = "a password for the bench"

    def start(self) -> float:
        settings = {
            "--data-dir": self.folder / "data",
            "--https.listen": f"127.0.0.1:{self.tls_port}",
            "--http.listen": f"127.0.0.1:{self.port}",
            "--http.mode": "serve",
            "--create_repository_on_push": "true",
            "--limits.connections_per_address": "0",
            "--token.lifetime": "12h",
            "--advisories.online": "false",
        }
        environment = {"HOLDFAST_ADMIN_PASSWORD": self.password}
        if url := os.environ.get("BENCH_DATABASE_URL"):
            environment["HOLDFAST_DATABASE_URL"] = url
        flags = [part for pair in settings.items() for part in pair]
        self.spawn([self.program, "serve", *flags], **environment)
        return self.wait("/_ping")

    def log_in(self, *repositories: str):
        """A bearer token for every request from now on."""
        scopes = [f"repository:{name}:pull,push,delete" for name in repositories]
        query = "&".join([f"service=127.0.0.1:{self.port}", "scope=registry:catalog:*", *(f"scope={s}" for s in scopes)])
        request = urllib.request.Request(self.url(f"/auth/token?{query}"))
        login = base64.b64encode(f"admin:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        with urllib.request.urlopen(request) as answer:
            self.headers["Authorization"] = "Bearer " + json.load(answer)["token"]


class Peer(Server):
    """docker-registry of Debian, over the file system, without authentication."""

    name = "docker-registry"

    def start(self) -> float:
        certificate(self.folder)
        for kind, port in (("plain", self.port), ("tls", self.tls_port)):
            tls = f", tls: {{certificate: {self.folder}/crt, key: {self.folder}/key}}" if kind == "tls" else ""
            (self.folder / f"{kind}.yml").write_text(
                "version: 0.1\nlog: {level: info}\n"
                f"storage: {{filesystem: {{rootdirectory: {self.folder}/data}}, delete: {{enabled: true}}}}\n"
                f"http: {{addr: '127.0.0.1:{port}', secret: bench{tls}}}\n"
            )
        program = need("docker-registry", "docker-registry")
        # One process serves one listener: a shell holds both.
        self.spawn(["/bin/sh", "-c", f"trap 'kill $a $b; wait' TERM; {program} serve plain.yml & a=$!; "
                    f"{program} serve tls.yml & b=$!; wait; wait"])
        return self.wait("/v2/")


class Nginx(Server):
    """nginx of Debian, static files."""

    name = "nginx"

    def start(self) -> float:
        certificate(self.folder)
        (self.folder / "html").mkdir(exist_ok=True)
        (self.folder / "nginx.conf").write_text(f"""
daemon off; pid {self.folder}/pid; error_log {self.folder}/error; worker_processes 2; user root;
events {{ worker_connections 12000; }}
worker_rlimit_nofile 30000;
http {{
  access_log {self.folder}/access; sendfile on; tcp_nodelay on; keepalive_requests 1000000000;
  keepalive_timeout 600; client_body_temp_path {self.folder}; proxy_temp_path {self.folder};
  fastcgi_temp_path {self.folder}; uwsgi_temp_path {self.folder}; scgi_temp_path {self.folder};
  server {{
    listen 127.0.0.1:{self.port} backlog=4096; listen 127.0.0.1:{self.tls_port} ssl backlog=4096;
    ssl_certificate {self.folder}/crt; ssl_certificate_key {self.folder}/key;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; root {self.folder}/html;
  }}
}}
""")
        self.spawn([need("nginx", "nginx-light"), "-p", self.folder, "-c", self.folder / "nginx.conf"])
        return self.wait()

    def put(self, path: str, data: bytes):
        target = self.folder / "html" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def certificate(folder: Path):
    if not (folder / "crt").exists():
        subprocess.run(
            [need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "key", "-out", folder / "crt",
             "-days", "2", "-subj", "/CN=localhost"],
            check=True, capture_output=True,
        )
