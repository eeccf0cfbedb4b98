"""skopeo, podman, buildah, umoci and containerd, each with storage of its own."""

from pathlib import Path

from . import tools
from .machines import Machine


class ContainerTools:
    """The containers/image family in a machine. Logins are in one auth file; CAs come from certs.d."""

    def __init__(self, machine: Machine, folder: Path):
        self.machine = machine
        self.folder = folder / "containers"
        self.folder.mkdir()
        self.auth = self.folder / "auth.json"
        self.storage = [
            "--root", str(self.folder / "storage"),
            "--runroot", str(self.folder / "run"),
            "--storage-driver", "vfs",
        ]

    def _environment(self, auth: Path | None) -> dict[str, str]:
        return self.machine.environment(
            REGISTRY_AUTH_FILE=str(auth or self.auth), TMPDIR=str(self.folder)
        )

    def _run(self, command: list[str], auth: Path | None, options: dict):
        options.setdefault("timeout", 180)
        return self.machine.run(command, env=self._environment(auth), **options)

    def skopeo(self, *arguments: str, auth: Path | None = None, **options):
        return self._run([tools.tool("skopeo"), *arguments], auth, options)

    def podman(self, *arguments: str, auth: Path | None = None, **options):
        tools.tool("crun")
        command = [
            tools.tool("podman"), *self.storage, "--cgroup-manager", "cgroupfs",
            "--events-backend", "none", "--tmpdir", str(self.folder / "podman-tmp"), *arguments,
        ]
        return self._run(command, auth, options)

    def buildah(self, *arguments: str, auth: Path | None = None, **options):
        tools.tool("crun")
        return self._run([tools.tool("buildah"), *self.storage, *arguments], auth, options)

    def umoci(self, *arguments: str, **options):
        return self._run([tools.tool("umoci"), *arguments], None, options)


class Containerd:
    """containerd with its own root, state and socket, driven by ctr."""

    def __init__(self, machine: Machine, folder: Path):
        self.machine = machine
        self.folder = folder / "containerd"
        self.folder.mkdir()
        self.socket = self.folder / "containerd.sock"
        configuration = self.folder / "config.toml"
        configuration.write_text(
            'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        )
        self.process = machine.start(
            [
                tools.tool("containerd"),
                "--config", str(configuration),
                "--root", str(self.folder / "root"),
                "--state", str(self.folder / "state"),
                "--address", str(self.socket),
            ],
            self.folder / "containerd.log",
        )
        self.process.wait_for(self._answers, "containerd", timeout=60)

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            self.ctr("version", timeout=10)
            return True
        except tools.Failed:
            return False

    def ctr(self, *arguments: str, **options):
        options.setdefault("timeout", 180)
        command = [tools.tool("ctr"), "--address", str(self.socket), *arguments]
        return self.machine.run(command, **options)

    def close(self):
        self.process.kill()  # nsenter only; containerd itself ends with its machine
