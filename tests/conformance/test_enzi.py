"""Accounts, organizations, teams by the API of DTR's and UCP's accounts service (eNZi)."""

import re

import pytest

from conftest import PASSWORD
from harness import content
from harness.registry_client import basic
from harness.rest import Rest, new_name

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def api(admin):
    return Rest(admin)


@pytest.fixture
def organization(api):
    name = new_name("org")
    api.expect(201, "POST", "/accounts", {"name": name, "fullName": "An Organization", "isOrg": True})
    return name


@pytest.fixture
def person(server, api):
    """Makes a user by the API; gives a Rest that speaks as them."""
    clients = []

    def make(**fields):
        name = new_name("user")
        api.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD, **fields})
        clients.append(server.client(name, PASSWORD))
        return Rest(clients[-1])

    yield make
    for client in clients:
        client.close()


def test_a_user_has_the_fields_that_automation_reads(api, person):
    name = new_name("user")
    made = api.expect(201, "POST", "/accounts/", {
        "id": "", "name": name, "fullName": "Ada Lovelace", "password": PASSWORD, "isAdmin": False,
        "searchLDAP": False})
    assert list(made) == ["name", "id", "fullName", "isOrg", "isAdmin", "isActive", "isImported"]
    assert UUID.fullmatch(made["id"])
    assert made == {"name": name, "id": made["id"], "fullName": "Ada Lovelace", "isOrg": False,
                    "isAdmin": False, "isActive": True, "isImported": False}
    for reference in (name, made["id"], f"id:{made['id']}"):
        for prefix in ("/enzi/v0", ""):
            assert Rest(api.client, prefix).get(f"/accounts/{reference}") == made
    changed = api.expect(200, "PATCH", f"/accounts/{name}", {"fullName": "Ada King"})
    assert changed == made | {"fullName": "Ada King"}
    api.expect(204, "DELETE", f"/accounts/{name}")
    api.refused(404, "NO_SUCH_ACCOUNT", "GET", f"/accounts/{name}")


def test_a_team_says_whether_the_caller_is_in_it(api, organization, person):
    user = person()
    name, base = user.client.user, f"/accounts/{organization}/teams"
    for team in ("a1", "b2", "c3", "d4"):
        made = api.expect(201, "POST", base, {"name": team})
        assert made["clientUserIsMember"] is False
    for team in ("b2", "d4"):
        api.expect(200, "PUT", f"{base}/{team}/members/{name}", {})
    api.expect(200, "PUT", f"{base}/d4/members/admin", {})
    for rest, expected in ((user, [False, True, False, True]), (api, [False, False, False, True])):
        assert [team["clientUserIsMember"] for team in rest.get(base)["teams"]] == expected
        assert [team["clientUserIsMember"] for start in ("a1", "b2", "c3", "d4")
                for team in rest.get(f"{base}?limit=1&start={start}")["teams"]] == expected
        assert [rest.get(f"{base}/{team}")["clientUserIsMember"] for team in ("a1", "b2", "c3", "d4")] == expected
        teams = rest.get(f"/accounts/{organization}/members/{name}/teams")["memberTeams"]
        assert [entry["team"]["clientUserIsMember"] for entry in teams] == [expected[1], expected[3]]
    assert api.expect(200, "PATCH", f"{base}/d4", {"description": "x"})["clientUserIsMember"] is True


def test_an_organization_counts_its_members_and_teams(api, organization, person):
    shown = api.get(f"/accounts/{organization}")
    assert shown["isOrg"] and shown["membersCount"] == 0 and shown["teamsCount"] == 0
    team = api.expect(201, "POST", f"/accounts/{organization}/teams", {
        "name": "developers", "description": "They push", "type": "managed"})
    assert team["orgID"] == shown["id"]
    assert {"id", "orgID", "name", "description", "membersCount", "clientUserIsMember"} == set(team)
    user = person().client.user
    # A script sends the body of its request before here.
    api.expect(200, "PUT", f"/accounts/{organization}/teams/developers/members/{user}",
               {"name": "developers", "isPublic": True})
    member = api.get(f"/accounts/{organization}/members/{user}")
    assert member["isAdmin"] is False and member["member"]["name"] == user
    shown = api.get(f"/accounts/{organization}")
    assert shown["membersCount"] == 1 and shown["teamsCount"] == 1
    assert api.get(f"/accounts/{organization}/teams/{team['id']}")["membersCount"] == 1
    teams = api.get(f"/accounts/{organization}/members/{user}/teams")["memberTeams"]
    assert [entry["team"]["name"] for entry in teams] == ["developers"]
    organizations = api.get(f"/accounts/{user}/organizations")["memberOrgs"]
    assert [entry["org"]["name"] for entry in organizations] == [organization]
    api.expect(200, "PATCH", f"/accounts/{organization}/teams/developers", {"name": "dev"})
    api.expect(204, "DELETE", f"/accounts/{organization}/members/{user}")
    assert api.get(f"/accounts/{organization}/teams/dev/members")["members"] == []
    api.expect(204, "DELETE", f"/accounts/{organization}/teams/dev")
    api.refused(404, "NO_SUCH_TEAM", "GET", f"/accounts/{organization}/teams/dev")


def pages(api, path: str, key: str, name_of):
    """Every record by following the start of the next page, which both body and header give."""
    names, start = [], ""
    while True:
        response = api.call("GET", f"{path}{'&' if '?' in path else '?'}limit=2&start={start}")
        assert response.status == 200, str(response)
        body = response.json()
        names += [name_of(entry) for entry in body[key]]
        assert (response.header("X-Next-Page-Start") or "") == body["nextPageStart"]
        if not body["nextPageStart"]:
            return names
        assert len(body[key]) == 2
        start = body["nextPageStart"]


def test_lists_are_paged_by_their_first_record(api, organization, person):
    users = sorted(person().client.user for _ in range(5))
    for number, user in enumerate(users):
        api.expect(200, "PUT", f"/accounts/{organization}/members/{user}", {"isAdmin": number == 0})
        api.expect(201, "POST", f"/accounts/{organization}/teams", {"name": f"team{number}"})
    members = pages(api, f"/accounts/{organization}/members", "members", lambda entry: entry["member"])
    assert sorted(member["name"] for member in members) == users
    assert [member["id"] for member in members] == sorted(member["id"] for member in members)
    owners = api.get(f"/accounts/{organization}/members?filter=admins")
    assert [entry["member"]["name"] for entry in owners["members"]] == users[:1]
    assert owners["resourceCount"] == 5
    teams = pages(api, f"/accounts/{organization}/teams", "teams", lambda entry: entry["name"])
    assert teams == [f"team{number}" for number in range(5)]
    # All at once; and inclusive: a client repeats the last record as the start.
    everyone = api.get("/accounts?filter=users&limit=100000")
    names = [account["name"] for account in everyone["accounts"]]
    assert names == sorted(names) and set(users) <= set(names) and everyone["nextPageStart"] == ""
    assert everyone["usersCount"] >= len(names) and everyone["orgsCount"] >= 1
    again = api.get(f"/accounts?filter=users&limit=1&start={users[2]}")
    assert again["accounts"][0]["name"] == users[2] and again["nextPageStart"]
    backwards = api.get("/accounts?filter=users&order=-name&limit=100000")["accounts"]
    assert [account["name"] for account in backwards] == names[::-1]
    found = api.get(f"/accounts?contains={users[3].upper()}")
    assert [account["name"] for account in found["accounts"]] == [users[3]]
    assert found["resourceCount"] == 1


def test_passwords_are_changed_by_their_owner_or_an_administrator(server, api, person):
    me = person()
    name = me.client.user
    me.refused(403, "NOT_AUTHORIZED", "POST", f"/accounts/{name}/changePassword",
               {"oldPassword": "not this one", "newPassword": "another password"})
    me.refused(400, "INVALID_FORM", "POST", f"/accounts/{name}/changePassword",
               {"oldPassword": PASSWORD, "newPassword": "short"})
    me.expect(200, "POST", f"/accounts/{name}/changePassword",
              {"oldPassword": PASSWORD, "newPassword": "another password"})
    me.refused(401, "NOT_AUTHENTICATED", "GET", f"/accounts/{name}")
    api.refused(400, "INVALID_FORM", "POST", f"/accounts/{name}/changePassword", {"newPassword": PASSWORD})
    api.expect(200, "POST", f"/accounts/{name}/changePassword", {"newPassword": "a third password"})
    assert Rest(server.client(name, "a third password")).get(f"/accounts/{name}")["name"] == name


def test_rights_are_not_taken_but_given(api, organization, person):
    owner, member, stranger, newcomer = person(), person(), person(), person()
    api.expect(200, "PUT", f"/accounts/{organization}/members/{owner.client.user}", {"isAdmin": True})
    owner.expect(201, "POST", f"/accounts/{organization}/teams", {"name": "ops"})
    owner.expect(200, "PUT", f"/accounts/{organization}/members/{member.client.user}", {})
    member.get(f"/accounts/{organization}/members")
    me = f"/accounts/{stranger.client.user}"
    for method, path, body in (
        ("POST", "/accounts", {"name": new_name("x"), "password": PASSWORD}),
        ("PATCH", me, {"isAdmin": True}),
        ("PATCH", me, {"isActive": True}),
        ("DELETE", me, None),
        ("PATCH", f"/accounts/{organization}", {"fullName": "Mine"}),
        ("GET", f"/accounts/{organization}/members", None),
        ("GET", f"/accounts/{organization}/teams", None),
        ("GET", f"/accounts/{organization}/teams/ops", None),
        ("PUT", f"/accounts/{organization}/members/{stranger.client.user}", {"isAdmin": True}),
        ("PUT", f"/accounts/{organization}/teams/ops/members/{stranger.client.user}", {}),
        ("POST", f"/accounts/{member.client.user}/changePassword", {"newPassword": PASSWORD}),
        ("GET", f"/accounts/{member.client.user}/organizations", None),
    ):
        stranger.refused(403, "NOT_AUTHORIZED", method, path, body)
    for method, path, body in (
        ("POST", f"/accounts/{organization}/teams", {"name": "mine"}),
        ("PUT", f"/accounts/{organization}/members/{member.client.user}", {"isAdmin": True}),
        ("DELETE", f"/accounts/{organization}/members/{owner.client.user}", None),
        ("PUT", f"/accounts/{organization}/teams/ops/members/{member.client.user}", {"isAdmin": True}),
        ("DELETE", f"/accounts/{organization}/teams/ops", None),
    ):
        member.refused(403, "NOT_AUTHORIZED", method, path, body)
    # An administrator of a team chooses its members among those of the organization.
    owner.expect(200, "PUT", f"/accounts/{organization}/teams/ops/members/{member.client.user}",
                 {"isAdmin": True})
    member.refused(404, "NO_SUCH_MEMBER", "PUT",
                   f"/accounts/{organization}/teams/ops/members/{newcomer.client.user}")
    member.expect(200, "PUT", f"/accounts/{organization}/teams/ops/members/{owner.client.user}")
    # Whoever wants to leaves.
    member.expect(204, "DELETE", f"/accounts/{organization}/members/{member.client.user}")
    member.refused(403, "NOT_AUTHORIZED", "GET", f"/accounts/{organization}/members")


def test_nobody_is_nobody(server, anonymous):
    nobody = Rest(anonymous)
    for method, path in (("GET", "/accounts"), ("GET", "/accounts/alice"), ("POST", "/accounts"),
                         ("DELETE", "/accounts/alice"), ("GET", "/accounts/alice/organizations"),
                         ("GET", "/accounts/none-of-that-name")):
        nobody.refused(401, "NOT_AUTHENTICATED", method, path)
    response = nobody.call("GET", "/accounts", headers=[("Authorization", basic("alice", "wrong"))])
    assert response.status == 401 and response.header("WWW-Authenticate").startswith("Bearer")


def test_a_token_without_a_scope_speaks_for_its_user_and_one_for_a_repository_does_not(server, alice):
    plain = alice.get_token([]).json()["token"]
    api = Rest(server.client())
    answer = api.call("GET", "/accounts/alice", headers=[("Authorization", f"Bearer {plain}")])
    assert answer.status == 200, str(answer)
    narrow = alice.get_token(["repository:alice/app:pull"]).json()["token"]
    answer = api.call("GET", "/accounts/alice", headers=[("Authorization", f"Bearer {narrow}")])
    assert answer.status == 401, str(answer)


def test_bad_input_is_told_by_name(api, organization):
    name = new_name("user")
    good = {"name": name, "password": PASSWORD}
    for status, code, body, word in (
        (400, "INVALID_JSON", b"{", "JSON"),
        (400, "INVALID_JSON", b"[]", "object"),
        (400, "INVALID_JSON", b'{"name":"a","name":"b"}', "twice"),
        (400, "INVALID_JSON", b'{"name":"\xff\xfe"}', "JSON"),
        (400, "INVALID_FORM", {}, "name"),
        (400, "INVALID_FORM", {"name": 7}, "name"),
        (400, "INVALID_FORM", {"name": name}, "password"),
        (400, "INVALID_FORM", good | {"isAdmin": "true"}, "isAdmin"),
        (400, "INVALID_FORM", good | {"fullName": "x" * 257}, "256"),
        (400, "INVALID_FORM", good | {"fullName": "bell \x07"}, "control"),
        (400, "INVALID_FORM", good | {"password": "short"}, "8"),
        (400, "INVALID_FORM", good | {"name": "Upper"}, "lower-case"),
        (400, "INVALID_FORM", good | {"name": "a"}, "2 to 40"),
        (400, "INVALID_FORM", good | {"name": "v2"}, "reserved"),
        (400, "INVALID_FORM", good | {"name": "12345678-1234-4234-8234-123456789012"}, "id"),
        (400, "ACCOUNT_EXISTS", good | {"name": "alice"}, "exists"),
        (400, "ACCOUNT_EXISTS", {"name": "alice", "isOrg": True}, "exists"),
    ):
        assert word in api.refused(status, code, "POST", "/accounts", body), body
    for query in ("limit=0", "limit=x", "limit=99999999999999999999", "filter=all-of-them", "order=size"):
        api.refused(400, "INVALID_PARAMETERS", "GET", f"/accounts?{query}")
    api.refused(400, "INVALID_PARAMETERS", "GET", "/accounts?start=%zz")
    api.refused(400, "INVALID_FORM", "PATCH", f"/accounts/{organization}", {"isAdmin": True})
    api.refused(404, "NO_SUCH_ACCOUNT", "GET", "/accounts/alice/members")
    api.refused(404, "NO_SUCH_ACCOUNT", "PUT", f"/accounts/{organization}/members/{organization}")
    api.refused(404, "NO_SUCH_MEMBER", "DELETE", f"/accounts/{organization}/members/alice")
    api.refused(404, "NOT_FOUND", "GET", "/nothing/here")
    response = api.call("DELETE", "/accounts")
    assert response.status == 405 and response.header("Allow") == "GET, HEAD, POST, PATCH"


def test_bodies_are_read_as_scripts_send_them(api):
    for content_type, tail in (("application/x-www-form-urlencoded", b""), ("application/json;charset=UTF-8", b","),
                               ("", b"\n\n")):
        name = new_name("user")
        body = b'{"name":"%s","password":"%s","localRepository":true}' % (name.encode(), PASSWORD.encode())
        headers = [("Content-Type", content_type)] if content_type else []
        response = api.call("POST", "/accounts", body + tail, headers=headers)
        assert response.status == 201, str(response)


def test_the_last_administrator_and_oneself_stay(api):
    assert "last active administrator" in api.refused(
        409, "LAST_ADMINISTRATOR", "PATCH", "/accounts/admin", {"isAdmin": False})
    api.refused(409, "LAST_ADMINISTRATOR", "PATCH", "/accounts/admin", {"isActive": False})
    api.refused(409, "CONFLICT", "DELETE", "/accounts/admin")


def test_a_namespace_with_repositories_is_not_deleted(server, api, person):
    user = person()
    name = user.client.user
    user.client.push(f"{name}/app", content.image(), "v1")
    assert "repositories" in api.refused(409, "ACCOUNT_HAS_REPOSITORIES", "DELETE", f"/accounts/{name}")
    assert user.client.manifest(f"{name}/app", "v1").status == 200
    server.admin("repo", "delete", f"{name}/app")
    api.expect(204, "DELETE", f"/accounts/{name}")
    user.refused(401, "NOT_AUTHENTICATED", "GET", "/accounts")


def test_what_is_taken_away_is_gone_with_the_next_request(server, api, organization, person):
    owner = person()
    name = f"{organization}/app"
    api.expect(200, "PUT", f"/accounts/{organization}/members/{owner.client.user}", {"isAdmin": True})
    owner.client.push(name, content.image(), "v1")
    # The same token, before and after.
    assert owner.client.manifest(name, "v1").status == 200
    api.expect(200, "PUT", f"/accounts/{organization}/members/{owner.client.user}", {"isAdmin": False})
    assert owner.client.manifest(name, "v1").status == 403
    api.expect(200, "PUT", f"/accounts/{organization}/members/{owner.client.user}", {"isAdmin": True})
    assert owner.client.manifest(name, "v1").status == 200
    api.expect(200, "PATCH", f"/accounts/{owner.client.user}", {"isActive": False})
    assert owner.client.manifest(name, "v1").status == 401
