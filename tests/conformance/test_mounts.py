"""Blobs mounted from other repositories."""

import pytest

from harness import content
from harness.registry_client import quote


def mount(client, repository, digest, source=None):
    query = f"?mount={quote(digest)}" + (f"&from={quote(source)}" if source else "")
    return client.request("POST", f"/v2/{repository}/blobs/uploads/{query}")


def check_mounted(client, repository, response, data):
    digest = content.digest_of(data)
    assert response.status == 201, str(response)
    assert response.header("Location") == f"/v2/{repository}/blobs/{digest}"
    assert response.header("Docker-Content-Digest") == digest
    assert client.blob(repository, digest).body == data


def check_session_instead(client, repository, response, data):
    """A mount that cannot be: a normal session, in which the blob is pushed."""
    assert response.status == 202, str(response)
    assert response.header("Range") == "0-0"
    assert response.header("Docker-Upload-UUID")
    target = client.target(response)
    joiner = "&" if "?" in target else "?"
    digest = content.digest_of(data)
    assert client.blob(repository, digest, method="HEAD").status == 404
    done = client.request("PUT", f"{target}{joiner}digest={quote(digest)}", body=data)
    assert done.status == 201, str(done)
    assert client.blob(repository, digest).body == data


def test_mount(alice, repository, other_repository):
    data = content.random_blob(10000)
    digest = alice.push_blob(repository, data)
    check_mounted(alice, other_repository, mount(alice, other_repository, digest, repository), data)


def test_mounting_what_is_there_already(alice, repository):
    data = content.random_blob(1000)
    digest = alice.push_blob(repository, data)
    check_mounted(alice, repository, mount(alice, repository, digest, repository), data)


def test_a_mounted_blob_outlives_its_source(alice, repository, other_repository):
    data = content.random_blob(1000)
    digest = alice.push_blob(repository, data)
    assert mount(alice, other_repository, digest, repository).status == 201
    gone = alice.blob(repository, digest, method="DELETE")
    assert gone.status == 202, str(gone)
    assert alice.blob(repository, digest, method="HEAD").status == 404
    assert alice.blob(other_repository, digest).body == data


def test_mount_from_a_repository_that_lacks_the_blob(alice, repository, other_repository):
    alice.push_blob(other_repository, b"something")
    data = content.random_blob(1000)
    response = mount(alice, repository, content.digest_of(data), other_repository)
    check_session_instead(alice, repository, response, data)


def test_mount_from_a_repository_that_is_not_there(alice, repository):
    data = content.random_blob(1000)
    response = mount(alice, repository, content.digest_of(data), "alice/no-such-repository")
    check_session_instead(alice, repository, response, data)


@pytest.mark.parametrize("source", ["BAD", "app", "../x/y", "alice/", "a" * 400])
def test_mount_from_a_malformed_name(alice, repository, source):
    data = content.random_blob(1000)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    response = alice.raw(
        "POST",
        f"/v2/{repository}/blobs/uploads/?mount={quote(content.digest_of(data))}&from={quote(source)}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    assert response.status in (202, 400), str(response)


def test_mount_from_a_private_repository_of_somebody_else(server, alice, bob, repository):
    """No right to pull there: a session, exactly as when the blob did not exist."""
    secret = content.random_blob(1000)
    digest = alice.push_blob(repository, secret)
    target = repository.replace("alice/", "bob/")
    check_session_instead(bob, target, mount(bob, target, digest, repository), secret)


def test_a_stolen_scope_does_not_help(server, alice, bob, repository):
    """bob's token without any right on the source, and a mount that names it."""
    secret = content.random_blob(1000)
    digest = alice.push_blob(repository, secret)
    target = repository.replace("alice/", "bob/")
    token = bob.get_token([f"repository:{target}:pull,push"]).json()["token"]
    response = bob.raw(
        "POST",
        f"/v2/{target}/blobs/uploads/?mount={quote(digest)}&from={quote(repository)}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    assert response.status == 202, str(response)
    assert bob.blob(target, digest, method="HEAD").status == 404


def test_mount_from_a_public_repository_of_somebody_else(alice, bob, public_repository):
    data = content.random_blob(1000)
    digest = alice.push_blob(public_repository, data)
    target = public_repository.replace("alice/", "bob/")
    check_mounted(bob, target, mount(bob, target, digest, public_repository), data)


def test_anonymous_mount_finds_what_the_caller_may_pull(alice, repository, other_repository):
    data = content.random_blob(1000)
    digest = alice.push_blob(repository, data)
    token = alice.get_token(
        [f"repository:{other_repository}:pull,push", f"repository:{repository}:pull"]
    ).json()["token"]
    response = alice.raw(
        "POST",
        f"/v2/{other_repository}/blobs/uploads/?mount={quote(digest)}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    check_mounted(alice, other_repository, response, data)


def test_anonymous_mount_does_not_leak(alice, bob, repository):
    secret = content.random_blob(1000)
    digest = alice.push_blob(repository, secret)
    target = repository.replace("alice/", "bob/")
    check_session_instead(bob, target, mount(bob, target, digest), secret)


def test_anonymous_mount_of_an_unknown_blob(alice, repository):
    data = content.random_blob(1000)
    check_session_instead(alice, repository, mount(alice, repository, content.digest_of(data)), data)


def test_mount_of_sha512(alice, repository, other_repository):
    data = content.random_blob(1000)
    digest = alice.push_blob(repository, data, "sha512")
    response = mount(alice, other_repository, digest, repository)
    assert response.status == 201, str(response)
    assert response.header("Docker-Content-Digest") == digest


def test_mount_of_a_malformed_digest(alice, repository):
    response = mount(alice, repository, "sha256:xyz", "alice/any")
    assert response.status in (202, 400), str(response)
