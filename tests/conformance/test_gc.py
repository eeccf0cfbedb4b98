"""Collection of garbage, online: what nothing keeps goes, its bytes too; nothing else does."""

import itertools
import json
import shutil
import threading
import time

import pytest

from conftest import PASSWORD
from harness import content, postgres
from harness.rest import Rest

AT_ONCE = {"gcUntaggedGrace": "0", "gcBlobGrace": "0"}


def change(server, **settings):
    Rest(server.admin_client(), "/api/v0").expect(202, "POST", "/meta/settings", settings)


def collect(server, *arguments) -> dict:
    return json.loads(server.cli(
        "gc", "run", "--json", "--data-dir", str(server.data), *arguments).stdout)


def explain(server, digest: str) -> list[str]:
    return json.loads(server.cli(
        "gc", "explain", digest, "--json", "--data-dir", str(server.data)).stdout)["kept"]


def files(server) -> set[str]:
    return {path.name.partition(".")[0] for path in (server.data / "blobs").rglob("*") if path.is_file()}


def hexes(*manifests) -> set[str]:
    return {content.digest_of(blob).partition(":")[2] for one in manifests for blob in one.blobs}


@pytest.fixture
def registry(holdfast):
    """A server with user alice, on which everything may go at once."""
    server = holdfast({"create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    server.alice = server.client("alice", PASSWORD)
    change(server, **AT_ONCE)
    return server


def test_bytes_are_freed_and_what_is_kept_is_pulled(registry):
    alice = registry.alice
    kept = alice.push("alice/app", content.image(unique="kept"), "kept")
    gone = alice.push("alice/app", content.image(unique="gone"), "gone")
    moved = alice.push("alice/app", content.image(unique="moved"), "latest")
    alice.push("alice/app", kept, "latest")
    assert alice.delete_manifest("alice/app", "gone").status == 202
    assert hexes(kept, gone, moved) == files(registry)
    freed = collect(registry)
    assert freed["manifests"] == 2 and freed["done"], freed
    assert files(registry) == hexes(kept)
    assert freed["blobs"] == len(hexes(gone, moved) - hexes(kept))
    for digest in (gone.digest, moved.digest):
        assert alice.manifest("alice/app", digest).status == 404
    for reference in ("kept", "latest", kept.digest):
        assert alice.manifest("alice/app", reference).body == kept.body
    for blob in kept.blobs:
        assert alice.blob("alice/app", content.digest_of(blob)).body == blob
    deleted = {(event["type"], event["actor"]) for event in events(registry)}
    assert ("manifest_deleted", "gc") in deleted
    alice.push("alice/app", gone, "again")
    for blob in gone.blobs:
        assert alice.blob("alice/app", content.digest_of(blob)).body == blob


def events(server) -> list[dict]:
    return [{"type": type_, "actor": actor}
            for type_, actor in server.sql("SELECT type, actor_name FROM events")]


def test_an_index_by_digest_keeps_its_images_and_referrers_their_place(registry):
    alice = registry.alice
    children = [alice.push("alice/app", content.image(unique=name)) for name in ("a", "b")]
    index = alice.push("alice/app", content.index(children), "multi")
    signature = alice.push("alice/app", content.artifact(subject=index.descriptor()))
    assert collect(registry)["manifests"] == 0
    assert explain(registry, children[0].digest) == [
        f"manifest in alice/app: named by the index {index.digest}"]
    assert explain(registry, signature.digest) == [
        f"manifest in alice/app: a referrer of {index.digest}"]
    assert alice.delete_manifest("alice/app", "multi").status == 202
    assert explain(registry, index.digest) == [
        "manifest in alice/app: nothing keeps it: the next run removes it"]
    assert collect(registry)["manifests"] == 4
    assert files(registry) == set()
    result = registry.cli("gc", "explain", index.digest, "--data-dir", str(registry.data), expect=1)
    assert "is not stored here" in result.stderr


def test_a_grace_that_runs(registry):
    alice = registry.alice
    change(registry, gcUntaggedGrace="1h", gcBlobGrace="1h")
    alice.push("alice/app", content.image(), "v1")
    digest = alice.push_blob("alice/app", b"for a manifest that comes later")
    assert alice.delete_manifest("alice/app", "v1").status == 202
    before = files(registry)
    assert collect(registry, "--full")["summary"].startswith("0 manifests, 0 links, 0 blobs")
    assert files(registry) == before
    assert "it may go after 20" in explain(registry, digest)[0]
    change(registry, gcUntaggedGrace="never", gcBlobGrace="0")
    collect(registry)
    assert len(files(registry)) == len(before) - 1
    rest = Rest(registry.admin_client(), "/api/v0")
    for name, value in (("gcUntaggedGrace", "soon"), ("gcBlobGrace", "never"), ("gcBlobGrace", 1)):
        rest.refused(400, "INVALID_SETTINGS", "POST", "/meta/settings", {name: value})


def test_two_repositories_share_a_layer(registry):
    alice = registry.alice
    image = alice.push("alice/one", content.image(), "v1")
    for blob in image.blobs:
        query = f"?mount={content.digest_of(blob)}&from=alice/one"
        assert alice.request("POST", f"/v2/alice/two/blobs/uploads/{query}").status == 201
    assert alice.put_manifest("alice/two", "v1", image.body, image.media_type).status == 201
    registry.admin("repo", "delete", "alice/one", "--yes")
    assert collect(registry)["blobs"] == 0
    for blob in image.blobs:
        assert alice.blob("alice/two", content.digest_of(blob)).body == blob
    registry.admin("repo", "delete", "alice/two", "--yes")
    collect(registry)
    assert files(registry) == set()


def age(server, hours: int):
    """As if all that may go had lain there so much longer."""
    micros = hours * 3600 * 1_000_000
    server.sql(f"UPDATE repository_blobs SET linked_at = linked_at - {micros}")
    server.sql(f"UPDATE loose_manifests SET since = since - {micros}")


def test_who_may_push_and_hears_that_it_is_there_finds_it_there(registry):
    """HEAD by a client that pushes: what it will not upload again stays for a whole grace."""
    registry.add_user("bob", PASSWORD)
    registry.create_repository("alice/app", public=True)
    change(registry, gcUntaggedGrace="1h", gcBlobGrace="1h")
    alice, bob = registry.alice, registry.client("bob", PASSWORD)
    for_push, for_pull = (alice.push_blob("alice/app", data) for data in (b"heard of", b"read"))
    children = [alice.push("alice/app", content.image(unique=name)) for name in ("heard of", "read")]
    age(registry, 2)
    registry.restart()
    alice, bob = registry.client("alice", PASSWORD), registry.client("bob", PASSWORD)
    for path in (f"blobs/{for_push}", f"manifests/{children[0].digest}"):
        assert alice.request("HEAD", f"/v2/alice/app/{path}").status == 200
    for path in (f"blobs/{for_pull}", f"manifests/{children[1].digest}"):
        assert bob.request("HEAD", f"/v2/alice/app/{path}").status == 200
    freed = collect(registry)
    assert freed["manifests"] == 1 and freed["done"], freed
    assert alice.request("HEAD", f"/v2/alice/app/blobs/{for_pull}").status == 404
    assert alice.request("HEAD", f"/v2/alice/app/manifests/{children[1].digest}").status == 404
    index = alice.push("alice/app", content.index(children[:1]), "multi")
    assert alice.manifest("alice/app", "multi").body == index.body
    assert alice.blob("alice/app", for_push).body == b"heard of"


@pytest.mark.sqlite
def test_without_a_server(registry):
    registry.alice.push("alice/app", content.image(), "v1")
    registry.alice.delete_manifest("alice/app", "v1")
    registry.stop()
    assert collect(registry)["manifests"] == 1
    assert files(registry) == set()
    status = registry.cli("gc", "status", "--data-dir", str(registry.data)).stdout
    assert "1 manifests" in status and "done" in status, status


def another_replica(holdfast, registry):
    """A second server on the same database and blobs."""
    other = holdfast(dict(registry.settings), start=False, name="replica",
                     environment=registry.extra_environment)
    other.data.mkdir()
    for name in ("format", "secret.key", "database", "ca.crt"):
        if (registry.data / name).exists():
            shutil.copy2(registry.data / name, other.data / name)
    for name in ("blobs", "uploads"):
        (other.data / name).symlink_to(registry.data / name)
    other.admin_password = registry.admin_password
    return other.start()


def test_a_push_storm_beside_collections(registry, holdfast):
    """Pushes with shared layers, on two replicas where the engine has them; not one fails."""
    servers = [registry] + ([another_replica(holdfast, registry)] if postgres.chosen() else [])
    # What a client was told must hold long enough to be named, and not much longer.
    change(registry, gcUntaggedGrace="0", gcBlobGrace="5s")
    shared = content.random_blob(2000)
    stop = threading.Event()
    problems, pushed = [], []

    def push(number: int):
        client = servers[number % len(servers)].client("alice", PASSWORD)
        try:
            for turn in itertools.count():
                time.sleep(0.05)  # collections give way to pushes: these leave them some room
                image = content.image(unique=f"{number}-{turn}", layers=[shared, content.random_blob(500)])
                client.push("alice/app", image, f"t{number}")
                if turn % 3 == 2:
                    assert client.delete_manifest("alice/app", f"t{number}").status == 202
                else:
                    read = client.manifest("alice/app", f"t{number}")
                    assert read.status == 200 and read.body == image.body, str(read)
                if stop.is_set() and turn % 3 == 0:
                    pushed.append(image)
                    return
        except BaseException as problem:  # told by the test's own thread
            problems.append(problem)
        finally:
            client.close()

    threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    removed = 0
    until = time.monotonic() + 12
    for turn in itertools.count():
        removed += collect(servers[turn % len(servers)])["manifests"]
        if time.monotonic() > until:
            break
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems, problems
    assert removed > 0
    change(registry, **AT_ONCE)
    collect(registry)
    assert files(registry) == hexes(*pushed)
    for image in pushed:
        for blob in image.blobs:
            for server in servers:
                assert server.client("alice", PASSWORD).blob(
                    "alice/app", content.digest_of(blob)).body == blob
