"""Who may do what, and what a refusal gives away."""

import pytest

from conftest import PASSWORD
from harness import content
from harness.registry_client import basic, parse_challenge


@pytest.fixture
def private(alice, repository):
    return repository, alice.push(repository, content.image(), "v1")


@pytest.fixture
def public(alice, public_repository):
    return public_repository, alice.push(public_repository, content.image(), "v1")


def reads(repository, image):
    digest = content.digest_of(image.blobs[0])
    return [
        f"/v2/{repository}/manifests/v1",
        f"/v2/{repository}/manifests/{image.digest}",
        f"/v2/{repository}/blobs/{digest}",
        f"/v2/{repository}/tags/list",
        f"/v2/{repository}/referrers/{image.digest}",
    ]


def writes(repository, image):
    return [
        ("POST", f"/v2/{repository}/blobs/uploads/"),
        ("PUT", f"/v2/{repository}/manifests/v2"),
        ("PATCH", f"/v2/{repository}/blobs/uploads/00000000-0000-4000-8000-000000000000"),
    ]


def deletes(repository, image):
    return [
        ("DELETE", f"/v2/{repository}/manifests/v1"),
        ("DELETE", f"/v2/{repository}/blobs/{content.digest_of(image.blobs[0])}"),
    ]


def test_owner_and_administrator_read_a_private_repository(alice, admin, private):
    for client in (alice, admin):
        for path in reads(*private):
            assert client.request("GET", path).status == 200, path


def test_others_read_a_public_repository(bob, anonymous, public):
    for client in (bob, anonymous):
        for path in reads(*public):
            response = client.request("GET", path)
            assert response.status == 200, str(response)


def test_no_credential_is_challenged_with_the_scope_also_when_public(server, anonymous, public, private):
    for repository, image in (public, private):
        for path in reads(repository, image):
            response = anonymous.raw("GET", path)
            assert response.status == 401, str(response)
            scheme, parameters = parse_challenge(response.header("WWW-Authenticate"))
            assert scheme == "Bearer"
            assert parameters["scope"] == f"repository:{repository}:pull"
            assert parameters["realm"] == f"{server.https.url}/auth/token"
            assert parameters["service"] == server.https.authority
        for method, path in writes(repository, image):
            response = anonymous.raw(method, path)
            assert response.status == 401, str(response)
            parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
            assert parameters["scope"] == f"repository:{repository}:pull,push"
        for method, path in deletes(repository, image):
            response = anonymous.raw(method, path)
            assert response.status == 401, str(response)
            scope = parse_challenge(response.header("WWW-Authenticate"))[1]["scope"]
            assert scope in (f"repository:{repository}:delete", f"repository:{repository}:*",
                             f"repository:{repository}:pull,delete"), scope


def test_a_stranger_may_not_write_to_a_public_repository(bob, public):
    repository, image = public
    for method, path in writes(repository, image) + deletes(repository, image):
        response = bob.request(method, path)
        assert response.status == 403, str(response)
        assert response.error_codes() == ["DENIED"]
    assert bob.manifest(repository, "v1").status == 200


def test_anonymous_may_not_write_and_is_asked_to_log_in(anonymous, public):
    repository, image = public
    for method, path in writes(repository, image) + deletes(repository, image):
        response = anonymous.request(method, path)
        assert response.status == 401, str(response)
        parse_challenge(response.header("WWW-Authenticate"))


def signature(response, name):
    """What an answer shows, without what differs in any two answers."""
    fields = sorted(
        (key.lower(), value.replace(name, "NAME"))
        for key, value in response.fields
        if key.lower() not in ("date", "x-request-id", "content-length")
    )
    return response.status, fields, response.body.decode().replace(name, "NAME")


@pytest.mark.parametrize("who", ["bob", "anonymous", "no credential"])
def test_hidden_and_missing_look_the_same(request, anonymous, private, who):
    """Status, headers and body, for every request that names a repository."""
    hidden, image = private
    missing = hidden + "-missing"

    def ask(method, path):
        if who == "no credential":
            return anonymous.raw(method, path)
        return request.getfixturevalue(who).request(method, path)

    for method, path in [("GET", path) for path in reads(hidden, image)] + writes(
        hidden, image
    ) + deletes(hidden, image):
        there = ask(method, path)
        nowhere = ask(method, path.replace(hidden, missing))
        assert there.status in (401, 403, 404), str(there)
        first, second = signature(there, hidden), signature(nowhere, missing)
        # Request ids differ in the body as well.
        assert first[0] == second[0], f"{there}\n{nowhere}"
        assert first[1] == second[1], f"{there}\n{nowhere}"
        assert first[2] == second[2], f"{there}\n{nowhere}"


def test_a_missing_namespace_looks_like_a_hidden_repository(bob, private):
    hidden, _ = private
    there = bob.tags(hidden)
    nowhere = bob.tags("nobody-at-all/app")
    assert signature(there, hidden) == signature(nowhere, "nobody-at-all/app")


def test_owners_get_a_clear_404(alice, admin):
    for client in (alice, admin):
        response = client.manifest("alice/not-there", "v1")
        assert response.status == 404, str(response)
        assert set(response.error_codes()) <= {"NAME_UNKNOWN", "MANIFEST_UNKNOWN"}
        assert client.tags("alice/not-there").error_codes() == ["NAME_UNKNOWN"]


def test_pushing_to_a_missing_repository_says_who_can_create_it(holdfast):
    server = holdfast()  # create_repository_on_push is off by default
    server.add_user("alice", PASSWORD)
    alice = server.client("alice", PASSWORD)
    response = alice.request("POST", "/v2/alice/app/blobs/uploads/")
    assert response.status == 403, str(response)
    assert response.error_codes() == ["DENIED"]
    message = response.json()["errors"][0]["message"]
    assert "alice/app" in message or "repository" in message, message
    assert "creat" in message, message
    server.create_repository("alice/app")
    assert alice.request("POST", "/v2/alice/app/blobs/uploads/").status == 202


def test_create_on_push_only_in_ones_own_namespace(alice, admin):
    response = alice.request("POST", "/v2/bob/made-by-alice/blobs/uploads/")
    assert response.status == 403, str(response)
    assert response.error_codes() == ["DENIED"]
    assert admin.tags("bob/made-by-alice").status == 404


def test_a_repository_made_by_a_push_is_private(alice, bob, repository):
    alice.push(repository, content.image(), "v1")
    assert bob.manifest(repository, "v1").status != 200


def test_basic_on_v2(server, alice, bob, private):
    repository, image = private
    path = f"/v2/{repository}/manifests/v1"
    good = alice.raw("GET", path, headers=[("Authorization", basic("alice", PASSWORD))])
    assert good.status == 200, str(good)
    assert good.body == image.body
    other = alice.raw("GET", path, headers=[("Authorization", basic("bob", PASSWORD))])
    assert other.status in (403, 404), str(other)
    client = server.client(source="127.0.6.1")
    wrong = client.raw("GET", path, headers=[("Authorization", basic("alice", "wrong wrong"))])
    assert wrong.status == 401, str(wrong)


# --- changes count with the next request
def test_a_disabled_user_is_out_at_once(holdfast):
    server = holdfast({"create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    alice = server.client("alice", PASSWORD)
    alice.push("alice/app", content.image(), "v1")
    header = ("Authorization", basic("alice", PASSWORD))
    assert alice.raw("GET", "/v2/alice/app/manifests/v1", headers=[header]).status == 200
    assert alice.manifest("alice/app", "v1").status == 200
    server.admin("user", "disable", "alice")
    # The token that it still holds, the password that was remembered, a new token.
    assert alice.manifest("alice/app", "v1").status in (401, 403)
    assert alice.raw("GET", "/v2/alice/app/manifests/v1", headers=[header]).status == 401
    assert alice.get_token([]).status == 401


def test_a_changed_password_counts_at_once(holdfast):
    server = holdfast({"create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    alice = server.client("alice", PASSWORD)
    assert alice.get_token([]).status == 200
    server.admin("user", "passwd", "alice", "--password-stdin", stdin="another password\n")
    assert alice.get_token([]).status == 401
    assert server.client("alice", "another password").get_token([]).status == 200


def test_a_deleted_repository_is_gone_at_once(holdfast):
    server = holdfast({"create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    alice = server.client("alice", PASSWORD)
    image = alice.push("alice/app", content.image(), "v1")
    session = alice.begin("alice/app")
    server.admin("repo", "delete", "alice/app")
    assert alice.manifest("alice/app", "v1").status == 404
    assert alice.blob("alice/app", content.digest_of(image.blobs[0])).status == 404
    assert session.status().status == 404
    server.create_repository("alice/app")
    assert alice.tags("alice/app").json()["tags"] == []
    assert alice.manifest("alice/app", "v1").status == 404
    alice.push("alice/app", image, "v1")
    assert alice.manifest("alice/app", "v1").body == image.body
