"""The description of eNZi's APIs against the server: what no other test asks for, and each status of each area."""

import pathlib
import subprocess
import time

import jsonschema
import pytest

from conformance.test_openapi import Checked, accounts, organizations, user  # noqa: F401 (a fixture)
from conftest import PASSWORD
from harness import openapi
from harness.rest import Rest, new_name

ENZI, UCP = "/enzi/v0/accounts", "/accounts"
NOBODY = "nobody-of-that-name"
NOWHERE = "0548733a-2617-418d-abb0-f54b94de25fa"


class Below(Checked):
    """Calls what is described below /enzi/v0/accounts at another place that has the same."""

    def __init__(self, place: str):
        self.place = place

    def call(self, rest, status, method, path, *arguments, **names):
        return super().call(rest, status, method, self.place + path.removeprefix(ENZI), *arguments, **names)


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> tuple:
    """A public key and a certificate for it."""
    path: pathlib.Path = tmp_path_factory.mktemp("key") / "key.pem"

    def run(*command):
        return subprocess.run(["openssl", *command], check=True, capture_output=True).stdout.decode()

    run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    return run("pkey", "-in", path, "-pubout"), run("req", "-x509", "-key", path, "-subj", "/CN=x")


def make_organization(boss) -> str:
    name = new_name("describedorg")
    boss.expect(201, "POST", ENZI, {"name": name, "isOrg": True})
    boss.expect(201, "POST", f"{ENZI}/{name}/teams", {"name": "ops"})
    return name


def all_accounts(checked, me, boss):
    accounts(checked, me, boss)
    organizations(checked, me, boss)
    checked.call(boss, 409, "patch", ENZI + "/{account}", {"isAdmin": False}, account="admin")


def teams(checked, me, boss):
    org, name = make_organization(boss), me.client.user
    team = ENZI + "/{organization}/teams/{team}"
    members, member = team + "/members", team + "/members/{user}"
    at = {"organization": org, "team": "ops"}
    checked.call(me, 403, "put", member, {}, **at, user=name)
    changes = ("put", "patch") if checked.place == ENZI else ("put",)
    for method in changes:
        shown = checked.call(boss, 200, method, member, {"isAdmin": True}, **at, user=name).json()
        assert shown["isAdmin"] is True
        checked.call(boss, 404, method, member, {}, **at, user=NOBODY)
        checked.call(boss, 400, method, member, {"isAdmin": "yes"}, **at, user=name)
    checked.call(boss, 200, "put", member, b"", **at, user="admin")
    first = checked.call(me, 200, "get", members, query="?limit=1", **at)
    assert first.json()["nextPageStart"] == first.header("X-Next-Page-Start") and first.json()["resourceCount"] == 2
    checked.call(me, 200, "get", members, query=f"?limit=1&start={first.json()['nextPageStart']}", **at)
    checked.call(me, 200, "get", members, query="?filter=non-admins", **at)
    checked.call(me, 400, "get", members, query="?filter=odd", **at)
    checked.call(me, 200, "get", member, **at, user=name)
    checked.call(boss, 204, "delete", member, **at, user="admin")
    for method in ("get", "delete"):
        checked.call(boss, 404, method, member, **at, user="admin")
    checked.call(me, 403, "patch", team, {"name": "operators"}, **at)
    checked.call(boss, 400, "patch", team, {"name": "no name"}, **at)
    checked.call(boss, 200, "patch", team, {"name": "operators", "description": None}, **at)
    for path in (team, members):
        checked.call(boss, 404, "get", path, **at)
    for method in ("patch", "delete"):
        checked.call(boss, 404, method, team, {}, **at)
    checked.call(boss, 404, "get", ENZI + "/{organization}/teams", organization=name)
    checked.call(boss, 404, "post", ENZI + "/{organization}/teams", {"name": "ops"}, organization=name)
    checked.call(boss, 400, "post", ENZI + "/{organization}/teams", {"name": "operators"}, organization=org)
    assert checked.call(me, 200, "get", ENZI + "/{organization}/teams", organization=org).json()["resourceCount"] == 1
    checked.call(boss, 201, "post", ENZI + "/{organization}/teams", {"name": "ops"}, organization=org)
    checked.call(me, 200, "get", team, **at)
    checked.call(boss, 204, "delete", team, **at)
    checked.call(boss, 204, "delete", ENZI + "/{account}/members/{user}", account=org, user=name)
    checked.call(me, 403, "get", ENZI + "/{organization}/teams", organization=org)


def member_sync(checked, me, boss):
    at = {"organization": make_organization(boss), "team": "ops"}
    of_owners, of_team = "/{organization}/adminMemberSyncConfig", "/{organization}/teams/{team}/memberSyncConfig"
    for path in (ENZI + of_owners, ENZI + of_team):
        off = checked.call(boss, 200, "get", path, **at).json()
        checked.call(boss, 200, "put", path, off, **at)
        checked.call(boss, 501, "put", path, off | {"enableSync": True}, **at)
        checked.call(boss, 400, "put", path, {"enableSync": 1}, **at)
        checked.call(me, 403, "put", path, off, **at)
        for method in ("get", "put"):
            checked.call(boss, 404, method, path, off if method == "put" else None, organization=NOBODY, team="ops")


def public_keys(checked, me, key):
    many, one = ENZI + "/{account}/publicKeys", ENZI + "/{account}/publicKeys/{key}"
    name = me.client.user
    given = {"publicKey": key[0], "label": "laptop", "certificates": [{"cert": key[1], "label": None}]}
    made = checked.call(me, 201, "post", many, given, account=name).json()
    assert made["certificates"] == [{"label": "", "cert": key[1]}]
    checked.call(me, 400, "post", many, given, account=name)
    checked.call(me, 400, "post", many, given | {"publicKey": None}, account=name)
    checked.call(me, 403, "post", many, given, account="admin")
    assert checked.call(me, 200, "get", many, query="?limit=1", account=name).json()["accountPublicKeys"] == [made]
    checked.call(me, 200, "patch", one, {"label": "x" * 256, "certificates": None}, account=name, key=made["id"])
    checked.call(me, 400, "patch", one, {"label": "x" * 257}, account=name, key=made["id"])
    checked.call(me, 204, "delete", one, account=name, key=made["id"])
    for method in ("patch", "delete"):
        checked.call(me, 404, method, one, {}, account=name, key=made["id"])
    checked.call(me, 404, "get", many, account=NOBODY)
    checked.call(me, 404, "post", many, given, account=NOBODY)


def services(checked, me, boss):
    many, one = ENZI + "/{account}/services", ENZI + "/{account}/services/{service}"
    name = me.client.user
    made = checked.call(me, 201, "post", many, {"name": "builds", "url": "https://builds.example"}, account=name).json()
    assert (made["redirectURIs"], made["caBundle"], made["privileged"]) == ([], "", False)
    checked.call(me, 201, "post", many, made | {"name": "others"}, account=name)
    checked.call(me, 400, "post", many, made, account=name)
    checked.call(me, 400, "post", many, {"name": "more", "url": "http://builds.example"}, account=name)
    checked.call(me, 403, "post", many, made | {"name": "more", "privileged": True}, account=name)
    page = checked.call(me, 200, "get", many, query="?limit=1", account=name).json()
    assert page == {"services": [made], "nextPageStart": "others"}
    checked.call(me, 200, "get", many, query="?start=others", account=name)
    checked.call(me, 200, "get", one, account=name, service=made["id"])
    change = {"description": "x", "redirectURIs": ["https://a.example"], "providerIdentities": ["a b"], "url": None}
    checked.call(me, 200, "patch", one, change, account=name, service="builds")
    checked.call(me, 400, "patch", one, {"jwksURIs": ["https://a b"]}, account=name, service="builds")
    checked.call(me, 403, "patch", one, {"privileged": True}, account=name, service="builds")
    checked.call(boss, 200, "patch", one, {"privileged": True}, account=name, service="builds")
    checked.call(me, 204, "delete", one, account=name, service="builds")
    for method in ("get", "patch", "delete"):
        checked.call(me, 404, method, one, {} if method == "patch" else None, account=name, service="builds")
    for method in ("get", "post"):
        checked.call(me, 404, method, many, made if method == "post" else None, account=NOBODY)


def settings(checked, me, boss):
    base = "/enzi/v0/config"
    for path in ("auth", "auth/ldap", "accounts", "openid"):
        checked.call(boss, 200, "get", f"{base}/{path}")
        checked.call(me, 403, "get", f"{base}/{path}")
    checked.call(boss, 200, "put", f"{base}/auth", {"backend": "managed"})
    checked.call(boss, 501, "put", f"{base}/auth", {"backend": "ldap"})
    checked.call(boss, 400, "put", f"{base}/auth", {"backend": "files"})
    checked.call(boss, 200, "put", f"{base}/accounts", {"systemAccounts": [f"name{n}" for n in range(100)]})
    checked.call(boss, 400, "put", f"{base}/accounts", {"systemAccounts": [f"name{n}" for n in range(101)]})
    checked.call(boss, 200, "put", f"{base}/accounts", {"systemAccounts": []})
    assert checked.call(boss, 200, "get", f"{base}/accounts").json()["systemAccounts"] == []
    checked.call(boss, 200, "put", f"{base}/openid", {"issuerIdentifier": "x" * 2048})
    checked.call(boss, 400, "put", f"{base}/openid", {"issuerIdentifier": "x" * 2049})
    checked.call(boss, 200, "put", f"{base}/openid", {"issuerIdentifier": ""})
    imports = "/enzi/v0/admin/importAccounts"
    one = {"name": new_name("imported"), "fullName": None, "isOrg": None, "isAdmin": None, "isActive": False}
    checked.call(boss, 201, "post", imports, {"accounts": [one]})
    checked.call(boss, 201, "post", imports, {"accounts": []})
    assert checked.call(boss, 400, "post", imports, {"accounts": [one]}).json()["errors"][0]["detail"] == one["name"]
    checked.call(boss, 400, "post", imports, {"accounts": [{"name": "a1"}] * 5001})
    checked.call(me, 403, "post", imports, {"accounts": []})


def wait_for(boss, job: str, *statuses) -> None:
    end = time.monotonic() + 20
    while boss.get(f"/enzi/v0/jobs/{job}")["status"] not in statuses:
        assert time.monotonic() < end, boss.get(f"/enzi/v0/jobs/{job}")
        time.sleep(0.05)


def jobs(checked, me, boss, spare):
    base = "/enzi/v0"
    many, one = f"{base}/jobs", f"{base}/jobs/{{job}}"
    # DTR's API alone takes parameters: how long it runs.
    made = boss.expect(202, "POST", "/api/v0/jobs", {"action": "sleep", "parameters": {"seconds": "60"}})["id"]
    wait_for(boss, made, "running")
    checked.call(boss, 409, "delete", one, job=made)
    checked.call(boss, 204, "post", one + "/cancel", job=made)
    wait_for(boss, made, "canceled")
    checked.call(boss, 200, "get", one, job=made)
    failed = checked.call(boss, 202, "post", many, {"action": "false"}).json()["id"]
    wait_for(boss, failed, "errored")
    assert checked.call(boss, 200, "get", one + "/logs", job=failed).body
    checked.call(boss, 200, "get", many, query="?action=any&worker=any&limit=5&start=0")
    checked.call(boss, 400, "get", many, query="?start=-1")
    checked.call(boss, 501, "post", many, {"action": "ldap-sync"})
    checked.call(boss, 400, "post", many, {"action": "nothing"})
    for job in (made, failed):
        checked.call(boss, 204, "delete", one, job=job)
    for method, path in (("get", one), ("delete", one), ("post", one + "/cancel"), ("get", one + "/logs")):
        checked.call(boss, 404, method, path, job=made)
        checked.call(me, 403, method, path, job=made)
    worker = f"{base}/workers/{{worker}}"
    own = checked.call(boss, 200, "get", f"{base}/workers").json()["workers"][0]["id"]
    checked.call(boss, 204, "get", worker + "/ping", worker=own)
    checked.call(boss, 409, "delete", worker, worker=own)
    for method, path in (("get", worker + "/ping"), ("delete", worker)):
        checked.call(boss, 404, method, path, worker=NOWHERE)
    # Until it comes back nothing runs there: not on the server that the tests share.
    own = spare.get(f"{base}/workers")["workers"][0]["id"]
    checked.call(spare, 204, "delete", worker, query="?force=true", worker=own)
    checked.call(spare, 404, "delete", worker, worker=own)


def only_in_ucp(checked, me, boss):
    name = new_name("describedbulk")
    boss.expect(201, "POST", ENZI, {"name": name, "password": PASSWORD})
    operations = [{"op": "deactivate", "ref": name, "value": "x"}, {"op": "polish", "ref": None},
                  {"op": "delete", "ref": name}]
    results = checked.call(boss, 200, "patch", UCP, {"operations": operations}).json()["results"]
    assert [entry["success"] for entry in results] == [True, False, True]
    checked.call(boss, 400, "patch", UCP, {"operations": [*operations, {}]})
    checked.call(me, 403, "patch", UCP, {"operations": []})
    at = {"organization": make_organization(boss), "team": "ops"}
    link = UCP + "/{organization}/teams/{team}/groupLinkConfig"
    off = checked.call(boss, 200, "get", link, **at).json()
    checked.call(boss, 200, "put", link, off, **at)
    checked.call(boss, 501, "put", link, off | {"enableLink": True}, **at)
    checked.call(boss, 400, "put", link, {}, **at)
    checked.call(me, 403, "get", link, **at)
    for method in ("get", "put"):
        checked.call(boss, 404, method, link, off if method == "put" else None, organization=NOBODY, team="ops")


def test_every_example_is_as_its_schema_says():
    components = openapi.document()["components"]
    for where, operation in openapi.operations().items():
        for given in openapi.resolved(operation.get("requestBody", {})).get("content", {}).values():
            if "example" in given:
                validator = jsonschema.Draft202012Validator({**given["schema"], "components": components})
                assert [error.message for error in validator.iter_errors(given["example"])] == [], where


def test_accounts_answer_as_written(user, boss):
    all_accounts(Below(ENZI), user, boss)
    assert openapi.unseen("accounts") == []


def test_teams_answer_as_written(user, boss):
    teams(Below(ENZI), user, boss)
    assert openapi.unseen("teams") == []


def test_syncing_members_answers_as_written(user, boss):
    member_sync(Below(ENZI), user, boss)
    assert openapi.unseen("member-sync") == []


def test_public_keys_answer_as_written(user, key):
    public_keys(Below(ENZI), user, key)
    assert openapi.unseen("public-keys") == []


def test_services_answer_as_written(user, boss):
    services(Checked(), user, boss)
    assert openapi.unseen("services") == []


def test_settings_answer_as_written(user, boss):
    settings(Checked(), user, boss)
    assert openapi.unseen("enzi-settings") == []


def test_jobs_answer_as_written(user, boss, holdfast):
    jobs(Checked(), user, boss, Rest(holdfast().admin_client(), ""))
    assert openapi.unseen("enzi-jobs") == []


def test_ucp_answers_as_written(user, boss, key):
    below = Below(UCP)
    all_accounts(below, user, boss)
    teams(below, user, boss)
    member_sync(below, user, boss)
    public_keys(below, user, key)
    only_in_ucp(Checked(), user, boss)
    assert openapi.unseen("ucp-accounts") == []
