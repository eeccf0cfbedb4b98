"""What is stored, pulled and pushed, compared with what a model in Python says."""

import json
import time

import pytest

from harness import content, tools
from harness.registry_client import quote
from harness.rest import Rest, new_name


@pytest.fixture
def dtr(admin):
    return Rest(admin, "/api/v0")


@pytest.fixture
def organization(admin):
    name = new_name("org")
    Rest(admin).expect(201, "POST", "/accounts", {"name": name, "isOrg": True})
    return name


class Model:
    """What repositories refer to; drives the registry and itself."""

    def __init__(self, client, dtr):
        self.client, self.dtr = client, dtr
        self.blobs: dict[str, dict[str, int]] = {}
        self.manifests: dict[str, dict[str, int]] = {}
        self.tags: dict[str, set[str]] = {}

    def create(self, repository, visibility="private"):
        namespace, name = repository.split("/")
        self.dtr.expect(201, "POST", f"/repositories/{namespace}", {"name": name, "visibility": visibility})
        self.blobs[repository], self.manifests[repository], self.tags[repository] = {}, {}, set()

    def push(self, repository, image, tag):
        self.client.push(repository, image, tag)
        for blob in image.blobs:
            self.blobs[repository][content.digest_of(blob)] = len(blob)
        self.manifests[repository][image.digest] = image.size
        self.tags[repository].add(tag)

    def mount(self, source, repository, blob):
        digest = content.digest_of(blob)
        query = f"?mount={quote(digest)}&from={quote(source)}"
        assert self.client.request("POST", f"/v2/{repository}/blobs/uploads/{query}").status == 201
        self.blobs[repository][digest] = len(blob)

    def delete_manifest(self, repository, image, tag):
        assert self.client.delete_manifest(repository, image.digest).status == 202
        del self.manifests[repository][image.digest]
        self.tags[repository].discard(tag)

    def delete_blob(self, repository, blob):
        digest = content.digest_of(blob)
        assert self.client.request("DELETE", f"/v2/{repository}/blobs/{digest}").status == 202
        del self.blobs[repository][digest]

    def delete(self, repository):
        self.dtr.expect(204, "DELETE", f"/repositories/{repository}")
        del self.blobs[repository], self.manifests[repository], self.tags[repository]

    def expected(self, repositories):
        mine = [name for name in self.blobs if name in repositories]
        others = {digest for name in self.blobs if name not in repositories for digest in self.blobs[name]}
        held = {digest: size for name in mine for digest, size in self.blobs[name].items()}
        total = sum(held.values())
        shared = sum(size for digest, size in held.items() if digest in others)
        return {
            "bytes": total,
            "sharedBytes": shared,
            "exclusiveBytes": total - shared,
            "manifestBytes": sum(size for name in mine for size in self.manifests[name].values()),
            "repositories": len(mine),
            "tags": sum(len(self.tags[name]) for name in mine),
            "manifests": sum(len(self.manifests[name]) for name in mine),
            "blobs": len(held),
        }


def storage(rest, path=""):
    # What was counted is kept for twenty times as long as counting took.
    time.sleep(0.5)
    answer = rest.get(f"/holdfast/storage{path}")
    assert answer.pop("at")
    return answer


def test_storage_is_what_is_referred_to(admin, dtr, organization):
    other = new_name("org")
    Rest(admin).expect(201, "POST", "/accounts", {"name": other, "isOrg": True})
    model = Model(admin, dtr)
    one, two, far = f"{organization}/one", f"{organization}/two", f"{other}/far"

    def check():
        for repository in model.blobs:
            assert storage(dtr, f"/{repository}") == model.expected({repository})
        for namespace in (organization, other):
            mine = {name for name in model.blobs if name.startswith(f"{namespace}/")}
            assert storage(dtr, f"/{namespace}") == model.expected(mine)

    for repository in (one, two, far):
        model.create(repository)
    check()
    base = content.random_blob(50_000)
    first, second = content.image(layers=[base, b"first"]), content.image(layers=[base, b"second"])
    model.push(one, first, "v1")
    model.push(one, first, "v2")
    model.push(two, second, "v1")
    check()
    third = content.image()
    model.push(far, third, "v1")
    model.mount(one, far, base)
    check()
    model.delete_manifest(one, first, "v1")
    model.tags[one].clear()
    model.delete_blob(one, b"first")
    model.delete_blob(one, base)
    check()
    model.delete(two)
    check()


def test_storage_of_everything(server, alice, dtr, repository, other_repository):
    image = content.image(layers=[content.random_blob(10_000)])
    alice.push(repository, image, "v1")
    alice.push(other_repository, image, "v1")

    def by_sql():
        [(blobs, size, shared)] = server.sql(
            "SELECT count(*), sum(size), sum(CASE WHEN n > 1 THEN size ELSE 0 END) FROM (SELECT b.id, b.size, "
            "count(*) AS n FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id GROUP BY b.id, b.size) AS t")
        [(manifests, manifest_bytes)] = server.sql("SELECT count(*), sum(length(content)) FROM manifests")
        [(tags,)] = server.sql("SELECT count(*) FROM tags")
        [(repositories,)] = server.sql("SELECT count(*) FROM repositories")
        return {
            "bytes": int(size), "sharedBytes": int(shared), "exclusiveBytes": int(size) - int(shared),
            "manifestBytes": int(manifest_bytes), "repositories": int(repositories), "tags": int(tags),
            "manifests": int(manifests), "blobs": int(blobs)}

    assert storage(dtr) == by_sql()


def test_who_sees_how_much_is_stored(dtr, alice, bob, anonymous, repository, public_repository):
    Rest(alice, "/api/v0").expect(200, "PATCH", f"/repositories/{repository}", {"visibility": "private"})
    hers, his, nobody = (Rest(client, "/api/v0") for client in (alice, bob, anonymous))
    for rest in (dtr, hers):
        assert storage(rest, f"/{repository}")["repositories"] == 1
        assert storage(rest, "/alice")["repositories"] >= 1
    for rest in (his, nobody):
        rest.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/holdfast/storage/{repository}")
        rest.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/holdfast/traffic?repository={repository}")
    his.refused(403, "NOT_AUTHORIZED", "GET", "/holdfast/storage/alice")
    his.refused(403, "NOT_AUTHORIZED", "GET", "/holdfast/traffic?namespace=alice")
    for path in ("/holdfast/storage", "/holdfast/traffic"):
        hers.refused(403, "NOT_AUTHORIZED", "GET", path)
        nobody.refused(401, "NOT_AUTHENTICATED", "GET", path)


def test_traffic_over_time(server, dtr, alice, repository):
    rest = Rest(alice, "/api/v0")
    image = alice.push(repository, content.image(), "v1")
    for _ in range(3):
        assert alice.manifest(repository, "v1").status == 200

    def counted():
        answer = rest.get(f"/holdfast/traffic?repository={repository}&step=hour")
        return (answer["pulls"], answer["pushes"]) == (3, 1)

    # On a database that replicas share, events are counted when they are some seconds old.
    tools.wait_until(counted, "the pulls to be counted", timeout=40)
    assert image.digest
    by_day = rest.get(f"/holdfast/traffic?repository={repository}")
    assert by_day["step"] == "day"
    assert (by_day["pulls"], by_day["pushes"]) == (3, 1)
    assert len(by_day["points"]) in (30, 31)
    assert sum(point["pulls"] for point in by_day["points"][-2:]) == 3
    ends = rest.get(f"/holdfast/traffic?repository={repository}&to=2020-01-01T00:00:00Z")
    assert ends["points"] == []
    assert rest.get("/holdfast/traffic?namespace=alice")["pulls"] >= 3
    assert dtr.get("/holdfast/traffic")["pulls"] >= 3
    hours = dtr.get("/holdfast/traffic?step=hour&from=2000-01-01T00:00:00Z")["points"]
    assert len(hours) in (14 * 24, 14 * 24 + 1)
    rest.refused(400, "INVALID_PARAMETERS", "GET", f"/holdfast/traffic?repository={repository}&step=year")
    rest.refused(400, "INVALID_PARAMETERS", "GET", f"/holdfast/traffic?repository={repository}&from=never")


def test_who_shares_what(dtr, alice, bob, public_repository, other_repository):
    repository = public_repository
    base = content.random_blob(5_000)
    image = content.image(layers=[base, b"its own"])
    alice.push(repository, image, "v1", "latest")
    alice.push(other_repository, image, "v1")
    index = content.index([image])
    alice.push(repository, index, "multi")
    signature = content.image(subject=image.descriptor())
    alice.push(repository, signature, signature.digest)
    path = f"/holdfast/repositories/{repository}/manifests/v1/sharing"
    answer = Rest(alice, "/api/v0").get(path)
    assert answer["digest"] == image.digest
    assert answer["tags"] == {"names": ["latest", "v1"], "more": False}
    assert answer["indexes"] == {"names": [index.digest], "more": False}
    assert answer["referrers"] == {"names": [signature.digest], "more": False}
    hers = {"names": [other_repository], "visible": 1, "hidden": 0, "more": False}
    assert answer["repositories"] == hers
    assert answer["exclusiveBytes"] == 0
    layers = {blob["digest"]: blob for blob in answer["blobs"]}
    assert set(layers) == {content.digest_of(blob) for blob in image.blobs}
    assert layers[content.digest_of(base)]["repositories"] == hers
    assert layers[content.digest_of(base)]["size"] == len(base)
    seen = Rest(bob, "/api/v0").get(path)
    assert seen["repositories"] == {"names": [], "visible": 0, "hidden": 1, "more": False}
    Rest(bob, "/api/v0").refused(
        404, "NO_SUCH_REPOSITORY", "GET", f"/holdfast/repositories/{other_repository}/manifests/v1/sharing")
    dtr.expect(204, "DELETE", f"/repositories/{other_repository}")
    answer = Rest(alice, "/api/v0").get(f"/holdfast/repositories/{repository}/manifests/{image.digest}/sharing")
    assert answer["exclusiveBytes"] == sum(len(blob) for blob in image.blobs)
    Rest(alice, "/api/v0").refused(
        404, "NO_SUCH_REF", "GET", f"/holdfast/repositories/{repository}/manifests/v9/sharing")


def configured(layers, **run):
    """An image whose config says how it runs."""
    plain = content.image(layers=layers)
    config = content.encode(json.loads(plain.blobs[0]) | {"config": run})
    document = plain.document | {"config": content.descriptor(content.OCI_CONFIG, config)}
    return content.Manifest(plain.media_type, content.encode(document), [config, *layers])


def test_two_images_side_by_side(alice, bob, repository):
    rest = Rest(alice, "/api/v0")
    base, old, new = (content.random_blob(size) for size in (4_000, 300, 700))
    before = configured([base, old], Env=["PATH=/bin", "A=1"], Cmd=["sh"], Labels={"version": "1"}, User="root")
    after = configured([base, new], Env=["PATH=/bin", "B=2"], Cmd=["sh", "-c"], Labels={"version": "2"},
                       User="root", ExposedPorts={"80/tcp": {}})
    alice.push(repository, before, "v1")
    alice.push(repository, after, "v2")
    path = f"/holdfast/repositories/{repository}/compare"
    answer = rest.get(f"{path}?from=v1&to=v2")
    assert answer["from"]["digest"] == before.digest
    assert answer["to"]["digest"] == after.digest

    def shown(layer, number):
        return [{"digest": content.digest_of(layer), "size": len(layer), "line": f"layer {number}"}]

    assert answer["layers"] == {"added": shown(new, 1), "removed": shown(old, 1), "same": shown(base, 0)}
    assert answer["sizeDifference"] == 400 + len(after.blobs[0]) - len(before.blobs[0])
    assert answer["config"] == {
        "env": {"added": ["B=2"], "removed": ["A=1"]},
        "labels": {"added": ["version=2"], "removed": ["version=1"]},
        "ports": {"added": ["80/tcp"], "removed": []},
        "cmd": {"from": ["sh"], "to": ["sh", "-c"]},
    }
    same = rest.get(f"{path}?from=v1&to={before.digest}")
    assert (same["config"], same["sizeDifference"], same["layers"]["added"]) == ({}, 0, [])
    alice.push(repository, content.index([after]), "multi")
    assert rest.get(f"{path}?from=v1&to=multi&platform=linux/amd64")["to"]["digest"] == after.digest
    rest.refused(404, "NO_SUCH_REF", "GET", f"{path}?from=v1&to=multi&platform=windows/amd64")
    rest.refused(404, "NO_SUCH_REF", "GET", f"{path}?from=v1&to=v9")
    rest.refused(400, "INVALID_PARAMETERS", "GET", f"{path}?from=v1")
    Rest(bob, "/api/v0").refused(404, "NO_SUCH_REPOSITORY", "GET", f"{path}?from=v1&to=v2")


def test_sizes_that_a_manifest_makes_up_stay_numbers(alice, repository):
    image = content.image(layers=[b"one", b"two", b"three"])
    layers = [layer | {"size": 2**63 - 1} for layer in image.document["layers"]]
    liar = content.Manifest(image.media_type, content.encode(image.document | {"layers": layers}), image.blobs)
    alice.push(repository, content.image(), "honest")
    alice.push(repository, liar, "liar")
    rest = Rest(alice, "/api/v0")
    answer = rest.get(f"/holdfast/repositories/{repository}/compare?from=liar&to=honest")
    assert 2**50 < answer["from"]["size"] < 2**63 and answer["sizeDifference"] < 0
    assert 0 < rest.get(f"/holdfast/repositories/{repository}/manifests/liar/sharing")["exclusiveBytes"] < 2**63
    assert 0 < rest.get(f"/repositories/{repository}/tags/liar")[0]["manifest"]["size"] < 2**63


def test_a_first_page(dtr, alice, anonymous, organization, repository):
    before = Rest(alice, "/api/v0").get("/holdfast/dashboard")
    image = alice.push(repository, content.image(), "v1")
    time.sleep(0.5)
    after = Rest(alice, "/api/v0").get("/holdfast/dashboard")
    assert after["repositories"] == before["repositories"] + 1
    assert after["images"] == before["images"] + 1
    assert after["tags"] == before["tags"] + 1
    assert after["bytes"] == before["bytes"] + sum(len(blob) for blob in image.blobs)
    assert len(after["events"]) <= 10
    assert repository in {event["repository"] for event in after["events"]}
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "secret"})
    everything = dtr.get("/holdfast/dashboard")
    assert f"{organization}/secret" in {event["repository"] for event in everything["events"]}
    hers = Rest(alice, "/api/v0").get("/holdfast/dashboard")["events"]
    assert not [event for event in hers if event["repository"].startswith(organization)]
    assert everything["bytes"] >= after["bytes"]
    Rest(anonymous, "/api/v0").refused(401, "NOT_AUTHENTICATED", "GET", "/holdfast/dashboard")
