"""Deleting tags, manifests and blobs."""

import pytest

from harness import content


def test_by_digest_drops_every_tag(alice, repository):
    image = alice.push(repository, content.image(), "one", "two")
    keep = alice.push(repository, content.image(), "keep")
    response = alice.delete_manifest(repository, image.digest)
    assert response.status == 202, str(response)
    for reference in ("one", "two", image.digest):
        for method in ("GET", "HEAD"):
            assert alice.manifest(repository, reference, method=method).status == 404
    assert alice.tags(repository).json()["tags"] == ["keep"]
    assert alice.manifest(repository, "keep").body == keep.body


def test_by_tag_drops_that_tag_only(alice, repository):
    image = alice.push(repository, content.image(), "one", "two")
    response = alice.delete_manifest(repository, "one")
    assert response.status == 202, str(response)
    assert alice.manifest(repository, "one").status == 404
    assert alice.manifest(repository, "two").body == image.body
    assert alice.manifest(repository, image.digest).body == image.body
    assert alice.tags(repository).json()["tags"] == ["two"]


def test_what_is_not_there(alice, repository):
    alice.push(repository, content.image(), "v1")
    for reference in ("v2", content.digest_of(b"no"), content.digest_of(b"no", "sha512")):
        response = alice.delete_manifest(repository, reference)
        assert response.status == 404, str(response)
        assert response.error_codes() == ["MANIFEST_UNKNOWN"]
    response = alice.blob(repository, content.digest_of(b"no"), method="DELETE")
    assert response.status == 404, str(response)
    assert response.error_codes() == ["BLOB_UNKNOWN"]


def test_twice(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    assert alice.delete_manifest(repository, image.digest).status == 202
    assert alice.delete_manifest(repository, image.digest).status == 404


def test_in_an_unknown_repository(alice):
    response = alice.delete_manifest("alice/no-such-repository", content.digest_of(b""))
    assert response.status == 404, str(response)
    assert set(response.error_codes()) <= {"NAME_UNKNOWN", "MANIFEST_UNKNOWN"}


def test_push_again_after_a_delete(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    assert alice.delete_manifest(repository, image.digest).status == 202
    alice.push(repository, image, "v1")
    assert alice.manifest(repository, "v1").body == image.body
    for data in image.blobs:
        assert alice.blob(repository, content.digest_of(data)).body == data


def test_a_blob(alice, repository, other_repository):
    data = content.random_blob(100)
    digest = alice.push_blob(repository, data)
    alice.push_blob(other_repository, data)
    response = alice.blob(repository, digest, method="DELETE")
    assert response.status == 202, str(response)
    assert alice.blob(repository, digest, method="HEAD").status == 404
    assert alice.blob(other_repository, digest).body == data
    alice.push_blob(repository, data)
    assert alice.blob(repository, digest).body == data


def test_a_blob_that_a_manifest_needs_stays(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    digests = [content.digest_of(data) for data in image.blobs]
    for digest in digests:
        response = alice.blob(repository, digest, method="DELETE")
        assert response.status == 405, str(response)
        assert response.error_codes() == ["UNSUPPORTED"]
        assert image.digest in response.body.decode(), "the manifests that need it are named"
        assert alice.blob(repository, digest, method="HEAD").status == 200
    assert alice.delete_manifest(repository, image.digest).status == 202
    for digest in digests:
        response = alice.blob(repository, digest, method="DELETE")
        assert response.status == 202, str(response)


@pytest.mark.parametrize("child_first", [True, False])
def test_a_child_and_its_index(alice, repository, child_first):
    children = [alice.push(repository, content.image()) for _ in range(2)]
    index = alice.push(repository, content.index(children), "v1")
    order = [children[0], index] if child_first else [index, children[0]]
    for manifest in order:
        response = alice.delete_manifest(repository, manifest.digest)
        assert response.status in (202, 405), str(response)
        if response.status == 405:
            # As for blobs: what an index names may be kept, and then has to be there.
            assert response.error_codes() == ["UNSUPPORTED"]
            assert alice.manifest(repository, manifest.digest).status == 200
    assert alice.manifest(repository, children[1].digest).status == 200
    assert alice.manifest(repository, index.digest).status == 404


def test_delete_needs_the_delete_scope(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    token = alice.get_token([f"repository:{repository}:pull,push"]).json()["token"]
    response = alice.raw(
        "DELETE",
        f"/v2/{repository}/manifests/{image.digest}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    assert response.status == 401, str(response)
    assert "insufficient_scope" in response.header("WWW-Authenticate")
    assert alice.manifest(repository, "v1").status == 200


@pytest.mark.parametrize("actions", ["delete", "*", "pull,push,delete", "pull,delete,*"])
def test_the_actions_that_allow_it(alice, repository, actions):
    image = alice.push(repository, content.image(), "v1")
    token = alice.get_token([f"repository:{repository}:{actions}"]).json()["token"]
    response = alice.raw(
        "DELETE",
        f"/v2/{repository}/manifests/{image.digest}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    assert response.status == 202, str(response)
