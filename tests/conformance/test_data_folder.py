"""Data folders that a server must not use, and what it says then; first start and second start."""

import json
import os
import re
import shutil
import stat
import time
from pathlib import Path

import pytest

from conftest import PASSWORD
from harness import tools
from harness.holdfast import binary
from harness.processes import Process
from harness.tools import wait_until


def fails_to_start(server, *words: str) -> str:
    """Starts it; it must end by itself with an error that holds one of the words of each alternative."""
    process = server.spawn()
    wait_until(lambda: not process.running(), "the server gives up", timeout=60)
    text = server.log_text()
    server.check_log()
    assert process.popen.returncode not in (0, -6, -11), text
    assert process.popen.returncode > 0, f"ended by a signal\n{text}"
    for word in words:
        assert re.search(word, text, re.IGNORECASE), f"{word!r} is not in:\n{text}"
    assert "Traceback" not in text
    server.process = None
    return text


def as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    return [tools.tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def readable_program(folder):
    """The program where an unprivileged user can reach it, wherever the clone lies."""
    if os.geteuid() != 0:
        return binary()
    path = folder / "holdfast"
    shutil.copy(binary(), path)
    path.chmod(0o755)
    return path


def test_a_folder_that_is_not_writable(holdfast, readable_program):
    server = holdfast(start=False, prefix=as_nobody(), program=readable_program)
    server.data.mkdir()
    server.data.chmod(0o555)
    fails_to_start(server, r"permission denied|not writable|cannot write", re.escape(str(server.data)))
    assert list(server.data.iterdir()) == []


def test_a_folder_that_cannot_be_made(holdfast, readable_program):
    server = holdfast(start=False, prefix=as_nobody(), program=readable_program)
    server.folder.chmod(0o555)
    server.folder.joinpath("holdfast.toml").touch()
    try:
        fails_to_start(server, re.escape(str(server.data)))
    finally:
        server.folder.chmod(0o755)


def test_a_folder_that_is_a_file(holdfast):
    server = holdfast(start=False)
    server.data.write_text("not a folder")
    process = Process(server.command(), server.log)
    wait_until(lambda: not process.running(), "the server gives up", timeout=60)
    assert process.popen.returncode > 0, process.output()
    assert str(server.data) in process.output()
    assert server.data.read_text() == "not a folder"


def test_a_folder_that_another_process_uses(holdfast):
    first = holdfast(name="first")
    second = holdfast(start=False, name="second")
    second.data = first.data
    ready = (first.data / "run/ready.json").read_text()
    process = Process(second.command(), second.log)
    wait_until(lambda: not process.running(), "the second gives up", timeout=60)
    assert process.popen.returncode > 0, process.output()
    assert re.search(r"in use|locked|another process|already", process.output(), re.I), process.output()
    assert str(first.ready["pid"]) in process.output(), "the process that has it is named"
    assert (first.data / "run/ready.json").read_text() == ready
    assert first.client().raw("GET", "/v2/").status == 401


def test_a_folder_of_a_newer_build(holdfast):
    server = holdfast()
    server.stop()
    (server.data / "format").write_text("999\n")
    before = server.sql("SELECT * FROM schema_migrations")
    fails_to_start(server, r"newer", r"999")
    assert server.sql("SELECT * FROM schema_migrations") == before
    (server.data / "format").write_text("1\n")
    server.start()


def test_a_database_of_a_newer_build(holdfast):
    server = holdfast()
    server.stop()
    server.sql("INSERT INTO schema_migrations VALUES ('from-the-future', 1)")
    fails_to_start(server, r"newer", r"from-the-future")


@pytest.mark.parametrize("content", ["", "x\n", "-1\n", "0\n", "1\n1\n1\n", "\x00" * 100])
def test_a_format_file_that_makes_no_sense(holdfast, content):
    server = holdfast()
    server.stop()
    (server.data / "format").write_text(content)
    fails_to_start(server, r"format")


@pytest.mark.sqlite
def test_a_database_that_is_none(holdfast):
    server = holdfast()
    server.stop()
    for suffix in ("-wal", "-shm"):
        (server.data / f"holdfast.db{suffix}").unlink(missing_ok=True)
    (server.data / "holdfast.db").write_bytes(b"this is no database" * 1000)
    fails_to_start(server, r"database|not a database|corrupt")


def test_a_sealing_key_that_others_can_read(holdfast):
    server = holdfast()
    server.stop()
    (server.data / "secret.key").chmod(0o644)
    fails_to_start(server, r"secret\.key")


def test_a_sealing_key_that_is_another(holdfast):
    server = holdfast()
    server.stop()
    key = server.data / "secret.key"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    fails_to_start(server, r"secret\.key|sealing key|seal")


def test_a_lost_sealing_key_is_not_made_anew(holdfast):
    server = holdfast()
    server.stop()
    (server.data / "secret.key").unlink()
    fails_to_start(server, r"secret\.key|sealing key|seal")
    assert not (server.data / "secret.key").exists()


# --- first and second start
def test_modes_of_what_is_secret(holdfast):
    server = holdfast()
    assert stat.S_IMODE((server.data / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.data / "run/control.sock").stat().st_mode) == 0o600
    for name in ("holdfast.db", "holdfast.db-wal"):
        path = server.data / name
        if path.exists():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, name
    assert "PRIVATE KEY" not in server.ca.read_text()
    assert "BEGIN CERTIFICATE" in server.ca.read_text()


def generated_password(text: str) -> str | None:
    """The password that a first start prints: the word behind "password" on its line."""
    match = re.search(r"^.*\bpassword\b[^:\n]*:\s*(\S+)\s*$", text, re.IGNORECASE | re.MULTILINE)
    return match[1] if match else None


def test_the_generated_password_works_and_is_printed_once(holdfast, folder):
    server = holdfast(start=False)
    command = server.command()
    ready = server.data / "run/ready.json"

    def start():
        ready.unlink(missing_ok=True)
        process = Process(command, server.log, env=tools.environment())
        process.wait_for(ready.exists, "ready.json")
        server.ready = json.loads(ready.read_text())
        server.process = process

    start()
    text = server.log_text()
    password = generated_password(text)
    assert password and len(password) >= 12, text
    assert re.search(r"\badmin\b", text), text
    client = server.client("admin", password)
    assert client.get_token([]).status == 200
    server.stop()
    server.log.unlink()
    start()
    assert password not in server.log_text()
    assert generated_password(server.log_text()) is None
    client = server.client("admin", password)
    assert client.get_token([]).status == 200


def test_a_given_password_is_not_printed(holdfast):
    server = holdfast()
    assert server.admin_password not in server.log_text()
    assert server.admin_client().get_token([]).status == 200


def test_the_authority_and_the_account_stay(holdfast):
    server = holdfast()
    ca = server.ca.read_bytes()
    password = server.admin_password
    server.stop()
    server.admin_password = "something else entirely"
    server.start()
    assert server.ca.read_bytes() == ca
    assert server.client("admin", password).get_token([]).status == 200
    assert server.client("admin", "something else entirely").get_token([]).status == 401


def test_ready_json_goes_with_the_server(holdfast):
    server = holdfast()
    assert server.ready["pid"] == server.process.pid
    ready = server.data / "run/ready.json"
    server.stop()
    assert not ready.exists()
    assert not (server.data / "run/control.sock").exists()


def test_a_second_start_is_quick(holdfast):
    """Start-up does not depend on how much is stored; under the sanitizers it has more time."""
    server = holdfast()
    server.stop()
    start = time.monotonic()
    server.start()
    assert time.monotonic() - start < 10


def test_a_migration_copies_the_database_first(holdfast):
    """Looked at from outside: a fresh folder has no copy, since there was nothing to lose."""
    server = holdfast()
    assert not list(Path(server.data).glob("holdfast.db.before-*"))


def test_no_secret_reaches_the_log(holdfast):
    server = holdfast({"log.level": "debug", "create_repository_on_push": True, "token.refresh_tokens": True})
    server.add_user("alice", PASSWORD)
    alice = server.client("alice", PASSWORD)
    answer = alice.get_token(["repository:alice/a:push"], offline_token="true").json()
    alice.post_token(
        [("grant_type", "password"), ("service", alice.challenge()["service"]), ("client_id", "t"),
         ("username", "alice"), ("password", PASSWORD)]
    )
    alice.push_blob("alice/a", b"x")
    wrong = server.client("alice", "wrong-password-xyzzy")
    wrong.get_token([])
    alice.raw("GET", f"{alice.token_target()}?service=x&password=query-secret-plugh")
    server.stop()
    text = server.log_text()
    secrets = [
        PASSWORD, server.admin_password, "wrong-password-xyzzy", answer["token"],
        answer["refresh_token"], answer["token"].split(".")[2],
        (server.data / "secret.key").read_text().strip(),
    ]
    for secret in secrets:
        assert secret not in text
    database = b"".join(
        path.read_bytes() for path in server.data.glob("holdfast.db*") if path.is_file()
    )
    for secret in secrets[:5]:
        assert secret.encode() not in database
