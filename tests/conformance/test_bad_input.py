"""Bodies and queries that no honest client sends, to every path that is built."""

import json
import re
from pathlib import Path

import pytest

from harness.rest import Rest

PATHS = json.loads((Path(__file__).parent / "data/api_paths.json").read_text())["paths"]
# Not JSON over HTTP: forms, uploads, what the registry or operations answer.
OTHERS = ("/auth/token", "/v2", "/metrics", "/ca", "/login_submit", "/_ping", "/health", "/load_balancer_status")
DONE = [(method.upper(), entry["path"]) for entry in PATHS for method, state in entry["methods"].items()
        if state == "done" and not entry["path"].startswith(OTHERS)]
CHANGES = [case for case in DONE if case[0] in ("POST", "PUT", "PATCH")]
# Takes a file whatever is in it; its job says what is wrong.
FILE = "/api/v0/imagescan/scan/update"
LISTS = [case for case in DONE if case[0] == "GET"]

BODIES = {
    "a list": b"[]",
    "a string": b'"text"',
    "a number": b"7",
    "null": b"null",
    "half an object": b'{"name": "x',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "deep": b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "a NUL": b'{"name": "a\\u0000b", "description": "\\u0000", "tokenLabel": "\\u0000", "action": "\\u0000"}',
    "half a surrogate": b'{"name": "\\ud800", "fullName": "\\udfff"}',
    "large": b'{"name": "' + b"x" * 2_000_000 + b'"}',
    "a huge number": b'{"retries": 1e400, "tagLimit": 99999999999999999999, "limit": -1, "name": 1e400}',
    "wrong types": json.dumps({name: [{}] for name in (
        "name", "fullName", "password", "newPassword", "isAdmin", "isOrg", "isActive", "description", "visibility",
        "accessLevel", "scanOnPush", "tagLimit", "rules", "enabled", "tokenLabel", "scope", "expiresAt", "action",
        "schedule", "parameters", "capacityMap", "operations", "accounts", "publicKey", "certificates", "backend",
        "username", "readOnlyRegistry", "lifetimeMinutes", "searchQuery", "images", "systemAccounts",
        "issuerIdentifier", "contentCacheUUID", "shortDescription", "longDescription")}).encode(),
}
QUERIES = {
    "sizes": "pageSize=99999999999999999999&limit=-7&offset=-1&start=-1",
    "words": "pageSize=many&limit=few&count=perhaps&includeManifests=perhaps&running=perhaps",
    "a forged place": "pageStart=%27%3B--&start=%27%3B--&Last-Event-ID=7",
    "a long place": "pageStart=" + "x" * 6_000,
    "times": "publishedAfter=yesterday&publishedBefore=9999-99-99T99:99:99Z&from=x&to=y&usedbefore=never",
    "control characters": "pageStart=%00&start=%1b%5b2J&query=%00&q=%07&contains=%00&filter=%00",
    "no UTF-8": "pageStart=%ff&q=%c3%28",
    "wildcards": "contains=%25_%5c&q=%25&query=%2a&pageStart=%25",
    "twice": "pageSize=1&pageSize=2&pageStart=a&pageStart=b",
}


def target(path: str) -> str:
    path = re.sub(r"\{[^}]*\}", "nobody-has-this", path)
    return path + "?eventType=nobody-has-this" if path.endswith("/stream") else path


def check(response):
    """A refusal in the protocol's own shape, that tells nothing of the inside; or an answer."""
    assert response.status < 500 or response.status == 501, str(response)
    if response.status >= 400:
        assert response.error_codes(), str(response)
        text = response.body.decode()
        for inside in ("sqlite", "SELECT ", "INSERT ", "/src/", "std::", "boost"):
            assert inside not in text, str(response)
    elif response.body and "json" in (response.header("Content-Type") or ""):
        response.json()


@pytest.fixture
def api(admin):
    return Rest(admin, "")


@pytest.mark.parametrize("what", BODIES)
def test_bodies(api, server, what):
    for method, path in CHANGES:
        response = api.call(method, target(path), BODIES[what])
        check(response)
        if path != FILE and what in ("a list", "a string", "a number", "half an object", "no UTF-8", "deep"):
            assert response.status in (400, 404, 405, 501), str(response)


@pytest.mark.parametrize("what", QUERIES)
@pytest.mark.parametrize("who", ["admin", "alice", "anonymous"])
def test_queries(request, who, what):
    api = Rest(request.getfixturevalue(who), "")
    for method, path in LISTS:
        whole = target(path)
        check(api.call(method, f"{whole}{'&' if '?' in whole else '?'}{QUERIES[what]}"))


def test_a_form_over_json_is_json(api, server):
    """curl -d sends this content type with whatever it is given."""
    for method, path in CHANGES:
        response = api.call(method, target(path), b"[]", headers=[("Content-Type", "application/x-www-form-urlencoded")])
        check(response)
        assert response.status != 415, str(response)


def test_a_body_beyond_all_measure_is_refused(api, server):
    for method, path in CHANGES[:5]:
        response = api.call(method, target(path), b'{"name": "' + b"x" * 20_000_000 + b'"}')
        assert response.status == 413 and response.error_codes(), str(response)


def test_bytes_after_the_object_mean_nothing(api, server):
    for method, path in CHANGES:
        plain = api.call(method, target(path), b'{"unknown-field": [1]}')
        more = api.call(method, target(path), b'{"unknown-field": [1]},')
        check(plain)
        assert (more.status, more.status >= 400 and more.error_codes()) == (
            plain.status, plain.status >= 400 and plain.error_codes()), str(more)


def test_nothing_of_it_changed_who_may_log_in(api, server, alice, admin):
    accounts = {account["name"]: account for account in Rest(admin).get("/accounts?limit=100000")["accounts"]}
    assert accounts["admin"]["isAdmin"] and accounts["admin"]["isActive"]
    assert not accounts["alice"]["isAdmin"]
    assert Rest(admin, "/api/v0").get("/meta/settings")["readOnlyRegistry"] is False
