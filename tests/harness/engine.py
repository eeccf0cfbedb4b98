"""A Docker Engine of the test's own, and the docker CLI that talks to it."""

import io
import json
import re
import tarfile
from pathlib import Path

from . import tools
from .machines import Machine


class Engine:
    """dockerd in a machine, with its own data root, exec root, pid file and socket.

    Its images are gone with it. Nothing of the host's network is touched (no bridge, no rules).
    """

    def __init__(self, machine: Machine, folder: Path, *, insecure: list[str] | None = None):
        self.machine = machine
        self.folder = folder / "engine"
        self.folder.mkdir()
        self.socket = self.folder / "docker.sock"
        configuration = self.folder / "daemon.json"
        configuration.write_text(json.dumps({"insecure-registries": insecure or []}))
        self.process = machine.start(
            [
                tools.tool("dockerd"),
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
                "--bridge=none",
                "--storage-driver=vfs",
                f"--config-file={configuration}",
                f"--data-root={self.folder}/data",
                f"--exec-root={self.folder}/exec",
                f"--pidfile={self.folder}/pid",
                "--host",
                f"unix://{self.socket}",
            ],
            self.folder / "dockerd.log",
        )
        self.accounts = 0
        self.config = self.new_account()
        self.process.wait_for(self._answers, "dockerd", timeout=60)

    def _answers(self) -> bool:
        return self.socket.exists() and self.docker("version", expect=None, check=False)

    def new_account(self) -> Path:
        """A CLI configuration folder without any login."""
        self.accounts += 1
        config = self.folder / f"cli-{self.accounts}"
        config.mkdir()
        return config

    def docker(
        self,
        *arguments: str,
        expect: int | None = 0,
        stdin: str | bytes | None = None,
        timeout: float = 180,
        config: Path | None = None,
        check: bool = True,
    ):
        """Runs Debian's docker CLI. With check False: whether it succeeded."""
        environment = self.machine.environment(
            DOCKER_HOST=f"unix://{self.socket}",
            DOCKER_CONFIG=str(config or self.config),
            DOCKER_BUILDKIT="0",
        )
        command = [tools.tool("docker"), *arguments]
        if check:
            return self.machine.run(
                command, env=environment, expect=expect, stdin=stdin, timeout=timeout
            )
        try:
            self.machine.run(command, env=environment, stdin=stdin, timeout=timeout)
            return True
        except tools.Failed:
            return False

    def login(self, registry: str, user: str, password: str, *, config=None, expect: int | None = 0):
        return self.docker(
            "login", "--username", user, "--password-stdin", registry,
            stdin=password, config=config, expect=expect,
        )

    def push(self, reference: str, *, config=None) -> tuple[str, int]:
        """Pushes and gives digest and size of the manifest, as the CLI prints them."""
        output = self.docker("push", reference, config=config).stdout
        match = re.search(r"^\S+: digest: (sha256:[0-9a-f]{64}) size: (\d+)$", output, re.MULTILINE)
        assert match, f"no digest in what docker push says:\n{output}"
        return match[1], int(match[2])

    def pull(self, reference: str, *, config=None) -> str:
        """Pulls and gives the digest that the CLI prints."""
        output = self.docker("pull", reference, config=config).stdout
        match = re.search(r"^Digest: (sha256:[0-9a-f]{64})$", output, re.MULTILINE)
        assert match, f"no digest in what docker pull says:\n{output}"
        return match[1]

    def build(self, tag: str, layers: list[dict[str, bytes]]) -> str:
        """`docker build` FROM scratch with the classic builder, a layer for each dict of files."""
        context = io.BytesIO()
        dockerfile = ["FROM scratch"]
        with tarfile.open(fileobj=context, mode="w") as archive:

            def add(name: str, data: bytes):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                entry.mode = 0o755
                archive.addfile(entry, io.BytesIO(data))

            for number, files in enumerate(layers):
                for name, data in files.items():
                    add(f"layer{number}/{name}", data)
                dockerfile.append(f"COPY layer{number}/ /")
            dockerfile.append('CMD ["/bin/busybox"]')
            add("Dockerfile", "\n".join(dockerfile).encode())
        self.docker("build", "--quiet", "--tag", tag, "-", stdin=context.getvalue())
        return self.image_id(tag)

    def image_id(self, reference: str) -> str:
        return self.docker("image", "inspect", "--format", "{{.Id}}", reference).stdout.strip()

    def remove(self, *references: str):
        self.docker("image", "rm", "--force", *references)

    def forget_everything(self):
        """Removes every image, so that a pull has to fetch all of it."""
        ids = set(self.docker("image", "ls", "--all", "--quiet").stdout.split())
        if ids:
            self.docker("image", "rm", "--force", *sorted(ids), check=False)
        self.docker("image", "prune", "--all", "--force")
        left = self.docker("image", "ls", "--all", "--quiet").stdout.split()
        assert not left, f"images are left: {left}"

    def close(self):
        pid_file = self.folder / "pid"
        if self.process.running() and pid_file.exists():
            self.machine.run(["/bin/kill", "-TERM", pid_file.read_text().strip()], expect=0)
            try:
                tools.wait_until(lambda: not self.process.running(), "end of dockerd", timeout=30)
            except AssertionError:
                pass  # the machine's end takes it along
        self.process.kill()
