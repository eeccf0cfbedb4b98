"""The referrers API: subjects, filters, paging, fallback tags."""

import pytest

from harness import content
from harness.content import OCI_INDEX
from harness.registry_client import link_target, quote


def listed(client, repository, digest, query=""):
    response = client.referrers(repository, digest, query)
    assert response.status == 200, str(response)
    assert response.header("Content-Type") == OCI_INDEX
    document = response.json()
    assert document["schemaVersion"] == 2
    assert document["mediaType"] == OCI_INDEX
    assert isinstance(document["manifests"], list)
    return document["manifests"]


def test_an_unknown_digest_has_an_empty_list(alice, repository):
    alice.push_blob(repository, b"x")
    for algorithm in ("sha256", "sha512"):
        assert listed(alice, repository, content.digest_of(b"no", algorithm)) == []
    assert listed(alice, repository, "sha256:" + "0" * 64) == []


@pytest.mark.parametrize("digest", ["sha256:abc", "v1", "sha256", "md5:" + "0" * 32])
def test_a_malformed_digest(alice, repository, digest):
    alice.push_blob(repository, b"x")
    response = alice.referrers(repository, digest)
    assert response.status == 400, str(response)
    assert response.error_codes() == ["DIGEST_INVALID"]


@pytest.mark.parametrize("subject_first", [True, False])
@pytest.mark.parametrize("by_tag", [True, False])
def test_a_subject_is_told_and_listed(alice, repository, subject_first, by_tag):
    image = content.image()
    if subject_first:
        alice.push(repository, image, "v1")
    artifact = content.artifact(subject=image.descriptor(), annotations={"org.example": "ä 漢 \"q\""})
    for data in artifact.blobs:
        alice.push_blob(repository, data)
    reference = "signature" if by_tag else artifact.digest
    response = alice.put_manifest(repository, reference, artifact.body, artifact.media_type)
    assert response.status == 201, str(response)
    assert response.header("OCI-Subject") == image.digest
    if not subject_first:
        alice.push(repository, image, "v1")
    assert listed(alice, repository, image.digest) == [
        {
            "mediaType": artifact.media_type,
            "digest": artifact.digest,
            "size": artifact.size,
            "artifactType": "application/vnd.example.thing.v1",
            "annotations": {"org.example": "ä 漢 \"q\""},
        }
    ]
    # Pushed once more: the same answer, no second entry.
    again = alice.put_manifest(repository, reference, artifact.body, artifact.media_type)
    assert again.header("OCI-Subject") == image.digest
    assert len(listed(alice, repository, image.digest)) == 1


def test_the_artifact_type_of_each_kind(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    subject = image.descriptor()
    plain = alice.push(
        repository, content.artifact(subject=subject, artifact_type=None, config_type="application/x.config")
    )
    typed = alice.push(repository, content.artifact(subject=subject, artifact_type="application/x.typed"))
    typed_index = alice.push(
        repository, content.index([], subject=subject, artifact_type="application/x.index", annotations={"k": "v"})
    )
    index = alice.push(repository, content.index([], subject=subject, annotations={"a": "b"}))
    entries = {entry["digest"]: entry for entry in listed(alice, repository, image.digest)}
    assert entries[plain.digest]["artifactType"] == "application/x.config"
    assert entries[typed.digest]["artifactType"] == "application/x.typed"
    assert entries[typed_index.digest]["artifactType"] == "application/x.index"
    assert entries[typed_index.digest]["annotations"] == {"k": "v"}
    assert entries[typed_index.digest]["mediaType"] == OCI_INDEX
    assert "artifactType" not in entries[index.digest]
    assert set(entries) == {plain.digest, typed.digest, typed_index.digest, index.digest}


def test_filter(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    made = {}
    for artifact_type in ("application/x.a", "application/x.b+json", "application/x.b+json"):
        artifact = content.artifact(subject=image.descriptor(), artifact_type=artifact_type)
        made.setdefault(artifact_type, set()).add(alice.push(repository, artifact).digest)
    for artifact_type, digests in made.items():
        response = alice.referrers(
            repository, image.digest, f"?artifactType={quote(artifact_type)}"
        )
        assert response.header("OCI-Filters-Applied") == "artifactType", str(response)
        assert {entry["digest"] for entry in response.json()["manifests"]} == digests
    nothing = alice.referrers(repository, image.digest, "?artifactType=application/x.none")
    assert nothing.status == 200
    assert nothing.json()["manifests"] == []
    unfiltered = alice.referrers(repository, image.digest)
    assert unfiltered.header("OCI-Filters-Applied") is None
    assert len(unfiltered.json()["manifests"]) == 3


def test_many_referrers_are_all_found(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    alice.push_blob(repository, b"{}")
    alice.push_blob(repository, b"data")
    digests = set()
    for number in range(130):
        artifact = content.artifact(
            subject=image.descriptor(), data=b"data", annotations={"n": str(number), "pad": "x" * 2000}
        )
        assert alice.put_manifest(repository, artifact.digest, artifact.body, artifact.media_type).status == 201
        digests.add(artifact.digest)
    pages = alice.pages(f"/v2/{repository}/referrers/{image.digest}")
    seen = [entry["digest"] for page in pages for entry in page.json()["manifests"]]
    assert len(seen) == len(digests)
    assert set(seen) == digests
    small = alice.referrers(repository, image.digest, "?n=10")
    assert small.status == 200
    if len(small.json()["manifests"]) == 10:
        assert link_target(small)


def test_a_deleted_referrer_is_gone_at_once(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    artifact = alice.push(repository, content.artifact(subject=image.descriptor()))
    assert len(listed(alice, repository, image.digest)) == 1
    assert alice.delete_manifest(repository, artifact.digest).status == 202
    assert listed(alice, repository, image.digest) == []


def test_referrers_outlive_their_subject(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    artifact = alice.push(repository, content.artifact(subject=image.descriptor()))
    assert alice.delete_manifest(repository, image.digest).status == 202
    assert [entry["digest"] for entry in listed(alice, repository, image.digest)] == [artifact.digest]


def test_only_of_the_same_repository(alice, repository, other_repository):
    image = content.image()
    alice.push(repository, image, "v1")
    alice.push(other_repository, image, "v1")
    alice.push(repository, content.artifact(subject=image.descriptor()))
    assert listed(alice, other_repository, image.digest) == []


def test_a_sha512_subject(alice, repository):
    image = alice.push(repository, content.image(algorithm="sha512"))
    artifact = alice.push(repository, content.artifact(subject=image.descriptor()))
    assert [entry["digest"] for entry in listed(alice, repository, image.digest)] == [artifact.digest]


def test_a_referrer_of_a_referrer(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    signature = alice.push(repository, content.artifact(subject=image.descriptor()))
    second = alice.push(repository, content.artifact(subject=signature.descriptor()))
    assert [entry["digest"] for entry in listed(alice, repository, signature.digest)] == [second.digest]
    assert [entry["digest"] for entry in listed(alice, repository, image.digest)] == [signature.digest]


def test_fallback_tags_of_older_clients_are_merged(alice, repository):
    """A client without the API keeps an index under sha256-<hex>: what it names is listed, once each."""
    image = alice.push(repository, content.image(), "v1")
    old = alice.push(repository, content.artifact(artifact_type="application/x.old", annotations={"k": "v"}))
    both = alice.push(repository, content.artifact(subject=image.descriptor(), artifact_type="application/x.both"))
    entries = [
        old.descriptor(artifactType="application/x.old", annotations={"k": "v"}),
        both.descriptor(artifactType="application/x.both"),
    ]
    body = content.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    tag = image.digest.replace(":", "-")
    assert alice.put_manifest(repository, tag, body, OCI_INDEX).status == 201
    found = {entry["digest"]: entry for entry in listed(alice, repository, image.digest)}
    assert set(found) == {old.digest, both.digest}
    assert len(listed(alice, repository, image.digest)) == 2
    assert found[old.digest]["artifactType"] == "application/x.old"
    assert tag in alice.tags(repository).json()["tags"]
    assert alice.manifest(repository, tag).body == body
