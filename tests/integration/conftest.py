"""Fixtures of the suites that drive real clients."""

import pytest

from conftest import PASSWORD
from harness import tools
from harness.engine import Engine
from harness.holdfast import Holdfast, TemporaryFolder
from harness.machines import Machine


@pytest.fixture(scope="session")
def busybox() -> bytes:
    """A static program that images are made of."""
    with open(tools.tool("busybox"), "rb") as file:
        return file.read()


@pytest.fixture(scope="module")
def module_folder():
    with TemporaryFolder() as path:
        yield path


@pytest.fixture(scope="module")
def registry(module_folder):
    """A server for the tests of one file: alice and bob, repositories made by their first push."""
    place = module_folder / "server"
    place.mkdir()
    server = Holdfast(place, {"create_repository_on_push": True})
    try:
        server.start()
        server.add_user("alice", PASSWORD)
        server.add_user("bob", PASSWORD)
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def machine(module_folder, registry):
    """A machine on the host's network that trusts the server's CA by certs.d."""
    machine = Machine(module_folder, "client")
    try:
        machine.trust(registry.https.authority, registry.ca)
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="module")
def engine(module_folder, machine):
    engine = Engine(machine, module_folder)
    try:
        yield engine
    finally:
        engine.close()
