"""containerd's ctr: whole-body PUTs, HEADs by digest, OAuth by POST."""

import itertools

import pytest

from conftest import PASSWORD
from harness import content
from harness.container_tools import Containerd
from harness.content import stored

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(registry):
    return registry.https.authority


@pytest.fixture(scope="module")
def containerd(machine, module_folder):
    daemon = Containerd(machine, module_folder)
    try:
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def alice(registry):
    client = registry.client("alice", PASSWORD)
    yield client
    client.close()


@pytest.fixture
def repository():
    return f"alice/ctr{next(_numbers)}"


def images(registry, verb, *arguments, user="alice", password=PASSWORD):
    """`ctr images pull|push` with the CA and a login.

    The CA comes from a hosts folder: on the way over --tlscacert ctr speaks plain HTTP to 127.0.0.1.
    """
    hosts = registry.folder / "hosts"
    folder = hosts / registry.https.authority
    if not folder.exists():
        folder.mkdir(parents=True)
        url = registry.https.url
        (folder / "hosts.toml").write_text(
            f'server = "{url}"\n[host."{url}"]\n'
            f'  capabilities = ["pull", "resolve", "push"]\n  ca = "{registry.ca}"\n'
        )
    login = ["--user", f"{user}:{password}"] if user else []
    return ["images", verb, "--hosts-dir", str(hosts), *login, *arguments]


def runnable(architecture="amd64"):
    """An image that containerd can unpack."""
    packed, tar = content.layer({"etc/hello": content.random_blob(50_000)})
    config = content.encode(
        {
            "architecture": architecture,
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
    return content.Manifest(content.OCI_MANIFEST, content.encode(document), [config, packed])


def digest_of(containerd, reference):
    for line in containerd.ctr("images", "ls", f"name=={reference}").stdout.splitlines():
        if line.startswith(reference + " "):
            return line.split()[2]
    raise AssertionError(f"{reference} is not there")


def test_pull_and_push(registry, containerd, host, repository, alice):
    made = alice.push(repository, runnable(), "v1")
    reference = f"{host}/{repository}:v1"
    containerd.ctr(*images(registry, "pull", "--snapshotter", "native", reference))
    assert digest_of(containerd, reference) == made.digest
    target = f"{repository}-copy"
    containerd.ctr(*images(registry, "push", f"{host}/{target}:v2", reference))
    response = stored(alice, target, "v2")
    assert response.body == made.body
    # Again: everything is there already.
    containerd.ctr(*images(registry, "push", f"{host}/{target}:v2", reference))


def test_push_into_the_same_repository_under_another_tag(registry, containerd, host, repository, alice):
    made = alice.push(repository, runnable(), "v1")
    reference = f"{host}/{repository}:v1"
    containerd.ctr(*images(registry, "pull", "--snapshotter", "native", reference))
    containerd.ctr(*images(registry, "push", f"{host}/{repository}:v2", reference))
    assert alice.manifest(repository, "v2").body == made.body


def test_an_index(registry, containerd, host, repository, alice):
    children = [alice.push(repository, runnable(name)) for name in ("amd64", "arm64")]
    index = alice.push(repository, content.index(children), "multi")
    reference = f"{host}/{repository}:multi"
    containerd.ctr(*images(registry, "pull", "--snapshotter", "native", "--all-platforms", reference))
    assert digest_of(containerd, reference) == index.digest
    target = f"{repository}-copy"
    containerd.ctr(*images(registry, "push", f"{host}/{target}:multi", reference))
    assert alice.manifest(target, "multi").body == index.body
    for child in children:
        assert stored(alice, target, child.digest).body == child.body


def test_by_digest(registry, containerd, host, repository, alice):
    made = alice.push(repository, runnable(), "v1")
    reference = f"{host}/{repository}@{made.digest}"
    containerd.ctr(*images(registry, "pull", "--snapshotter", "native", reference))
    assert digest_of(containerd, reference) == made.digest


def test_anonymous_and_others(registry, containerd, host, repository, alice):
    registry.create_repository(repository, public=True)
    alice.push(repository, runnable(), "v1")
    alice.push(f"{repository}-private", runnable(), "v1")
    containerd.ctr(
        *images(registry, "pull", "--snapshotter", "native", f"{host}/{repository}:v1", user=None)
    )
    for user in (None, "bob"):
        result = containerd.ctr(
            *images(registry, "pull", f"{host}/{repository}-private:v1", user=user), expect=1
        )
        assert "denied" in result.stderr or "authorization" in result.stderr or "403" in result.stderr, result.stderr
    result = containerd.ctr(
        *images(registry, "push", f"{host}/{repository}:v2", f"{host}/{repository}:v1", user="bob"), expect=1
    )
    assert result.stderr


def test_a_wrong_password(registry, containerd, host, repository, alice):
    alice.push(repository, runnable(), "v1")
    result = containerd.ctr(
        *images(registry, "pull", f"{host}/{repository}:v1", user="bob", password="wrong wrong"), expect=1
    )
    assert "401" in result.stderr or "unauthorized" in result.stderr.lower(), result.stderr


def test_a_missing_tag(registry, containerd, host, repository, alice):
    alice.push(repository, runnable(), "v1")
    result = containerd.ctr(*images(registry, "pull", f"{host}/{repository}:v2"), expect=1)
    # ctr then tries the same host anew without its settings, and that error is the last it tells.
    assert "StatusNotFound" in result.stderr or "not found" in result.stderr, result.stderr
