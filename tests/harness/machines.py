"""Little machines made of namespaces: own mounts, own processes, own network when asked for.

A machine lives as long as one holder process, which is init of its PID namespace. When that dies,
however it dies (the test process being killed included), the kernel ends every process in it and
drops every mount and every network interface: nothing is left to clean but the folder.
"""

import os
import shlex
from pathlib import Path

from . import tools
from .processes import Process

# What a machine has of its own; all else is the host's. /run is fresh: no daemon of the host's there.
_SETUP = """set -e
mount --make-rprivate /
mount --bind {root}/etc-docker /etc/docker
mount --bind {root}/etc-containers /etc/containers
mount --bind {root}/hosts /etc/hosts
mount --bind {root}/var-containers /var/lib/containers
mount -t tmpfs -o mode=755 tmpfs /run
{network}
: > {root}/ready
exec sleep infinity
"""

_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


def require_root():
    assert os.geteuid() == 0, (
        "the integration tests run dockerd and make namespaces: run them as root (sudo make test)"
    )


class Machine:
    """`network` False: the host's network. True: one of its own, with only a loopback interface."""

    def __init__(self, folder: Path, name: str, *, network: bool = False, hosts: dict[str, str] | None = None):
        require_root()
        self.name = name
        self.root = folder / f"machine-{name}"
        self.network = network
        for part in ("etc-docker/certs.d", "etc-containers", "var-containers", "home"):
            (self.root / part).mkdir(parents=True)
        (self.root / "etc-containers/policy.json").write_text(_POLICY)
        (self.root / "etc-containers/registries.conf").write_text("")
        lines = ["127.0.0.1 localhost"] + [f"{ip} {host}" for host, ip in (hosts or {}).items()]
        (self.root / "hosts").write_text("\n".join(lines) + "\n")
        # Mount points that a fresh Debian may lack.
        for point in ("/etc/docker", "/etc/containers", "/var/lib/containers"):
            Path(point).mkdir(parents=True, exist_ok=True)
        setup = _SETUP.format(
            root=shlex.quote(str(self.root)), network="ip link set lo up" if network else ":"
        )
        tools.tool("mount"), tools.tool("ip")
        flags = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if network:
            flags.append("--net")
        self.holder = Process(
            [tools.tool("unshare"), *flags, "/bin/sh", "-c", setup], self.root / "machine.log"
        )
        try:
            self.holder.wait_for((self.root / "ready").exists, f"machine {name}", timeout=30)
            self.init = self._init_pid()
        except BaseException:
            self.close()
            raise

    def _init_pid(self) -> int:
        """The holder's only child: init of the machine, as the host sees it."""
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        return int(children.read_text().split()[0])

    def command(self, command: list) -> list[str]:
        """`command` as one that runs in this machine."""
        flags = ["--mount", "--pid"] + (["--net"] if self.network else [])
        return [tools.tool("nsenter"), "-t", str(self.init), *flags, "--", *map(str, command)]

    def environment(self, **extra: str) -> dict[str, str]:
        return tools.environment(HOME=str(self.root / "home"), **extra)

    def run(self, command: list, *, env: dict[str, str] | None = None, **options):
        return tools.run(self.command(command), env=env or self.environment(), **options)

    def start(self, command: list, log: Path, *, env: dict[str, str] | None = None) -> Process:
        return Process(self.command(command), log, env=env or self.environment())

    def signal(self, pid: int, name: str):
        """Sends a signal to a process by the number that it has in this machine."""
        self.run(["/bin/kill", f"-{name}", str(pid)])

    def trust(self, authority: str, ca: Path):
        """Puts a CA where dockerd, containers/image and containerd look for one."""
        folder = self.root / "etc-docker/certs.d" / authority
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.crt").write_bytes(ca.read_bytes())
        folder = self.root / "etc-containers/certs.d" / authority
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.crt").write_bytes(ca.read_bytes())

    def close(self):
        self.holder.kill()
        # Init is gone with its parent; its last mounts end when the kernel has reaped the namespace.
        if hasattr(self, "init"):
            tools.wait_until(
                lambda: not Path(f"/proc/{self.init}").exists(), "end of the machine", timeout=30
            )


class Network:
    """Machines on one Ethernet: 10.99.0.1 is `gateway`, whose namespace holds the bridge."""

    def __init__(self, folder: Path, hosts: dict[str, str] | None = None):
        self.folder = folder
        self.hosts = hosts or {}
        self.machines: list[Machine] = []
        self.gateway = self._add("gateway")
        self.gateway.run([tools.tool("ip"), "link", "add", "br0", "type", "bridge"])
        self.gateway.run([tools.tool("ip"), "addr", "add", "10.99.0.1/24", "dev", "br0"])
        self.gateway.run([tools.tool("ip"), "link", "set", "br0", "up"])

    def _add(self, name: str) -> Machine:
        machine = Machine(self.folder, name, network=True, hosts=self.hosts)
        self.machines.append(machine)
        return machine

    def add(self, name: str) -> tuple[Machine, str]:
        """A further machine; gives it and its address."""
        number = len(self.machines) + 1
        machine = self._add(name)
        address = f"10.99.0.{number}"
        ip = tools.tool("ip")
        port = f"veth{number}"
        # Only the network namespace is entered: the process numbers must be the host's here.
        enter = [tools.tool("nsenter"), "-t", str(self.gateway.init), "--net"]
        peer = ["peer", "name", "eth0", "netns", str(machine.init)]
        tools.run([*enter, ip, "link", "add", port, "type", "veth", *peer])
        self.gateway.run([ip, "link", "set", port, "master", "br0", "up"])
        machine.run([ip, "addr", "add", f"{address}/24", "dev", "eth0"])
        machine.run([ip, "link", "set", "eth0", "up"])
        return machine, address

    def close(self):
        for machine in reversed(self.machines):
            machine.close()
