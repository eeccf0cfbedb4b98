"""Programs that the tests call. What is missing is an error that names the Debian package."""

import os
import shutil
import subprocess
import time
from pathlib import Path

# Debian's own programs only: nothing installed elsewhere may hide a missing package.
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

PACKAGES = {
    "docker": "docker.io",
    "dockerd": "docker.io",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "skopeo": "skopeo",
    "podman": "podman",
    "crun": "crun",
    "buildah": "buildah",
    "umoci": "umoci",
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
    "tar": "tar",
    "tinyproxy": "tinyproxy-bin",
    "openssl": "openssl",
    "composer": "composer",
    "cargo": "cargo",
    "db5.3_load": "db5.3-util",
    "gem": "ruby",
    "go": "golang-go",
    "npm": "npm",
    "objcopy": "binutils",
    "ruby": "ruby",
}


class MissingTool(AssertionError):
    """A program that the tests need is not installed."""


def tool(name: str) -> str:
    """The path of a program; raises MissingTool with the package that brings it."""
    path = shutil.which(name, path=SEARCH_PATH)
    if path is None:
        package = PACKAGES.get(name, name)
        raise MissingTool(f"{name} is missing: apt-get install {package} (see tests/packages.txt)")
    return path


def environment(**extra: str) -> dict[str, str]:
    """A small, fixed environment: nothing of the developer's (proxies, DOCKER_HOST) leaks in."""
    result = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR"):
        if name in os.environ:
            result[name] = os.environ[name]
    result.update(extra)
    return result


class Failed(AssertionError):
    """A program ended with an unexpected code. Shows the command line and all of its output."""

    def __init__(self, result: subprocess.CompletedProcess, expected: str):
        command = " ".join(str(part) for part in result.args)
        super().__init__(
            f"{command}\nexit code {result.returncode}, expected {expected}\n"
            f"--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
        )
        self.result = result


def run(
    command: list,
    *,
    expect: int | None = 0,
    timeout: float = 120,
    stdin: str | bytes | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess:
    """Runs a program to its end. `expect` None takes any non-zero code; output is text."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    result = subprocess.run(
        [str(part) for part in command],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=timeout,
        env=env if env is not None else environment(),
        cwd=cwd,
        check=False,
    )
    result.stdout = result.stdout.decode("utf-8", "replace")
    result.stderr = result.stderr.decode("utf-8", "replace")
    if expect is None:
        if result.returncode == 0:
            raise Failed(result, "a failure")
    elif result.returncode != expect:
        raise Failed(result, str(expect))
    return result


def wait_until(condition, what: str, *, timeout: float = 30, interval: float = 0.02):
    """Calls `condition` until it gives something true, and returns that. Fails at the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(interval)
