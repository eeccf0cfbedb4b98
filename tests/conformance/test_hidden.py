"""Each path that names a repository: what is hidden is answered as what is missing, whoever asks and however."""

import json
import re
from pathlib import Path

import pytest

from conftest import PASSWORD
from harness import content
from harness.rest import Rest, new_name

PATHS = json.loads((Path(__file__).parent / "data/api_paths.json").read_text())["paths"]
CASES = [(method.upper(), entry["path"]) for entry in PATHS for method, state in entry["methods"].items()
         if state == "done" and re.search(r"\{namespace\}/\{repo", entry["path"])]
ASIDE = [("GET", "/api/v0/holdfast/traffic?repository={name}"), ("GET", "/api/v0/events?repository={name}"),
         ("GET", "/api/v0/index/autocomplete?query={name}"), ("GET", "/api/v0/index/dockersearch?q={name}"),
         ("GET", "/v1/search?q={name}"), ("GET", "/api/v0/repositories?pageStart={name}&count=true")]
QUERIES = ("", "?count=true&pageSize=-1&eventType=EXPLODE&initialEvaluation=perhaps", "?from=v1&to=v1",
           "?from=nothing&to=/")
BODIES = (None, b"{", {"visibility": "secret", "tagLimit": -1, "accessLevel": "all", "enabled": 7},
          {"accessLevel": "admin", "shortDescription": "x", "enabled": True, "visibility": "public",
           "rules": [{"field": "tag", "operator": "eq", "values": ["v1"]}]})


class Place:
    """A private repository of an organization with all that hangs on one; and somebody who may not see it."""

    def __init__(self, server):
        enzi, dtr = Rest(server.admin_client()), Rest(server.admin_client(), "/api/v0")
        self.organization = new_name("org")
        enzi.expect(201, "POST", "/accounts", {"name": self.organization, "isOrg": True})
        self.hidden, self.missing = f"{self.organization}/hidden", f"{self.organization}/misses"
        dtr.expect(201, "POST", f"/repositories/{self.organization}", {"name": "hidden", "visibility": "private"})
        self.image = dtr.client.push(self.hidden, content.image(), "v1")
        enzi.expect(201, "POST", f"/accounts/{self.organization}/teams", {"name": "team"})
        dtr.expect(200, "PUT", f"/repositories/{self.hidden}/teamAccess/team", {"accessLevel": "read-only"})
        policy = dtr.expect(201, "POST", f"/repositories/{self.hidden}/pruningPolicies", {
            "enabled": False, "rules": [{"field": "tag", "operator": "eq", "values": ["v2"]}]})
        self.values = {"tag": "v1", "reference": self.image.digest, "teamname": "team",
                       "pruningpolicyid": policy["id"], "manifestdigest": self.image.digest, "os": "linux",
                       "arch": "amd64", "override": "nothing"}
        self.who = {"anonymous": server.client()}
        for role in ("stranger", "member", "scope"):
            user = new_name("u")
            enzi.expect(201, "POST", "/accounts", {"name": user, "password": PASSWORD})
            self.who[role] = server.client(user, PASSWORD)
        enzi.expect(200, "PUT", f"/accounts/{self.organization}/members/{self.who['member'].user}")
        scope = [{"repository": f"{self.organization}/*", "actions": ["pull", "push", "delete"]}]
        token = Rest(self.who["scope"], "/api/v0").expect(
            200, "POST", "/api_tokens", {"tokenLabel": "x", "scope": scope})["token"]
        self.who["scope"] = server.client(self.who["scope"].user, token)

    def target(self, path: str, repository: str, user: str) -> str:
        namespace, name = repository.split("/")
        values = {**self.values, "namespace": namespace, "reponame": name, "repository": name,
                  "name": repository, "username": user}
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)


@pytest.fixture(scope="module")
def place(shared_server):
    return Place(shared_server)


def signature(response, repository: str):
    fields = sorted((name.lower(), value) for name, value in response.fields
                    if name.lower() not in ("date", "x-request-id", "content-length"))
    return response.status, fields, response.body.decode().replace(repository, "it")


@pytest.mark.parametrize("role", ["anonymous", "stranger", "member", "scope"])
@pytest.mark.parametrize("method,path", CASES + ASIDE)
def test_what_is_hidden_is_answered_as_what_is_missing(server, place, role, method, path):
    client = place.who[role]
    rest = Rest(client, "")
    for query in QUERIES if "?" not in path else QUERIES[:1]:
        for body in BODIES if method in ("POST", "PUT", "PATCH") else BODIES[:1]:
            there, nowhere = (
                signature(rest.call(method, place.target(path, repository, client.user or "") + query, body), repository)
                for repository in (place.hidden, place.missing))
            assert there == nowhere
            assert there[0] < 500, there
            if path not in dict(map(reversed, ASIDE)):
                assert there[0] in (400, 401, 403, 404), there


def test_it_is_still_there(place, admin):
    assert admin.manifest(place.hidden, "v1").status == 200
    assert len(Rest(admin, "/api/v0").get(f"/repositories/{place.hidden}/pruningPolicies")) == 1
