"""Requests made from the description of the API and then broken: refused as written, never a 5xx."""

import json
import re
import time
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.test_openapi import OPERATIONS, user  # noqa: F401 (a fixture)
from harness.openapi import resolved
from harness.rest import Rest

ANSWER_SECONDS = 5
# What tells of the inside of the server.
INSIDE = re.compile(r"/tmp/|/src/|\.cpp|SELECT |INSERT |UPDATE |sqlite|postgres|constraint|stack", re.IGNORECASE)
# Logins are left out: failures of one address would lock out the tests that share it. So are what is no REST,
# what does not end and, for administrators, the settings of all sessions and of the server.
TRIED = sorted(key for key, operation in OPERATIONS.items()
               if operation["security"] != [] and key != ("get", "/api/v0/holdfast/events/stream"))
NOT_AS_ADMINISTRATOR = {("put", "/enzi/v0/config/sessions"), ("delete", "/api/v0/api_tokens"), ("post", "/id/logout"),
                        ("post", "/api/v0/meta/settings"), ("post", "/api/v0/repositories/scan/toggle")}

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "\x00", "\x1b[2J", "../..", "'; --", "%", "x" * 5000, "-1", "NaN", "99999999999999999999",
                     "id:", "id:00000000-0000-4000-8000-000000000000", "true", "\u202e", "0001-01-01T00:00:00Z"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.sampled_from([2**63, -(2**63) - 1, 1e308])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)), max_leaves=8)
RAW = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b"{", b"null", b"[]", b'{"a":1}}', b'{"name":"\xff\xfe"}', b'{"name":"\\ud800"}',
                     b'{"name":"a","name":1}', b"name=a&isOrg=true", b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}"]))


def fields(operation) -> list:
    content = resolved(operation.get("requestBody", {})).get("content", {})
    return sorted(resolved(content.get("application/json", {}).get("schema", {})).get("properties", {}))


@st.composite
def bodies(draw, operation):
    names = fields(operation)
    if not names or draw(st.integers(0, 3)) == 0:
        return draw(RAW)
    # Python writes NaN and Infinity, which are no JSON: that is meant.
    text = json.dumps(draw(st.dictionaries(st.sampled_from([*names, "more"]), VALUES, max_size=6)))
    return text.encode("utf-8", "surrogatepass") + draw(st.sampled_from([b"", b"", b",", b"\x00", b"}"]))


@st.composite
def requests(draw):
    method, path = draw(st.sampled_from(TRIED))
    operation = OPERATIONS[method, path]
    query = {resolved(one)["name"]: draw(TEXTS) for one in operation["parameters"]
             if resolved(one)["in"] == "query" and draw(st.booleans())}
    # Names that nothing has, so that an administrator's request takes nothing away.
    target = re.sub(r"\{[^}]*\}", lambda _: urllib.parse.quote("nobody" + draw(TEXTS), safe=""), path)
    return method, path, target + "?" + urllib.parse.urlencode(query), draw(bodies(operation)) if method != "get" else None


def check(rest: Rest, request) -> None:
    method, path, target, body = request
    began = time.monotonic()
    response = rest.call(method.upper(), target, body, headers=[("Content-Type", "application/json")])
    assert time.monotonic() - began < ANSWER_SECONDS, f"{method} {target}"
    assert response.status < 500, f"{body!r} {response}"
    if response.status >= 400:
        assert response.error_codes(), f"{body!r} {response}"
        # What the request itself says may be said back.
        told = response.body.decode()
        found = INSIDE.search(told)
        assert not found or found.group() in str(request), f"{body!r} {response}"


@pytest.mark.parametrize("who", ["stranger", "user", "administrator"])
def test_broken_requests_are_refused_as_written(who, server, admin, anonymous, user):
    rest = {"stranger": Rest(anonymous, ""), "user": user, "administrator": Rest(admin, "")}[who]

    @settings(max_examples=1500, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(requests())
    def run(request):
        if who != "administrator" or request[:2] not in NOT_AS_ADMINISTRATOR:
            check(rest, request)

    run()
    assert Rest(anonymous, "").get("/health")["Healthy"]
