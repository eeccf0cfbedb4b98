"""Sessions: logins by script and browser, what they may do, and everything that ends them."""

import itertools
import json
import os
import re
import urllib.parse

import pytest

from conftest import PASSWORD
from harness.registry_client import basic, own_address
from harness.rest import Rest

_numbers = itertools.count(1)
TOKEN = re.compile(r"hfs_[0-9a-f]{64}")
OTHER_PASSWORD = "another horse battery"
THIRD_PASSWORD = "a third password"


@pytest.fixture
def api(admin):
    return Rest(admin)


@pytest.fixture
def user(api):
    name = f"session{os.getpid()}-{next(_numbers)}"
    api.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
    return name


@pytest.fixture
def http(server):
    """Nobody's client: what it sends is what the test says."""
    client = server.client(source=own_address())
    yield client
    client.close()


def call(client, method, path, body=None, headers=()):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    return client.raw(method, path, headers=list(headers), body=body)


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def login(client, user, password=PASSWORD):
    response = call(client, "POST", "/auth/login", {"username": user, "password": password})
    assert response.status == 200, str(response)
    return response.json()["auth_token"]


class Browser:
    """Keeps the cookies that it is given, and sends the proof when it is told to."""

    def __init__(self, client):
        self.client = client
        self.cookies = {}

    def submit(self, user, password=PASSWORD, headers=()):
        form = urllib.parse.urlencode({"username": user, "password": password}).encode()
        response = self.call("POST", "/login_submit", form, proof=False, headers=[
            ("Content-Type", "application/x-www-form-urlencoded"), *headers])
        return response

    def call(self, method, path, body=None, *, proof=True, headers=()):
        sent = list(headers)
        if self.cookies:
            sent.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        if proof and "csrftoken" in self.cookies:
            sent.append(("X-Csrf-Token", self.cookies["csrftoken"]))
        response = call(self.client, method, path, body, sent)
        for line in response.headers("Set-Cookie"):
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = pair.partition("=")
            assert {"Path=/", "Secure", "SameSite=Strict"} <= set(attributes), line
            assert ("HttpOnly" in attributes) == (name == "session"), line
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return response


@pytest.fixture
def browser(http):
    return Browser(http)


def refused(response, status, code):
    assert response.status == status, str(response)
    assert response.error_codes() == [code], str(response)
    return response.json()["errors"][0]


def test_a_script_logs_in_as_scripts_do(http, user):
    body = json.dumps({"username": user, "password": PASSWORD}).encode()
    # curl -d says it is a form.
    response = call(http, "POST", "/auth/login", body, [
        ("Content-Type", "application/x-www-form-urlencoded")])
    assert response.status == 200, str(response)
    token = response.body.decode().split('"')[3]  # cut -d\" -f4
    assert TOKEN.fullmatch(token)
    assert response.body.decode().strip() == json.dumps({"auth_token": token}, separators=(",", ":"))
    assert response.header("Cache-Control") == "no-store" and not response.headers("Set-Cookie")
    account = call(http, "GET", "/id/", headers=bearer(token))
    assert account.status == 200 and account.json()["name"] == user
    for path in (f"/accounts/{user}", f"/enzi/v0/accounts/{user}"):
        assert call(http, "GET", path, headers=bearer(token)).json() == account.json()
    assert call(http, "PATCH", f"/accounts/{user}", {"fullName": "New"}, bearer(token)).status == 200


def test_id_login_gives_account_and_token(http, user):
    response = call(http, "POST", "/id/login", {"username": user, "password": PASSWORD})
    assert response.status == 200, str(response)
    assert list(response.json()) == ["account", "sessionToken"]
    assert response.json()["account"]["name"] == user
    assert call(http, "GET", "/id", headers=bearer(response.json()["sessionToken"])).status == 200


def test_a_session_logs_in_again(http, user):
    token = login(http, user)
    response = call(http, "POST", "/auth/login", {"token": token})
    assert response.status == 200, str(response)
    second = response.json()["auth_token"]
    assert second != token and call(http, "GET", "/id/", headers=bearer(second)).status == 200
    for wrong in ("nonsense", "hfs_" + "0" * 64, token[:-1]):
        refused(call(http, "POST", "/auth/login", {"token": wrong}), 401,
                "INVALID_AUTHENTICATION_CREDENTIALS")


def test_wrong_logins_are_one(server, user):
    for number, (name, password) in enumerate(((user, "not the password"), ("nobody-here", PASSWORD))):
        client = server.client(source=f"127.0.3.{number + 1}")
        for path in ("/auth/login", "/id/login", "/login_submit"):
            response = call(client, "POST", path, {"username": name, "password": password})
            error = refused(response, 401, "INVALID_AUTHENTICATION_CREDENTIALS")
            assert error["message"] == "the user name or the password is wrong"
            assert not response.headers("Set-Cookie")
    for body in ({}, {"username": user}, {"password": PASSWORD}, {"username": 7, "password": PASSWORD}):
        refused(call(client, "POST", "/auth/login", body), 400, "INVALID_FORM")
    refused(call(client, "POST", "/auth/login", b"{"), 400, "INVALID_JSON")
    refused(call(client, "POST", "/auth/login", b"a=%zz"), 400, "INVALID_JSON")
    refused(call(client, "POST", "/auth/login", b"x" * (65 << 10)), 413, "INVALID_PARAMETERS")
    for name in ("a\0b", "\u6f22" * 30, "x" * 5000):
        refused(call(client, "POST", "/auth/login", {"username": name, "password": PASSWORD}), 401,
                "INVALID_AUTHENTICATION_CREDENTIALS")
    for form in (b"username=%ff%fe&password=12345678", f"username={user}&password=%00%ff".encode()):
        refused(call(client, "POST", "/login_submit", form), 401, "INVALID_AUTHENTICATION_CREDENTIALS")
    response = call(client, "GET", "/auth/login")
    assert response.status == 405 and response.header("Allow") == "POST"


def test_guessing_is_slowed_down(server, api, user):
    client = server.client(source="127.0.3.9")
    for _ in range(12):
        response = call(client, "POST", "/auth/login", {"username": user, "password": "a wrong guess"})
        if response.status == 429:
            break
        assert response.status == 401, str(response)
    refused(response, 429, "TOO_MANY_REQUESTS")
    assert int(response.header("Retry-After")) >= 1
    for path in ("/id/login", "/login_submit"):
        response = call(client, "POST", path, {"username": user, "password": PASSWORD})
        assert response.status == 429 and response.header("Retry-After"), str(response)


def test_a_browser_gets_cookies_and_proves_its_changes(browser, user):
    response = browser.submit(user)
    assert response.status == 200, str(response)
    assert response.json()["account"]["name"] == user and response.json()["mustChangePassword"] is False
    assert set(browser.cookies) == {"session", "csrftoken"}
    assert browser.cookies["csrftoken"] not in browser.cookies["session"]
    me = f"/enzi/v0/accounts/{user}"
    assert browser.call("GET", "/id/", proof=False).json()["name"] == user
    assert browser.call("HEAD", me, proof=False).status == 200
    change = {"fullName": "Changed"}
    assert browser.call("PATCH", me, change).status == 200
    proof = browser.cookies["csrftoken"]
    for wrong in (None, "", proof[:-1], proof.upper(), proof + "0", browser.cookies["session"], "null"):
        headers = [] if wrong is None else [("X-Csrf-Token", wrong)]
        for method, path in (("PATCH", me), ("POST", "/id/logout"), ("DELETE", me + "/sessions"),
                             ("PUT", "/enzi/v0/config/sessions")):
            refused(browser.call(method, path, change, proof=False, headers=headers), 403,
                    "INVALID_CSRF_TOKEN")
    assert browser.call("GET", "/id/", proof=False).json()["fullName"] == "Changed"
    # The proof is never asked for beside another credential, which is then the one that counts.
    for headers in ([("Authorization", basic(user, PASSWORD))], bearer(browser.cookies["session"])):
        assert browser.call("PATCH", me, change, proof=False, headers=headers).status == 200
    refused(browser.call("PATCH", me, change, headers=[("Authorization", basic(user, "wrong wrong"))]),
            401, "NOT_AUTHENTICATED")


def test_the_proof_of_another_session_is_none(server, user):
    mine, other = Browser(server.client()), Browser(server.client())
    mine.submit(user)
    other.submit(user)
    refused(mine.call("PATCH", f"/enzi/v0/accounts/{user}", {"fullName": "x"}, proof=False, headers=[
        ("X-Csrf-Token", other.cookies["csrftoken"])]), 403, "INVALID_CSRF_TOKEN")


def test_another_site_cannot_log_a_browser_in(server, browser, user):
    for origin in ("https://evil.example", "null", "https://", server.https.url + ".evil.example",
                   server.https.url + "0"):
        response = browser.submit(user, headers=[("Origin", origin)])
        refused(response, 403, "NOT_AUTHORIZED")
        assert not browser.cookies
    assert browser.submit(user, headers=[("Origin", server.https.url)]).status == 200


def test_a_login_never_takes_a_session_that_it_came_with(http, server, user, alice):
    planted = login(http, "alice")
    victim = Browser(http)
    victim.cookies = {"session": planted, "csrftoken": "planted"}
    assert victim.submit(user).status == 200
    assert victim.cookies["session"] != planted and victim.cookies["csrftoken"] != "planted"
    assert victim.call("GET", "/id/").json()["name"] == user
    assert call(http, "GET", "/id/", headers=bearer(planted)).json()["name"] == "alice"
    # Nor is one that is over in the way.
    victim.cookies = {"session": "hfs_" + "1" * 64}
    refused(victim.call("GET", "/id/"), 401, "INVALID_AUTHENTICATION_CREDENTIALS")
    assert victim.submit(user).status == 200


def test_a_session_is_over_after_logout(browser, user):
    browser.submit(user)
    kept = dict(browser.cookies)
    response = browser.call("POST", "/id/logout")
    assert response.status == 204 and not browser.cookies, str(response)
    browser.cookies = kept
    for method, path in (("GET", "/id/"), ("GET", f"/accounts/{user}"), ("POST", "/id/logout")):
        error = refused(browser.call(method, path), 401, "INVALID_AUTHENTICATION_CREDENTIALS")
        assert error["detail"] == "invalid session"
    refused(call(browser.client, "GET", "/id/", headers=bearer(kept["session"])), 401,
            "INVALID_AUTHENTICATION_CREDENTIALS")
    # With a password there is nothing to end.
    assert call(browser.client, "POST", "/id/logout", headers=[
        ("Authorization", basic(user, PASSWORD))]).status == 204
    refused(call(browser.client, "POST", "/id/logout"), 401, "NOT_AUTHENTICATED")
    refused(call(browser.client, "GET", "/id/"), 401, "NOT_AUTHENTICATED")


def test_the_registry_takes_no_sessions(http, browser, user):
    token = login(http, user)
    assert call(http, "GET", "/v2/", headers=bearer(token)).status == 401
    browser.submit(user)
    assert browser.call("GET", "/v2/").status == 401


def sessions_of(http, token, user, query=""):
    response = call(http, "GET", f"/enzi/v0/accounts/{user}/sessions{query}", headers=bearer(token))
    assert response.status == 200, str(response)
    return response.json()


def test_sessions_are_listed_and_ended(http, api, user, alice):
    tokens = [login(http, user) for _ in range(4)]
    listed = sessions_of(http, tokens[0], user)
    assert listed["nextPageStart"] == ""
    sessions = listed["sessions"]
    ids = [session["id"] for session in sessions]
    assert len(ids) == 4 and ids == sorted(ids)
    assert [session["current"] for session in sessions].count(True) == 1
    assert {"id", "current", "createdAt", "lastUsedAt", "expiresAt", "address", "client"} == set(sessions[0])
    assert not any(token in json.dumps(listed) for token in tokens)
    page = sessions_of(http, tokens[0], user, "?limit=3")
    assert [session["id"] for session in page["sessions"]] == ids[:3] and page["nextPageStart"] == ids[3]
    rest = sessions_of(http, tokens[0], user, f"?limit=3&start={ids[3]}")
    assert [session["id"] for session in rest["sessions"]] == ids[3:]
    # They are nobody else's business but an administrator's.
    path = f"/accounts/{user}/sessions"
    stranger = Rest(alice)
    for method, where in (("GET", path), ("DELETE", path), ("DELETE", f"{path}/{ids[0]}")):
        stranger.refused(403, "NOT_AUTHORIZED", method, where)
    assert len(api.get(path)["sessions"]) == 4
    current = next(session["id"] for session in sessions if session["current"])
    api.expect(204, "DELETE", f"{path}/{current}")
    refused(call(http, "GET", "/id/", headers=bearer(tokens[0])), 401, "INVALID_AUTHENTICATION_CREDENTIALS")
    api.refused(404, "NO_SUCH_SESSION", "DELETE", f"{path}/{current}")
    api.refused(404, "NO_SUCH_SESSION", "DELETE", f"{path}/{current[:8]}")
    api.refused(404, "NO_SUCH_SESSION", "DELETE", f"/accounts/alice/sessions/{ids[0]}")
    # Everywhere.
    assert call(http, "DELETE", f"/enzi/v0{path}", headers=bearer(tokens[1])).status == 204
    for token in tokens:
        assert call(http, "GET", "/id/", headers=bearer(token)).status == 401
    assert api.get(path)["sessions"] == []


def test_the_eleventh_login_ends_the_first(http, user):
    tokens = [login(http, user) for _ in range(11)]
    assert [call(http, "GET", "/id/", headers=bearer(token)).status for token in tokens] == [401] + [200] * 10


def change_password(client, user, old, new, headers, **more):
    body = {"oldPassword": old, "newPassword": new, **more}
    return call(client, "POST", f"/enzi/v0/accounts/{user}/changePassword", body, headers)


def test_a_new_password_ends_the_other_sessions(http, api, user):
    mine, stolen = login(http, user), login(http, user)
    refused(change_password(http, user, PASSWORD, PASSWORD, bearer(mine)), 400, "INVALID_FORM")
    assert call(http, "GET", "/id/", headers=bearer(stolen)).status == 200
    assert change_password(http, user, PASSWORD, OTHER_PASSWORD, bearer(mine)).status == 200
    assert call(http, "GET", "/id/", headers=bearer(mine)).status == 200
    assert call(http, "GET", "/id/", headers=bearer(stolen)).status == 401
    api.expect(200, "POST", f"/accounts/{user}/changePassword", {"newPassword": THIRD_PASSWORD})
    assert call(http, "GET", "/id/", headers=bearer(mine)).status == 401


def test_a_disabled_or_deleted_user_has_no_session(http, api, user):
    token = login(http, user)
    assert call(http, "GET", "/id/", headers=bearer(token)).status == 200
    api.expect(200, "PATCH", f"/accounts/{user}", {"isActive": False})
    assert call(http, "GET", "/id/", headers=bearer(token)).status == 401
    refused(call(http, "POST", "/auth/login", {"username": user, "password": PASSWORD}), 401,
            "INVALID_AUTHENTICATION_CREDENTIALS")
    api.expect(200, "PATCH", f"/accounts/{user}", {"isActive": True})
    assert call(http, "GET", "/id/", headers=bearer(token)).status == 401
    again = login(http, user)
    api.expect(204, "DELETE", f"/accounts/{user}")
    assert call(http, "GET", "/id/", headers=bearer(again)).status == 401


def test_rights_are_those_of_this_moment(http, api, user):
    token = login(http, user)
    made = {"name": f"{user}-made", "password": PASSWORD}
    assert call(http, "POST", "/accounts", made, bearer(token)).status == 403
    api.expect(200, "PATCH", f"/accounts/{user}", {"isAdmin": True})
    assert call(http, "POST", "/accounts", made, bearer(token)).status == 201
    api.expect(200, "PATCH", f"/accounts/{user}", {"isAdmin": False})
    assert call(http, "DELETE", f"/accounts/{user}-made", headers=bearer(token)).status == 403


def test_who_must_change_the_password_does_that_first(http, api, browser, user, server):
    api.expect(200, "POST", f"/accounts/{user}/changePassword",
               {"newPassword": OTHER_PASSWORD, "mustChangePassword": True})
    api.expect(200, "PATCH", f"/accounts/{user}", {"isAdmin": True})
    answer = browser.submit(user, OTHER_PASSWORD)
    assert answer.status == 200 and answer.json()["mustChangePassword"] is True
    assert browser.call("GET", "/id/").status == 200
    token = login(http, user, OTHER_PASSWORD)
    me = f"/enzi/v0/accounts/{user}"
    for method, path, body in (("GET", me, None), ("GET", "/accounts", None), ("DELETE", me, None),
                               ("PATCH", me, {"fullName": "x"}), ("GET", me + "/sessions", None),
                               ("GET", "/enzi/v0/config/sessions", None),
                               ("POST", "/accounts/alice/changePassword", {"newPassword": "not to be set"})):
        for send in (browser.call, lambda *given: call(http, *given, headers=bearer(token))):
            error = refused(send(method, path, body), 403, "PASSWORD_CHANGE_REQUIRED")
            assert "changePassword" in error["message"]
    # Passwords are not held up: the README logs docker in with the password that start-up printed.
    assert server.client(user, OTHER_PASSWORD).get_token([]).status == 200
    refused(browser.call("POST", me + "/changePassword", {"oldPassword": OTHER_PASSWORD,
            "newPassword": OTHER_PASSWORD}), 400, "INVALID_FORM")
    assert browser.call("POST", me + "/changePassword", {
        "oldPassword": OTHER_PASSWORD, "newPassword": THIRD_PASSWORD}).status == 200
    assert browser.call("GET", me).status == 200
    assert browser.call("GET", "/accounts").status == 200
    # Scripts that set a password have nobody change it.
    api.expect(200, "PATCH", f"/accounts/{user}", {"isAdmin": False})
    api.expect(200, "POST", f"/accounts/{user}/changePassword", {"newPassword": "a fourth password"})
    assert Browser(http).submit(user, "a fourth password").json()["mustChangePassword"] is False


def test_passwords_that_are_guessed_first_are_refused(api, user):
    name = "longenough"
    for password in ("password", "Password123", "12345678", "qwertyuiop", "changeme", name, name.upper()):
        message = api.refused(400, "INVALID_FORM", "POST", "/accounts", {"name": name, "password": password})
        assert "password" in message
    api.refused(400, "INVALID_FORM", "POST", f"/accounts/{user}/changePassword", {"newPassword": "letmein123"})


def test_a_password_is_not_taken_again(api, user):
    change = f"/accounts/{user}/changePassword"
    for password in ("the second password", "the third password"):
        api.expect(200, "POST", change, {"newPassword": password})
    for password in (PASSWORD, "the second password", "the third password"):
        assert "last 5 passwords" in api.refused(400, "INVALID_FORM", "POST", change, {"newPassword": password})


def test_the_settings_of_sessions(holdfast):
    server = holdfast()
    server.add_user("alice", PASSWORD)
    api = Rest(server.admin_client())
    path = "/config/sessions"
    defaults = {"lifetimeMinutes": 60, "renewalThresholdMinutes": 20, "perUserLimit": 10,
                "lifetimeHours": 1, "renewalThresholdHours": 0}
    assert api.get(path) == defaults
    alice = Rest(server.client("alice", PASSWORD))
    alice.refused(403, "NOT_AUTHORIZED", "GET", path)
    alice.refused(403, "NOT_AUTHORIZED", "PUT", path, defaults)
    for wrong in ({"lifetimeMinutes": 9}, {"lifetimeMinutes": 0}, {"lifetimeMinutes": -60},
                  {"lifetimeHours": 10**18}, {"renewalThresholdMinutes": 61}, {"perUserLimit": -1},
                  {"lifetimeMinutes": "60"}, {"lifetimeMinutes": 60.5}, {"perUserLimit": 10**30}):
        api.refused(400, "INVALID_FORM", "PUT", path, wrong)
    assert api.get(path) == defaults
    # What UCP 2.1 sends, and a client that sends back what it was shown.
    changed = api.expect(200, "PUT", path, {"lifetimeHours": 72, "renewalThresholdHours": 24, "perUserLimit": 0})
    assert changed == {"lifetimeMinutes": 4320, "renewalThresholdMinutes": 1440, "perUserLimit": 0,
                       "lifetimeHours": 72, "renewalThresholdHours": 24}
    assert api.expect(200, "PUT", path, changed | {"lifetimeMinutes": 4330})["lifetimeMinutes"] == 4330
    limited = api.expect(200, "PUT", path, {"perUserLimit": 1})
    assert limited["lifetimeMinutes"] == 4330 and limited["lifetimeHours"] == 72
    client = server.client()
    first, second = login(client, "alice"), login(client, "alice")
    assert call(client, "GET", "/id/", headers=bearer(first)).status == 401
    assert call(client, "GET", "/id/", headers=bearer(second)).status == 200
    # Sessions and settings are there after a restart.
    server.restart()
    assert Rest(server.admin_client()).get(path) == limited
    client = server.client()
    assert call(client, "GET", "/id/", headers=bearer(second)).json()["name"] == "alice"
    assert second not in server.log_text()
    kinds = [row[0] for row in server.sql("SELECT type FROM events WHERE type LIKE 'session%' ORDER BY id")]
    assert kinds == ["session_settings_updated"] * 3 + ["session_started"] * 2
    assert server.sql("SELECT object, actor_name FROM events WHERE type = 'session_started'")[0] == (
        "alice", "alice")
