"""Every role and every action of data/permissions.json, tried over HTTP."""

import json
import subprocess
from pathlib import Path

import pytest

from conftest import PASSWORD
from harness import content
from harness.rest import Rest, new_name
from harness.tools import wait_until

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((Path(__file__).parent / "data/permissions.json").read_text())
ACTIONS = [action["name"] for action in TABLE["actions"]]
CELLS = [(role["name"], visibility, action) for role in TABLE["roles"] for visibility in ("private", "public")
         for action in ACTIONS]


def may(role: str, visibility: str, action: str) -> bool:
    row = next(row for row in TABLE["roles"] if row["name"] == role)
    return action in TABLE["levels"][row[visibility]]


class Acme:
    """An organization with somebody in every role."""

    def __init__(self, server):
        self.server = server
        self.admin = server.admin_client()
        self.enzi, self.dtr = Rest(self.admin), Rest(self.admin, "/api/v0")
        self.name, self.other = new_name("acme"), new_name("other")
        for organization in (self.name, self.other):
            self.enzi.expect(201, "POST", "/accounts", {"name": organization, "isOrg": True})
        self.clients = {"stranger": server.client(), "administrator": self.admin}
        self.teams = {}  # of a repository: name -> level
        self.users = {}
        for role in TABLE["roles"]:
            if role["name"] not in self.clients:
                self.add(role["name"])
        self.elsewhere = self.make("private", {self.team_of["elsewhere"]: "admin"})

    def add(self, role: str):
        user = new_name("u")
        self.enzi.expect(201, "POST", "/accounts", {"name": user, "password": PASSWORD})
        self.clients[role] = self.server.client(user, PASSWORD)
        self.users[role] = user
        if role == "user":
            return
        organization = self.other if role == "other-owner" else self.name
        self.enzi.expect(200, "PUT", f"/accounts/{organization}/members/{user}",
                         {"isAdmin": role in ("owner", "other-owner")})
        level = role.partition("-")[2]
        if role.startswith("repository-"):
            self.teams[self.team(user)] = level
        elif role.startswith("namespace-"):
            self.grant_namespace(self.team(user), level)
        elif role == "two-teams":
            self.grant_namespace(self.team(user), "read-only")
            self.teams[self.team(user)] = "read-write"
        elif role == "elsewhere":
            self.team_of = {"elsewhere": self.team(user)}

    def team(self, user: str) -> str:
        team = new_name("t")
        self.enzi.expect(201, "POST", f"/accounts/{self.name}/teams", {"name": team})
        self.enzi.expect(200, "PUT", f"/accounts/{self.name}/teams/{team}/members/{user}")
        return team

    def grant_namespace(self, team: str, level: str):
        self.dtr.expect(200, "PUT", f"/repositoryNamespaces/{self.name}/teamAccess/{team}", {"accessLevel": level})

    def make(self, visibility: str, teams: dict[str, str]) -> str:
        """A repository with an image that was pulled once."""
        name = new_name("r")
        self.dtr.expect(201, "POST", f"/repositories/{self.name}", {"name": name, "visibility": visibility})
        for team, level in teams.items():
            self.dtr.expect(200, "PUT", f"/repositories/{self.name}/{name}/teamAccess/{team}", {"accessLevel": level})
        repository = f"{self.name}/{name}"
        self.admin.push(repository, content.image(), "v1")
        assert self.admin.manifest(repository, "v1").status == 200
        return repository


@pytest.fixture(scope="module")
def acme(shared_server):
    return Acme(shared_server)


@pytest.fixture(scope="module")
def repositories(acme):
    """For what leaves them as they are; each was pulled from, and the pull is written down."""
    made = {visibility: acme.make(visibility, acme.teams) for visibility in ("private", "public")}
    for repository in made.values():
        acme.admin.manifest(repository, "v1")
    for repository in made.values():
        wait_until(lambda: any(event["type"] == "GET" for event in Rest(acme.admin, "/api/v0").expect(
            200, "GET", f"/repositories/{repository}/events?pageSize=100")["events"]), "the pull is written down")
    return made


def attempt(acme, role: str, action: str, repository: str, visibility: str):
    """What the role hears, and the status of a success."""
    client = acme.clients[role]
    rest = Rest(client, "/api/v0")
    path = f"/repositories/{repository}"
    if action == "see":
        return rest.call("GET", path), 200
    if action == "pull":
        return client.manifest(repository, "v1"), 200
    if action == "push":
        return client.request("POST", f"/v2/{repository}/blobs/uploads/"), 202
    if action == "delete_tag":
        return rest.call("DELETE", f"{path}/tags/v1"), 204
    if action == "delete_manifest":
        digest = acme.admin.manifest(repository, "v1").header("Docker-Content-Digest")
        return client.delete_manifest(repository, digest), 202
    if action == "edit":
        return rest.call("PATCH", path, {"shortDescription": "new", "tagLimit": 0}), 200
    if action == "set_visibility":
        return rest.call("PATCH", path, {"visibility": visibility}), 200
    if action == "see_access":
        return rest.call("GET", f"{path}/teamAccess"), 200
    if action == "change_access":
        return rest.call("DELETE", f"{path}/teamAccess/{acme.team_of['elsewhere']}"), 204
    if action == "pruning":
        return rest.call("GET", f"{path}/pruningPolicies"), 200
    if action in ("see_events", "see_pulls"):
        return rest.call("GET", f"{path}/events?pageSize=100"), 200
    if action == "delete_repository":
        return rest.call("DELETE", path), 204
    assert action == "create_repository"
    return rest.call("POST", f"/repositories/{acme.name}", {"name": new_name("made")}), 201


def refusal(role: str, visibility: str, action: str) -> int:
    """What is not to be seen is not there; who could log in is asked to; others are refused."""
    if action in ("pull", "push", "delete_manifest"):  # /v2: hides by giving all the same answer
        return 401 if role == "stranger" else 403
    if action == "create_repository":
        return 401 if role == "stranger" else 403
    if not may(role, visibility, "see"):
        return 404
    return 401 if role == "stranger" else 403


@pytest.mark.parametrize("role, visibility, action", CELLS)
def test_permissions(acme, repositories, role, visibility, action):
    changes = action in ("delete_tag", "delete_manifest", "delete_repository")
    repository = acme.make(visibility, acme.teams) if changes else repositories[visibility]
    response, good = attempt(acme, role, action, repository, visibility)
    allowed = may(role, visibility, action)
    if action == "see_pulls":  # events are there, the pulls among them are not
        if not may(role, visibility, "see_events"):
            assert response.status == refusal(role, visibility, action), str(response)
            return
        pulls = [event for event in response.json()["events"] if event["type"] == "GET"]
        assert response.status == good and bool(pulls) == allowed, str(response)
        return
    assert response.status == (good if allowed else refusal(role, visibility, action)), str(response)
    if not allowed and changes:
        assert acme.admin.manifest(repository, "v1").status == 200, "it is still there"


@pytest.mark.parametrize("role", [role["name"] for role in TABLE["roles"]])
def test_lists_show_what_may_be_seen(acme, repositories, role):
    listed = Rest(acme.clients[role], "/api/v0").get(f"/repositories?pageSize=100000")["repositories"]
    seen = {f"{one['namespace']}/{one['name']}" for one in listed}
    for visibility, repository in repositories.items():
        assert (repository in seen) == may(role, visibility, "see"), (visibility, repository)


def test_a_disabled_user_may_nothing(acme, repositories):
    user = new_name("gone")
    acme.enzi.expect(201, "POST", "/accounts", {"name": user, "password": PASSWORD})
    acme.enzi.expect(200, "PUT", f"/accounts/{acme.name}/members/{user}", {"isAdmin": True})
    client = acme.server.client(user, PASSWORD)
    tokens = {repository: client.token_for([f"repository:{repository}:pull"]) for repository in repositories.values()}

    def pull(repository: str) -> int:
        return client.raw("GET", f"/v2/{repository}/manifests/v1",
                          headers=[("Authorization", f"Bearer {tokens[repository]}")]).status

    assert [pull(repository) for repository in repositories.values()] == [200, 200]
    acme.enzi.expect(200, "PATCH", f"/accounts/{user}", {"isActive": False})
    for repository in repositories.values():
        assert pull(repository) == 401
        assert Rest(client, "/api/v0").call("GET", f"/repositories/{repository}").status == 401


def test_the_documented_table_is_this_one():
    done = subprocess.run([ROOT / "tools/permissions", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
