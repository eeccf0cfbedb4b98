"""A PostgreSQL server of the tests' own: a cluster in a temporary folder, reached by a unix socket."""

import atexit
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BIN = Path("/usr/lib/postgresql/15/bin")


class Cluster:
    """Debian's PostgreSQL 15; as the account `postgres` when the tests are root (it refuses root)."""

    def __init__(self, *, durable: bool = False):
        """`durable`: commits reach the disk, as a bench wants it."""
        self.durable = durable
        assert (BIN / "postgres").exists(), "PostgreSQL is missing: apt-get install postgresql-15"
        self.folder = Path(tempfile.mkdtemp(prefix="hf-postgres-"))
        self.folder.chmod(0o755)
        self._numbers = itertools.count(1)
        self._user = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            self._user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        # Also when the test run ends badly.
        atexit.register(self.close)
        self._run("initdb", "-D", self.data, "-U", "holdfast", "-E", "UTF8", "--locale=C.UTF-8",
                  "--auth=trust", "--no-sync")
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments):
        command = [*self._user, BIN / program, *arguments]
        # Not a pipe: the daemon that pg_ctl leaves would keep it open.
        with open(self.folder / "commands.log", "ab") as log:
            done = subprocess.run([str(part) for part in command], stdout=log, stderr=log, timeout=60)
        assert done.returncode == 0, (self.folder / "commands.log").read_text()[-4000:]

    def start(self):
        options = (
            f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' "
            f"-c fsync={'on' if self.durable else 'off'} -c max_connections=400"
        )
        self._run("pg_ctl", "-D", self.data, "-l", self.data / "log", "-w", "-s", "-o", options, "start")

    def stop(self):
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "-s", "stop")

    def create_database(self) -> str:
        """A new, empty database; its URL."""
        name = f"t{next(self._numbers)}"
        self._run("createdb", "-h", self.folder, "-U", "holdfast", name)
        return f"postgresql://holdfast@/{name}?host={self.folder}"

    def close(self):
        if not self.folder.exists():
            return
        try:
            if (self.data / "postmaster.pid").exists():
                self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


_cluster: Cluster | None = None


def cluster() -> Cluster:
    """One for all tests of this process."""
    global _cluster
    if _cluster is None:
        _cluster = Cluster()
    return _cluster


def close():
    """Ends the cluster of this process, if there is one."""
    if _cluster is not None:
        _cluster.close()


def chosen() -> bool:
    """Whether this run is to be on PostgreSQL (HOLDFAST_TEST_ENGINE=postgres)."""
    engine = os.environ.get("HOLDFAST_TEST_ENGINE", "sqlite")
    assert engine in ("sqlite", "postgres"), f"HOLDFAST_TEST_ENGINE={engine}"
    return engine == "postgres"
