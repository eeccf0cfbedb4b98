"""What public scripts do against DTR and UCP (replay.sh: curl and jq alone), and docker behind it; then all
of it again after a restart."""

import json
import socket
from pathlib import Path

import pytest

from conftest import PASSWORD
from harness import tools
from harness.engine import Engine
from harness.holdfast import Holdfast
from harness.machines import Machine

SCRIPT = Path(__file__).with_name("replay.sh")

SET_UP = [
    {"name": "jeff", "fullName": "Jeff", "isOrg": False, "isAdmin": False, "isActive": True},
    {"name": "engineering", "isOrg": True},
    {"name": "backend", "description": "who pushes", "membersCount": 0},
    {"name": "jeff", "isAdmin": False},
    {"namespace": "engineering", "namespaceType": "organization", "name": "api", "shortDescription": "The API",
     "visibility": "private", "scanOnPush": False, "immutableTags": False, "tagLimit": 0},
    {"accessLevel": "read-write"},
    {"name": "jeff"},
    {"tokenLabel": "ci", "isActive": True, "generatedBy": "manual"},
    200,
]


@pytest.fixture(scope="module")
def server(module_folder):
    """On a port that stays the same, as the scripts and the docker logins know it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = module_folder / "replayed"
    place.mkdir()
    server = Holdfast(place, {"https.listen": f"127.0.0.1:{port}"})
    try:
        server.start()
        server.add_user("other", PASSWORD)
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def docker(module_folder, server):
    machine = Machine(module_folder, "replay")
    try:
        engine = Engine(machine, module_folder)
        try:
            yield engine
        finally:
            engine.close()
    finally:
        machine.close()


def replay(server, folder, part: str) -> str:
    environment = tools.environment(
        HOST=server.https.authority, CA=str(server.ca), ADMIN_PASSWORD=server.admin_password,
        USER_PASSWORD=PASSWORD, TOKEN_FILE=str(folder / "token.json"))
    return tools.run([str(SCRIPT), part], env=environment).stdout


def push_and_refuse(docker, server, folder, busybox, tag: str):
    reference = f"{server.https.authority}/engineering/api:{tag}"
    token = json.loads((folder / "token.json").read_text())["token"]
    docker.build(reference, [{"bin/busybox": busybox, "tag": tag.encode()}])
    for secret in (PASSWORD, token):
        jeff = docker.new_account()
        assert "Login Succeeded" in docker.login(server.https.authority, "jeff", secret, config=jeff).stdout
        docker.docker("push", reference, config=jeff)
    other = docker.new_account()
    docker.login(server.https.authority, "other", PASSWORD, config=other)
    refused = docker.docker("push", reference, config=other, expect=1)
    assert "denied" in refused.stderr, refused.stderr


def test_scripts_and_docker_before_and_after_a_restart(server, docker, module_folder, busybox):
    made = [json.loads(line) for line in replay(server, module_folder, "set-up").splitlines()]
    assert made == SET_UP
    before = replay(server, module_folder, "read")
    lines = before.splitlines()
    assert lines[:5] == ['["admin","engineering"]', '"jeff"', '["engineering","jeff"]', '"other"', '["admin","jeff","other"]']
    assert lines[5] == '{"name":"engineering","isOrg":true,"membersCount":1,"teamsCount":1}'
    assert lines[8] == "X-Resource-Count: 1", before
    assert lines[9] == '[{"namespace":"engineering","name":"api","visibility":"private","scanOnPush":true}]'
    assert lines[-4:] == ["404", "401", "403", "403"]
    push_and_refuse(docker, server, module_folder, busybox, "v1")

    server.restart()
    assert replay(server, module_folder, "read") == before
    push_and_refuse(docker, server, module_folder, busybox, "v2")

    # The right goes: the next push of the docker that is logged in is refused.
    assert replay(server, module_folder, "take-away") == "204\n"
    jeff = docker.new_account()
    docker.login(server.https.authority, "jeff", PASSWORD, config=jeff)
    reference = f"{server.https.authority}/engineering/api:v2"
    assert "denied" in docker.docker("push", reference, config=jeff, expect=1).stderr
