"""A running server meets full disks, I/O errors, kill -9 and power cuts, call by call, on the
database that was chosen. PostgreSQL stands for a machine of its own and goes on."""

import errno
import random
import shutil
import time

import pytest

from harness import tools

from . import journal
from .conftest import SEED, SLICES, chosen
from .ledger import Ledger, check
from .scenario import DROPPED, Refused, Watched, work


@pytest.fixture
def server(folder, shim):
    made = Watched(folder, shim)
    try:
        made.start()
        yield made
        made.check_log()
    finally:
        made.kill()


def ready_client(server, ledger: Ledger):
    """Its token is there before the ground breaks."""
    client = server.admin_client()
    assert client.token_for([f"repository:{ledger.repository}:pull,push,delete"])
    return client


def calls_of_work(server) -> list[str]:
    """What the work does, call by call; the first is number 1."""
    before = server.control.calls
    ledger = Ledger()
    work(ready_client(server, ledger), ledger)
    check(server, ledger)
    count = server.control.calls - before
    return [str(call) for call in journal.read(server.journal, server.data)[-count:]]


def fail_at(server, call: int, code: int, lasting: bool) -> tuple[Ledger, bool]:
    """What was promised all the same, and whether something was refused."""
    ledger = Ledger()
    client = ready_client(server, ledger)
    server.control.arm(call, code, lasting=lasting)
    try:
        work(client, ledger)
    except Refused:
        return ledger, True
    finally:
        server.control.disarm()
    return ledger, False


@pytest.mark.parametrize("part", range(SLICES))
def test_full_disks_and_io_errors(server, part, points):
    """An error at the Nth call, once or from then on: refused with 5xx, never acknowledged; when it
    is over the server goes on by itself, and after a restart all is still there."""
    calls = calls_of_work(server)
    population = [
        (call, code, lasting)
        for call in range(1, len(calls) + 1)
        for code in (errno.ENOSPC, errno.EIO)
        for lasting in (False, True)
    ]

    def describe(point):
        return f"{point[0]} {calls[point[0] - 1]}: {errno.errorcode[point[1]]}{' from then on' if point[2] else ''}"

    picked = chosen(population, part, "ENOSPC and EIO", describe=describe)
    refused = 0
    for call, code, lasting in picked:
        ledger, was_refused = fail_at(server, call, code, lasting)
        refused += was_refused
        try:
            check(server, ledger)
        except AssertionError as error:
            raise AssertionError(f"{errno.errorcode[code]} at call {call}, lasting {lasting}: {error}") from error
    # Most calls matter to the client; a checkpoint that fails does not.
    assert refused > len(picked) / 2, f"{refused} of {len(picked)} were refused"
    server.stop()
    server.start()
    check(server, ledger)
    points("ENOSPC and EIO", len(picked), len(population))


def killed_at(server, call: int) -> Ledger:
    ledger = Ledger()
    client = ready_client(server, ledger)
    server.control.arm(call)
    try:
        work(client, ledger)
    except DROPPED:
        assert tools.wait_until(lambda: not server.process.running(), "end by the shim", timeout=20)
    server.kill()
    server.control.disarm()
    return ledger


@pytest.mark.parametrize("part", range(SLICES))
def test_kill_9(server, part, points):
    calls = calls_of_work(server)
    population = list(range(1, len(calls) + 1))
    picked = chosen(population, part, "kill -9", 40, lambda call: f"{call} {calls[call - 1]}")
    for call in picked:
        ledger = killed_at(server, call)
        when = time.monotonic_ns()
        server.start()
        try:
            check(server, ledger, when)
        except AssertionError as error:
            raise AssertionError(f"killed at call {call}: {error}") from error
    points("kill -9", len(picked), len(population))


@pytest.mark.parametrize("part", range(SLICES))
def test_power_cut_of_a_running_server(server, part, points):
    calls = calls_of_work(server)
    population = [(call, some) for call in range(1, len(calls) + 1) for some in (False, True)]

    def describe(point):
        return f"{point[0]} {calls[point[0] - 1]}; of what was not synced {'a part' if point[1] else 'nothing'} survived"

    picked = chosen(population, part, "power cut of a running server", describe=describe)
    for call, some in picked:
        server.stop()
        disk = journal.Disk.of(server.data)
        server.journal.unlink()
        server.start()
        ledger = killed_at(server, call)
        when = time.monotonic_ns()
        for done in journal.read(server.journal, server.data):
            disk.play(done)
        after = server.folder / "after"
        disk.cut(after, random.Random(f"{SEED} {call}") if some else None)
        server.data.rename(server.folder / "before")
        after.rename(server.data)
        server.start()
        try:
            check(server, ledger, when)
        except AssertionError as error:
            raise AssertionError(f"power cut at call {call}, part kept {some}: {error}") from error
        finally:
            shutil.rmtree(server.folder / "before")
    points("power cut of a running server", len(picked), len(population))
