"""Access tokens: by DTR's API, in a password's place, and how they end."""

import base64
import hashlib
import itertools
import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from conftest import PASSWORD
from harness import content, tokens
from harness.registry_client import basic, own_address
from harness.rest import Rest, new_name
from harness.tools import wait_until

FIELDS = ["hashedToken", "tokenLabel", "isActive", "createdAt", "lastUsed", "generatedBy", "creatorUa"]
NEVER = "0001-01-01T00:00:00Z"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def dtr(admin):
    return Rest(admin, "/api/v0")


@pytest.fixture
def person(server, admin):
    """Makes a user; gives a Rest that speaks as them, from an address of their own."""
    clients = []

    def make():
        name = new_name("user")
        Rest(admin).expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
        clients.append(server.client(name, PASSWORD, source=own_address()))
        return Rest(clients[-1], "/api/v0")

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def by_token(server):
    """A Rest that logs in with a token as its password."""
    clients = []

    def make(user, token, prefix="/api/v0"):
        clients.append(server.client(user, token, source=own_address()))
        return Rest(clients[-1], prefix)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def nobody(server):
    client = server.client(source=own_address())
    yield Rest(client, "/api/v0")
    client.close()


def make_token(rest, label="ci", **fields):
    return rest.expect(200, "POST", "/api_tokens", {"tokenLabel": label, **fields})


def moment(**delta) -> str:
    return (datetime.now(timezone.utc) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- the API
def test_a_token_has_the_fields_that_automation_reads(dtr, person):
    me = person()
    response = me.call("POST", "/api_tokens", {"tokenLabel": "jenkins"}, headers=[("User-Agent", "curl/8.5")])
    assert response.status == 200, str(response)
    made = response.json()
    assert list(made)[:8] == ["token", *FIELDS]
    assert UUID.fullmatch(made["token"])
    assert made["hashedToken"] == hashlib.sha256(made["token"].encode()).hexdigest()
    assert made["tokenLabel"] == "jenkins" and made["isActive"] is True
    assert made["lastUsed"] == NEVER and made["generatedBy"] == "manual" and made["creatorUa"] == "curl/8.5"
    shown = {key: value for key, value in made.items() if key != "token"}
    place = f"/api_tokens/{made['hashedToken']}"
    assert me.get(place) == shown and dtr.get(place) == shown
    assert me.get("/api_tokens/") == [shown]
    assert dtr.get(f"/api_tokens?username={me.client.user}") == [shown]
    changed = me.expect(200, "PATCH", place, {"tokenLabel": "jenkins 2"})
    assert changed == shown | {"tokenLabel": "jenkins 2"}
    assert me.expect(200, "PATCH", place, {"isActive": False}) == changed | {"isActive": False}
    assert me.call("DELETE", place).status == 200
    me.refused(404, "NO_SUCH_API_TOKEN", "GET", place)
    assert me.get("/api_tokens") == []


def test_an_administrator_makes_tokens_for_others(dtr, person, by_token):
    me = person()
    made = dtr.expect(200, "POST", f"/api_tokens?username={me.client.user}", {"tokenLabel": "theirs"})
    assert [token["tokenLabel"] for token in me.get("/api_tokens")] == ["theirs"]
    assert by_token(me.client.user, made["token"]).get("/api_tokens")[0]["tokenLabel"] == "theirs"
    dtr.refused(404, "NO_SUCH_ACCOUNT", "POST", "/api_tokens?username=nobody-of-that-name", {})


def test_lists_are_paged(dtr, person):
    me = person()
    for number in range(5):
        make_token(me, f"t{number}")
    everything = me.get("/api_tokens?pageSize=100000")
    assert {token["tokenLabel"] for token in everything} == {f"t{number}" for number in range(5)}
    found, start = [], ""
    while start is not None:
        response = me.call("GET", f"/api_tokens?pageSize=2&count=true&pageStart={start}")
        assert response.status == 200 and response.header("X-Resource-Count") == "5"
        found += response.json()
        start = response.header("X-Next-Page-Start")
    assert found == everything
    assert me.get("/api_tokens?pageStart=" + "g" * 64) == []
    me.refused(400, "INVALID_PARAMETERS", "GET", "/api_tokens?pageSize=0")


def test_tokens_are_ones_own(server, dtr, person, nobody):
    me, other = person(), person()
    made = make_token(me)
    place = f"/api_tokens/{made['hashedToken']}"
    for method, body in (("GET", None), ("PATCH", {"isActive": False}), ("DELETE", None)):
        other.refused(404, "NO_SUCH_API_TOKEN", method, place, body)
        nobody.refused(401, "NOT_AUTHENTICATED", method, place, body)
    for method in ("GET", "POST", "DELETE"):
        for name in (me.client.user, "nobody-of-that-name"):
            other.refused(403, "NOT_AUTHORIZED", method, f"/api_tokens?username={name}", {} if method == "POST" else None)
        nobody.refused(401, "NOT_AUTHENTICATED", method, "/api_tokens")
    for foreign in ("x", "0" * 64, "A" * 64, made["token"], "%00", "..%2f..", "0" * 5000):
        response = other.call("GET", f"/api_tokens/{foreign}")
        assert response.status in (400, 404), str(response)
    assert me.get(place)["isActive"] is True
    dtr.expect(200, "PATCH", place, {"isActive": False})
    assert me.get(place)["isActive"] is False
    dtr.expect(200, "DELETE", place)
    me.refused(404, "NO_SUCH_API_TOKEN", "GET", place)


def test_many_are_removed_at_once(dtr, person, server):
    me = person()
    for _ in range(3):
        make_token(me)
    assert me.expect(200, "DELETE", "/api_tokens") == {"removed": 0}, "auto is the default"
    assert me.expect(200, "DELETE", f"/api_tokens?generatedby=manual&usedbefore={moment(hours=-1)}") == {"removed": 0}
    server.sql("UPDATE access_tokens SET origin = 1 WHERE account_id = "
               f"(SELECT id FROM accounts WHERE name = '{me.client.user}')")
    kept = make_token(me, "kept")
    assert me.expect(200, "DELETE", f"/api_tokens?usedbefore={moment(hours=1)}") == {"removed": 3}
    assert [token["hashedToken"] for token in me.get("/api_tokens")] == [kept["hashedToken"]]
    for query in ("generatedby=me", "usedbefore=yesterday", "usedbefore=1"):
        me.refused(400, "INVALID_PARAMETERS", "DELETE", f"/api_tokens?{query}")
    assert dtr.expect(200, "DELETE", f"/api_tokens?username={me.client.user}&generatedby=manual") == {"removed": 1}


def test_bad_input_is_told(person):
    me = person()
    for code, body, word in (
        ("INVALID_JSON", b"[]", "object"),
        ("INVALID_JSON", b'{"tokenLabel":"\xff\xfe"}', "JSON"),
        ("INVALID_FORM", {"tokenLabel": 7}, "tokenLabel"),
        ("INVALID_FORM", {"tokenLabel": "x" * 257}, "256"),
        ("INVALID_FORM", {"tokenLabel": "a\0b"}, "control"),
        ("INVALID_FORM", {"expiresAt": 1700000000}, "expiresAt"),
        ("INVALID_FORM", {"expiresAt": "tomorrow"}, "expiresAt"),
        ("INVALID_FORM", {"expiresAt": moment(seconds=-1)}, "future"),
        ("INVALID_FORM", {"scope": "alice/app"}, "scope"),
        ("INVALID_FORM", {"scope": []}, "scope"),
        ("INVALID_FORM", {"scope": ["alice/app:pull"]}, "scope"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app"}]}, "scope"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app", "actions": []}]}, "action"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app", "actions": ["*"]}]}, "scope"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app", "actions": [1]}]}, "scope"),
        ("INVALID_FORM", {"scope": [{"repository": 1, "actions": ["pull"]}]}, "scope"),
        ("INVALID_FORM", {"scope": [{"repository": "*", "actions": ["pull"]}]}, "namespace"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app bob/app", "actions": ["pull"]}]}, "namespace"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app:x", "actions": ["pull"]}]}, "namespace"),
        ("INVALID_FORM", {"scope": [{"repository": "alice/app", "actions": ["pull"]}] * 65}, "64"),
    ):
        assert word in me.refused(400, code, "POST", "/api_tokens", body), body
    assert me.get("/api_tokens") == []
    place = f"/api_tokens/{make_token(me)['hashedToken']}"
    me.refused(400, "INVALID_FORM", "PATCH", place, {"isActive": "false"})
    me.refused(400, "INVALID_FORM", "PATCH", place, {"tokenLabel": "x" * 257})
    for query in ("username=%ff", "username=%00", "pageStart=%ff"):
        assert me.call("GET", f"/api_tokens?{query}").status == 400
    assert me.call("PUT", "/api_tokens").status == 405
    assert make_token(me, "ü" * 128)["tokenLabel"] == "ü" * 128


def test_every_change_is_an_event_without_the_secret(dtr, person):
    me = person()
    name = me.client.user
    made = make_token(me, "watched")
    place = f"/api_tokens/{made['hashedToken']}"
    me.expect(200, "PATCH", place, {"isActive": False})
    me.expect(200, "DELETE", place)
    events = dtr.get("/events?objectType=TOKEN&pageSize=1000")["events"]
    mine = [event for event in events if event["object"]["name"] == name]
    assert [event["event"] for event in mine] == ["token_deleted", "token_updated", "token_created"]
    assert all(event["actor"] == name and event["detail"] == "watched" for event in mine)
    assert made["token"] not in str(events)


# --- in a password's place
def test_a_token_logs_in_wherever_a_password_does(server, person, by_token):
    me = person()
    name, token = me.client.user, make_token(me)["token"]
    robot = by_token(name, token)
    # As docker does: a login without a scope, then tokens for what it pushes and pulls.
    login = robot.client.get_token([], account=name, client_id="docker", offline_token="true")
    assert login.status == 200 and "refresh_token" not in login.json(), str(login)
    repository = f"{name}/app"
    image = robot.client.push(repository, content.image(), "v1")
    assert robot.client.manifest(repository, "v1").body == image.body
    form = robot.client.post_token([("grant_type", "password"), ("service", server.https.authority),
                                    ("client_id", "x"), ("username", name), ("password", token)])
    assert form.status == 200, str(form)
    header = [("Authorization", basic(name, token))]
    for target in ("/v2/", f"/v2/{repository}/manifests/v1", "/v2/_catalog", "/api/v0/repositories",
                   "/enzi/v0/accounts", f"/accounts/{name}"):
        answer = robot.client.raw("GET", target, headers=header)
        assert answer.status == 200, f"{target}: {answer}"
    # Its JWT speaks for the user too.
    answer = robot.call("GET", "/api_tokens", headers=[("Authorization", f"Bearer {login.json()['token']}")])
    assert answer.status == 200 and answer.json()[0]["lastUsed"] != "", str(answer)
    robot.expect(201, "POST", f"/repositories/{name}", {"name": "made-by-token"})


def test_a_token_is_of_its_owner_alone(server, person, by_token, bob):
    me = person()
    made = make_token(me)
    # No more than are free: the next would have to wait.
    for user, secret in (("bob", made["token"]), ("nobody-at-all", made["token"]),
                         (me.client.user, made["hashedToken"]), (me.client.user, made["token"].upper())):
        by_token(user, secret).refused(401, "NOT_AUTHENTICATED", "GET", "/api_tokens")
        assert server.client(user, secret, source=own_address()).get_token([]).status == 401


def test_a_token_makes_no_tokens_and_changes_no_password(person, by_token):
    me = person()
    name, made = me.client.user, make_token(me)
    robot = by_token(name, made["token"])
    assert "password" in robot.refused(403, "NOT_AUTHORIZED", "POST", "/api_tokens", {"tokenLabel": "more"})
    jwt = robot.client.get_token([]).json()["token"]
    for target, headers in (("/api_tokens", [("Authorization", f"Bearer {jwt}")]),
                            (f"/api_tokens?refresh_token={made['token']}", [("Authorization", "Bearer x")])):
        assert robot.call("POST", target, {"tokenLabel": "more"}, headers=headers).status == 403
    # It is not the password where that itself is asked for.
    by_token(name, made["token"], "/enzi/v0").refused(
        403, "NOT_AUTHORIZED", "POST", f"/accounts/{name}/changePassword",
        {"oldPassword": made["token"], "newPassword": "another password"})
    assert len(me.get("/api_tokens")) == 1
    robot.expect(200, "DELETE", f"/api_tokens/{made['hashedToken']}")


def test_a_token_starts_no_session(person, nobody):
    # A session would know nothing of the token's scope, and outlive it.
    me = person()
    name, made = me.client.user, make_token(me)
    root = Rest(nobody.client, "")
    for path in ("/auth/login", "/id/login", "/login_submit"):
        assert root.call("POST", path, {"username": name, "password": made["token"]}).status == 401
        assert root.call("POST", path, {"token": made["token"]}).status == 401
    # A session, which a password started, makes tokens.
    session = root.expect(200, "POST", "/auth/login", {"username": name, "password": PASSWORD})["auth_token"]
    bearer = [("Authorization", f"Bearer {session}")]
    assert nobody.call("POST", "/api_tokens", {"tokenLabel": "by session"}, headers=bearer).status == 200
    both = nobody.call("POST", f"/api_tokens?refresh_token={made['token']}", {}, headers=bearer)
    assert both.status == 403, "the access token is tried first"


def test_the_last_use_is_told(person, by_token):
    me = person()
    made = make_token(me)
    place = f"/api_tokens/{made['hashedToken']}"
    assert me.get(place)["lastUsed"] == NEVER
    by_token(me.client.user, made["token"]).get("/api_tokens")
    wait_until(lambda: me.get(place)["lastUsed"] != NEVER, "the use is written", timeout=10)


# --- callers
def test_refresh_token_in_the_query(person, nobody):
    me = person()
    made = make_token(me)
    query = f"?refresh_token={made['token']}"
    assert nobody.get(f"/api_tokens{query}")[0]["hashedToken"] == made["hashedToken"]
    nobody.expect(201, "POST", f"/repositories/{me.client.user}{query}", {"name": "app"})
    nobody.refused(401, "NOT_AUTHENTICATED", "GET", "/api_tokens?refresh_token=x")
    nobody.refused(401, "NOT_AUTHENTICATED", "GET", f"/repositories?refresh_token={uuid.uuid4()}")
    assert nobody.call("GET", "/api_tokens?refresh_token=").status == 401
    assert nobody.client.raw("GET", f"/v2/{query}").status == 401, "the registry has no such way in"


def test_more_than_one_credential(server, alice, person, nobody):
    me = person()
    name, token = me.client.user, make_token(me)["token"]
    empty, wrong = ("Authorization", basic("", "")), ("Authorization", "Bearer nonsense")
    jwt = ("Authorization", f"Bearer {me.client.get_token([]).json()['token']}")
    good = ("Authorization", basic(name, token))
    for target, headers in ((f"/api_tokens?refresh_token={token}", [empty, jwt]),
                            (f"/api_tokens?refresh_token={token}", [wrong]),
                            ("/api_tokens?refresh_token=x", [good]),
                            ("/api_tokens", [empty, jwt]), ("/api_tokens", [wrong, good]),
                            ("/api_tokens", [wrong, empty, wrong, jwt])):
        answer = nobody.call("GET", target, headers=headers)
        assert answer.status == 200 and len(answer.json()) == 1, f"{headers}: {answer}"
    # The first that is good is who calls.
    other = ("Authorization", f"Bearer {alice.get_token([]).json()['token']}")
    assert len(nobody.call("GET", "/api_tokens", headers=[empty, jwt, other]).json()) == 1
    for headers in ([empty], [empty, wrong], [wrong] * 50 + [good]):
        assert nobody.call("GET", "/api_tokens", headers=headers).status == 401
    assert nobody.client.raw("GET", "/v2/", headers=[empty, jwt]).status == 200


# --- the end of a token
@pytest.mark.parametrize("end", ["disabled", "removed", "removed with others"])
def test_an_end_is_in_force_with_the_next_request(server, dtr, person, by_token, end):
    me = person()
    name = me.client.user
    repository = f"{name}/app"
    me.client.push(repository, content.image(), "v1")
    made = make_token(me)
    place = f"/api_tokens/{made['hashedToken']}"
    robot = by_token(name, made["token"])
    pull = robot.client.get_token([f"repository:{repository}:pull"]).json()["token"]
    plain = robot.client.get_token([]).json()["token"]

    def attempts():
        """What each way in says."""
        def status(target, authorization):
            return robot.client.raw("GET", target, headers=[("Authorization", authorization)]).status

        return [robot.call("GET", "/api_tokens").status,
                status(f"/api/v0/api_tokens?refresh_token={made['token']}", "Bearer x"),
                robot.client.get_token([]).status,
                status("/v2/", basic(name, made["token"])),
                status(f"/v2/{repository}/manifests/v1", f"Bearer {pull}"),
                status("/api/v0/api_tokens", f"Bearer {plain}")]

    assert attempts() == [200] * 6
    if end == "disabled":
        me.expect(200, "PATCH", place, {"isActive": False})
    elif end == "removed":
        me.expect(200, "DELETE", place)
    else:
        dtr.expect(200, "DELETE", f"/api_tokens?username={name}&generatedby=manual")
    assert attempts() == [401] * 6
    if end == "disabled":
        me.expect(200, "PATCH", place, {"isActive": True})
        assert attempts() == [200] * 6


def test_a_token_expires(person, by_token):
    me = person()
    made = make_token(me, expiresAt=moment(seconds=3))
    assert made["expiresAt"].endswith("Z")
    robot = by_token(me.client.user, made["token"])
    jwt = robot.client.get_token([]).json()["token"]
    bearer = [("Authorization", f"Bearer {jwt}")]
    assert robot.call("GET", "/api_tokens", headers=bearer).status == 200
    wait_until(lambda: robot.call("GET", "/api_tokens", headers=bearer).status == 401, "the end", timeout=10)
    robot.refused(401, "NOT_AUTHENTICATED", "GET", "/api_tokens")


def test_tokens_go_with_their_account(admin, person, by_token):
    me = person()
    name, token = me.client.user, make_token(me)["token"]
    robot = by_token(name, token)
    jwt = robot.client.get_token([]).json()["token"]
    robot.get("/api_tokens")
    enzi = Rest(admin)
    enzi.expect(200, "PATCH", f"/accounts/{name}", {"isActive": False})
    robot.refused(401, "NOT_AUTHENTICATED", "GET", "/api_tokens")
    enzi.expect(200, "PATCH", f"/accounts/{name}", {"isActive": True})
    robot.get("/api_tokens")
    enzi.expect(204, "DELETE", f"/accounts/{name}")
    robot.refused(401, "NOT_AUTHENTICATED", "GET", "/api_tokens")
    assert robot.call("GET", "/repositories", headers=[("Authorization", f"Bearer {jwt}")]).status == 401
    assert robot.call("GET", f"/repositories?refresh_token={token}").status == 401
    enzi.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
    robot.refused(401, "NOT_AUTHENTICATED", "GET", "/api_tokens")


# --- scopes
def test_a_scope_narrows_the_registry(server, person, by_token):
    me = person()
    name = me.client.user
    app, other, team = f"{name}/app", f"{name}/other", f"{name}/other/deeper"
    image = content.image()
    for repository in (app, other, team):
        me.client.push(repository, image, "v1")
    made = make_token(me, scope=[{"repository": app, "actions": ["pull"]}])
    assert made["scope"] == [{"repository": app, "actions": ["pull"]}]
    robot = by_token(name, made["token"]).client
    jwt = robot.get_token([f"repository:{app}:pull,push,delete,*", f"repository:{other}:pull", "registry:catalog:*"])
    assert tokens.access_of(jwt.json()["token"]) == {f"repository:{app}": {"pull"}}
    for auth in (basic(name, made["token"]), f"Bearer {jwt.json()['token']}"):
        def status(method, target, auth=auth):
            return robot.raw(method, f"/v2/{target}", headers=[("Authorization", auth)]).status
        assert status("GET", "") == 200
        assert status("GET", f"{app}/manifests/v1") == 200
        assert status("GET", f"{app}/tags/list") == 200
        for method, target in (("POST", f"{app}/blobs/uploads/"), ("DELETE", f"{app}/manifests/v1"),
                               ("GET", f"{other}/manifests/v1"), ("GET", f"{team}/manifests/v1"),
                               ("GET", f"{name}/missing/manifests/v1"), ("POST", f"{name}/missing/blobs/uploads/"),
                               ("GET", "_catalog")):
            assert status(method, target) == 403, (auth[:6], method, target)
    # A mount's source is read as well.
    pusher = by_token(name, make_token(me, scope=[{"repository": app, "actions": ["pull", "push"]}])["token"]).client
    blob = pusher.raw("POST", f"/v2/{app}/blobs/uploads/?mount={me.client.push_blob(other, b'secret')}&from={other}",
                      headers=[("Authorization", basic(name, pusher.password))])
    assert blob.status == 202, str(blob)
    assert pusher.push(app, content.image(), "v2")
    whole = by_token(name, make_token(me, scope=[{"repository": f"{name}/*", "actions": ["pull", "push"]}])["token"])
    whole.client.push(f"{name}/new/one", image, "v1")
    assert whole.client.delete_manifest(f"{name}/new/one", image.digest).status == 403


def test_a_scope_gives_nothing(person, by_token, alice, repository):
    me = person()
    alice.push(repository, content.image(), "v1")
    made = make_token(me, scope=[{"repository": repository, "actions": ["pull", "push", "delete"]}])
    robot = by_token(me.client.user, made["token"]).client
    assert tokens.access_of(robot.get_token([f"repository:{repository}:pull"]).json()["token"]) == {}
    answer = robot.raw("GET", f"/v2/{repository}/manifests/v1",
                       headers=[("Authorization", basic(me.client.user, made["token"]))])
    assert answer.status == 403, str(answer)


def test_with_a_scope_the_rest_apis_read_its_repositories(dtr, person, by_token, nobody, admin):
    me = person()
    name = me.client.user
    made = make_token(me, scope=[{"repository": f"{name}/*", "actions": ["pull", "push", "delete"]}])
    robot, enzi = by_token(name, made["token"]), by_token(name, made["token"], "/enzi/v0")
    jwt = robot.client.get_token([]).json()["token"]
    place = f"/api_tokens/{made['hashedToken']}"
    me.client.push(f"{name}/app", content.image(), "v1")
    me.client.push(f"{name}/web", content.image(), "v1")
    assert [tag["name"] for tag in robot.get(f"/repositories/{name}/app/tags")] == ["v1"]
    assert robot.call("HEAD", f"/repositories/{name}/app").status == 200
    one = by_token(name, make_token(me, scope=[{"repository": f"{name}/app", "actions": ["pull"]}])["token"])
    assert one.get(f"/repositories/{name}/app")["name"] == "app"
    for path in (f"/repositories/{name}/web", f"/repositories/{name}/app/../web", f"/repositories/{name}",
                 "/repositories", "/api_tokens", place, "/events", "/meta/features",
                 f"/accounts/{name}/repositoryAccess/{name}/app"):
        assert one.call("GET", path).status in (403, 404), path
    one.refused(403, "NOT_AUTHORIZED", "GET", f"/repositories/{name}/web")
    enzi.refused(403, "NOT_AUTHORIZED", "GET", f"/accounts/{name}")
    for rest, method, path, body in ((robot, "POST", f"/repositories/{name}", {"name": "app"}),
                                     (robot, "PATCH", place, {"isActive": True}), (robot, "DELETE", place, None),
                                     (robot, "DELETE", "/api_tokens", None),
                                     (enzi, "PATCH", f"/accounts/{name}", {"fullName": "x"})):
        assert "scope" in rest.refused(403, "NOT_AUTHORIZED", method, path, body)
        assert rest.call(method, path, body, headers=[("Authorization", f"Bearer {jwt}")]).status == 403
        query = f"?refresh_token={made['token']}"
        assert rest.call(method, path + query, body, headers=[("Authorization", "Bearer x")]).status == 403
    # A scope binds administrators too.
    root = dtr.expect(200, "POST", "/api_tokens",
                      {"tokenLabel": "r", "scope": [{"repository": f"{name}/*", "actions": ["pull"]}]})
    by_token("admin", root["token"]).refused(403, "NOT_AUTHORIZED", "GET", "/meta/settings")
    by_token("admin", root["token"], "/enzi/v0").refused(
        403, "NOT_AUTHORIZED", "POST", "/accounts", {"name": new_name("x"), "password": PASSWORD})
    dtr.expect(200, "DELETE", f"/api_tokens/{root['hashedToken']}")


# --- guessing
def test_guessed_tokens_count_as_guessed_passwords(holdfast):
    server = holdfast()
    server.add_user("alice", PASSWORD)
    admin = Rest(server.admin_client(), "/api/v0")
    # Not by the password of alice, which would be remembered for a minute.
    made = admin.expect(200, "POST", "/api_tokens?username=alice", {})
    addresses = (f"127.8.{1 + number // 250}.{number % 250 + 1}" for number in itertools.count())

    def login(secret):
        return server.client("alice", secret, source=next(addresses)).get_token([])

    assert [login(str(uuid.uuid4())).status for _ in range(5)] == [401] * 5

    def waits_long():
        return int(login(str(uuid.uuid4())).header("Retry-After") or 0) >= 4

    wait_until(waits_long, "guesses to be slowed", timeout=60, interval=0.2)
    assert login(PASSWORD).status == 429
    # The right token cannot be guessed: nobody keeps its owner out.
    assert login(made["token"]).status == 200
    assert login(PASSWORD).status == 429, "a token forgives no failures"
    nobody = Rest(server.client(source="127.8.99.1"), "/api/v0")
    statuses = [nobody.call("GET", f"/repositories?refresh_token={uuid.uuid4()}").status for _ in range(30)]
    assert statuses[:20] == [401] * 20 and statuses[-1] == 429, statuses
    assert nobody.call("GET", f"/api_tokens?refresh_token={made['token']}").status == 200

    def failures():
        events = admin.get("/events?eventType=FAIL&pageSize=1000")["events"]
        return sum(event["count"] for event in events)

    wait_until(lambda: failures() >= 28, "failed logins are events", timeout=10)


def test_the_secret_is_kept_nowhere(server, person, by_token):
    me = person()
    made = make_token(me)
    by_token(me.client.user, made["token"]).get("/api_tokens")
    by_token(me.client.user, made["token"]).get(f"/api_tokens?refresh_token={made['token']}")
    assert made["token"] not in server.log_text()
    assert made["token"] not in str(server.sql("SELECT * FROM access_tokens"))


def test_logins_with_names_that_are_no_text(server, nobody):
    for name in ("\udcff\udcfe", "x" * 64 + "é" * 60, "x" + "é" * 60, "a" * 10000, "a\0b", "a\nb"):

        raw = base64.b64encode(name.encode("utf-8", "surrogateescape") + b":" + str(uuid.uuid4()).encode()).decode()
        answer = nobody.call("GET", "/api_tokens", headers=[("Authorization", f"Basic {raw}")])
        assert answer.status == 401, str(answer)
    # What is counted is written in the next second.
    admin = Rest(server.admin_client(), "/api/v0")
    wait_until(lambda: "x" * 64 in str(admin.get("/events?eventType=FAIL&pageSize=1000")["events"]),
               "the failures are events", timeout=10)
    assert "wait for the database" not in server.log_text()


def test_no_refresh_token_comes_of_an_access_token(holdfast):
    server = holdfast({"token.refresh_tokens": True})
    server.add_user("alice", PASSWORD)
    me = Rest(server.client("alice", PASSWORD), "/api/v0")
    made = make_token(me)
    assert "refresh_token" in me.client.get_token([], offline_token="true").json()
    robot = server.client("alice", made["token"])
    assert "refresh_token" not in robot.get_token([], offline_token="true").json()
    form = robot.post_token([("grant_type", "password"), ("service", server.https.authority), ("client_id", "x"),
                             ("access_type", "offline"), ("username", "alice"), ("password", made["token"])])
    assert form.status == 200 and "refresh_token" not in form.json(), str(form)
    form = robot.post_token([("grant_type", "refresh_token"), ("service", server.https.authority),
                             ("client_id", "x"), ("refresh_token", made["token"])])
    assert form.status == 401, str(form)


def test_tokens_survive_a_restart_and_are_disabled_in_read_only_mode(holdfast):
    server = holdfast()
    server.add_user("alice", PASSWORD)
    admin = Rest(server.admin_client(), "/api/v0")
    made = admin.expect(200, "POST", "/api_tokens?username=alice", {"tokenLabel": "kept"})
    server.stop()
    server.start()
    robot = Rest(server.client("alice", made["token"]), "/api/v0")
    shown = robot.get("/api_tokens")[0]
    assert shown == {key: value for key, value in made.items() if key != "token"}
    admin = Rest(server.admin_client(), "/api/v0")
    admin.expect(202, "POST", "/meta/settings", {"readOnlyRegistry": True})
    assert admin.call("POST", "/api_tokens", {"tokenLabel": "more"}).status in (403, 405)
    admin.expect(200, "PATCH", f"/api_tokens/{made['hashedToken']}", {"isActive": False})
    assert robot.call("GET", "/api_tokens").status == 401
    server.stop()
    server.start()
    assert server.client("alice", made["token"]).get_token([]).status == 401
