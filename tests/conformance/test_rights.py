"""What somebody with a little right tries in order to see or to do more."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.registry_client import own_address
from harness.rest import Rest, new_name

OTHER_PASSWORD = "another fine password"


@pytest.fixture
def enzi(admin):
    return Rest(admin)


@pytest.fixture
def dtr(admin):
    return Rest(admin, "/api/v0")


@pytest.fixture
def people(server, enzi):
    """Makes users; gives their clients."""
    clients = []

    def make(name=None, secret=PASSWORD, **fields):
        if name is None:
            name = new_name("u")
            enzi.expect(201, "POST", "/accounts", {"name": name, "password": secret, **fields})
        clients.append(server.client(name, secret, source=own_address()))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def bearer(token: str):
    return [("Authorization", f"Bearer {token}")]


def token_of(client, *scopes) -> str:
    return client.get_token(scopes).json()["token"]


# --- bearer tokens
def test_what_a_password_brought_ends_with_it(people, enzi, dtr):
    user = people()
    rest = Rest(user)
    name = user.user
    repository = f"{name}/app"
    dtr.expect(201, "POST", f"/repositories/{name}", {"name": "app"})
    for_all, for_one = token_of(user), token_of(user, f"repository:{repository}:pull")
    listed = f"/v2/{repository}/tags/list"
    assert rest.call("GET", f"/accounts/{name}", headers=bearer(for_all)).status == 200
    assert user.raw("GET", listed, headers=bearer(for_one)).status == 200
    # What changes nothing ends nothing: scripts set every night what is so already.
    enzi.expect(200, "PATCH", f"/accounts/{name}", {"isActive": True, "isAdmin": False, "fullName": "Somebody"})
    assert user.raw("GET", listed, headers=bearer(for_one)).status == 200
    rest.expect(200, "POST", f"/accounts/{name}/changePassword",
                {"oldPassword": PASSWORD, "newPassword": OTHER_PASSWORD})
    assert rest.call("GET", f"/accounts/{name}", headers=bearer(for_all)).status == 401
    refused = user.raw("GET", listed, headers=bearer(for_one))
    assert refused.status == 401 and 'error="invalid_token"' in refused.header("WWW-Authenticate")
    again = people(name, OTHER_PASSWORD)
    assert again.raw("GET", listed, headers=bearer(token_of(again, f"repository:{repository}:pull"))).status == 200


def test_a_changed_password_leaves_access_tokens(people):
    user = people()
    secret = Rest(user, "/api/v0").expect(200, "POST", "/api_tokens", {"tokenLabel": "ci"})["token"]
    token = token_of(people(user.user, secret))
    Rest(user).expect(200, "POST", f"/accounts/{user.user}/changePassword",
                      {"oldPassword": PASSWORD, "newPassword": OTHER_PASSWORD})
    assert Rest(user).call("GET", f"/accounts/{user.user}", headers=bearer(token)).status == 200


def test_a_token_for_a_repository_is_no_login(people, repository):
    """Not even when nothing was granted, as the repository is somebody else's or not there yet."""
    user = people()
    for scope in (f"repository:{repository}:pull", "repository:nobody-at-all/app:pull", "no scope at all"):
        token = token_of(user, scope)
        for path in ("/enzi/v0/accounts", "/api/v0/api_tokens"):
            assert Rest(user, "").call("GET", path, headers=bearer(token)).status == 401, scope
    assert Rest(user, "").call("GET", "/enzi/v0/accounts", headers=bearer(token_of(user))).status == 200


# --- who is seen
def test_service_accounts_are_their_organizations_business(people, enzi, admin):
    organization = new_name("org")
    enzi.expect(201, "POST", "/accounts", {"name": organization, "isOrg": True})
    member, stranger = people(), people()
    enzi.expect(200, "PUT", f"/accounts/{organization}/members/{member.user}")
    own = Rest(admin, f"/api/v0/holdfast/organizations/{organization}/serviceAccounts")
    made = own.expect(201, "POST", "", {"name": "ci", "description": "pushes to production"})
    secret = own.expect(201, "POST", "/ci/tokens", {"tokenLabel": "x"})["token"]
    itself = people(made["name"], secret)
    for reference in (made["name"], made["id"], f"id:{made['id']}"):
        missing = reference.replace(made["name"], f"{organization}..no").replace(made["id"][:4], "0000")
        for who in (enzi.client, member, itself):
            assert Rest(who).get(f"/accounts/{reference}")["id"] == made["id"]
        for path in ("/enzi/v0/accounts/{}", "/enzi/v0/accounts/{}/publicKeys", "/api/v0/repositories/{}",
                     "/api/v0/accounts/{}/settings"):
            rest = Rest(stranger, "")
            hidden = rest.refused(404, "NO_SUCH_ACCOUNT", "GET", path.format(reference))
            assert hidden.replace(reference, missing) == rest.refused(
                404, "NO_SUCH_ACCOUNT", "GET", path.format(missing))


def test_a_scope_is_told_of_no_other_repository(people, enzi):
    user = people()
    name = user.user
    image = content.image()
    for repository in ("app", "web"):
        Rest(user, "/api/v0").expect(201, "POST", f"/repositories/{name}", {"name": repository})
        user.push(f"{name}/{repository}", image, "v1")
    made = Rest(user, "/api/v0").expect(
        200, "POST", "/api_tokens",
        {"tokenLabel": "ci", "scope": [{"repository": f"{name}/app", "actions": ["pull"]}]})
    path = f"/holdfast/repositories/{name}/app/manifests/v1/sharing"
    whole = Rest(user, "/api/v0").get(path)
    assert whole["repositories"]["names"] == [f"{name}/web"]
    narrow = Rest(people(name, made["token"]), "/api/v0").get(path)
    assert f"{name}/web" not in str(narrow)
    assert narrow["repositories"] == {"names": [], "visible": 0, "hidden": 1, "more": False}


def test_a_user_who_is_called_as_a_setting_is(server, enzi, people):
    """Objects of events are names: of accounts, and of actions and settings."""
    name = "sessions"
    enzi.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
    try:
        user = Rest(people(name), "/api/v0")
        enzi.expect(200, "PUT", "/config/sessions", enzi.get("/config/sessions"))
        enzi.expect(200, "PATCH", f"/accounts/{name}", {"fullName": "Somebody"})
        seen = [event["event"] for event in user.get("/events?pageSize=100")["events"]]
        assert "session_settings_updated" not in seen and "user_updated" in seen
    finally:
        enzi.expect(204, "DELETE", f"/accounts/{name}")


def test_an_account_without_a_password_takes_as_long(holdfast):
    """Imported ones may have none; medians, each try from an address of its own."""
    server = holdfast()
    Rest(server.admin_client()).expect(201, "POST", "/admin/importAccounts", {"accounts": [
        {"name": f"imported{number}"} for number in range(5)]})
    times = {"imported": [], "nobody": []}
    for number in range(5):
        for offset, name in enumerate(times):
            client = server.client(f"{name}{number}", f"wrong {number}", source=f"127.{10 + offset}.{number}.1")
            client.challenge()
            start = time.perf_counter()
            assert client.get_token([]).status == 401
            times[name].append(time.perf_counter() - start)
    medians = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
    assert 0.5 < medians["imported"] / medians["nobody"] < 2, medians


# --- what is stolen
def test_sessions_are_ended_in_read_only_mode(holdfast):
    server = holdfast()
    server.add_user("alice", PASSWORD)
    admin, anonymous = server.admin_client(), Rest(server.client(), "")
    login = {"username": "alice", "password": PASSWORD}
    stolen = [anonymous.expect(200, "POST", "/auth/login", login)["auth_token"] for _ in range(2)]
    Rest(admin, "/api/v0").expect(202, "POST", "/meta/settings", {"readOnlyRegistry": True})
    one = Rest(admin).get("/accounts/alice/sessions")["sessions"][0]["id"]
    assert Rest(admin).call("DELETE", f"/accounts/alice/sessions/{one}").status == 204
    assert Rest(admin).call("DELETE", "/accounts/alice/sessions").status == 204
    for token in stolen:
        assert anonymous.call("GET", "/id/", headers=bearer(token)).status == 401


# --- what a database does not take
def test_a_reference_that_is_no_text(enzi):
    results = enzi.expect(200, "PATCH", "/accounts", {"operations": [
        {"op": "activate", "ref": ref} for ref in ("a\0b", "\0", "id:\0", "")]})["results"]
    assert [result["error"]["code"] for result in results] == ["NO_SUCH_ACCOUNT"] * 4, results


def test_sizes_that_a_manifest_makes_up(alice, public_repository):
    """Foreign layers are nowhere here: their sizes are what the client says."""
    references = []
    for count in (0, 1, 2, 3):
        image = content.image(unique=f"size {count}")
        document = image.document
        for number in range(count):
            document["layers"].append({
                "mediaType": content.OCI_NONDISTRIBUTABLE, "digest": content.digest_of(b"%d" % number),
                "size": 2**63 - 1, "urls": ["https://example.com/layer"]})
        huge = content.Manifest(image.media_type, content.encode(document), image.blobs)
        alice.push(public_repository, huge, f"v{count}")
        references.append(f"v{count}")
    api = Rest(alice, "/api/v0")
    for one in references:
        for other in references:
            answer = api.get(f"/holdfast/repositories/{public_repository}/compare?from={one}&to={other}")
            assert answer["sizeDifference"] == answer["to"]["size"] - answer["from"]["size"]
            assert 0 <= answer["from"]["size"] < 2**63


# --- what a pusher makes a reader's request cost
def test_an_image_with_more_steps_than_anybody_reads(alice, public_repository, anonymous):
    layer = content.random_blob(64)
    config = content.encode({
        "architecture": "amd64", "os": "linux", "config": {},
        "history": [{"created_by": "RUN true", "empty_layer": True}] * 50_000})
    document = content.image(layers=[layer]).document
    document["config"] = content.descriptor(content.OCI_CONFIG, config)
    document["layers"] *= 20_000
    image = content.Manifest(content.OCI_MANIFEST, content.encode(document), [config, layer])
    alice.push(public_repository, image, "v1")
    api = Rest(anonymous, "/api/v0")
    for manifest in (api.get(f"/repositories/{public_repository}/tags/v1")[0]["manifest"],
                     api.get(f"/repositories/{public_repository}/tags?includeManifests=true")[0]["manifest"],
                     api.get(f"/repositories/{public_repository}/manifests")[0]):
        assert 0 < len(manifest["dockerfile"]) <= 1000
        assert manifest["size"] == len(config) + 20_000 * len(layer)


def test_indexes_of_indexes_on_many_tags(alice, public_repository, anonymous):
    images = [alice.push(public_repository, content.image(), "v1") for _ in range(40)]
    indexes = [content.index(images[:39] + [images[39]] * number) for number in range(1, 41)]
    for index in indexes:
        alice.push(public_repository, index, index.digest)
    top = alice.push(public_repository, content.index(indexes), *[f"t{number}" for number in range(100)])
    start = time.perf_counter()
    answer = Rest(anonymous, "/api/v0").get(f"/repositories/{public_repository}/tags/{top.digest}")
    assert time.perf_counter() - start < 5
    # All platforms of a tag, of as many tags as an answer has room for.
    assert len(answer) % 40 == 0 and 40 <= len(answer) <= 100 * 40
    assert {entry["digest"] for entry in answer} == {top.digest}
    assert {entry["manifest"]["digest"] for entry in answer} == {index.digest for index in indexes}


# --- at once
def test_administrators_who_remove_each_other_leave_one(holdfast):
    server = holdfast()
    admin = Rest(server.admin_client())
    for name in ("one", "two"):
        admin.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD, "isAdmin": True})
    admin.expect(200, "PATCH", "/accounts/admin", {"isAdmin": False})
    pair = {name: Rest(server.client(name, PASSWORD)) for name in ("one", "two")}
    changes = [("PATCH", {"isAdmin": False}), ("PATCH", {"isActive": False}), ("PATCH", {"isAdmin": False})]
    for method, body in changes:
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(pair[one].call, method, f"/accounts/{other}", body)
                        for one, other in (("one", "two"), ("two", "one"))]
        statuses = sorted(attempt.result().status for attempt in attempts)
        assert statuses[0] == 200 and statuses[1] in (401, 403, 409), statuses
        left = next(name for name in pair if pair[name].call("GET", "/config/auth").status == 200)
        other = next(name for name in pair if name != left)
        pair[left].expect(200, "PATCH", f"/accounts/{other}", {"isAdmin": True, "isActive": True})


# --- names that are used again
def test_a_name_that_is_used_again_inherits_no_credential(people, enzi, server):
    user = people()
    name = user.user
    secret = Rest(user, "/api/v0").expect(200, "POST", "/api_tokens", {"tokenLabel": "ci"})["token"]
    robot = people(name, secret)
    login = Rest(user, "").expect(200, "POST", "/auth/login", {"username": name, "password": PASSWORD})
    credentials = [token_of(user), token_of(robot), login["auth_token"]]
    for credential in credentials:
        assert Rest(user).call("GET", f"/accounts/{name}", headers=bearer(credential)).status == 200
    enzi.expect(204, "DELETE", f"/accounts/{name}")
    enzi.expect(201, "POST", "/accounts", {"name": name, "password": OTHER_PASSWORD})
    for credential in credentials:
        assert Rest(user).call("GET", f"/accounts/{name}", headers=bearer(credential)).status == 401
    for client in (user, robot):
        assert Rest(client).call("GET", f"/accounts/{name}").status == 401
        assert client.get_token([]).status == 401
    again = Rest(people(name, OTHER_PASSWORD), "/api/v0")
    assert again.get("/api_tokens") == []
    assert "user_deleted" not in [event["event"] for event in again.get("/events?pageSize=100")["events"]]


def test_a_name_that_is_used_again_inherits_no_rights(people, enzi, dtr):
    organization, team = new_name("org"), "readers"
    member = people()

    def make():
        enzi.expect(201, "POST", "/accounts", {"name": organization, "isOrg": True})
        dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "app", "visibility": "private"})
        enzi.expect(201, "POST", f"/accounts/{organization}/teams", {"name": team})

    make()
    enzi.expect(200, "PUT", f"/accounts/{organization}/teams/{team}/members/{member.user}")
    dtr.expect(200, "PUT", f"/repositories/{organization}/app/teamAccess/{team}", {"accessLevel": "admin"})
    mine = Rest(member, "/api/v0")
    rules = [{"field": "tag", "operator": "eq", "values": ["v1"]}]
    mine.expect(201, "POST", f"/repositories/{organization}/app/pruningPolicies", {"enabled": False, "rules": rules})
    # Of a repository: its grants and policies.
    dtr.expect(204, "DELETE", f"/repositories/{organization}/app")
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "app", "visibility": "private"})
    mine.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/app")
    assert dtr.get(f"/repositories/{organization}/app/teamAccess")["teamAccessList"] == []
    assert dtr.get(f"/repositories/{organization}/app/pruningPolicies") == []
    # Of a team: its members and grants.
    dtr.expect(200, "PUT", f"/repositoryNamespaces/{organization}/teamAccess/{team}", {"accessLevel": "read-only"})
    mine.expect(200, "GET", f"/repositories/{organization}/app")
    enzi.expect(204, "DELETE", f"/accounts/{organization}/teams/{team}")
    enzi.expect(201, "POST", f"/accounts/{organization}/teams", {"name": team})
    mine.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/app")
    assert enzi.get(f"/accounts/{organization}/teams/{team}/members")["members"] == []
    assert dtr.get(f"/repositoryNamespaces/{organization}/teamAccess")["teamAccessList"] == []
    # Of an organization: its owners.
    enzi.expect(200, "PUT", f"/accounts/{organization}/members/{member.user}", {"isAdmin": True})
    mine.expect(200, "GET", f"/repositories/{organization}/app")
    dtr.expect(204, "DELETE", f"/accounts/{organization}")
    make()
    mine.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/app")
    Rest(member).refused(403, "NOT_AUTHORIZED", "GET", f"/accounts/{organization}/members")
    assert Rest(member).get(f"/accounts/{member.user}/organizations")["memberOrgs"] == []


def test_the_largest_bodies_are_for_administrators(people, enzi):
    user = people()
    rest = Rest(user, "/api/v0")
    rest.expect(201, "POST", f"/repositories/{user.user}", {"name": "app"})
    whole = "\u00e4" * (128 << 10)  # 256 KiB, escaped three times that
    changed = rest.expect(200, "PATCH", f"/repositories/{user.user}/app", {"longDescription": whole})
    assert changed["longDescription"] == whole
    padded = b'{"fullName": "x"}' + b" " * (2 << 20)
    assert Rest(user).call("PATCH", f"/accounts/{user.user}", padded).status == 413
    assert enzi.call("PATCH", f"/accounts/{user.user}", padded).status == 200


def test_many_tags_on_a_manifest_that_takes_long_to_read(alice, public_repository, anonymous):
    image = content.image(annotations={f"a{number}": "x" * 20 for number in range(50_000)})
    alice.push(public_repository, image)
    for start in range(0, 500, 100):
        query = "?" + "&".join(f"tag=t{number:03}" for number in range(start, start + 100))
        assert alice.put_manifest(public_repository, image.digest, image.body, image.media_type, query).status == 201
    start = time.perf_counter()
    tags = Rest(anonymous, "/api/v0").get(f"/repositories/{public_repository}/tags?pageSize=1000")
    assert time.perf_counter() - start < 10
    assert len(tags) == 500 and {tag["manifest"]["digest"] for tag in tags} == {image.digest}


# --- two replicas
@pytest.mark.replicas
def test_what_ends_at_one_replica_ends_at_the_other(holdfast):
    first = holdfast()
    second = holdfast(start=False, name="second", environment=first.extra_environment)
    shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("run", "lock"), dirs_exist_ok=True)
    second.admin_password = first.admin_password
    second.start()
    here, there = Rest(first.admin_client()), Rest(second.admin_client())
    here.expect(201, "POST", "/accounts", {"name": "alice", "password": PASSWORD})

    def enters(server, token):
        return server.call("GET", "/accounts/alice", headers=bearer(token)).status == 200

    mine = token_of(first.client("alice", PASSWORD))
    assert enters(here, mine) and enters(there, mine)
    there.expect(200, "POST", "/accounts/alice/changePassword", {"newPassword": OTHER_PASSWORD})
    tools.wait_until(lambda: not enters(here, mine), "the new password is heard of", timeout=5)
    # Signing keys: after two rotations nothing that the first one signed is good anywhere.
    old = token_of(second.client("alice", OTHER_PASSWORD))
    assert enters(here, old) and enters(there, old)
    for _ in range(2):
        first.admin("keys", "rotate")
    fresh = token_of(first.client("alice", OTHER_PASSWORD))
    tools.wait_until(lambda: enters(there, fresh), "the new key is heard of", timeout=5)
    assert enters(here, token_of(second.client("alice", OTHER_PASSWORD)))
    assert not enters(here, old) and not enters(there, old)
    assert here.client.raw("GET", "/openid_keys").body == there.client.raw("GET", "/openid_keys").body
