"""The power goes at a call of a first start, of pushes, of deletes, of a stop and of a migration;
SQLite's files too.

One run is recorded; each point is replayed into a folder as the disk would hold it, and a server is
started on that.
"""

import contextlib
import copy
import random
import sqlite3
import time
from dataclasses import dataclass, field

import pytest

from harness.holdfast import Holdfast, TemporaryFolder

from . import journal
from .conftest import SEED, SLICES, chosen
from .ledger import Ledger, check
from .scenario import Watched, work

pytestmark = pytest.mark.sqlite


@dataclass
class Recorded:
    server: Watched
    calls: list[journal.Call]
    ledger: Ledger
    before: journal.Disk = field(default_factory=journal.Disk)  # what the run began with

    def disk(self, ignored) -> journal.Disk:
        disk = copy.deepcopy(self.before)
        disk.ignored = ignored
        return disk

    def describe(self, point: tuple[int, bool]) -> str:
        number, some = point
        call = self.calls[number] if number < len(self.calls) else "the end"
        return f"{number} before {call}; of what was not synced {'a part' if some else 'nothing'} survived"

    def when_ns(self, point: int) -> int:
        """Of the first call that did not happen any more."""
        return self.calls[point].began_ns if point < len(self.calls) else time.monotonic_ns()

    def ready(self) -> int:
        """The first point after the start was done."""
        return next(i for i, call in enumerate(self.calls) if call.began_ns > self.ledger.started_ns)


@contextlib.contextmanager
def worked(shim):
    """A server that has been started, has done the work and was stopped; and its ledger."""
    with TemporaryFolder() as folder:
        server = Watched(folder, shim)
        try:
            server.start()
            ledger = Ledger(ca=server.ca.read_bytes(), started_ns=time.monotonic_ns())
            work(server.admin_client(), ledger)
            server.stop()
            yield server, ledger
        finally:
            server.kill()


@pytest.fixture(scope="session")
def recorded(shim):
    with worked(shim) as (server, ledger):
        yield Recorded(server, journal.read(server.journal, server.data), ledger)


@pytest.fixture(scope="session")
def migrated(shim):
    """A start with a schema that is one migration behind: that of the uploads, which no other needs."""
    with worked(shim) as (server, ledger):
        with contextlib.closing(sqlite3.connect(server.data / "holdfast.db")) as database, database:
            database.execute("DROP TABLE uploads")
            database.execute("DELETE FROM schema_migrations WHERE name LIKE 'uploads/%'")
        before = journal.Disk.of(server.data)
        server.journal.unlink()
        server.start()
        answered_ns = time.monotonic_ns()
        check(server, ledger)
        server.stop()
        # What the check then did is no part of the migration.
        calls = [call for call in journal.read(server.journal, server.data) if call.began_ns < answered_ns]
        assert any(call.op == journal.WRITE for call in calls), "there was no migration"
        yield Recorded(server, calls, ledger, before)


def try_points(recorded: Recorded, points: list[tuple[int, bool]], ignored=lambda _call: False):
    """Gives what went wrong, by point."""
    wrong = []
    disk, played = recorded.disk(ignored), 0
    for point, some in sorted(points):
        while played < point:
            disk.play(recorded.calls[played])
            played += 1
        with TemporaryFolder() as folder:
            server = Holdfast(folder, {"create_repository_on_push": True})
            server.admin_password = recorded.server.admin_password
            disk.cut(server.data, random.Random(f"{SEED} {point}") if some else None)
            try:
                server.start()
                check(server, recorded.ledger, recorded.when_ns(point))
                server.check_log()
            except (AssertionError, OSError) as error:
                wrong.append(f"point {recorded.describe((point, some))}: {error}")
            finally:
                server.kill()
    return wrong


@pytest.mark.parametrize("part", range(SLICES))
def test_nothing_promised_is_lost_and_nothing_is_half_there(recorded, part, points):
    ready = recorded.ready()
    for walk, least, every in (
        ("power cut in a first start", 30, range(ready)),
        ("power cut in pushes, deletes and a stop", None, range(ready, len(recorded.calls) + 1)),
    ):
        population = [(point, some) for point in every for some in (False, True)]
        walk_points(recorded, population, part, walk, least, points)


def walk_points(recorded, population, part, walk, least, points):
    picked = chosen(population, part, walk, least, recorded.describe)
    wrong = try_points(recorded, picked)
    assert not wrong, f"{len(wrong)} of {len(picked)} points:\n" + "\n".join(wrong[:5])
    points(walk, len(picked), len(population))


@pytest.mark.parametrize("part", range(SLICES))
def test_a_migration_takes_place_or_not(migrated, part, points):
    population = [(point, some) for point in range(len(migrated.calls) + 1) for some in (False, True)]
    walk_points(migrated, population, part, "power cut in a migration", 30, points)


def syncs_off(call: journal.Call) -> bool:
    return call.op == journal.SYNC


def folder_syncs_off(call: journal.Call) -> bool:
    return call.op == journal.SYNC_FOLDER


def blob_folder_syncs_off(call: journal.Call) -> bool:
    # After the folders themselves were made and synced.
    return call.op == journal.SYNC_FOLDER and call.path.count("/") == 2


@pytest.mark.parametrize("ignored", [syncs_off, folder_syncs_off, blob_folder_syncs_off])
def test_without_syncs_this_test_finds_losses(recorded, ignored):
    """The control: a server that forgot them would be caught."""
    end = len(recorded.calls)
    places = [recorded.ready() + (end - recorded.ready()) * share // 4 for share in (1, 2, 3, 4)]
    assert try_points(recorded, [(point, False) for point in places], ignored)
