"""GET /v2/ and what every answer under /v2 has in common."""

import pytest

from harness.registry_client import basic, parse_challenge


def test_ping_without_credentials_challenges(server, anonymous):
    response = anonymous.raw("GET", "/v2/")
    assert response.status == 401, str(response)
    assert response.error_codes() == ["UNAUTHORIZED"]
    scheme, parameters = parse_challenge(response.headers("WWW-Authenticate")[0])
    assert scheme == "Bearer"
    assert parameters["realm"] == f"{server.https.url}/auth/token"
    assert parameters["service"] == server.https.authority
    assert "scope" not in parameters
    assert "error" not in parameters


def test_ping_with_a_token_is_200_and_json(alice):
    response = alice.request("GET", "/v2/", headers=[bearer(alice)])
    assert response.status == 200, str(response)
    assert response.body == b"{}"
    assert response.header("Content-Type").split(";")[0] == "application/json"


def bearer(client, scopes=()):
    return ("Authorization", f"Bearer {client.token_for(list(scopes))}")


def test_head_ping_has_the_headers_of_get(alice):
    got = alice.raw("GET", "/v2/", headers=[bearer(alice)])
    head = alice.raw("HEAD", "/v2/", headers=[bearer(alice)])
    assert head.status == 200
    for name in ("Content-Type", "Content-Length", "Docker-Distribution-Api-Version"):
        assert head.header(name) == got.header(name) is not None, name


def test_ping_with_an_anonymous_token_is_200(anonymous):
    response = anonymous.raw("GET", "/v2/", headers=[bearer(anonymous)])
    assert response.status == 200, str(response)


def test_v2_without_slash_redirects(alice):
    response = alice.raw("GET", "/v2", headers=[bearer(alice)])
    assert response.status in (301, 307, 308), str(response)
    assert alice.target(response) == "/v2/"


def test_ping_with_basic(server, alice):
    response = alice.raw("GET", "/v2/", headers=[("Authorization", basic("alice", alice.password))])
    assert response.status == 200, str(response)


def test_ping_with_wrong_basic(server):
    client = server.client(source="127.0.1.1")
    response = client.raw("GET", "/v2/", headers=[("Authorization", basic("alice", "wrong wrong"))])
    assert response.status == 401, str(response)
    assert response.error_codes() == ["UNAUTHORIZED"]


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Basic",
        "Basic !!!",
        "Basic YWxpY2U=",  # "alice": no colon
        "Digest x",
        "Bearer " + "A" * 20000,
    ],
)
def test_ping_with_a_malformed_credential_is_401(anonymous, value):
    response = anonymous.raw("GET", "/v2/", headers=[("Authorization", value)])
    assert response.status == 401, str(response)
    assert response.error_codes() == ["UNAUTHORIZED"]
    parse_challenge(response.headers("WWW-Authenticate")[0])


def test_a_bad_token_is_told_so(anonymous):
    response = anonymous.raw("GET", "/v2/", headers=[("Authorization", "Bearer a.b.c")])
    parameters = parse_challenge(response.headers("WWW-Authenticate")[0])[1]
    assert parameters.get("error") == "invalid_token", str(response)


def test_the_scheme_is_compared_without_case(alice):
    token = alice.token_for([])
    for scheme in ("bearer", "BEARER", "bEaReR"):
        response = alice.raw("GET", "/v2/", headers=[("Authorization", f"{scheme} {token}")])
        assert response.status == 200, str(response)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"),
        ("GET", "/v2/alice/none/tags/list"),
        ("GET", "/v2/alice/none/manifests/latest"),
        ("GET", f"/v2/alice/none/blobs/sha256:{'0' * 64}"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/BAD/none/manifests/latest"),
        ("GET", "/v2/alice/no-such-thing"),
        ("POST", "/v2/alice/none/tags/list"),
    ],
)
def test_every_answer_names_the_api_version(alice, method, path):
    for response in (alice.request(method, path), alice.raw(method, path)):
        assert response.header("Docker-Distribution-Api-Version") == "registry/2.0", str(response)


def test_every_answer_has_a_request_id(alice):
    ids = {alice.raw("GET", "/v2/").header("X-Request-Id") for _ in range(3)}
    assert None not in ids
    assert len(ids) == 3


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_ping_lacks(alice, method):
    response = alice.raw(method, "/v2/", headers=[bearer(alice)])
    assert response.status in (400, 405, 501), str(response)


def test_the_signature_extension_is_not_claimed(alice):
    response = alice.raw("GET", "/v2/", headers=[bearer(alice)])
    assert response.header("X-Registry-Supports-Signatures") is None


def test_no_trusted_proxy_no_forwarded_headers(server, anonymous):
    """From an address that is not trusted, X-Forwarded-* must not move the realm."""
    response = anonymous.raw(
        "GET",
        "/v2/",
        headers=[("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http")],
    )
    parameters = parse_challenge(response.headers("WWW-Authenticate")[0])[1]
    assert parameters["realm"] == f"{server.https.url}/auth/token"
