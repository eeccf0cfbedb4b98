"""`holdfast backup`, `restore` and `support dump`, beside a running server."""

import json
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from conftest import PASSWORD
from harness import content, postgres
from harness.rest import Rest


def cli(server, *arguments, expect=0):
    return server.cli(*arguments, "--data-dir", str(server.data), expect=expect)


def test_a_backup_under_pushes_comes_back_whole(holdfast, folder):
    server = holdfast({"create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    alice = server.client("alice", PASSWORD)
    kept = content.image()
    alice.push("alice/app", kept, "v1")
    stop = threading.Event()
    failures = []

    def push_on():
        pusher = server.client("alice", PASSWORD)
        number = 0
        while not stop.is_set():
            try:
                pusher.push("alice/busy", content.image(), f"v{number}")
            except Exception as error:  # noqa: BLE001
                failures.append(error)
            number += 1

    thread = threading.Thread(target=push_on)
    thread.start()
    backup = folder / "monday.db"
    try:
        said = cli(server, "backup", str(backup)).stdout
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert "secret.key" in said and "accounts" in said
    assert backup.stat().st_mode & 0o777 == 0o600
    assert not list(folder.glob("monday.db?*")), "nothing stays beside it"
    with closing(sqlite3.connect(backup)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM accounts WHERE name = 'alice'").fetchone() == (1,)
    # An existing file is not written over.
    assert "already" in cli(server, "backup", str(backup), expect=1).stderr
    # It is known to have been made, by an event and to the alerts.
    events = Rest(server.admin_client(), "/api/v0").get("/events?pageSize=1000&objectType=SYSTEM")["events"]
    assert len([event for event in events if event["type"] == "CREATE"]) == 1, events

    # Into a fresh folder, with the key; the blobs are copied back.
    again = holdfast({"create_repository_on_push": True}, start=False, name="again")
    said = cli(again, "restore", str(backup), "--key", str(server.data / "secret.key")).stdout
    assert "holdfast verify" in said
    shutil.copytree(server.data / "blobs", again.data / "blobs", dirs_exist_ok=True)
    again.start()
    restored = again.client("alice", PASSWORD)
    manifest = restored.manifest("alice/app", "v1")
    assert manifest.status == 200 and manifest.body == kept.body, str(manifest)
    # Ids go on where they stopped: what is made now meets nothing that was there.
    restored.push("alice/app", content.image(), "v2")
    again.add_user("bob", PASSWORD)
    # A folder that holds a registry is not written over.
    again.stop()
    refused = cli(again, "restore", str(backup), "--key", str(server.data / "secret.key"), expect=1)
    assert "holds a registry already" in refused.stderr


def test_a_restore_that_cannot_be_says_why_and_leaves_nothing(holdfast, folder):
    server = holdfast()
    nonsense = folder / "nonsense"
    nonsense.write_bytes(b"no database at all")
    fresh = holdfast(start=False, name="fresh")
    key = str(server.data / "secret.key")
    assert "is no backup" in cli(fresh, "restore", str(nonsense), "--key", key, expect=1).stderr
    backup = folder / "b.db"
    cli(server, "backup", str(backup))
    assert "cannot read" in cli(fresh, "restore", str(backup), "--key", str(folder / "none"), expect=1).stderr
    assert not (fresh.data / "format").exists()
    cut = folder / "cut.db"
    cut.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])
    cli(fresh, "restore", str(cut), "--key", key, expect=1)
    assert not (fresh.data / "format").exists()
    assert not list(fresh.data.glob("restoring*"))


def test_a_backup_to_where_nothing_can_be_written(holdfast, folder):
    server = holdfast()
    assert cli(server, "backup", str(folder / "no/such/folder/b.db"), expect=1).stderr.startswith("holdfast: ")


def test_alerts_miss_a_backup(holdfast, folder):
    server = holdfast()
    api = Rest(server.admin_client(), "/api/v0")

    def missed():
        return [alert["message"] for alert in api.get("/meta/alerts") if alert["id"] == "no-backup"]

    assert missed() == []
    server.sql("UPDATE schema_migrations SET applied_at = applied_at - 8 * 86400000000")
    assert len(missed()) == 1 and "never saved" in missed()[0]
    cli(server, "backup", str(folder / "b.db"))
    assert missed() == []
    server.sql("UPDATE backups SET made_at = made_at - 8 * 86400000000")
    assert len(missed()) == 1 and "holdfast backup" in missed()[0]
    api.expect(202, "POST", "/meta/settings", {"disableBackupWarning": True})
    assert missed() == []


@pytest.mark.parametrize("running", [True, False], ids=["beside a server", "without one"])
def test_a_support_dump_tells_much_and_no_secret(holdfast, folder, running):
    server = holdfast()
    server.add_user("alice-of-acme", PASSWORD)
    server.create_repository("alice-of-acme/secret-plans")
    alice = Rest(server.client("alice-of-acme", PASSWORD), "/api/v0")
    token = alice.expect(200, "POST", "/api_tokens", {"tokenLabel": "label-of-alice"})["token"]
    if not running:
        server.stop()
    target = folder / "support.json"
    cli(server, "support", "dump", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    text = target.read_text()
    facts = json.loads(text)
    assert facts["database"]["state"] == "OK"
    assert facts["database"]["rows"]["repositories"] == 1
    assert facts["database"]["shared"] is postgres.chosen()
    assert facts["settings"]["readOnlyRegistry"] is False
    assert facts["configuration"]["https.listen"]["value"]
    assert facts["disk"]["bytes"] > 0
    assert {"version", "machine", "process", "jobs", "collections", "backup"} <= facts.keys()
    secrets = [PASSWORD, token, server.admin_password, "alice-of-acme", "secret-plans", "label-of-alice",
               (server.data / "secret.key").read_text(errors="replace").strip()]
    secrets += [row[0] for row in server.sql("SELECT password_hash FROM accounts")]
    if url := server.extra_environment.get("HOLDFAST_DATABASE_URL"):
        if "@" in url and ":" in url.split("//")[1].split("@")[0]:
            secrets.append(url.split("//")[1].split("@")[0].split(":")[1])
    for secret in secrets:
        assert not secret or secret not in text
    assert json.loads(cli(server, "support", "dump").stdout)["version"] == facts["version"]
