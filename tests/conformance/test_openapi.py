"""The description of the API against the server: what is written down is there, and answers as written.

The harness holds every answer of every test against the description (harness/openapi.py); here are those that no other
test asks for.
"""

import json
import re

import jsonschema
import pytest

from conftest import PASSWORD
from harness import openapi
from harness.openapi import ROOT, resolved
from harness.rest import Rest, new_name

DOCUMENT = openapi.document()
OPERATIONS = openapi.operations()


def bare(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path.rstrip("/"))


def works() -> set:
    paths = json.loads((ROOT / "tests/conformance/data/api_paths.json").read_text())["paths"]
    return {(method, bare(entry["path"])) for entry in paths
            for method, state in entry["methods"].items() if state == "done"}


def test_what_works_is_documented_and_nothing_else():
    documented = {(method, bare(path)) for method, path in OPERATIONS}
    assert documented - works() == set()
    assert works() - documented == set()


def test_every_operation_is_described():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    for (method, path), operation in OPERATIONS.items():
        where = f"{method} {path}"
        assert operation["summary"] and operation["description"] and operation["tags"], where
        parameters = [resolved(parameter) for parameter in operation["parameters"]]
        assert all(parameter["description"] for parameter in parameters), where
        assert {one["name"] for one in parameters if one["in"] == "path"} == set(re.findall(r"\{([^}]*)\}", path)), where


def test_every_reference_leads_somewhere_and_every_schema_is_one():
    def walk(part):
        if isinstance(part, dict):
            resolved(part)
            if isinstance(part.get("schema"), dict):
                jsonschema.Draft202012Validator.check_schema(part["schema"])
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(DOCUMENT)
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


class Checked:
    """Calls operations by the path in the document; the harness looks at the answers."""

    def call(self, rest: Rest, status: int, method: str, path: str, body=None, query="", headers=(), **names):
        target = re.sub(r"\{([^}]*)\}", lambda found: names[found.group(1)], path) + query
        response = rest.call(method.upper(), target, body, headers=headers)
        assert response.status == status, str(response)
        return response


@pytest.fixture
def user(server, admin):
    name = new_name("described")
    Rest(admin).expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
    client = server.client(name, PASSWORD)
    yield Rest(client, "")
    client.close()


def tokens(checked, me, nobody):
    many, one = "/api/v0/api_tokens", "/api/v0/api_tokens/{hashedtoken}"
    scope = [{"repository": f"{me.client.user}/*", "actions": ["pull"]}]
    made = checked.call(me, 200, "post", many, {"tokenLabel": "a", "scope": scope,
                                               "expiresAt": "2999-01-01T00:00:00Z"}).json()["hashedToken"]
    checked.call(me, 200, "post", many, {})
    assert checked.call(me, 200, "get", many, query="?pageSize=1&count=true").header("X-Next-Page-Start")
    checked.call(me, 400, "get", many, query="?pageSize=0")
    checked.call(me, 403, "get", many, query="?username=admin")
    checked.call(nobody, 401, "post", many, {})
    checked.call(me, 400, "post", many, {"scope": []})
    checked.call(me, 200, "get", one, hashedtoken=made)
    checked.call(me, 200, "patch", one, {"isActive": False}, hashedtoken=made)
    checked.call(me, 200, "delete", one, hashedtoken=made)
    for method in ("get", "patch", "delete"):
        checked.call(me, 404, method, one, hashedtoken=made)
    checked.call(me, 200, "delete", many, query="?generatedby=manual")


def sessions(checked, me, boss, nobody):
    login = {"username": me.client.user, "password": PASSWORD}
    for path in ("/auth/login", "/id/login", "/login_submit"):
        checked.call(nobody, 200, "post", path, login)
        checked.call(nobody, 400, "post", path, b"{")
        checked.call(nobody, 401, "post", path, {**login, "password": "another one that is wrong"})
    checked.call(nobody, 403, "post", "/login_submit", login, headers=[("Origin", "https://elsewhere.example")])
    token = checked.call(nobody, 200, "post", "/auth/login", login).json()["auth_token"]
    checked.call(me, 200, "get", "/id/")
    checked.call(nobody, 401, "get", "/id/")
    checked.call(nobody, 204, "post", "/id/logout", headers=[("Authorization", f"Bearer {token}")])
    many, one = "/enzi/v0/accounts/{user}/sessions", "/enzi/v0/accounts/{user}/sessions/{session}"
    listed = checked.call(me, 200, "get", many, query="?limit=2", user=me.client.user).json()["sessions"]
    checked.call(me, 204, "delete", one, user=me.client.user, session=listed[0]["id"])
    checked.call(me, 404, "delete", one, user=me.client.user, session=listed[0]["id"])
    checked.call(me, 403, "get", many, user="admin")
    checked.call(me, 204, "delete", many, user=me.client.user)
    for method in ("get", "delete"):
        checked.call(me, 404, method, many, user="nobody-of-that-name")
    settings = "/enzi/v0/config/sessions"
    checked.call(me, 403, "get", settings)
    now = checked.call(boss, 200, "get", settings).json()
    checked.call(boss, 200, "put", settings, now)
    checked.call(boss, 400, "put", settings, {"perUserLimit": -1})


def organizations(checked, me, boss):
    name, base, nobody = me.client.user, "/enzi/v0/accounts", "nobody-of-that-name"
    members, member = base + "/{organization}/members", base + "/{organization}/members/{user}"
    teams, team = base + "/{organization}/teams", base + "/{organization}/teams/{team}"
    org = new_name("describedorg")
    checked.call(boss, 201, "post", base, {"name": org, "isOrg": True, "fullName": "An organization"})
    checked.call(boss, 400, "post", base, {"name": org, "isOrg": True})
    checked.call(me, 403, "post", base, {"name": org + "x", "isOrg": True})
    checked.call(me, 403, "get", members, organization=org)
    for method in ("put", "patch"):
        checked.call(boss, 200, method, member, {"isAdmin": True}, organization=org, user=name)
        checked.call(boss, 404, method, member, {}, organization=org, user=nobody)
    checked.call(me, 200, "get", members, query="?filter=admins", organization=org)
    checked.call(me, 200, "get", member, organization=org, user=name)
    checked.call(me, 201, "post", teams, {"name": "developers"}, organization=org)
    boss.expect(200, "PUT", f"{base}/{org}/teams/developers/members/{name}", {})
    checked.call(me, 200, "get", teams, query="?limit=1", organization=org)
    checked.call(me, 200, "get", team, organization=org, team="developers")
    checked.call(me, 200, "get", member + "/teams", organization=org, user=name)
    checked.call(me, 200, "get", base + "/{user}/organizations", user=name)
    checked.call(me, 204, "delete", team, organization=org, team="developers")
    for method in ("get", "delete"):
        checked.call(me, 404, method, team, organization=org, team="developers")
        checked.call(boss, 404, method, member, organization=nobody, user=name)
    checked.call(me, 204, "delete", member, organization=org, user=name)
    for path in (members, member + "/teams", teams, base + "/{user}/organizations"):
        checked.call(boss, 404, "get", path, organization=nobody, user=nobody)
    checked.call(boss, 404, "post", teams, {"name": "x"}, organization=nobody)
    checked.call(boss, 204, "delete", base + "/{account}", account=org)


def accounts(checked, me, boss):
    base, one, nobody = "/enzi/v0/accounts", "/enzi/v0/accounts/{account}", "nobody-of-that-name"
    change = "/enzi/v0/accounts/{user}/changePassword"
    name = new_name("describedtoo")
    checked.call(boss, 201, "post", base, {"name": name, "password": PASSWORD})
    checked.call(me, 200, "get", base, query="?limit=2&filter=users&order=-name")
    checked.call(me, 400, "get", base, query="?filter=odd")
    checked.call(me, 200, "get", one, account=name)
    checked.call(boss, 200, "patch", one, {"fullName": "Somebody", "isActive": False}, account=name)
    checked.call(boss, 200, "post", change, {"newPassword": "another horse battery"}, user=name)
    checked.call(me, 403, "post", change, {"newPassword": "another horse battery"}, user=name)
    checked.call(boss, 404, "post", change, {"newPassword": "another horse battery"}, user=nobody)
    checked.call(boss, 409, "delete", one, account="admin")
    checked.call(boss, 204, "delete", one, account=name)
    for method in ("get", "patch", "delete"):
        checked.call(boss, 404, method, one, account=name)


def jobs(checked, boss):
    base, nothing = "/api/v0", "nothing-of-that-name"
    job, cron, config = f"{base}/jobs/{{job}}", f"{base}/crons/{{action}}", f"{base}/action_configs/{{action}}"
    cancel, logs, capacity = f"{job}/cancel", f"{job}/logs", f"{base}/workers/{{worker}}/capacity"
    given = {"action": "sleep", "parameters": {"seconds": "0"}}
    later = {**given, "scheduledAt": "2126-01-01T00:00:00Z"}
    made = checked.call(boss, 202, "post", f"{base}/jobs", later).json()["id"]
    checked.call(boss, 200, "get", f"{base}/jobs", query="?limit=5&running=any")
    checked.call(boss, 400, "get", f"{base}/jobs", query="?running=odd")
    checked.call(boss, 200, "get", job, job=made)
    checked.call(boss, 200, "get", logs, job=made)
    checked.call(boss, 204, "post", cancel, job=made)
    checked.call(boss, 204, "delete", job, job=made)
    for method, path in (("get", job), ("get", logs), ("post", cancel), ("delete", job)):
        checked.call(boss, 404, method, path, job=made)
    checked.call(boss, 202, "post", f"{base}/crons", {**given, "schedule": "0 0 3 * * *"})
    checked.call(boss, 202, "post", f"{base}/action_configs", given)
    for path, many in ((cron, "crons"), (config, "action_configs")):
        checked.call(boss, 200, "get", f"{base}/{many}")
        checked.call(boss, 200, "get", path, action="sleep")
        checked.call(boss, 204, "delete", path, action="sleep")
        for method in ("get", "delete"):
            checked.call(boss, 404, method, path, action=nothing)
    worker = checked.call(boss, 200, "get", f"{base}/workers").json()["workers"][0]
    checked.call(boss, 202, "post", capacity, {"capacityMap": worker["capacityMap"]}, worker=worker["id"])
    checked.call(boss, 404, "post", capacity, {"capacityMap": {}}, worker=nothing)


def operation(checked, nobody):
    for path in ("/_ping", "/health", "/load_balancer_status", "/ca", "/metrics"):
        checked.call(nobody, 200, "get", path)
    for path in ("/openapi.json", "/api/v0/openapi.json"):
        response = checked.call(nobody, 200, "get", path)
        assert response.json() == DOCUMENT, "another one than tools/openapi prints"
        checked.call(nobody, 304, "get", path, headers=[("If-None-Match", response.header("ETag"))])


def test_the_server_answers_as_written(admin, anonymous, user):
    checked, boss, nobody = Checked(), Rest(admin, ""), Rest(anonymous, "")
    tokens(checked, user, nobody)
    sessions(checked, user, boss, nobody)
    accounts(checked, user, boss)
    organizations(checked, user, boss)
    jobs(checked, boss)
    operation(checked, nobody)
