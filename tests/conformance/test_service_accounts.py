"""Service accounts: what automation of an organization logs in as."""

import shutil

import pytest

from conftest import PASSWORD
from harness import content, postgres, tools
from harness.registry_client import basic
from harness.rest import Rest, new_name


@pytest.fixture
def api(admin):
    return Rest(admin)


@pytest.fixture
def people(server):
    """Makes clients by name and secret."""
    clients = []

    def make(name, secret=PASSWORD):
        clients.append(server.client(name, secret))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


class Organization:
    def __init__(self, api, people):
        self.api = api
        self.name = new_name("org")
        api.expect(201, "POST", "/accounts", {"name": self.name, "isOrg": True})
        owner = new_name("owner")
        api.expect(201, "POST", "/accounts", {"name": owner, "password": PASSWORD})
        api.expect(200, "PUT", f"/accounts/{self.name}/members/{owner}", {"isAdmin": True})
        self.enzi = Rest(people(owner))
        self.own = Rest(self.enzi.client, f"/api/v0/holdfast/organizations/{self.name}/serviceAccounts")

    def add(self, name: str = "ci", **token):
        """A service account and a token of it."""
        self.own.expect(201, "POST", "", {"name": name})
        made = self.own.expect(201, "POST", f"/{name}/tokens", {"tokenLabel": "build", **token})
        return f"{self.name}..{name}", made

    def grant(self, account: str, level: str):
        team = new_name("team")
        self.enzi.expect(201, "POST", f"/accounts/{self.name}/teams", {"name": team})
        self.enzi.expect(200, "PUT", f"/accounts/{self.name}/teams/{team}/members/{account}")
        Rest(self.enzi.client, "/api/v0").expect(
            200, "PUT", f"/repositoryNamespaces/{self.name}/teamAccess/{team}", {"accessLevel": level})
        return team


@pytest.fixture
def organization(api, people):
    return Organization(api, people)


def repository_of(organization) -> str:
    name = new_name("repo")
    Rest(organization.enzi.client, "/api/v0").expect(
        201, "POST", f"/repositories/{organization.name}", {"name": name, "visibility": "private"})
    return f"{organization.name}/{name}"


def test_it_pushes_and_pulls_by_the_teams_that_it_is_in(organization, people):
    account, token = organization.add()
    assert account == f"{organization.name}..ci"
    repository = repository_of(organization)
    client = people(account, token["token"])
    assert client.request("POST", f"/v2/{repository}/blobs/uploads/").status in (401, 403, 404)
    team = organization.grant(account, "read-write")
    client.forget_tokens()
    client.push(repository, content.image(), "v1")
    assert client.manifest(repository, "v1").status == 200
    organization.enzi.expect(
        204, "DELETE", f"/accounts/{organization.name}/teams/{team}/members/{account}")
    assert client.manifest(repository, "v1").status in (401, 403, 404)


def test_it_is_described_disabled_and_deleted(organization, people):
    account, token = organization.add()
    shown = organization.own.get("/ci")
    assert shown["name"] == account and shown["isActive"] and shown == organization.own.get(f"/{account}")
    client = Rest(people(account, token["token"]), "/api/v0")
    assert client.call("GET", "/admin/version").status == 200
    assert Rest(client.client, "").get("/id")["name"] == account
    organization.own.expect(200, "PATCH", "/ci", {"isActive": False, "description": "off"})
    assert client.call("GET", "/admin/version").status == 401
    organization.own.expect(200, "PATCH", "/ci", {"isActive": True})
    assert client.call("GET", "/admin/version").status == 200
    organization.own.expect(200, "PATCH", f"/ci/tokens/{token['hashedToken']}", {"isActive": False})
    assert client.call("GET", "/admin/version").status == 401
    organization.own.expect(200, "PATCH", f"/ci/tokens/{token['hashedToken']}", {"isActive": True})
    assert client.call("GET", "/admin/version").status == 200
    organization.own.expect(204, "DELETE", "/ci")
    assert client.call("GET", "/admin/version").status == 401
    organization.own.refused(404, "NO_SUCH_ACCOUNT", "GET", "/ci")


def test_a_token_is_shown_once_and_taken_away(organization, people):
    account, token = organization.add(scope=[{"repository": f"{organization.name}/*", "actions": ["pull"]}])
    [listed] = organization.own.get("/ci/tokens")
    assert listed["hashedToken"] == token["hashedToken"] and "token" not in listed
    assert listed["scope"] == [{"repository": f"{organization.name}/*", "actions": ["pull"]}]
    organization.own.expect(201, "POST", "", {"name": "other"})
    organization.own.refused(404, "NO_SUCH_API_TOKEN", "GET", f"/other/tokens/{token['hashedToken']}")
    organization.own.refused(404, "NO_SUCH_API_TOKEN", "DELETE", f"/other/tokens/{token['hashedToken']}")
    organization.own.expect(204, "DELETE", f"/ci/tokens/{token['hashedToken']}")
    assert Rest(people(account, token["token"]), "/api/v0").call("GET", "/admin/version").status == 401


def test_it_gets_no_further_than_its_organization(api, organization, people):
    account, token = organization.add()
    other = Organization(api, people)
    other.enzi.expect(201, "POST", f"/accounts/{other.name}/teams", {"name": "ops"})
    for rest in (other.enzi, api):
        rest.refused(404, "NO_SUCH_ACCOUNT", "PUT", f"/accounts/{other.name}/teams/ops/members/{account}")
        rest.refused(404, "NO_SUCH_ACCOUNT", "PUT", f"/accounts/{other.name}/members/{account}")
    organization.enzi.refused(404, "NO_SUCH_ACCOUNT", "PUT",
                              f"/accounts/{organization.name}/members/{account}", {"isAdmin": True})
    team = organization.grant(account, "admin")
    organization.enzi.refused(400, "INVALID_FORM", "PUT",
                              f"/accounts/{organization.name}/teams/{team}/members/{account}", {"isAdmin": True})
    api.refused(400, "INVALID_FORM", "PATCH", f"/accounts/{account}", {"isAdmin": True})
    api.refused(404, "NO_SUCH_ACCOUNT", "POST", f"/accounts/{account}/changePassword", {"newPassword": PASSWORD})
    robot = people(account, token["token"])
    enzi, own, dtr = Rest(robot), Rest(robot, organization.own.prefix), Rest(robot, "/api/v0")
    own.refused(403, "NOT_AUTHORIZED", "GET", "")
    own.refused(403, "NOT_AUTHORIZED", "POST", "", {"name": "more"})
    own.refused(403, "NOT_AUTHORIZED", "POST", "/ci/tokens", {})
    dtr.refused(403, "NOT_AUTHORIZED", "POST", "/api_tokens", {})
    dtr.refused(403, "NOT_AUTHORIZED", "POST", f"/repositories/{organization.name}", {"name": "mine"})
    enzi.refused(403, "NOT_AUTHORIZED", "POST", f"/accounts/{organization.name}/teams", {"name": "mine"})
    enzi.refused(403, "NOT_AUTHORIZED", "PATCH", f"/accounts/{account}", {"fullName": "x"})
    assert enzi.call("GET", f"/accounts/{organization.name}/members").status == 200
    enzi.refused(403, "NOT_AUTHORIZED", "GET", f"/accounts/{other.name}/members")
    Rest(robot, "").refused(401, "INVALID_AUTHENTICATION_CREDENTIALS", "POST", "/auth/login",
                            {"username": account, "password": token["token"]})


def test_who_is_no_owner_makes_none(api, organization, people):
    member = new_name("user")
    api.expect(201, "POST", "/accounts", {"name": member, "password": PASSWORD})
    api.expect(200, "PUT", f"/accounts/{organization.name}/members/{member}")
    rest = Rest(people(member), organization.own.prefix)
    organization.add()
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/ci"), ("DELETE", "/ci"), ("GET", "/ci/tokens")):
        rest.refused(403, "NOT_AUTHORIZED", method, path, {"name": "x"} if method == "POST" else None)
    owner = organization.enzi.client
    token = Rest(owner, "/api/v0").expect(200, "POST", "/api_tokens", {})["token"]
    answer = organization.own.call("POST", "/ci/tokens", {},
                                   headers=[("Authorization", basic(owner.user, token))])
    assert answer.status == 403, str(answer)
    for name in ("", "a..b", "UPPER", "a/b", "x" * 41):
        organization.own.refused(400, "INVALID_FORM", "POST", "", {"name": name})
    organization.own.refused(400, "ACCOUNT_EXISTS", "POST", "", {"name": "ci"})
    api.refused(400, "INVALID_FORM", "POST", "/accounts", {"name": "acme..ci", "password": PASSWORD})


def test_lists_of_accounts_leave_it_out_and_its_team_shows_it(api, organization):
    account, _ = organization.add()
    organization.add("cd")
    team = organization.grant(account, "read-only")
    names = [entry["name"] for entry in api.get(f"/accounts?contains={organization.name}")["accounts"]]
    assert names == [organization.name]
    assert api.get(f"/accounts/{organization.name}")["membersCount"] == 1
    members = api.get(f"/accounts/{organization.name}/members")["members"]
    assert account not in [entry["member"]["name"] for entry in members]
    members = api.get(f"/accounts/{organization.name}/teams/{team}/members")["members"]
    assert [entry["member"]["name"] for entry in members] == [account]
    response = organization.own.call("GET", "?pageSize=1")
    assert [entry["name"] for entry in response.json()["serviceAccounts"]] == [f"{organization.name}..cd"]
    start = response.header("X-Next-Page-Start")
    [second] = organization.own.get(f"?pageSize=1&pageStart={start}")["serviceAccounts"]
    assert second["name"] == account


def test_it_goes_with_its_organization(api, organization, people):
    account, token = organization.add()
    organization.grant(account, "read-only")
    client = Rest(people(account, token["token"]), "/api/v0")
    assert client.call("GET", "/admin/version").status == 200
    api.expect(204, "DELETE", f"/accounts/{organization.name}")
    assert client.call("GET", "/admin/version").status == 401
    api.refused(404, "NO_SUCH_ACCOUNT", "GET", f"/accounts/{account}")


@pytest.mark.replicas
def test_what_one_replica_takes_away_the_other_refuses(holdfast):
    database = postgres.cluster().create_database()
    first = holdfast(environment={"HOLDFAST_DATABASE_URL": database})
    second = holdfast(start=False, name="second", environment={"HOLDFAST_DATABASE_URL": database})
    second.data.mkdir()
    for file in first.data.iterdir():
        if file.is_file() and file.name != "lock":
            shutil.copy2(file, second.data)
    second.start()
    api = Rest(first.admin_client())
    own = Rest(api.client, "/api/v0/holdfast/organizations/acme/serviceAccounts")

    def robot(name: str):
        """Makes one by the first server; gives whether the second lets it in."""
        own.expect(201, "POST", "", {"name": name})
        token = own.expect(201, "POST", f"/{name}/tokens", {})
        client = second.client(f"acme..{name}", token["token"])

        def enters() -> bool:
            return [Rest(client, "/api/v0").call("GET", "/admin/version").status == 200 for _ in "ab"] == [True] * 2

        assert enters()
        # Other replicas hear of a change within a second.
        return lambda: tools.wait_until(lambda: not enters(), "the refusal", timeout=5), token["hashedToken"]

    api.expect(201, "POST", "/accounts", {"name": "acme", "isOrg": True})
    refused, _ = robot("disabled")
    own.expect(200, "PATCH", "/disabled", {"isActive": False})
    refused()
    refused, token = robot("tokenless")
    own.expect(204, "DELETE", f"/tokenless/tokens/{token}")
    refused()
    refused, _ = robot("deleted")
    own.expect(204, "DELETE", "/deleted")
    refused()
    refused, _ = robot("orphan")
    api.expect(204, "DELETE", "/accounts/acme")
    refused()
