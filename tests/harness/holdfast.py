"""The server under test, as a process with a data folder of its own."""

import contextlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import tempfile
from pathlib import Path

from . import postgres, tools
from .processes import Process
from .registry_client import Origin, RegistryClient

ROOT = Path(__file__).resolve().parents[2]
_SANITIZER = re.compile(
    r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|: runtime error: "
)
# A test server under ASan on two busy cores is slow to start; a healthy one needs far less.
START_DEADLINE = 60.0


def binary() -> Path:
    """The program to test: HOLDFAST_BIN, else the dev build, else the release build."""
    chosen = os.environ.get("HOLDFAST_BIN")
    candidates = (
        [Path(chosen)]
        if chosen
        else [ROOT / "build" / kind / "apps/holdfast/holdfast" for kind in ("dev", "release")]
    )
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate.resolve()
    raise AssertionError(
        "no holdfast to test: build it (make build) or set HOLDFAST_BIN; looked at "
        + ", ".join(str(path) for path in candidates)
    )


def toml(settings: dict) -> str:
    """Flat dotted keys as TOML; JSON's strings, numbers, booleans and lists are TOML's too."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())


DEFAULTS = {
    "https.listen": "127.0.0.1:0",
    "http.listen": "127.0.0.1:0",
    "http.mode": "serve",
    "tls.names": ["localhost", "127.0.0.1"],
    "log.format": "json",
    # No test asks anybody on the internet; those of feeds name their own.
    "advisories.online": False,
}


class Holdfast:
    """Starts, stops, kills and restarts the server on one data folder, and speaks its CLI.

    `machine` (harness.machines.Machine) runs it in that machine's namespaces; `prefix` is put before
    its command line (setpriv …). Settings are dotted keys; None takes a default away.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict | None = None,
        *,
        machine=None,
        prefix: list[str] | None = None,
        program: Path | None = None,
        environment: dict[str, str] | None = None,
    ):
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.program = program or binary()
        self.machine = machine
        self.prefix = prefix or []
        self.extra_environment = dict(environment or {})
        if postgres.chosen():
            self.extra_environment.setdefault(
                "HOLDFAST_DATABASE_URL", postgres.cluster().create_database()
            )
        self.settings = {**DEFAULTS, **(settings or {})}
        self.settings = {key: value for key, value in self.settings.items() if value is not None}
        self.admin_password = secrets.token_urlsafe(12)
        self.process: Process | None = None
        self.ready: dict = {}
        self._clients: list[RegistryClient] = []
        self._checked = 0
        self.written_config: Path | None = None

    # --- life
    def write_config(self) -> Path:
        path = self.folder / "holdfast.toml"
        path.write_text(toml(self.settings))
        return path

    def command(self) -> list[str]:
        return [
            str(self.program),
            "serve",
            "--config",
            str(self.write_config()),
            "--data-dir",
            str(self.data),
        ]

    def spawn(self) -> Process:
        """Starts the process and does not wait for it."""
        assert self.process is None or not self.process.running(), "already running"
        (self.data / "run/ready.json").unlink(missing_ok=True)
        environment = tools.environment(
            HOLDFAST_ADMIN_PASSWORD=self.admin_password, **self.extra_environment
        )
        command = [*self.prefix, *self.command()]
        if self.machine is not None:
            command = self.machine.command(command)
        self.process = Process(command, self.log, env=environment)
        return self.process

    def start(self) -> "Holdfast":
        process = self.spawn()
        ready = self.data / "run/ready.json"
        process.wait_for(ready.exists, "ready.json", START_DEADLINE)
        self.ready = json.loads(ready.read_text())
        return self

    def stop(self):
        """SIGTERM: the server must end with 0, and no sanitizer may have complained."""
        if self.process is None:
            return
        self.close_clients()
        if self.machine is not None and self.process.running():
            self.machine.signal(self.ready["pid"], "TERM")
            tools.wait_until(lambda: not self.process.running(), "end after SIGTERM", timeout=60)
        code = self.process.terminate()
        self.check_log()
        assert code == 0, f"the server ended with {code}\n{self.log_text()[-8000:]}"
        self.process = None

    def kill(self):
        """SIGKILL, as a crash."""
        self.close_clients()
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """The end of a test: stop and check; the process is gone whatever happens."""
        try:
            self.stop()
        finally:
            self.kill()

    def close_clients(self):
        for client in self._clients:
            client.close()

    def log_text(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def log_lines(self) -> list[dict]:
        """The JSON lines of the log."""
        result = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                try:
                    result.append(json.loads(line))
                except ValueError:
                    continue  # the last line may be half written
        return result

    def check_log(self):
        match = _SANITIZER.search(self.log_text())
        if match:
            text = self.log_text()
            raise AssertionError(f"sanitizer report:\n{text[max(0, match.start() - 500):][:8000]}")

    # --- where it is
    def _address(self, name: str) -> tuple[str, int]:
        host, _, port = self.ready[name].rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def ca(self) -> Path:
        return self.data / "ca.crt"

    @property
    def https(self) -> Origin:
        return Origin(self._address("https"), self.ca)

    @property
    def http(self) -> Origin:
        return Origin(self._address("http"))

    def client(
        self, user: str | None = None, password: str | None = None, *, origin: Origin | None = None, **extra
    ) -> RegistryClient:
        client = RegistryClient(origin or self.https, user, password, **extra)
        self._clients.append(client)
        return client

    def admin_client(self, **extra) -> RegistryClient:
        return self.client("admin", self.admin_password, **extra)

    # --- its CLI
    def cli(self, *arguments: str, stdin: str | None = None, expect: int | None = 0):
        command = [*self.prefix, self.program, *arguments]
        if self.machine is not None:
            command = self.machine.command(command)
        environment = tools.environment(**self.extra_environment)
        return tools.run(command, stdin=stdin, expect=expect, env=environment)

    def admin(self, *arguments: str, stdin: str | None = None, expect: int | None = 0):
        return self.cli("admin", *arguments, "--data-dir", str(self.data), stdin=stdin, expect=expect)

    def sql(self, statement: str) -> list[tuple[str, ...]]:
        """Runs a statement on its database, whatever the engine; rows come as text."""
        if url := self.extra_environment.get("HOLDFAST_DATABASE_URL"):
            done = tools.run(["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-c", statement, url])
            return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]
        with contextlib.closing(sqlite3.connect(self.data / "holdfast.db")) as database, database:
            return [
                tuple("" if value is None else str(value) for value in row)
                for row in database.execute(statement)
            ]

    def add_user(self, name: str, password: str, *, administrator: bool = False):
        flags = ["--admin"] if administrator else []
        self.admin("user", "add", name, *flags, "--password-stdin", stdin=password + "\n")

    def create_repository(self, name: str, *, public: bool = False):
        self.admin("repo", "create", name, "--public" if public else "--private")


class TemporaryFolder:
    """A folder that is gone afterwards. Short and readable by all: sockets and other users lie in it."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="hf-"))
        self.path.chmod(0o755)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=False, onerror=_make_writable_and_retry)


def _make_writable_and_retry(function, path, _):
    parent = os.path.dirname(path)
    if not os.path.lexists(path):
        return
    os.chmod(parent, 0o700)
    os.chmod(path, 0o700)
    function(path)
