"""dockerd 20.10 and the docker CLI against 127.0.0.1:port, over TLS."""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.content import stored
from harness.engine import Engine
from harness.proxies import CuttingProxy
from harness.rest import Rest

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(registry):
    return registry.https.authority


@pytest.fixture(scope="module")
def logged_in(engine, host):
    engine.login(host, "alice", PASSWORD)
    return engine


@pytest.fixture
def repository():
    return f"alice/docker{next(_numbers)}"


@pytest.fixture
def alice(registry):
    client = registry.client("alice", PASSWORD)
    yield client
    client.close()


def image(engine, reference, busybox, layers=1):
    """An image with busybox and layers of random bytes, built by the classic builder."""
    parts = [{"bin/busybox": busybox}]
    parts += [{f"data/{number}": os.urandom(200_000)} for number in range(layers)]
    return engine.build(reference, parts)


def test_login(engine, host):
    config = engine.new_account()
    result = engine.login(host, "alice", PASSWORD, config=config)
    assert "Login Succeeded" in result.stdout
    assert "identitytoken" not in (config / "config.json").read_text()
    wrong = engine.login(host, "alice", "wrong wrong", config=engine.new_account(), expect=1)
    nobody = engine.login(host, "nobody-at-all", "wrong wrong", config=engine.new_account(), expect=1)
    assert "unauthorized" in wrong.stderr
    assert wrong.stderr == nobody.stderr


def test_an_access_token_in_the_passwords_place(engine, host, repository, alice, busybox):
    api = Rest(alice, "/api/v0")
    made = api.expect(200, "POST", "/api_tokens", {
        "tokenLabel": "docker", "scope": [{"repository": repository, "actions": ["pull", "push"]}]})
    config = engine.new_account()
    assert "Login Succeeded" in engine.login(host, "alice", made["token"], config=config).stdout
    reference = f"{host}/{repository}:v1"
    image(engine, reference, busybox)
    engine.docker("push", reference, config=config)
    engine.docker("pull", reference, config=config)
    elsewhere = f"{host}/{repository}-elsewhere:v1"
    engine.docker("tag", reference, elsewhere)
    assert "denied" in engine.docker("push", elsewhere, config=config, expect=1).stderr
    api.expect(200, "PATCH", f"/api_tokens/{made['hashedToken']}", {"isActive": False})
    assert "unauthorized" in engine.docker("pull", reference, config=config, expect=1).stderr


def test_push_and_pull(logged_in, host, repository, alice, busybox):
    engine = logged_in
    reference = f"{host}/{repository}:v1"
    identity = image(engine, reference, busybox)
    digest, size = engine.push(reference)
    response = stored(alice, repository, "v1")
    assert response.header("Docker-Content-Digest") == digest
    assert len(response.body) == size
    assert response.header("Content-Type") == content.DOCKER_MANIFEST
    engine.forget_everything()
    assert engine.pull(reference) == digest
    assert engine.image_id(reference) == identity
    engine.forget_everything()
    by_digest = f"{host}/{repository}@{digest}"
    assert engine.pull(by_digest) == digest
    assert engine.image_id(by_digest) == identity


def test_an_imported_root_file_system(logged_in, host, repository, alice, folder, busybox):
    root = folder / "root/bin"
    root.mkdir(parents=True)
    (root / "busybox").write_bytes(busybox)
    archive = folder / "root.tar"
    tools.run([tools.tool("tar"), "-C", folder / "root", "-cf", archive, "."])
    reference = f"{host}/{repository}:v1"
    logged_in.docker("import", str(archive), reference)
    digest, size = logged_in.push(reference)
    assert stored(alice, repository, "v1").header("Docker-Content-Digest") == digest


def test_push_again_uploads_nothing(logged_in, host, repository, alice, busybox):
    engine = logged_in
    reference = f"{host}/{repository}:v1"
    image(engine, reference, busybox)
    first = engine.push(reference)
    output = engine.docker("push", reference).stdout
    assert "Layer already exists" in output
    assert ": Pushed" not in output
    engine.docker("tag", reference, f"{host}/{repository}:v2")
    assert engine.push(f"{host}/{repository}:v2") == first
    assert alice.tags(repository).json()["tags"] == ["v1", "v2"]


def test_mount_across_repositories(logged_in, host, repository, alice, busybox):
    engine = logged_in
    image(engine, f"{host}/{repository}:v1", busybox)
    digest = engine.push(f"{host}/{repository}:v1")
    other = f"{repository}-copy"
    engine.docker("tag", f"{host}/{repository}:v1", f"{host}/{other}:v1")
    output = engine.docker("push", f"{host}/{other}:v1").stdout
    assert f"Mounted from {repository}" in output
    assert ": Pushed" not in output
    assert stored(alice, other, "v1").header("Docker-Content-Digest") == digest[0]


def test_no_mount_from_what_one_may_not_read(engine, registry, host, repository, busybox):
    """bob has alice's image in his Engine, but not her rights: the layers are uploaded again."""
    hers, his = engine.new_account(), engine.new_account()
    engine.login(host, "alice", PASSWORD, config=hers)
    engine.login(host, "bob", PASSWORD, config=his)
    image(engine, f"{host}/{repository}:v1", busybox)
    digest, _ = engine.push(f"{host}/{repository}:v1", config=hers)
    target = repository.replace("alice/", "bob/")
    engine.docker("tag", f"{host}/{repository}:v1", f"{host}/{target}:v1")
    output = engine.docker("push", f"{host}/{target}:v1", config=his).stdout
    assert "Mounted" not in output
    bob = registry.client("bob", PASSWORD)
    assert stored(bob, target, "v1").header("Docker-Content-Digest") == digest


def test_five_pushes_at_once(logged_in, host, repository, alice, busybox):
    engine = logged_in
    references = [f"{host}/{repository}:c{number}" for number in range(5)]
    for reference in references:
        image(engine, reference, busybox, layers=2)
    with ThreadPoolExecutor(5) as pool:
        pushed = list(pool.map(engine.push, references))
    for number, (digest, size) in enumerate(pushed):
        response = stored(alice, repository, f"c{number}")
        assert (response.header("Docker-Content-Digest"), len(response.body)) == (digest, size)


def test_pull_all_tags(logged_in, host, repository, busybox):
    engine = logged_in
    digests = {}
    for tag in ("a", "b", "c"):
        image(engine, f"{host}/{repository}:{tag}", busybox)
        digests[tag] = engine.push(f"{host}/{repository}:{tag}")[0]
    engine.forget_everything()
    engine.docker("pull", "--all-tags", f"{host}/{repository}")
    listed = engine.docker(
        "image", "ls", "--digests", "--format", "{{.Tag}} {{.Digest}}", f"{host}/{repository}"
    ).stdout.split("\n")
    assert {tuple(line.split()) for line in listed if line} == set(digests.items())


def test_a_manifest_list_is_resolved_to_this_platform(logged_in, host, repository, alice, busybox):
    engine = logged_in
    identity = image(engine, f"{host}/{repository}:amd64", busybox)
    engine.push(f"{host}/{repository}:amd64")
    response = alice.manifest(repository, "amd64")
    child = content.Manifest(content.DOCKER_MANIFEST, response.body)
    other = alice.push(repository, content.image("docker", architecture="arm64"))
    listing = content.index([child, other], "docker")
    alice.push(repository, listing, "multi")
    engine.forget_everything()
    assert engine.pull(f"{host}/{repository}:multi") == listing.digest
    assert engine.image_id(f"{host}/{repository}:multi") == identity


def test_an_oci_image_and_index(logged_in, host, repository, alice):
    packed, tar = content.layer({"etc/hello": b"hello"})
    config = content.encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [content.digest_of(tar)]},
        }
    )
    document = {
        "schemaVersion": 2,
        "mediaType": content.OCI_MANIFEST,
        "config": content.descriptor(content.OCI_CONFIG, config),
        "layers": [content.descriptor(content.OCI_LAYER, packed)],
    }
    made = content.Manifest(content.OCI_MANIFEST, content.encode(document), [config, packed])
    alice.push(repository, made, "oci")
    index = alice.push(repository, content.index([made]), "index")
    for tag, digest in (("oci", made.digest), ("index", index.digest)):
        logged_in.forget_everything()
        assert logged_in.pull(f"{host}/{repository}:{tag}") == digest
        assert logged_in.image_id(f"{host}/{repository}:{tag}") == content.digest_of(config)


def test_a_pull_goes_on_where_it_was_cut(registry, module_folder, machine, repository, busybox):
    """A proxy cuts the connection in the midst of a layer: dockerd asks for the rest by Range."""
    proxy = CuttingProxy(registry.https.address)
    folder = module_folder / "cut"
    folder.mkdir()
    engine = None
    try:
        through = f"127.0.0.1:{proxy.port}"
        engine = Engine(machine, folder, insecure=[through])
        engine.login(through, "alice", PASSWORD)
        reference = f"{through}/{repository}:v1"
        identity = engine.build(reference, [{"data/large": os.urandom(30 << 20)}])
        digest, _ = engine.push(reference)
        engine.forget_everything()
        proxy.cut_after(12 << 20)
        assert engine.pull(reference) == digest
        assert proxy.cuts == 1
        assert engine.image_id(reference) == identity
        assert "206" in registry.log_text()
    finally:
        if engine is not None:
            engine.close()
        proxy.close()


# --- refusals, in Docker's own words
def test_push_without_a_login(engine, host, repository, busybox):
    image(engine, f"{host}/{repository}:v1", busybox)
    result = engine.docker("push", f"{host}/{repository}:v1", expect=1, config=engine.new_account())
    assert "denied" in result.stderr or "unauthorized" in result.stderr or "no basic auth" in result.stderr


def test_push_into_anothers_namespace(engine, registry, host, repository, busybox):
    config = engine.new_account()
    engine.login(host, "bob", PASSWORD, config=config)
    registry.create_repository(repository, public=True)
    image(engine, f"{host}/{repository}:v1", busybox)
    result = engine.docker("push", f"{host}/{repository}:v1", expect=1, config=config)
    assert "denied" in result.stderr, result.stderr


def test_push_to_a_name_without_a_namespace(logged_in, host, busybox):
    image(logged_in, f"{host}/app:v1", busybox)
    result = logged_in.docker("push", f"{host}/app:v1", expect=1)
    assert "namespace" in result.stderr.lower(), result.stderr


def test_pull_of_what_is_hidden_and_of_what_is_missing(engine, host, logged_in, repository, busybox):
    image(logged_in, f"{host}/{repository}:v1", busybox)
    logged_in.push(f"{host}/{repository}:v1")
    config = engine.new_account()
    engine.login(host, "bob", PASSWORD, config=config)
    hidden = engine.docker("pull", f"{host}/{repository}:v1", expect=1, config=config).stderr
    missing = engine.docker("pull", f"{host}/{repository}x:v1", expect=1, config=config).stderr
    assert "denied" in hidden, hidden
    assert hidden.replace(repository, "R") == missing.replace(f"{repository}x", "R")


def test_pull_of_a_missing_tag(logged_in, host, repository, busybox):
    image(logged_in, f"{host}/{repository}:v1", busybox)
    logged_in.push(f"{host}/{repository}:v1")
    result = logged_in.docker("pull", f"{host}/{repository}:v2", expect=1)
    assert "manifest unknown" in result.stderr or "not found" in result.stderr, result.stderr


def test_anonymous_pull_of_a_public_repository(engine, logged_in, registry, host, repository, busybox):
    registry.create_repository(repository, public=True)
    image(logged_in, f"{host}/{repository}:v1", busybox)
    digest, _ = logged_in.push(f"{host}/{repository}:v1")
    engine.forget_everything()
    assert engine.pull(f"{host}/{repository}:v1", config=engine.new_account()) == digest


def test_public_and_private_with_one_login(engine, registry, host, repository, logged_in, busybox):
    """The challenge on /v2/ makes dockerd send credentials also where others need none."""
    registry.create_repository(f"{repository}-public", public=True)
    for name in (repository, f"{repository}-public"):
        image(logged_in, f"{host}/{name}:v1", busybox)
        logged_in.push(f"{host}/{name}:v1")
    engine.forget_everything()
    for name in (repository, f"{repository}-public"):
        logged_in.pull(f"{host}/{name}:v1")


def test_docker_manifest_inspect(logged_in, host, repository, busybox):
    image(logged_in, f"{host}/{repository}:v1", busybox)
    digest, _ = logged_in.push(f"{host}/{repository}:v1")
    output = logged_in.docker("manifest", "inspect", "--insecure", "--verbose", f"{host}/{repository}:v1").stdout
    assert digest in output


def test_logout(engine, host, repository, logged_in, busybox):
    config = engine.new_account()
    engine.login(host, "alice", PASSWORD, config=config)
    image(engine, f"{host}/{repository}:v1", busybox)
    engine.push(f"{host}/{repository}:v1", config=config)
    engine.docker("logout", host, config=config)
    engine.docker("push", f"{host}/{repository}:v1", expect=1, config=config)


def test_refresh_tokens_with_docker(module_folder, machine, busybox):
    """With refresh tokens on, docker keeps a token instead of the password and works with it."""
    from harness.holdfast import Holdfast

    place = module_folder / "refreshing"
    place.mkdir()
    server = Holdfast(place, {"token.refresh_tokens": True, "create_repository_on_push": True})
    engine = None
    try:
        server.start()
        machine.trust(server.https.authority, server.ca)
        engine = Engine(machine, place)
        host = server.https.authority
        engine.login(host, "admin", server.admin_password)
        text = (engine.config / "config.json").read_text()
        assert "identitytoken" in text
        image(engine, f"{host}/admin/app:v1", busybox)
        digest, _ = engine.push(f"{host}/admin/app:v1")
        engine.forget_everything()
        assert engine.pull(f"{host}/admin/app:v1") == digest
        server.stop()
    finally:
        if engine is not None:
            engine.close()
        server.kill()


def test_search(logged_in, host, repository, alice, busybox):
    engine = logged_in
    image(engine, f"{host}/{repository}:v1", busybox)
    engine.push(f"{host}/{repository}:v1")
    api = Rest(alice, "/api/v0")
    api.expect(200, "PATCH", f"/repositories/{repository}", {"shortDescription": "What is searched for"})
    stranger = engine.new_account()
    assert repository in engine.docker("search", f"{host}/{repository}").stdout
    assert repository in engine.docker("search", f"{host}/searched").stdout
    assert repository not in engine.docker("search", f"{host}/{repository}", config=stranger).stdout
    api.expect(200, "PATCH", f"/repositories/{repository}", {"visibility": "public"})
    assert repository in engine.docker("search", f"{host}/{repository}", config=stranger).stdout
