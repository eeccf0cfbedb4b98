"""skopeo, podman, buildah and umoci, over TLS verified against the CA."""

import itertools
import json
import os

import pytest

from conftest import PASSWORD
from harness import content
from harness.container_tools import ContainerTools
from harness.content import stored

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(registry):
    return registry.https.authority


@pytest.fixture(scope="module")
def box(machine, module_folder, host):
    box = ContainerTools(machine, module_folder)
    box.podman("login", "--username", "alice", "--password-stdin", host, stdin=PASSWORD)
    return box


@pytest.fixture
def alice(registry):
    client = registry.client("alice", PASSWORD)
    yield client
    client.close()


@pytest.fixture
def repository():
    return f"alice/tools{next(_numbers)}"


@pytest.fixture
def layout(box, folder, busybox):
    """An OCI layout with one image, tag v1, made by umoci."""
    path = folder / "layout"
    box.umoci("init", "--layout", str(path))
    box.umoci("new", "--image", f"{path}:v1")
    program = folder / "busybox"
    program.write_bytes(busybox)
    box.umoci("insert", "--image", f"{path}:v1", str(program), "/bin/busybox")
    (folder / "random").write_bytes(os.urandom(300_000))
    box.umoci("insert", "--image", f"{path}:v1", str(folder / "random"), "/random")
    return path


def layout_digest(path, tag="v1"):
    index = json.loads((path / "index.json").read_text())
    return next(
        entry["digest"] for entry in index["manifests"]
        if entry["annotations"]["org.opencontainers.image.ref.name"] == tag
    )


def test_login_and_logout(box, host, folder):
    auth = folder / "auth.json"
    auth.write_text("{}")
    for tool in (box.skopeo, box.podman, box.buildah):
        tool("login", "--username", "alice", "--password-stdin", host, stdin=PASSWORD, auth=auth)
        assert host in auth.read_text()
        tool("logout", host, auth=auth)
        assert host not in auth.read_text()
        result = tool(
            "login", "--username", "bob", "--password-stdin", host, stdin="wrong wrong", auth=auth, expect=None
        )
        assert "unauthorized" in result.stderr.lower() or "invalid username/password" in result.stderr, result.stderr


def test_without_trust_nothing_is_sent(box, host, folder):
    empty = folder / "certs"
    empty.mkdir()
    result = box.skopeo("inspect", "--cert-dir", str(empty), f"docker://{host}/alice/x:v1", expect=None)
    assert "x509" in result.stderr or "certificate" in result.stderr, result.stderr


def test_skopeo_copies_a_layout_there_and_back(box, host, repository, layout, alice, folder):
    digest = layout_digest(layout)
    target = f"docker://{host}/{repository}:v1"
    box.skopeo("copy", f"oci:{layout}:v1", target)
    assert stored(alice, repository, "v1").header("Docker-Content-Digest") == digest
    inspected = json.loads(box.skopeo("inspect", target).stdout)
    assert inspected["Digest"] == digest
    raw = box.skopeo("inspect", "--raw", target).stdout
    assert content.digest_of(raw.encode()) == digest
    back = folder / "back"
    box.skopeo("copy", target, f"oci:{back}:v1")
    assert layout_digest(back) == digest
    box.umoci("unpack", "--rootless", "--image", f"{back}:v1", str(folder / "bundle"))
    assert (folder / "bundle/rootfs/bin/busybox").stat().st_size > 100_000


def test_skopeo_copies_indexes_with_their_digests(box, host, repository, alice, folder):
    """--all --preserve-digests: every byte the same, Docker's types and OCI's."""
    for kind in ("oci", "docker"):
        children = [
            alice.push(repository, content.image(kind, architecture=name)) for name in ("amd64", "arm64")
        ]
        index = alice.push(repository, content.index(children, kind), kind)
        copy = f"{repository}-{kind}"
        box.skopeo(
            "copy", "--all", "--preserve-digests", f"docker://{host}/{repository}:{kind}",
            f"docker://{host}/{copy}:v1",
        )
        response = alice.manifest(copy, "v1")
        assert response.body == index.body
        assert response.header("Content-Type") == index.media_type
        for child in children:
            assert alice.manifest(copy, child.digest).body == child.body
        box.skopeo(
            "copy", "--all", "--preserve-digests", f"docker://{host}/{copy}:v1", f"dir:{folder}/{kind}"
        )
        assert (folder / kind / "manifest.json").read_bytes() == index.body


def test_skopeo_converts_to_docker(box, host, repository, layout, alice):
    box.skopeo("copy", "--format", "v2s2", f"oci:{layout}:v1", f"docker://{host}/{repository}:v2s2")
    assert stored(alice, repository, "v2s2").header("Content-Type") == content.DOCKER_MANIFEST


def test_skopeo_mounts(box, host, repository, layout, alice, registry):
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v1")
    box.skopeo("copy", f"docker://{host}/{repository}:v1", f"docker://{host}/{repository}-copy:v1")
    assert stored(alice, f"{repository}-copy", "v1")


def test_skopeo_list_tags_over_many_pages(box, host, repository, alice):
    image = alice.push(repository, content.image())
    tags = [f"t{number:04}" for number in range(1150)]
    for start in range(0, len(tags), 50):
        query = "?" + "&".join(f"tag={tag}" for tag in tags[start : start + 50])
        assert alice.put_manifest(repository, image.digest, image.body, image.media_type, query).status == 201
    listed = json.loads(box.skopeo("list-tags", f"docker://{host}/{repository}").stdout)
    assert listed["Tags"] == tags


def test_skopeo_delete(box, host, repository, layout, alice):
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v1")
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v2")
    box.skopeo("delete", f"docker://{host}/{repository}:v1")
    # By digest, as skopeo does it: both tags are on it.
    assert alice.tags(repository).json()["tags"] == []
    result = box.skopeo("inspect", f"docker://{host}/{repository}:v1", expect=None)
    assert "manifest unknown" in result.stderr, result.stderr


def test_skopeo_sync(box, host, repository, alice, layout, folder):
    for tag in ("a", "b"):
        box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:{tag}")
    box.skopeo("sync", "--src", "docker", "--dest", "dir", f"{host}/{repository}", str(folder / "mirror"))
    manifests = sorted((folder / "mirror").rglob("manifest.json"))
    assert len(manifests) == 2


def test_podman(box, host, repository, busybox, folder, alice):
    root = folder / "context"
    root.mkdir()
    (root / "busybox").write_bytes(busybox)
    (root / "Containerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
    reference = f"{host}/{repository}:v1"
    box.podman("build", "--isolation", "chroot", "--tag", reference, str(root))
    digest_file = folder / "digest"
    box.podman("push", "--digestfile", str(digest_file), reference)
    digest = digest_file.read_text().strip()
    assert stored(alice, repository, "v1").header("Docker-Content-Digest") == digest
    box.podman("rmi", "--all", "--force")
    box.podman("pull", reference)
    pulled = box.podman("image", "inspect", "--format", "{{.Digest}}", reference).stdout.strip()
    assert pulled == digest


def test_podman_as_others(box, registry, host, repository, layout, folder):
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v1")
    auth = folder / "auth.json"
    auth.write_text("{}")
    refused = box.podman("pull", f"{host}/{repository}:v1", auth=auth, expect=None).stderr
    assert "denied" in refused or "unauthorized" in refused, refused
    box.podman("login", "--username", "bob", "--password-stdin", host, stdin=PASSWORD, auth=auth)
    refused = box.podman("pull", f"{host}/{repository}:v1", auth=auth, expect=None).stderr
    assert "denied" in refused or "unauthorized" in refused, refused
    push = box.skopeo(
        "copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v2", auth=auth, expect=None
    ).stderr
    # skopeo asks for the blob by HEAD first, and an answer to HEAD has no words.
    assert any(word in push for word in ("denied", "unauthorized", "Forbidden")), push
    registry.create_repository(f"{repository}-public", public=True)
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}-public:v1")
    auth.write_text("{}")
    box.podman("pull", f"{host}/{repository}-public:v1", auth=auth)


def test_podman_lists_tags(box, host, repository, alice):
    alice.push(repository, content.image(), "a", "b")
    output = box.podman("search", "--list-tags", f"{host}/{repository}").stdout
    assert [line.split()[1] for line in output.splitlines()[1:]] == ["a", "b"]


def test_buildah(box, host, repository, busybox, folder, alice):
    root = folder / "context"
    root.mkdir()
    (root / "busybox").write_bytes(busybox)
    (root / "Containerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\nCMD /bin/busybox\n")
    for kind, media_type in (("oci", content.OCI_MANIFEST), ("docker", content.DOCKER_MANIFEST)):
        box.buildah("bud", "--isolation", "chroot", "--format", kind, "--tag", f"local/{kind}", str(root))
        digest_file = folder / f"digest-{kind}"
        box.buildah(
            "push", "--digestfile", str(digest_file), f"local/{kind}", f"docker://{host}/{repository}:{kind}"
        )
        response = stored(alice, repository, kind)
        assert response.header("Docker-Content-Digest") == digest_file.read_text().strip()
        assert response.header("Content-Type") == media_type
    box.buildah("rmi", "--all", "--force")
    box.buildah("pull", f"{host}/{repository}:oci")


def test_buildah_pushes_a_manifest_list(box, host, repository, layout, alice):
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:one")
    box.buildah("manifest", "create", "list")
    try:
        box.buildah("manifest", "add", "list", f"docker://{host}/{repository}:one")
        box.buildah("manifest", "push", "--all", "list", f"docker://{host}/{repository}:list")
    finally:
        box.buildah("rmi", "--force", "list")
    response = alice.manifest(repository, "list")
    assert response.json()["manifests"][0]["digest"] == alice.manifest(repository, "one").header(
        "Docker-Content-Digest"
    )


def test_umoci_sees_what_was_changed(box, host, repository, layout, alice, folder):
    """A layout changed by umoci, pushed again: only the new layer is new."""
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v1")
    first = {entry["digest"] for entry in alice.manifest(repository, "v1").json()["layers"]}
    (folder / "added").write_bytes(b"added")
    box.umoci("insert", "--image", f"{layout}:v1", str(folder / "added"), "/added")
    box.skopeo("copy", f"oci:{layout}:v1", f"docker://{host}/{repository}:v2")
    second = {entry["digest"] for entry in stored(alice, repository, "v2").json()["layers"]}
    assert first < second
    assert len(second - first) == 1
