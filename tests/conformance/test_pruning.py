"""Pruning policies by DTR's API: rules, rights, dry runs, and tags that go."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from conftest import PASSWORD
from harness import content
from harness.rest import Rest, new_name
from harness.tools import wait_until

API = "/api/v0"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NEVER = "0001-01-01T00:00:00Z"
ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def dtr(alice):
    return Rest(alice, API)


@pytest.fixture
def path(alice, repository):
    """Of the policies of a repository with the tags v1, v2, pr-1, pr-2, latest."""
    alice.push(repository, content.image(), "v1")
    image = content.image()
    for tag in ("v2", "pr-1", "pr-2", "latest"):
        alice.push(repository, image, tag)
    return f"/repositories/{repository}/pruningPolicies"


def rule(field: str, operator: str, *values: str) -> dict:
    return {"field": field, "operator": operator, "values": list(values)}


def policy(*rules: dict, enabled: bool = True) -> dict:
    return {"enabled": enabled, "rules": list(rules)}


def tags(rest: Rest, repository: str) -> list[str]:
    return [tag["name"] for tag in rest.get(f"/repositories/{repository}/tags?pageSize=100000")]


def dry_run(rest: Rest, path: str, *rules: dict) -> list[str]:
    matches = rest.expect(200, "POST", f"{path}/test?pageSize=1000", policy(*rules))
    return [match["name"] for match in matches]


def wait_for_tags(rest: Rest, repository: str, wanted: list[str]):
    wait_until(lambda: tags(rest, repository) == wanted, f"the tags {wanted}")


def test_a_policy_has_the_fields_that_automation_reads(dtr, repository, path):
    rules = [rule("tag", "oo", "b", "a"), rule("updated_at_duration", "bf", "720h")]
    made = dtr.expect(201, "POST", f"{path}?initialEvaluation=false", policy(*rules))
    assert UUID.fullmatch(made["id"])
    assert made == {"id": made["id"], "enabled": True, "rules": rules, "repository": repository,
                    "lastPrunedAt": NEVER}
    assert dtr.get(f"{path}/{made['id']}") == made
    assert dtr.get(path) == [made] and dtr.get(f"{path}/") == [made]
    changed = dtr.expect(200, "PUT", f"{path}/{made['id']}", {"enabled": False})
    assert changed == made | {"enabled": False}
    changed = dtr.expect(200, "PUT", f"{path}/{made['id']}", {"rules": rules[:1]})
    assert changed == made | {"enabled": False, "rules": rules[:1]}
    dtr.expect(204, "DELETE", f"{path}/{made['id']}")
    dtr.expect(204, "DELETE", f"{path}/{made['id']}")
    dtr.refused(404, "NO_SUCH_PRUNING_POLICY", "GET", f"{path}/{made['id']}")
    dtr.refused(404, "NO_SUCH_PRUNING_POLICY", "PUT", f"{path}/{made['id']}", {"enabled": False})
    assert dtr.get(path) == []


def test_terraform_sees_no_difference(dtr, alice, repository, path):
    """What terraform-provider-msr sends for a resource with two rules, from create to delete."""
    headers = [("Content-Type", "application/json")]

    def send(method: str, target: str, body: bytes | None = None):
        return dtr.call(method, target, body, headers=headers)

    sent = (b'{"enabled":true,"rules":[{"field":"tag","operator":"sw","values":["nightly-"]},'
            b'{"field":"updated_at_duration","operator":"bf","values":["1h30m"]}]}')
    rules = json.loads(sent)["rules"]

    def state(response) -> dict:
        assert 200 <= response.status < 300, str(response)
        return {name: response.json()[name] for name in ("id", "enabled", "rules")}

    # It looks for a policy like this first, then creates, and reads for its plan.
    existing = send("GET", path)
    assert existing.status == 200 and existing.json() == []
    created = state(send("POST", f"{path}?initialEvaluation=true", sent))
    assert created["id"] and created["enabled"] is True and created["rules"] == rules
    one = f"{path}/{created['id']}"
    assert state(send("GET", one)) == created
    assert [entry["id"] for entry in send("GET", path).json()] == [created["id"]]
    update = b'{"enabled":false,"rules":[{"field":"tag","operator":"oo","values":["b","a"]}]}'
    updated = state(send("PUT", f"{one}?initialEvaluation=true", update))
    assert updated == {"id": created["id"]} | json.loads(update)
    assert state(send("GET", one)) == updated
    assert send("DELETE", one).status == 204
    assert send("GET", one).error_codes() == ["NO_SUCH_PRUNING_POLICY"]
    assert tags(dtr, repository) == ["latest", "pr-1", "pr-2", "v1", "v2"]


def test_an_evaluation_removes_tags_and_says_so(dtr, alice, repository, path):
    digest = dtr.get(f"/repositories/{repository}/tags/pr-1")[0]["digest"]
    made = dtr.expect(201, "POST", path, policy(rule("tag", "sw", "pr-")))
    wait_for_tags(dtr, repository, ["latest", "v1", "v2"])
    assert alice.manifest(repository, "pr-1").status == 404
    assert alice.manifest(repository, digest).status == 200, "images are collected, not pruned"

    def is_evaluated():
        return dtr.get(f"{path}/{made['id']}")["lastPrunedAt"] > made["lastPrunedAt"]

    wait_until(is_evaluated, "the time of the evaluation")
    events = dtr.get(f"/repositories/{repository}/events?eventType=DELETE&objectType=TAG")["events"]
    assert {event["object"]["name"] for event in events} == {"pr-1", "pr-2"}
    for event in events:
        assert event["actorType"] == "POLICY" and event["actor"] == f"pruning:{made['id']}"
        assert event["object"]["content"] == digest and "actorId" not in event
    [event] = dtr.get(f"/repositories/{repository}/events?objectType=PRUNING")["events"]
    assert (event["type"], event["actor"], event["actorType"]) == ("CREATE", "alice", "USER")
    assert event["object"] == {"type": "PRUNING", "id": made["id"], "name": made["id"],
                               "content": "enabled: tag sw pr-"}
    dtr.expect(200, "PUT", f"{path}/{made['id']}", policy(rule("tag", "eq", "v1")))
    wait_for_tags(dtr, repository, ["latest", "v2"])
    dtr.expect(204, "DELETE", f"{path}/{made['id']}")
    events = dtr.get(f"/repositories/{repository}/events?objectType=PRUNING")["events"]
    assert [event["type"] for event in events] == ["DELETE", "UPDATE", "CREATE"]


def test_future_tags_and_disabled_policies_leave_what_is_there(dtr, alice, repository, path):
    everything = rule("tag", "noo", "none")
    dtr.expect(201, "POST", path, policy(everything, enabled=False))
    made = dtr.expect(201, "POST", f"{path}?initialEvaluation=false", policy(everything))
    dtr.expect(200, "PUT", f"{path}/{made['id']}?initialEvaluation=false", policy(rule("tag", "c", "v")))
    assert len(tags(dtr, repository)) == 5
    dtr.expect(200, "PUT", f"{path}/{made['id']}?initialEvaluation=true", {})
    wait_for_tags(dtr, repository, ["latest", "pr-1", "pr-2"])
    dtr.refused(400, "INVALID_PARAMETERS", "POST", f"{path}?initialEvaluation=yes", policy(everything))


def test_every_operator_of_tags_and_times(dtr, alice, repository, path):
    every = ["latest", "pr-1", "pr-2", "v1", "v2"]
    for operator, values, wanted in (
            ("eq", ["v1"], ["v1"]), ("sw", ["pr"], ["pr-1", "pr-2"]), ("ew", ["1"], ["pr-1", "v1"]),
            ("c", ["at"], ["latest"]), ("oo", ["v2", "latest", "x"], ["latest", "v2"]),
            ("noo", ["v2", "latest"], ["pr-1", "pr-2", "v1"]), ("eq", ["V1"], [])):
        assert dry_run(dtr, path, rule("tag", operator, *values)) == wanted, (operator, values)
    now = datetime.now(timezone.utc)
    before, after = ((now + timedelta(hours=hours)).isoformat() for hours in (-1, 1))
    for field, operator, value, wanted in (
            ("updated_at", "bf", after, every), ("updated_at", "bf", before, []),
            ("updated_at", "af", before, every), ("updated_at", "af", after, []),
            ("updated_at_duration", "bf", "1h", []), ("updated_at_duration", "af", "1h", every),
            ("updated_at_duration", "bf", "0", every), ("updated_at_duration", "af", "1ns", [])):
        assert dry_run(dtr, path, rule(field, operator, value)) == wanted, (field, operator, value)
    # All rules must hold.
    assert dry_run(dtr, path, rule("tag", "sw", "v"), rule("tag", "ew", "2")) == ["v2"]
    assert dry_run(dtr, path, rule("tag", "sw", "v"), rule("updated_at_duration", "bf", "1h")) == []
    assert tags(dtr, repository) == every


def test_what_needs_a_scan_fits_nothing_without_one(dtr, repository, path):
    rules = [rule(field, operator, "x") for field in ("license.name", "component.name")
             for operator in ("oo", "noo")]
    rules += [rule(f"vulnerability_{kind}", operator, "0") for kind in ("all", "critical", "major", "minor")
              for operator in ("gte", "gt", "eq", "neq", "lte", "lt")]
    for one in rules:
        assert dry_run(dtr, path, one) == [], one
    made = dtr.expect(201, "POST", path, policy(*rules[:25]))
    assert made["rules"] == rules[:25]
    wait_until(lambda: dtr.get(f"{path}/{made['id']}")["lastPrunedAt"] != NEVER, "the evaluation")
    assert len(tags(dtr, repository)) == 5


def test_a_dry_run_shows_name_and_digest_in_pages(dtr, repository, path):
    body = policy(rule("tag", "noo", "latest"))
    [first] = dtr.get(f"/repositories/{repository}/tags/pr-1")
    response = dtr.call("POST", f"{path}/test?pageSize=2&count=true", body)
    assert response.status == 200 and response.header("X-Resource-Count") == "4"
    assert response.json()[0] == {"name": "pr-1", "digest": first["digest"]}
    seen = [match["name"] for match in response.json()]
    while (start := response.header("X-Next-Page-Start")) is not None:
        response = dtr.call("POST", f"{path}/test?pageSize=2&pageStart={start}", body)
        seen += [match["name"] for match in response.json()]
    assert seen == ["pr-1", "pr-2", "v1", "v2"]
    # `enabled` says nothing here, and may be left out.
    assert len(dtr.expect(200, "POST", f"{path}/test", {"rules": body["rules"]})) == 4
    assert dtr.get(path) == []


FIELD_NAMES = ("tag, license.name, component.name, vulnerability_all, vulnerability_critical, "
               "vulnerability_major, vulnerability_minor, updated_at, updated_at_duration")


@pytest.mark.parametrize("body, message", [
    ({}, '"enabled" must be given: it is missing'),
    ({"enabled": True}, '"rules" must be given: it is missing'),
    ({"enabled": "yes", "rules": []}, '"enabled" must be true or false'),
    ({"enabled": True, "rules": {}}, '"rules" must be a list'),
    (policy(), '"rules" must not be empty: without a rule every tag would fit'),
    (policy(rule("tag", "eq", "a"), rule("name", "eq", "a")), f'rule 2: "field" must be one of {FIELD_NAMES}'),
    (policy(rule("tag", "gt", "a")), 'rule 1: "operator" of tag must be one of eq, sw, ew, c, oo, noo'),
    (policy(rule("component.name", "eq", "a")), 'rule 1: "operator" of component.name must be one of oo, noo'),
    (policy(rule("tag", "eq")), 'rule 1: "values" must not be empty'),
    (policy(rule("tag", "sw", "")), "rule 1: a value must not be empty: it would fit everything"),
    (policy(rule("vulnerability_all", "eq", "-1")),
     "rule 1: the value of vulnerability_all must be a whole number"),
    (policy(rule("vulnerability_all", "eq", "1", "2")),
     'rule 1: "values" of vulnerability_all must hold exactly one value'),
    (policy(rule("updated_at", "bf", "yesterday")),
     'rule 1: the value of updated_at must be like "2026-11-24T04:31:30Z"'),
    (policy(rule("updated_at_duration", "bf", "30d")),
     'rule 1: the value of updated_at_duration must be like "720h" or "1h30m"'),
    (policy(*[rule("tag", "eq", "a")] * 26), '"rules" may hold 25 rules at most'),
    (policy(rule("tag", "oo", *["a"] * 101)), 'rule 1: "values" may hold 100 values at most'),
])
def test_a_wrong_policy_is_refused_with_what_is_wrong(dtr, path, body, message):
    assert dtr.refused(404, "INVALID_PRUNING_POLICY", "POST", path, body) == message
    if "rules" in body:
        assert dtr.refused(404, "INVALID_PRUNING_POLICY", "POST", f"{path}/test", body) == message
        assert dtr.get(path) == []


def test_a_wrong_change_changes_nothing(dtr, path):
    made = dtr.expect(201, "POST", f"{path}?initialEvaluation=false", policy(rule("tag", "eq", "a")))
    one = f"{path}/{made['id']}"
    dtr.refused(404, "INVALID_PRUNING_POLICY", "PUT", one, policy(enabled=False))
    dtr.refused(400, "INVALID_JSON", "PUT", one, b"{")
    dtr.refused(400, "INVALID_JSON", "POST", path, b"[]")
    assert dtr.get(one) == made
    dtr.refused(404, "NO_SUCH_PRUNING_POLICY", "GET", f"{path}/{ABSENT}")
    dtr.refused(404, "NO_SUCH_PRUNING_POLICY", "GET", f"{path}/test")


def test_lists_are_paged_and_bounded(dtr, path):
    ids = [dtr.expect(201, "POST", path, policy(rule("tag", "eq", f"x{number}")))["id"] for number in range(50)]
    message = dtr.refused(409, "TOO_MANY_PRUNING_POLICIES", "POST", path, policy(rule("tag", "eq", "a")))
    assert message == "a repository has 50 pruning policies at most"
    assert len(dtr.get(path)) == 10
    response = dtr.call("GET", f"{path}?pageSize=30&count=true")
    assert response.header("X-Resource-Count") == "50"
    seen = [entry["id"] for entry in response.json()]
    rest = dtr.call("GET", f"{path}?pageSize=30&pageStart={response.header('X-Next-Page-Start')}")
    assert rest.header("X-Next-Page-Start") is None
    assert seen + [entry["id"] for entry in rest.json()] == ids


def test_policies_are_for_those_who_administer_the_repository(server, admin, alice, anonymous, repository):
    enzi = Rest(admin, "/enzi/v0")
    organization, user = new_name("org"), new_name("user")
    enzi.expect(201, "POST", "/accounts", {"name": organization, "isOrg": True})
    enzi.expect(201, "POST", "/accounts", {"name": user, "password": PASSWORD})
    enzi.expect(201, "POST", f"/accounts/{organization}/teams", {"name": "team"})
    enzi.expect(200, "PUT", f"/accounts/{organization}/teams/team/members/{user}")
    api = Rest(admin, API)
    api.expect(201, "POST", f"/repositories/{organization}", {"name": "app"})
    base = f"/repositories/{organization}/app/pruningPolicies"
    body = policy(rule("tag", "eq", "x"))
    made = api.expect(201, "POST", base, body)
    calls = [("GET", base, None), ("POST", base, body), ("POST", f"{base}/test", body),
             ("GET", f"{base}/{made['id']}", None), ("PUT", f"{base}/{made['id']}", body),
             ("DELETE", f"{base}/{made['id']}", None)]
    client = server.client(user, PASSWORD)
    try:
        member = Rest(client, API)
        access = f"/repositories/{organization}/app/teamAccess/team"
        for method, target, sent in calls:
            for stranger in (member, Rest(anonymous, API)):
                stranger.refused(404, "NO_SUCH_REPOSITORY", method, target, sent)
        for level in ("read-only", "read-write"):
            api.expect(200, "PUT", access, {"accessLevel": level})
            for method, target, sent in calls:
                member.refused(403, "NOT_AUTHORIZED", method, target, sent)
        api.expect(200, "PATCH", f"/repositories/{organization}/app", {"visibility": "public"})
        for method, target, sent in calls:
            Rest(anonymous, API).refused(401, "NOT_AUTHENTICATED", method, target, sent)
        api.expect(200, "PUT", access, {"accessLevel": "admin"})
        assert [member.call(method, target, sent).status for method, target, sent in calls] == [
            200, 201, 200, 200, 200, 204]
        api.expect(200, "PUT", access, {"accessLevel": "read-write"})
        member.refused(403, "NOT_AUTHORIZED", "GET", base)
    finally:
        client.close()
    # A policy is found in its own repository alone.
    other = f"/repositories/{repository}/pruningPolicies"
    server.create_repository(repository)
    [left] = api.get(base)
    api.refused(404, "NO_SUCH_PRUNING_POLICY", "GET", f"{other}/{left['id']}")
    api.refused(404, "NO_SUCH_PRUNING_POLICY", "PUT", f"{other}/{left['id']}", body)
    api.expect(204, "DELETE", f"{other}/{left['id']}")
    assert api.get(base) == [left]


def test_signatures_stay_and_immutable_tags_go(dtr, alice, repository, path):
    signature = f"sha256-{'a' * 64}.sig"
    alice.push(repository, content.image(), signature)
    dtr.expect(200, "PATCH", f"/repositories/{repository}", {"immutableTags": True})
    dtr.expect(201, "POST", path, policy(rule("tag", "noo", "latest")))
    wait_for_tags(dtr, repository, ["latest", signature])


def test_read_only_mode_stops_pruning(holdfast):
    server = holdfast({"create_repository_on_push": True})
    client = server.admin_client()
    dtr = Rest(client, API)
    client.push("admin/app", content.image(), "v1")
    path = "/repositories/admin/app/pruningPolicies"
    body = policy(rule("tag", "eq", "v1"))
    dtr.expect(202, "POST", "/meta/settings", {"readOnlyRegistry": True})
    dtr.refused(405, "NOT_ALLOWED", "POST", path, body)
    assert dry_run(dtr, path, *body["rules"]) == ["v1"]
    dtr.expect(202, "POST", "/meta/settings", {"readOnlyRegistry": False})
    made = dtr.expect(201, "POST", path, body)
    wait_for_tags(dtr, "admin/app", [])
    server.restart()
    client = server.admin_client()
    [kept] = Rest(client, API).get(path)
    assert (kept["id"], kept["rules"]) == (made["id"], body["rules"])
    Rest(client, API).expect(204, "DELETE", "/repositories/admin/app")
    Rest(client, API).refused(404, "NO_SUCH_REPOSITORY", "GET", path)


def test_five_thousand_tags_are_pruned(dtr, alice, repository):
    image = alice.push(repository, content.image(), "latest")
    for number in range(5000):
        response = alice.put_manifest(
            repository, f"{'pr' if number % 5 else 'v'}-{number:04}", image.body, image.media_type)
        assert response.status == 201, str(response)
    path = f"/repositories/{repository}/pruningPolicies"
    response = dtr.call("POST", f"{path}/test?count=true", policy(rule("tag", "sw", "pr-")))
    assert len(response.json()) == 10 and response.header("X-Resource-Count") == "4000"
    dtr.expect(201, "POST", path, policy(rule("tag", "sw", "pr-")))
    wait_until(lambda: len(tags(dtr, repository)) == 1001, "4,000 tags to go", timeout=120)
    assert tags(dtr, repository)[:2] == ["latest", "v-0000"]
