"""Long-running programs that never outlive the tests."""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from . import tools

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """A child process with its output in a file. It is killed when the test process dies."""

    def __init__(self, command: list, log: Path, *, env=None, cwd: Path | None = None):
        self.command = [str(part) for part in command]
        self.log = log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env if env is not None else tools.environment(),
                cwd=cwd,
                preexec_fn=_die_with_parent,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def running(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def wait_for(self, condition, what: str, timeout: float = 60):
        """Waits for a condition while the process lives; shows its output when it does not come."""

        def step():
            if not self.running():
                raise AssertionError(
                    f"{self.command[0]} ended with {self.popen.returncode} before: {what}\n"
                    f"{self.output()[-8000:]}"
                )
            return condition()

        try:
            return tools.wait_until(step, what, timeout=timeout)
        except AssertionError as error:
            if self.running():
                raise AssertionError(f"{error}\n{self.output()[-8000:]}") from None
            raise

    def terminate(self, timeout: float = 60) -> int:
        """SIGTERM and wait; SIGKILL and an error when it does not obey."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(
                    f"{self.command[0]} ignored SIGTERM for {timeout:g} s\n{self.output()[-8000:]}"
                ) from None
        return self.popen.returncode

    def kill(self):
        """SIGKILL to the whole session, and wait. Never fails."""
        if self.running():
            try:
                os.killpg(self.popen.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.popen.kill()
        self.popen.wait()
