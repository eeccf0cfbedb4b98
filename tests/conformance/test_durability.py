"""Stops, crashes and restarts: what was acknowledged is there and whole, nothing else is."""

import os
import random
import threading
import time

import pytest

from conftest import PASSWORD
from harness import content
from harness.http_client import ConnectionClosed
from harness.registry_client import Session
from harness.tools import wait_until

PUSHING = {"create_repository_on_push": True}


def started(holdfast, settings=None):
    server = holdfast({**PUSHING, **(settings or {})})
    server.add_user("alice", PASSWORD)
    return server


def continued(server, old: Session) -> Session:
    """The same upload session, through a client of the server as it runs now."""
    session = Session.__new__(Session)
    session.client = server.client("alice", PASSWORD)
    session.repository = old.repository
    session.locations = list(old.locations)
    return session


def restart(server, how):
    if how == "stop":
        server.stop()
    else:
        server.kill()
    server.start()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_was_pushed_is_there_after_a_restart(holdfast, how):
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    image = alice.push("alice/app", content.image(), "v1")
    subject = alice.push("alice/app", content.artifact(subject=image.descriptor()))
    sha512 = alice.push_blob("alice/app", b"x", "sha512")
    restart(server, how)
    alice = server.client("alice", PASSWORD)
    assert alice.manifest("alice/app", "v1").body == image.body
    for data in image.blobs:
        assert alice.blob("alice/app", content.digest_of(data)).body == data
    assert alice.blob("alice/app", sha512).body == b"x"
    referrers = alice.referrers("alice/app", image.digest).json()["manifests"]
    assert [entry["digest"] for entry in referrers] == [subject.digest]
    assert alice.tags("alice/app").json()["tags"] == ["v1"]


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_upload_goes_on_after_a_restart(holdfast, how, algorithm):
    """It resumes at the byte that the server says."""
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    data = content.random_blob(3 * (1 << 20) + 17)
    first = (1 << 20) + 5
    query = f"?digest-algorithm={algorithm}"
    session = alice.begin("alice/app", query)
    assert session.patch(data[:first], f"0-{first - 1}").status == 202
    restart(server, how)
    session = continued(server, session)
    status = session.status()
    assert status.status == 204, str(status)
    last = int(status.header("Range").partition("-")[2])
    if how == "stop":
        assert last == first - 1
    start = last + 1 if last else 0
    assert start <= first
    assert session.patch(data[start:], f"{start}-{len(data) - 1}").status == 202
    digest = content.digest_of(data, algorithm)
    response = session.put(digest)
    assert response.status == 201, str(response)
    assert session.client.blob("alice/app", digest).body == data


def test_an_upload_cut_by_a_crash_goes_on(holdfast):
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    data = content.random_blob(8 << 20)
    session = alice.begin("alice/app")
    token = alice.token_for(["repository:alice/app:pull,push,delete"])
    connection = alice.connect()
    connection.send_head(
        "PATCH",
        session.location,
        [
            ("Host", connection.authority),
            ("Authorization", f"Bearer {token}"),
            ("Transfer-Encoding", "chunked"),
        ],
    )
    part = data[: 5 << 20]
    connection.send(b"%x\r\n" % len(part) + part + b"\r\n")
    server.kill()
    connection.close()
    server.start()
    session = continued(server, session)
    status = session.status()
    assert status.status == 204, str(status)
    last = int(status.header("Range").partition("-")[2])
    start = last + 1 if last else 0
    assert start <= len(part)
    assert session.patch(data[start:], f"{start}-{len(data) - 1}").status == 202
    assert session.put(content.digest_of(data)).status == 201
    assert session.client.blob("alice/app", content.digest_of(data)).body == data


@pytest.mark.parametrize("seed", range(4))
def test_kill_during_pushes(holdfast, seed):
    """After a restart, what got 201 is there, whole; what did not is whole or not there at all."""
    chance = random.Random(seed)
    server = started(holdfast)
    acknowledged_blobs: dict[str, bytes] = {}
    acknowledged_tags: dict[str, bytes] = {}
    tried_blobs: dict[str, bytes] = {}
    tried_tags: dict[str, bytes] = {}
    lock = threading.Lock()
    enough = threading.Event()

    def push(worker):
        client = server.client("alice", PASSWORD)
        try:
            for number in range(1000):
                image = content.image(layers=[content.random_blob(chance.randrange(1, 400_000))])
                for data in image.blobs:
                    digest = content.digest_of(data)
                    with lock:
                        tried_blobs[digest] = data
                    client.push_blob("alice/app", data)
                    with lock:
                        acknowledged_blobs[digest] = data
                tag = f"w{worker}-{number}"
                with lock:
                    tried_tags[tag] = image.body
                response = client.put_manifest("alice/app", tag, image.body, image.media_type)
                assert response.status == 201, str(response)
                with lock:
                    acknowledged_tags[tag] = image.body
                    if len(acknowledged_tags) >= 8:
                        enough.set()
        except (ConnectionClosed, ConnectionError, OSError):
            pass
        finally:
            client.close()

    threads = [threading.Thread(target=push, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert enough.wait(120), "pushes go through"
        # Somewhere in the midst of the next one: the moment differs with the seed.
        target = len(acknowledged_blobs) + chance.randrange(1, 6)
        wait_until(lambda: len(acknowledged_blobs) >= target, "a few more", interval=0.001)
    finally:
        server.process.kill()  # the clients see the connection break
        for thread in threads:
            thread.join(60)
    server.kill()
    server.start()
    alice = server.client("alice", PASSWORD)
    for digest, data in tried_blobs.items():
        response = alice.blob("alice/app", digest)
        if digest in acknowledged_blobs:
            assert response.status == 200, f"acknowledged and lost: {response}"
        if response.status == 200:
            assert response.body == data
        else:
            assert response.status == 404, str(response)
    tags = set()
    for page in alice.pages("/v2/alice/app/tags/list"):
        tags |= set(page.json()["tags"])
    assert set(acknowledged_tags) <= tags <= set(tried_tags)
    for tag in tags:
        response = alice.manifest("alice/app", tag)
        assert response.status == 200, str(response)
        assert response.body == tried_tags[tag]
        document = response.json()
        for entry in [document["config"], *document["layers"]]:
            assert alice.blob("alice/app", entry["digest"], method="HEAD").status == 200
    # And it takes new pushes, of the same content too.
    image = alice.push("alice/app", content.image(), "after")
    assert alice.manifest("alice/app", "after").body == image.body
    for digest, data in tried_blobs.items():
        if digest not in acknowledged_blobs:
            alice.push_blob("alice/app", data)
            assert alice.blob("alice/app", digest).body == data


def backdate_uploads(server, days: int):
    """Makes every unfinished upload older, in the database and on the disk."""
    microseconds = days * 24 * 3600 * 1_000_000
    assert server.sql("SELECT count(*) FROM uploads") != [("0",)]
    server.sql(f"UPDATE uploads SET created_at = created_at - {microseconds}")
    old = time.time() - days * 24 * 3600
    for path in (server.data / "uploads").iterdir():
        os.utime(path, (old, old))


def test_unfinished_uploads_expire(holdfast):
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    old = alice.begin("alice/app")
    assert old.patch(b"abc").status == 202
    finished = alice.push("alice/app", content.image(), "v1")
    assert list((server.data / "uploads").iterdir())
    server.stop()
    backdate_uploads(server, 8)
    server.start()
    old = continued(server, old)
    wait_until(lambda: old.status().status == 404, "the upload expires", timeout=90)
    wait_until(lambda: not list((server.data / "uploads").iterdir()), "its bytes go", timeout=30)
    assert old.patch(b"def").status == 404
    assert old.client.manifest("alice/app", "v1").body == finished.body


def test_young_uploads_do_not_expire(holdfast):
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    session = alice.begin("alice/app")
    assert session.patch(b"abc").status == 202
    server.stop()
    backdate_uploads(server, 6)
    server.start()
    session = continued(server, session)
    assert session.status().status == 204
    assert session.put(content.digest_of(b"abc")).status == 201


def test_no_bytes_are_left_after_finished_and_cancelled_uploads(holdfast):
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    data = content.random_blob(100_000)
    for _ in range(3):  # the second and third lose to the first
        alice.push_blob("alice/app", data)
    session = alice.begin("alice/app")
    assert session.patch(data).status == 202
    assert session.delete().status == 204
    uploads = server.data / "uploads"
    wait_until(lambda: not list(uploads.iterdir()), "uploads/ is empty", timeout=10)
    files = [path for path in (server.data / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 1, files
    assert files[0].read_bytes() == data


def test_a_graceful_stop_lets_requests_end(holdfast):
    server = started(holdfast)
    alice = server.client("alice", PASSWORD)
    data = content.random_blob(2 << 20)
    session = alice.begin("alice/app")
    token = alice.token_for(["repository:alice/app:pull,push,delete"])
    with alice.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Content-Length", str(len(data))),
            ],
        )
        connection.send(data[: 1 << 20])
        server.process.popen.terminate()

        def refused():
            try:
                alice.connect(timeout=2).close()
                return False
            except OSError:
                return True

        wait_until(refused, "no new connections")
        connection.send(data[1 << 20 :])
        response = connection.read_response("PATCH")
        assert response.status == 202, str(response)
    assert server.process.terminate() == 0
    server.start()
    session = continued(server, session)
    assert session.status().header("Range") == f"0-{len(data) - 1}"
    assert session.put(content.digest_of(data)).status == 201


def test_a_stop_waits_no_longer_than_it_says(holdfast):
    server = started(holdfast, {"limits.drain": "1s"})
    alice = server.client("alice", PASSWORD)
    session = alice.begin("alice/app")
    token = alice.token_for(["repository:alice/app:pull,push,delete"])
    with alice.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Content-Length", "1000000"),
            ],
        )
        connection.send(b"x")
        start = time.monotonic()
        assert server.process.terminate(timeout=30) == 0
        assert time.monotonic() - start < 20
