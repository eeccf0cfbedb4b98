"""Fixtures that every suite uses."""

import itertools
import os

import pytest

from harness import postgres
from harness.holdfast import Holdfast, TemporaryFolder
from harness.registry_client import own_address

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def pytest_collection_modifyitems(config, items):
    """A run leaves out what is about the other engine: a SQLite file, replicas that share a database."""
    other = "sqlite" if postgres.chosen() else "replicas"
    left_out = [item for item in items if item.get_closest_marker(other)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish():
    """Here and not at the process's exit: workers of a parallel run are killed soon after their last test."""
    postgres.close()


@pytest.fixture
def folder():
    """A folder of the test's own, gone afterwards."""
    with TemporaryFolder() as path:
        yield path


@pytest.fixture
def holdfast(folder):
    """Makes servers: `holdfast({"token.refresh_tokens": "on"})` starts one on a fresh data folder."""
    made = []

    def make(settings: dict | None = None, *, start: bool = True, name: str = "server", **options):
        place = folder / name
        place.mkdir()
        server = Holdfast(place, settings, **options)
        made.append(server)
        return server.start() if start else server

    yield make
    errors = []
    for server in reversed(made):
        try:
            server.close()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture(scope="session")
def shared_server():
    """One server for the tests that do not change what it is: users alice and bob, and admin.

    Repositories come into being with their first push. Tests keep apart by names (`repository`).
    """
    with TemporaryFolder() as path:
        server = Holdfast(path, {"create_repository_on_push": True})
        try:
            server.start()
            server.add_user("alice", PASSWORD)
            server.add_user("bob", PASSWORD)
            yield server
            server.stop()
        finally:
            server.kill()


@pytest.fixture
def server(shared_server):
    """The shared server; a sanitizer report during a test fails that test."""
    yield shared_server
    shared_server.check_log()
    assert shared_server.process.running(), f"the server died\n{shared_server.log_text()[-8000:]}"


@pytest.fixture(scope="session")
def _shared_clients(shared_server):
    clients = {
        "alice": shared_server.client("alice", PASSWORD),
        "bob": shared_server.client("bob", PASSWORD),
        "admin": shared_server.admin_client(),
    }
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def alice(server, _shared_clients):
    return _shared_clients["alice"]


@pytest.fixture
def bob(server, _shared_clients):
    return _shared_clients["bob"]


@pytest.fixture
def admin(server, _shared_clients):
    return _shared_clients["admin"]


@pytest.fixture
def anonymous(server):
    client = server.client(source=own_address())
    yield client
    client.close()


@pytest.fixture
def repository():
    """A repository name in alice's namespace that no other test uses."""
    return f"alice/r{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def other_repository():
    return f"alice/other{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def public_repository(server, repository):
    """A public repository of alice's, made by the CLI."""
    server.create_repository(repository, public=True)
    return repository
