"""Tags and manifests by DTR's API."""

import pytest

from harness import content
from harness.rest import Rest, new_name

LIST_TAG = ["name", "digest", "author", "createdAt", "updatedAt", "inNotary", "hashMismatch", "manifest"]
MANIFEST = ["digest", "os", "architecture", "osVersion", "mediaType", "configMediaType", "configDigest", "size",
            "author", "createdAt"]


@pytest.fixture
def dtr(alice):
    return Rest(alice, "/api/v0")


@pytest.fixture
def path(dtr, repository):
    return f"/repositories/{repository}/tags"


def sizes(image) -> int:
    document = image.document
    return document["config"]["size"] + sum(one["size"] for one in document["layers"])


def test_a_tag_has_the_fields_that_automation_reads(dtr, alice, repository, path):
    image = alice.push(repository, content.image(), "v1")
    [tag] = dtr.get(path)
    assert list(tag) == LIST_TAG and list(tag["manifest"]) == MANIFEST
    own = Rest(alice).get("/accounts/alice")["id"]
    assert (tag["name"], tag["digest"], tag["author"]) == ("v1", image.digest, own)
    assert (tag["inNotary"], tag["hashMismatch"]) == (False, False)
    manifest = tag["manifest"]
    assert (manifest["os"], manifest["architecture"]) == ("linux", "amd64")
    assert manifest["size"] == sizes(image)
    assert manifest["configDigest"] == image.document["config"]["digest"]
    assert manifest["createdAt"] == "0001-01-01T00:00:00Z"
    assert tag["createdAt"] == tag["updatedAt"]
    again = alice.push(repository, content.image(), "v1")
    [moved] = dtr.get(path)
    assert moved["createdAt"] == tag["createdAt"] < moved["updatedAt"]
    assert moved["digest"] == again.digest


def test_the_lines_of_the_dockerfile_have_their_layers(dtr, alice, repository, path):
    layers = [content.layer({f"etc/{name}": name.encode()})[0] for name in ("one", "two")]
    config = content.encode({
        "os": "linux", "architecture": "arm64", "os.version": "1", "author": "me",
        "created": "2026-01-02T03:04:05.123456789Z",
        "history": [{"created_by": "FROM one"}, {"created_by": "ENV a=b", "empty_layer": True},
                    {"created_by": "COPY two"}, {"created_by": "CMD x", "empty_layer": True}]})
    document = content.image(layers=layers).document
    document["config"] = content.descriptor(document["config"]["mediaType"], config)
    image = content.Manifest(document["mediaType"], content.encode(document), [config, *layers])
    alice.push(repository, image, "v1")
    [tag] = dtr.get(f"{path}?includeManifests=true")
    assert tag["manifest"]["createdAt"] == "2026-01-02T03:04:05.123456789Z"
    lines = tag["manifest"]["dockerfile"]
    assert [(one["line"], one["isEmpty"]) for one in lines] == [
        ("FROM one", False), ("ENV a=b", True), ("COPY two", False), ("CMD x", True)]
    assert [one["layerDigest"] for one in lines if not one["isEmpty"]] == [
        one["digest"] for one in document["layers"]]
    assert sum(one["size"] for one in lines) + len(config) == tag["manifest"]["size"]
    [single] = dtr.get(f"{path}/v1")
    assert single["manifest"]["dockerfile"] == lines and single["components"] == []


def test_an_index_is_shown_by_platform(dtr, alice, repository, path):
    children = [content.image(architecture=one) for one in ("amd64", "arm64")]
    for child in children:
        alice.push(repository, child)
    index = alice.push(repository, content.index(children), "multi")
    [tag] = dtr.get(path)
    assert [one["digest"] for one in tag["manifest"]["manifests"]] == [one.digest for one in children]
    assert tag["manifest"]["size"] == sum(sizes(one) for one in children)
    shown = dtr.get(f"{path}/multi")
    assert [one["manifest"]["architecture"] for one in shown] == ["amd64", "arm64"]
    assert {one["digest"] for one in shown} == {index.digest}
    [only] = dtr.get(f"{path}/multi?os=linux&arch=arm64")
    assert only["manifest"]["digest"] == children[1].digest
    manifests = dtr.call("GET", f"/repositories/{repository}/manifests?count=true")
    assert {one["digest"] for one in manifests.json()} == {index.digest, *(one.digest for one in children)}
    assert manifests.header("x-resource-count") == "3"


def test_a_digest_gives_every_tag_on_it(dtr, alice, repository, path):
    image = alice.push(repository, content.image(), "b", "a")
    assert [one["name"] for one in dtr.get(f"{path}/{image.digest}")] == ["a", "b"]
    bare = alice.push(repository, content.image())
    assert [one["name"] for one in dtr.get(f"{path}/{bare.digest}")] == [""]
    dtr.refused(404, "NO_SUCH_REF", "GET", f"{path}/c")
    dtr.refused(404, "NO_SUCH_REF", "GET", f"{path}/sha256:{'0' * 64}")
    dtr.refused(400, "INVALID_TAG_NAME", "GET", f"{path}/-c")
    dtr.refused(400, "INVALID_DIGEST", "GET", f"{path}/sha256:0")


def test_tags_are_paged_and_counted(dtr, alice, repository, path):
    names = [f"v{i}" for i in range(7)]
    alice.push(repository, content.image(), *names)
    seen, start = [], ""
    while True:
        response = dtr.call("GET", f"{path}?pageSize=3&count=true&pageStart={start}")
        assert response.header("x-resource-count") == "7"
        seen += [one["name"] for one in response.json()]
        start = response.header("x-next-page-start")
        if not start:
            break
    assert seen == names
    assert len(dtr.get(f"{path}?pageSize=100000")) == 7
    assert [one["name"] for one in dtr.get(f"{path}?pageStart=v5")] == ["v5", "v6"]


def test_deleting_a_tag_and_a_manifest(dtr, alice, bob, repository, path):
    image = alice.push(repository, content.image(), "v1", "v2")
    Rest(bob, "/api/v0").refused(404, "NO_SUCH_REPOSITORY", "DELETE", f"{path}/v1")
    dtr.expect(204, "DELETE", f"{path}/v1")
    dtr.refused(404, "NO_SUCH_REF", "DELETE", f"{path}/v1")
    assert [one["name"] for one in dtr.get(path)] == ["v2"]
    dtr.expect(204, "DELETE", f"/repositories/{repository}/manifests/{image.digest}")
    assert dtr.get(path) == []


@pytest.mark.parametrize("config", [b"no json", b'{"history":7,"os":[1]}', b'{"history":[1,{"created_by":{}}]}',
                                    b'{"created":"\xff"}', b"[" * 1000, b'{"created":"yesterday"}'])
def test_a_hostile_config_harms_nobody(dtr, alice, repository, path, config):
    document = content.image().document
    document["config"] = content.descriptor(document["config"]["mediaType"], config)
    document["layers"] = []
    alice.push(repository, content.Manifest(document["mediaType"], content.encode(document), [config]), "v1")
    [tag] = dtr.get(f"{path}?includeManifests=true")
    assert (tag["manifest"]["os"], tag["manifest"]["createdAt"]) == ("", "0001-01-01T00:00:00Z")


def test_a_repository_that_is_hidden(repository, alice, anonymous, bob):
    alice.push(repository, content.image(), "v1")
    for who in (anonymous, bob):
        for rest in ("tags", "tags/v1", "manifests"):
            Rest(who, "/api/v0").refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{repository}/{rest}")
    name = new_name("empty")
    Rest(alice, "/api/v0").expect(201, "POST", "/repositories/alice", {"name": name})
    assert Rest(alice, "/api/v0").get(f"/repositories/alice/{name}/tags") == []


def test_more_tags_than_a_step_of_a_page(dtr, alice, anonymous, public_repository):
    path = f"/repositories/{public_repository}/tags"
    image = alice.push(public_repository, content.image())
    names = [f"v{i:04}" for i in range(1200)]
    for at in range(0, len(names), 200):
        query = "?" + "&".join(f"tag={name}" for name in names[at:at + 200])
        assert alice.put_manifest(public_repository, image.digest, image.body, image.media_type, query).status == 201
    everything = dtr.call("GET", f"{path}?pageSize=100000")
    assert [one["name"] for one in everything.json()] == names
    assert everything.header("x-next-page-start") is None
    exactly = dtr.call("GET", f"{path}?pageSize=1000&pageStart=v0200")
    assert [one["name"] for one in exactly.json()] == names[200:] and exactly.header("x-next-page-start") is None
    # Who is not logged in may not make the server write so much at once.
    stranger = Rest(anonymous, "/api/v0").call("GET", f"{path}?pageSize=100000")
    assert [one["name"] for one in stranger.json()] == names[:1000]
    assert stranger.header("x-next-page-start") == names[1000]
    assert [one["name"] for one in dtr.get(f"{path}/{image.digest}")] == names[:100]


def test_an_index_of_a_crowd_stays_readable(dtr, alice, repository, path):
    child = alice.push(repository, content.image())
    document = content.index([child]).document
    document["manifests"] = document["manifests"] * 1000
    index = content.Manifest(document["mediaType"], content.encode(document), [])
    alice.push(repository, index, "crowd")
    [tag] = dtr.get(path)
    assert len(tag["manifest"]["manifests"]) == 128
    assert len(dtr.get(f"{path}/crowd")) == 128
