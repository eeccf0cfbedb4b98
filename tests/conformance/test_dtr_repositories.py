"""Repositories and what teams may do with them, by DTR's API."""


import pytest

from conftest import PASSWORD
from harness import content
from harness.rest import Rest, new_name
from harness.tools import wait_until



@pytest.fixture
def dtr(admin):
    return Rest(admin, "/api/v0")


@pytest.fixture
def enzi(admin):
    return Rest(admin, "/enzi/v0")


@pytest.fixture
def organization(enzi):
    name = new_name("org")
    enzi.expect(201, "POST", "/accounts", {"name": name, "isOrg": True})
    return name


@pytest.fixture
def person(server, enzi):
    """Makes a user; gives a Rest that speaks DTR's API as them."""
    clients = []

    def make():
        name = new_name("user")
        enzi.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
        clients.append(server.client(name, PASSWORD))
        return Rest(clients[-1], "/api/v0")

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def member(enzi, organization, person):
    """A user in the organization's team "developers"."""
    enzi.expect(201, "POST", f"/accounts/{organization}/teams", {"name": "developers"})
    user = person()
    enzi.expect(200, "PUT", f"/accounts/{organization}/teams/developers/members/{user.client.user}")
    return user


FIELDS = ["id", "namespace", "namespaceType", "name", "shortDescription", "longDescription", "visibility",
          "scanOnPush", "immutableTags", "enableManifestLists", "pulls", "pushes", "tagLimit"]


def test_a_repository_has_the_fields_that_automation_reads(dtr, organization):
    made = dtr.expect(201, "POST", f"/repositories/{organization}", {
        "name": "app", "shortDescription": "An app", "longDescription": "# App", "visibility": "public",
        "pulls": 7, "type": "whatever"})
    assert list(made) == FIELDS
    assert made | {"id": ""} == {
        "id": "", "namespace": organization, "namespaceType": "organization", "name": "app",
        "shortDescription": "An app", "longDescription": "# App", "visibility": "public", "scanOnPush": False,
        "immutableTags": False, "enableManifestLists": False, "pulls": 0, "pushes": 0, "tagLimit": 0}
    path = f"/repositories/{organization}/app"
    assert dtr.get(path) == made == dtr.get(path + "/")
    changed = dtr.expect(200, "PATCH", path, {"scanOnPush": True, "tagLimit": 5, "visibility": "private"})
    assert changed == made | {"scanOnPush": True, "tagLimit": 5, "visibility": "private"}
    listed = dtr.get(f"/repositories/{organization}")["repositories"]
    assert listed == [{k: v for k, v in changed.items() if k != "longDescription"}]
    dtr.expect(204, "DELETE", path)
    dtr.refused(404, "NO_SUCH_REPOSITORY", "GET", path)
    dtr.refused(404, "NO_SUCH_REPOSITORY", "DELETE", path)


def test_what_is_left_out_is_private_and_off(dtr, admin):
    name = new_name("plain")
    made = dtr.expect(201, "POST", f"/repositories/{admin.user}", {"name": name})
    assert (made["visibility"], made["scanOnPush"], made["immutableTags"], made["tagLimit"]) == (
        "private", False, False, 0)
    assert made["namespaceType"] == "user"
    dtr.refused(400, "REPOSITORY_EXISTS", "POST", f"/repositories/{admin.user}", {"name": name})


@pytest.mark.parametrize("body,code", [
    ({}, "INVALID_FORM"),
    ({"name": 7}, "INVALID_FORM"),
    ({"name": "app", "visibility": "secret"}, "INVALID_REPOSITORY_VISIBILITY"),
    ({"name": "app", "visibility": True}, "INVALID_FORM"),
    ({"name": "app", "scanOnPush": "yes"}, "INVALID_FORM"),
    ({"name": "app", "tagLimit": -1}, "INVALID_FORM"),
    ({"name": "app", "tagLimit": 1.5}, "INVALID_FORM"),
    ({"name": "app", "shortDescription": "x" * 1025}, "INVALID_FORM"),
    ({"name": "app", "longDescription": "a\0b"}, "INVALID_FORM"),
    ({"name": "App"}, "INVALID_FORM"),
    ({"name": "../app"}, "INVALID_FORM"),
    (b'{"name": "app"', "INVALID_JSON"),
    (b'{"name": "a\xff"}', "INVALID_JSON"),
    (b'["app"]', "INVALID_JSON"),
])
def test_what_cannot_be_created(dtr, organization, body, code):
    dtr.refused(400, code, "POST", f"/repositories/{organization}", body)
    assert dtr.get(f"/repositories/{organization}")["repositories"] == []


def test_lists_are_paged_and_counted(dtr, organization):
    for i in range(5):
        dtr.expect(201, "POST", f"/repositories/{organization}", {"name": f"app{i}"})
    path = f"/repositories/{organization}?pageSize=2&count=true"
    names, pages, start = [], 0, ""
    while True:
        response = dtr.call("GET", path + f"&pageStart={start}")
        assert response.status == 200 and response.header("x-resource-count") == "5"
        names += [one["name"] for one in response.json()["repositories"]]
        pages += 1
        start = response.header("x-next-page-start")
        if not start:
            break
    assert names == [f"app{i}" for i in range(5)] and pages == 3
    assert len(dtr.get(f"/repositories/{organization}?pageSize=100000")["repositories"]) == 5
    assert dtr.get(f"/repositories/{organization}?pageStart=%7E%7E")["repositories"] == []
    for wrong in ("0", "-1", "x", "99999999999999999999"):
        dtr.refused(400, "INVALID_PARAMETERS", "GET", f"/repositories?pageSize={wrong}")
    dtr.refused(404, "NO_SUCH_ACCOUNT", "GET", "/repositories/nobody-here")


def test_nobody_sees_what_is_hidden(dtr, organization, person, anonymous):
    for name, visibility in (("shown", "public"), ("hidden", "private")):
        dtr.expect(201, "POST", f"/repositories/{organization}", {"name": name, "visibility": visibility})
    nobody = Rest(anonymous, "/api/v0")
    stranger = person()
    for who in (nobody, stranger):
        assert [one["name"] for one in who.get(f"/repositories/{organization}")["repositories"]] == ["shown"]
        assert who.get(f"/repositories/{organization}/shown")["name"] == "shown"
        hidden = who.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/hidden")
        missing = who.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/missing")
        assert hidden.replace("hidden", "missing") == missing
        who.refused(404, "NO_SUCH_REPOSITORY", "DELETE", f"/repositories/{organization}/hidden")
        who.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/hidden/teamAccess")
    stranger.refused(403, "NOT_AUTHORIZED", "PATCH", f"/repositories/{organization}/shown", {"visibility": "private"})
    stranger.refused(403, "NOT_AUTHORIZED", "POST", f"/repositories/{organization}", {"name": "mine"})
    nobody.refused(401, "NOT_AUTHENTICATED", "PATCH", f"/repositories/{organization}/shown", {"visibility": "private"})
    nobody.refused(401, "NOT_AUTHENTICATED", "POST", f"/repositories/{organization}", {"name": "mine"})


def begins_push(rest: Rest, repository: str) -> int:
    rest.client.forget_tokens()
    return rest.client.request("POST", f"/v2/{repository}/blobs/uploads/").status


def test_a_stranger_cannot_ask_who_is_here(dtr, organization, anonymous):
    nobody = Rest(anonymous, "/api/v0")
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "hidden"})
    here = nobody.refused(404, "NO_SUCH_ACCOUNT", "GET", f"/repositories/{organization}")
    missing = nobody.refused(404, "NO_SUCH_ACCOUNT", "GET", "/repositories/not-here")
    assert here.replace(organization, "not-here") == missing
    dtr.expect(200, "PATCH", f"/repositories/{organization}/hidden", {"visibility": "public"})
    assert len(nobody.get(f"/repositories/{organization}")["repositories"]) == 1


def test_a_member_sees_of_a_team_what_they_see_at_all(dtr, enzi, organization, member, person):
    for name in ("theirs", "other"):
        dtr.expect(201, "POST", f"/repositories/{organization}", {"name": name})
    enzi.expect(201, "POST", f"/accounts/{organization}/teams", {"name": "secret"})
    for team, name in (("developers", "theirs"), ("secret", "theirs"), ("secret", "other")):
        dtr.expect(200, "PUT", f"/repositories/{organization}/{name}/teamAccess/{team}", {"accessLevel": "read-only"})
    path = f"/accounts/{organization}/teams/secret/repositoryAccess"
    seen = lambda who: [one["repository"]["name"] for one in who.get(path)["repositoryAccessList"]]
    assert seen(dtr) == ["theirs", "other"] and seen(member) == ["theirs"]
    counted = lambda who: who.call("GET", f"{path}?count=true").header("x-resource-count")
    assert counted(dtr) == "2" and counted(member) is None
    person().refused(403, "NOT_AUTHORIZED", "GET", path)


def test_a_team_has_what_it_was_given_until_it_is_taken(dtr, enzi, organization, member):
    repository = f"{organization}/app"
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "app"})
    path = f"/repositories/{repository}/teamAccess"
    assert dtr.get(path)["teamAccessList"] == []
    member.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{repository}")
    given = dtr.expect(200, "PUT", f"{path}/developers", {"accessLevel": "read-only"})
    assert given["accessLevel"] == "read-only" and given["team"]["name"] == "developers"
    listed = dtr.get(f"/repositories/{organization}")["repositories"]
    assert [given["repository"]] == listed and len(given["teamAccessList"]) == 1
    assert dtr.get(path)["repository"] == listed[0]
    assert member.get(f"/repositories/{repository}")["name"] == "app"
    assert begins_push(member, repository) == 403
    for level in ("read-write", "admin"):
        dtr.expect(200, "PUT", f"{path}/developers", {"accessLevel": level})
        assert begins_push(member, repository) == 202
    member.client.push(repository, content.image(), "v1")
    assert [one["accessLevel"] for one in member.get(path)["teamAccessList"]] == ["admin"]
    access = dtr.get(f"/accounts/{organization}/teams/developers/repositoryAccess")
    assert [(one["accessLevel"], one["repository"]["name"]) for one in access["repositoryAccessList"]] == [
        ("admin", "app")]
    assert [one["repository"] for one in access["repositoryAccessList"]] == listed
    own = member.get(f"/accounts/{member.client.user}/repositoryAccess/{repository}")
    assert (own["accessLevel"], own["user"]["name"]) == ("admin", member.client.user)
    member.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/accounts/{member.client.user}/repositoryAccess/no/Name")
    assert dtr.call("GET", f"{path}?count=true").header("x-resource-count") == "1"
    dtr.expect(204, "DELETE", f"{path}/developers")
    dtr.expect(204, "DELETE", f"{path}/developers")
    assert dtr.call("GET", f"{path}?count=true").header("x-resource-count") == "0"
    member.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{repository}")
    assert begins_push(member, repository) in (401, 403, 404)


def test_a_team_may_be_given_a_whole_namespace(dtr, organization, member):
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "one"})
    path = f"/repositoryNamespaces/{organization}/teamAccess"
    dtr.refused(404, "NO_SUCH_NAMESPACE_TEAM_ACCESS", "GET", f"{path}/developers")
    given = dtr.expect(200, "PUT", f"{path}/developers", {"accessLevel": "read-write"})
    assert given["namespace"] == organization and given["accessLevel"] == "read-write"
    assert dtr.get(f"{path}/developers")["accessLevel"] == "read-write"
    assert [one["team"]["clientUserIsMember"] for one in dtr.get(path)["teamAccessList"]] == [False]
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "two"})
    assert [one["name"] for one in member.get("/repositories?pageSize=1000")["repositories"]
            if one["namespace"] == organization] == ["one", "two"]
    member.refused(403, "NOT_AUTHORIZED", "PUT", f"{path}/developers", {"accessLevel": "admin"})
    dtr.expect(204, "DELETE", f"{path}/developers")
    member.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{organization}/two")


def test_access_that_cannot_be_given(dtr, enzi, organization, member, admin):
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "app"})
    path = f"/repositories/{organization}/app/teamAccess"
    for wrong in ({}, {"accessLevel": "owner"}, {"accessLevel": 3}):
        dtr.refused(400, "INVALID_FORM", "PUT", f"{path}/developers", wrong)
    dtr.refused(404, "NO_SUCH_TEAM", "PUT", f"{path}/nobody", {"accessLevel": "admin"})
    other = new_name("org")
    enzi.expect(201, "POST", "/accounts", {"name": other, "isOrg": True})
    foreign = enzi.expect(201, "POST", f"/accounts/{other}/teams", {"name": "foreign"})
    dtr.refused(404, "NO_SUCH_TEAM", "PUT", f"{path}/{foreign['id']}", {"accessLevel": "admin"})
    name = new_name("own")
    dtr.expect(201, "POST", f"/repositories/{admin.user}", {"name": name})
    dtr.refused(400, "INVALID_PARAMETERS", "PUT", f"/repositories/{admin.user}/{name}/teamAccess/developers",
                {"accessLevel": "admin"})


def test_an_immutable_tag_is_refused_with_a_sentence(dtr, admin):
    name = new_name("fixed")
    dtr.expect(201, "POST", f"/repositories/{admin.user}", {"name": name, "immutableTags": True})
    repository = f"{admin.user}/{name}"
    admin.push(repository, content.image(), "v1")
    other = content.image()
    for blob in other.blobs:
        admin.push_blob(repository, blob)
    refused = admin.put_manifest(repository, "v1", other.body, other.media_type)
    assert refused.status == 412 and refused.error_codes() == ["DENIED"]
    message = refused.json()["errors"][0]["message"]
    assert "cannot be overwritten" in message and "immutable" in message
    assert admin.put_manifest(repository, "v2", other.body, other.media_type).status == 201


def test_pulls_and_pushes_are_counted(dtr, admin):
    name = new_name("busy")
    dtr.expect(201, "POST", f"/repositories/{admin.user}", {"name": name})
    repository = f"{admin.user}/{name}"
    image = content.image()
    admin.push(repository, image, "v1", "v2")
    for _ in range(3):
        assert admin.manifest(repository, "v1").status == 200
    wait_until(lambda: (one := dtr.get(f"/repositories/{repository}"))["pulls"] == 3 and one["pushes"] == 2,
               "three pulls and two pushes counted", timeout=40)


def test_scan_on_push_is_switched_everywhere(dtr, admin, person):
    name = new_name("scan")
    dtr.expect(201, "POST", f"/repositories/{admin.user}", {"name": name})
    person().refused(403, "NOT_AUTHORIZED", "POST", "/repositories/scan/toggle", {"scanOnPush": True})
    dtr.refused(400, "INVALID_FORM", "POST", "/repositories/scan/toggle", {})
    dtr.expect(200, "POST", "/repositories/scan/toggle", {"scanOnPush": True})
    assert dtr.get(f"/repositories/{admin.user}/{name}")["scanOnPush"] is True
    dtr.expect(200, "POST", "/repositories/scan/toggle", {"scanOnPush": False})
    assert dtr.get(f"/repositories/{admin.user}/{name}")["scanOnPush"] is False


@pytest.mark.parametrize("target", [
    "/repositories/a%FFb", "/repositories/a%00b/app", "/repositories?pageStart=%FF", "/repositories?pageStart=a%00",
])
def test_bytes_that_are_no_text_reach_no_database(dtr, target):
    dtr.refused(400, "INVALID_PARAMETERS", "GET", target)
