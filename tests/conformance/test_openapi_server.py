"""What openapi/ says of the server's settings and facts, of events, statistics and service accounts: seen to be so."""

import dataclasses
import json
import re
import urllib.parse

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.test_openapi import DOCUMENT, OPERATIONS, Checked, user  # noqa: F401 (a fixture)
from conformance.test_openapi_hostile import TEXTS, bodies, check
from conftest import PASSWORD
from harness import content, openapi
from harness.registry_client import basic, quote
from harness.rest import Rest, new_name

TAGS = {"settings", "facts", "events", "statistics", "service accounts"}
NOBODY = "nobody-of-that-name"
STREAM = "/api/v0/holdfast/events/stream"


@pytest.fixture
def checked():
    return Checked()


def assert_shown_as(schema: str, value):
    jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}).validate(value)


def test_settings(checked, boss, user, nobody):  # noqa: F811
    many, own = "/api/v0/meta/settings", "/api/v0/accounts/{user}/settings"
    now = checked.call(boss, 200, "get", many).json()
    # As they are: the server is shared.
    assert checked.call(boss, 202, "post", many, now).json() == now | {"restartNeeded": []}
    checked.call(boss, 202, "post", many, {"readOnlyRegistry": None, "webTLSKey": "", "unknown": 1})
    for body in ({"gcUntaggedGrace": "soon"}, {"webTLSKey": "x"}, {"sso": True}, {"scanningDeadline": 10**9 + 1}):
        checked.call(boss, 400, "post", many, body)
    for method, path in (("get", many), ("post", many), ("get", "/api/v0/meta/alerts"),
                         ("get", "/api/v0/meta/cluster_status"), ("get", "/api/v0/admin/settings/registry")):
        checked.call(user, 403, method, path)
        checked.call(nobody, 401, method, path)
        checked.call(boss, 202 if method == "post" else 200, method, path)
    for path in ("/api/v0/meta/features", "/api/v0/admin/version"):
        checked.call(user, 200, "get", path)
        checked.call(nobody, 401, "get", path)
    me = user.client.user
    checked.call(user, 200, "get", own, user=me)
    checked.call(user, 200, "patch", own, {"contentCacheUUID": ""}, user=me)
    checked.call(user, 400, "patch", own, {"contentCacheUUID": "x"}, user=me)
    checked.call(boss, 200, "patch", own, user=me)
    for method in ("get", "patch"):
        checked.call(user, 403, method, own, user="admin")
        checked.call(user, 404, method, own, user=NOBODY)
        checked.call(nobody, 401, method, own, user=me)
    assert openapi.unseen("settings") == []


def test_facts(checked, user, nobody):  # noqa: F811
    by_password = checked.call(user, 200, "get", "/basic_info").json()
    assert (by_password["User"]["name"], by_password["AuthnMethod"]) == (user.client.user, "Password")
    login = {"username": user.client.user, "password": user.client.password}
    token = checked.call(nobody, 200, "post", "/auth/login", login).json()["auth_token"]
    by_session = checked.call(nobody, 200, "get", "/basic_info", headers=[("Authorization", f"Bearer {token}")]).json()
    assert by_session == by_password | {"AuthnMethod": "SessionToken"}
    checked.call(user, 200, "get", "/api/ucp/config/dtr")
    for path in ("/basic_info", "/api/ucp/config/dtr"):
        checked.call(nobody, 401, "get", path)
    for path in ("/openid_keys", "/api/v0/accounts/language"):
        checked.call(nobody, 200, "get", path)
        checked.call(nobody, 401, "get", path, headers=[("Authorization", basic(user.client.user, "wrong password"))])
    assert openapi.unseen("facts") == []


def first_of_stream(rest: Rest, query: str, headers=()) -> str:
    """Reads a stream up to its first event."""
    connection = rest.client.connect()
    try:
        connection.send_head("GET", STREAM + query, [
            ("Host", rest.client.origin.authority), ("Authorization", basic(rest.client.user, rest.client.password)),
            *headers])
        response = connection.read_head()
        assert response.status == 200
        while not re.search(rb"\nid: .*?\n\n", connection._buffer, re.DOTALL):
            connection._fill()
        openapi.check("GET", STREAM + query, dataclasses.replace(response, body=bytes(connection._buffer)))
        return connection._buffer.decode()
    finally:
        connection.close()


def test_events(checked, boss, alice, nobody, repository):
    alice.push(repository, content.image(), "v1")
    hers = Rest(alice, "")
    path, here = "/api/v0/events", f"?repository={repository}"
    page = checked.call(hers, 200, "get", path, query=f"{here}&pageSize=1")
    rest = checked.call(hers, 200, "get", path, query=f"{here}&pageStart={page.header('X-Next-Page-Start')}").json()
    found = page.json()["events"] + rest["events"]
    lines = checked.call(hers, 200, "get", path, query=here, headers=[("Accept", "application/x-ndjson")])
    assert [json.loads(line) for line in lines.body.splitlines()] == found
    assert checked.call(boss, 200, "get", path, query=f"{here}&count=true").header("X-Resource-Count") == str(len(found))
    # All that there is so far, whatever other tests did.
    every = checked.call(boss, 200, "get", path, query="?pageSize=10000").json()["events"]
    words = {name: DOCUMENT["components"]["parameters"][name]["description"] for name in ("EventType", "EventObject")}
    for event in every:
        assert event["type"] in words["EventType"] and event["object"]["type"] in words["EventObject"]
    for name, values in (("eventType", ("CREATE", "send", "tag_pushed")), ("objectType", ("TAG", "session", "SYSTEM")),
                         ("actorId", ("alice", NOBODY)), ("excludePull", ("true",)),
                         ("publishedAfter", ("2026-01-01T00:00:00Z",)), ("publishedBefore", ("2026-01-01T00:00:00Z",))):
        for value in values:
            checked.call(hers, 200, "get", path, query=f"?{name}={value}")
    for query in ("?eventType=odd", "?objectType=odd", "?publishedAfter=odd", "?pageSize=0"):
        checked.call(hers, 400, "get", path, query=query)
    for one in (path, STREAM):
        checked.call(nobody, 401, "get", one)
    checked.call(hers, 400, "get", STREAM, query="?objectType=odd")
    told = first_of_stream(hers, f"{here}&eventType=tag_pushed", [("Last-Event-ID", "0")])
    lines = [line.partition(": ") for line in told.splitlines() if line.startswith(("id: ", "event: ", "data: "))]
    assert [name for name, _, _ in lines[:3]] == ["id", "event", "data"]
    assert lines[1][2] == "tag_pushed"
    assert_shown_as("Event", json.loads(lines[2][2]))
    assert openapi.unseen("events") == []


def test_statistics(checked, boss, alice, bob, nobody, public_repository, repository):
    image = alice.push(public_repository, content.image(), "v1")
    alice.push(public_repository, content.image(), "v2")
    hers, his = Rest(alice, ""), Rest(bob, "")
    base, (namespace, name) = "/api/v0/holdfast", public_repository.split("/")
    checked.call(hers, 200, "get", f"{base}/dashboard")
    checked.call(boss, 200, "get", f"{base}/dashboard")
    checked.call(nobody, 401, "get", f"{base}/dashboard")
    traffic, storage = f"{base}/traffic", f"{base}/storage"
    for path in (storage, traffic):
        checked.call(boss, 200, "get", path)
        checked.call(hers, 403, "get", path)
        checked.call(nobody, 401, "get", path)
    one = storage + "/{namespace}"
    checked.call(hers, 200, "get", one, namespace=namespace)
    checked.call(his, 403, "get", one, namespace=namespace)
    checked.call(hers, 404, "get", one, namespace=NOBODY)
    one += "/{repository}"
    checked.call(nobody, 200, "get", one, namespace=namespace, repository=name)
    checked.call(hers, 404, "get", one, namespace=namespace, repository=NOBODY)
    for query in ("", "&step=hour", "&step=day&from=2026-01-01T00:00:00Z&to=2999-01-01T00:00:00Z"):
        checked.call(nobody, 200, "get", traffic, query=f"?repository={public_repository}{query}")
    checked.call(nobody, 404, "get", traffic, query=f"?repository={namespace}/{NOBODY}")
    checked.call(hers, 200, "get", traffic, query=f"?namespace={namespace}")
    checked.call(hers, 400, "get", traffic, query=f"?namespace={namespace}&step=odd")
    of = {"namespace": namespace, "repository": name}
    compare = base + "/repositories/{namespace}/{repository}/compare"
    checked.call(nobody, 200, "get", compare, query=f"?from=v1&to={quote(image.digest)}", **of)
    checked.call(nobody, 200, "get", compare, query="?from=v1&to=v2&platform=linux/arm64", **of)
    checked.call(nobody, 404, "get", compare, query="?from=v1&to=v9", **of)
    checked.call(nobody, 400, "get", compare, query="?from=v1", **of)
    sharing = base + "/repositories/{namespace}/{repository}/manifests/{reference}/sharing"
    checked.call(nobody, 200, "get", sharing, reference="v1", **of)
    checked.call(nobody, 404, "get", sharing, reference="v9", **of)
    checked.call(nobody, 400, "get", sharing, reference="sha256:odd", **of)
    assert openapi.unseen("statistics") == []


def test_service_accounts(checked, boss, user):  # noqa: F811
    many = "/api/v0/holdfast/organizations/{organization}/serviceAccounts"
    one, tokens, token = many + "/{name}", many + "/{name}/tokens", many + "/{name}/tokens/{token}"
    org = new_name("describedorg")
    boss.expect(201, "POST", "/enzi/v0/accounts", {"name": org, "isOrg": True})
    at = {"organization": org, "name": "ci"}
    for name in ("ci", "cd"):
        checked.call(boss, 201, "post", many, {"name": name, "description": None}, organization=org)
    checked.call(boss, 400, "post", many, {"name": "ci"}, organization=org)
    checked.call(boss, 400, "post", many, {"name": "UPPER"}, organization=org)
    assert checked.call(boss, 200, "get", many, query="?pageSize=1", organization=org).header("X-Next-Page-Start")
    checked.call(boss, 200, "get", one, **at)
    checked.call(boss, 200, "patch", one, {"description": "Builds", "isActive": True}, **at)
    wanted = {"tokenLabel": "a", "expiresAt": "2999-01-01T00:00:00Z",
              "scope": [{"repository": f"{org}/*", "actions": ["pull"]}]}
    made = checked.call(boss, 201, "post", tokens, wanted, **at).json()["hashedToken"]
    checked.call(boss, 201, "post", tokens, {}, **at)
    checked.call(boss, 400, "post", tokens, {"scope": []}, **at)
    assert checked.call(boss, 200, "get", tokens, query="?pageSize=1", **at).header("X-Next-Page-Start")
    checked.call(boss, 200, "get", token, token=made, **at)
    checked.call(boss, 200, "patch", token, {"isActive": False}, token=made, **at)
    checked.call(boss, 204, "delete", token, token=made, **at)
    for method in ("get", "patch", "delete"):
        checked.call(boss, 404, method, token, token=made, **at)
    for path in (many, one, tokens):
        checked.call(user, 403, "get", path, **at)
        checked.call(boss, 404, "get", path, organization=NOBODY, name="ci")
    checked.call(boss, 404, "post", many, {"name": "ci"}, organization=NOBODY)
    checked.call(boss, 204, "delete", one, **at)
    for method, path in (("get", one), ("patch", one), ("delete", one), ("get", tokens), ("post", tokens)):
        checked.call(boss, 404, method, path, **at)
    checked.call(boss, 404, "delete", "/api/v0/api_tokens", query=f"?username={NOBODY}")
    assert openapi.unseen("service accounts") == []


@pytest.mark.parametrize("tag", sorted(TAGS))
def test_every_body_has_an_example_that_fits(tag):
    for operation in OPERATIONS.values():
        if tag in operation["tags"] and "requestBody" in operation:
            body = operation["requestBody"]["content"]["application/json"]
            schema = {**body["schema"], "components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(schema).validate(body["example"])


# Deleting would take away what is asked for next; a stream has no end.
TRIED = sorted(key for key, operation in OPERATIONS.items()
               if TAGS & {*operation["tags"]} and key[0] != "delete" and key[1] != STREAM)
# Values that lead further in than broken ones do.
GOOD = {"repository": "acme/app", "namespace": "acme", "from": "v1", "to": "v1", "step": "hour", "eventType": "CREATE",
        "objectType": "TAG", "actorId": "owner", "count": "true", "pageSize": "1000000", "platform": "linux/amd64"}


@st.composite
def broken(draw):
    """A request to what is there: its names stand in braces."""
    method, path = draw(st.sampled_from(TRIED))
    operation = OPERATIONS[method, path]
    names = [one["name"] for one in map(openapi.resolved, operation["parameters"]) if one["in"] == "query"]
    query = {name: draw(st.one_of(st.just(GOOD.get(name, "")), TEXTS)) for name in names if draw(st.booleans())}
    return method, path, "?" + urllib.parse.urlencode(query), None if method == "get" else draw(bodies(operation))


@pytest.mark.parametrize("who", ["administrator", "owner"])
def test_broken_requests_to_what_is_there_are_refused_as_written(who, holdfast):
    """On a server of its own, as the settings change."""
    server = holdfast({"create_repository_on_push": True})
    boss = Rest(server.admin_client(), "")
    boss.expect(201, "POST", "/enzi/v0/accounts", {"name": "owner", "password": PASSWORD})
    boss.expect(201, "POST", "/enzi/v0/accounts", {"name": "acme", "isOrg": True})
    boss.expect(200, "PUT", "/enzi/v0/accounts/acme/members/owner", {"isAdmin": True})
    owner = Rest(server.client("owner", PASSWORD), "")
    owner.client.push("acme/app", content.image(), "v1")
    accounts = "/api/v0/holdfast/organizations/acme/serviceAccounts"
    owner.expect(201, "POST", accounts, {"name": "ci"})
    token = owner.expect(201, "POST", f"{accounts}/ci/tokens", {})["hashedToken"]
    names = {"organization": "acme", "name": "ci", "token": token, "namespace": "acme", "repository": "app",
             "reference": "v1", "user": "owner"}
    rest = boss if who == "administrator" else owner

    @settings(max_examples=700, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(broken())
    def run(request):
        method, path, query, body = request
        check(rest, (method, path, re.sub(r"\{([^}]*)\}", lambda found: names[found.group(1)], path) + query, body))

    run()
    assert boss.get("/health")["Healthy"]
    boss.expect(202, "POST", "/api/v0/meta/settings", {"readOnlyRegistry": False})
    assert owner.get(f"{accounts}/ci")["name"] == "acme..ci"


def test_a_broken_start_of_a_stream_is_refused_or_none(user):  # noqa: F811
    for last in ("", "x", "-1", "9" * 40, "1-", "-", "9223372036854775807", "\u202e"):
        connection = user.client.connect()
        connection.send_head("GET", STREAM, [
            ("Host", user.client.origin.authority), ("Authorization", basic(user.client.user, user.client.password)),
            ("Last-Event-ID", last.encode().decode("latin-1"))])
        assert connection.read_head().status == 200, last
        connection.close()
