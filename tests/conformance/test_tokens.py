"""The token endpoint: GET, POST, anonymous, scopes, refresh; and tokens that must not pass."""

import time
from datetime import datetime, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import PASSWORD
from harness import content, tokens
from harness.registry_client import parse_challenge, quote


def token_of(response) -> str:
    assert response.status == 200, str(response)
    return response.json()["token"]


# --- the answer
@pytest.mark.parametrize("who", ["alice", "anonymous", "admin"])
def test_the_answer_of_get(request, server, who):
    client = request.getfixturevalue(who)
    before = time.time()
    response = client.get_token(["repository:alice/app:pull"])
    assert response.status == 200, str(response)
    assert response.header("Content-Type").split(";")[0] == "application/json"
    document = response.json()
    assert document["token"] == document["access_token"]
    assert document["expires_in"] >= 60
    issued = datetime.strptime(document["issued_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(issued.timestamp() - before) < 60
    assert "refresh_token" not in document
    assert "no-store" in (response.header("Cache-Control") or ""), "a token must not be cached"


def test_what_a_token_says(server, alice):
    token = token_of(alice.get_token(["repository:alice/app:pull,push"]))
    header, claims = tokens.header_of(token), tokens.claims_of(token)
    assert header["typ"] == "JWT"
    assert header["alg"] == "ES256"
    assert header["kid"]
    assert claims["iss"]
    assert claims["sub"] == "alice"
    audience = claims["aud"]
    assert audience == server.https.authority or audience == [server.https.authority]
    assert claims["nbf"] <= claims["iat"] <= time.time() + 60
    assert claims["exp"] - claims["iat"] >= 60
    assert claims["jti"]
    assert claims["access"] == [
        {"type": "repository", "name": "alice/app", "actions": ["pull", "push"]}
    ]
    other = tokens.claims_of(token_of(alice.get_token(["repository:alice/app:pull,push"])))
    assert other["jti"] != claims["jti"]


def test_an_anonymous_token(anonymous, public_repository):
    token = token_of(anonymous.get_token([f"repository:{public_repository}:pull,push"]))
    assert tokens.claims_of(token)["sub"] == ""
    assert tokens.access_of(token) == {f"repository:{public_repository}": {"pull"}}


def test_an_anonymous_token_for_what_is_private(alice, anonymous, repository):
    alice.push_blob(repository, b"x")
    token = token_of(anonymous.get_token([f"repository:{repository}:pull"]))
    assert not tokens.access_of(token).get(f"repository:{repository}")


def test_docker_logs_in_without_a_scope(alice):
    response = alice.get_token([], account="alice", client_id="docker", offline_token="true")
    token = token_of(response)
    assert not tokens.access_of(token)
    assert "refresh_token" not in response.json(), "off unless configured"
    assert alice.raw("GET", "/v2/", headers=[("Authorization", f"Bearer {token}")]).status == 200


def test_an_empty_scope(alice):
    assert not tokens.access_of(token_of(alice.get_token([""])))


# --- scopes
@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["repository:alice/a:pull"], {"repository:alice/a": {"pull"}}),
        (["repository:alice/a:pull,push"], {"repository:alice/a": {"pull", "push"}}),
        (["repository:alice/a:push,pull"], {"repository:alice/a": {"pull", "push"}}),
        (["repository:alice/a:delete"], {"repository:alice/a": {"delete"}}),
        (
            ["repository:alice/a:pull", "repository:alice/b:push"],
            {"repository:alice/a": {"pull"}, "repository:alice/b": {"push"}},
        ),
        (
            ["repository:alice/a:pull repository:alice/b:push"],
            {"repository:alice/a": {"pull"}, "repository:alice/b": {"push"}},
        ),
        (
            ["repository:alice/a:pull", "repository:alice/a:pull"],
            {"repository:alice/a": {"pull"}},
        ),
        (
            ["repository:alice/a:pull", "repository:alice/a:push"],
            {"repository:alice/a": {"pull", "push"}},
        ),
        (["repository(plugin):alice/a:pull"], {"repository:alice/a": {"pull"}}),
        (["repository:alice/a:pull,fly"], {"repository:alice/a": {"pull"}}),
        (["repository:alice/deep/er/name:pull"], {"repository:alice/deep/er/name": {"pull"}}),
        (["repository:bob/a:push"], {}),
        (["repository:nobody/a:push"], {}),
        (["repository:alice/a:fly"], {}),
        (["repository:alice/a:"], {}),
        (["repository:alice/a"], {}),
        (["galaxy:alice/a:pull"], {}),
        (["repository::pull"], {}),
        (["repository:ALICE/A:pull"], {}),
        ([":::"], {}),
        (["\x00"], {}),
        (["repository:alice/a:pull"] * 200, {"repository:alice/a": {"pull"}}),
    ],
)
def test_scopes(alice, scopes, expected):
    access = tokens.access_of(token_of(alice.get_token(scopes)))
    assert {name: actions for name, actions in access.items() if actions} == expected


def test_the_name_may_carry_our_host(server, alice, repository):
    alice.push_blob(repository, b"x")
    name = f"{server.https.authority}/{repository}"
    token = token_of(alice.get_token([f"repository:{name}:pull,push"]))
    assert tokens.claims_of(token)["access"][0]["name"] == name, "the name as the client wrote it"
    response = alice.raw(
        "HEAD",
        f"/v2/{repository}/blobs/{content.digest_of(b'x')}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    assert response.status == 200, str(response)


def test_the_name_may_not_carry_another_host(alice, repository):
    alice.push_blob(repository, b"x")
    token = token_of(alice.get_token([f"repository:evil.example:5000/{repository}:pull"]))
    response = alice.raw(
        "HEAD",
        f"/v2/{repository}/blobs/{content.digest_of(b'x')}",
        headers=[("Authorization", f"Bearer {token}")],
    )
    assert response.status == 401, str(response)


def test_less_access_instead_of_an_error(alice, bob, public_repository, repository):
    token = token_of(bob.get_token([f"repository:{public_repository}:pull,push,delete"]))
    assert tokens.access_of(token) == {f"repository:{public_repository}": {"pull"}}


def test_the_administrator_may_do_everything(admin, alice, repository):
    alice.push_blob(repository, b"x")
    token = token_of(admin.get_token([f"repository:{repository}:pull,push,delete", "registry:catalog:*"]))
    assert tokens.access_of(token) == {
        f"repository:{repository}": {"pull", "push", "delete"},
        "registry:catalog": {"*"},
    }


# --- credentials
def test_wrong_name_and_wrong_password_are_one(server):
    answers = []
    for number, (name, password) in enumerate(
        [("alice", "not the password"), ("nobody-here", "not the password"), ("", "x"), ("alice", "")]
    ):
        client = server.client(name, password, source=f"127.0.2.{number + 1}")
        response = client.get_token(["repository:alice/app:pull"])
        assert response.status == 401, str(response)
        assert response.error_codes() == ["UNAUTHORIZED"]
        document = response.json()
        answers.append((response.status, str(document["errors"]), sorted(n for n, _ in response.fields)))
    assert len(set(map(str, answers))) == 1, answers


def test_wrong_name_and_wrong_password_take_the_same_time(holdfast):
    """Medians of a few tries each, every one from an address of its own."""
    server = holdfast()
    server.add_user("alice", PASSWORD)
    times: dict[str, list[float]] = {"alice": [], "nobody": []}
    for number in range(7):
        for offset, name in enumerate(("alice", "nobody")):
            # Another name each time for the unknown one, and a fresh address: no slowing in between.
            user = name if name == "alice" else f"nobody{number}"
            client = server.client(user, f"wrong {number}", source=f"127.{10 + offset}.{number}.1")
            client.challenge()
            start = time.perf_counter()
            response = client.get_token([])
            times[name].append(time.perf_counter() - start)
            if name == "alice":
                client = server.client("alice", PASSWORD, source=f"127.20.{number}.1")
                assert client.get_token([]).status == 200, "a right password clears the account's count"
            assert response.status == 401, str(response)
            server.close_clients()
    medians = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
    ratio = medians["nobody"] / medians["alice"]
    assert 0.5 < ratio < 2, medians


def test_repeated_failures_are_slowed_per_account(holdfast):
    server = holdfast()
    server.add_user("alice", PASSWORD)
    slowed = None
    for number in range(40):
        client = server.client("alice", f"wrong {number}", source=f"127.3.{number}.1")
        response = client.get_token([])
        client.close()
        if response.status == 429:
            slowed = response
            break
        assert response.status == 401, str(response)
    assert slowed is not None, "40 wrong passwords in a row for one account"
    assert slowed.error_codes() == ["TOOMANYREQUESTS"]
    assert int(slowed.header("Retry-After")) >= 1


def test_repeated_failures_are_slowed_per_address(holdfast):
    server = holdfast()
    server.add_user("alice", PASSWORD)
    slowed = None
    for number in range(80):
        client = server.client(f"guess{number}", "wrong wrong", source="127.4.0.1")
        response = client.get_token([])
        client.close()
        if response.status == 429:
            slowed = response
            break
        assert response.status == 401, str(response)
    assert slowed is not None, "80 wrong logins in a row from one address"
    elsewhere = server.client("alice", PASSWORD, source="127.4.0.2")
    assert elsewhere.get_token([]).status == 200, "others must not suffer"


def test_many_logins_at_once(server, alice):
    from concurrent.futures import ThreadPoolExecutor

    def login(number):
        client = server.client("alice", PASSWORD)
        try:
            return client.get_token([f"repository:alice/app{number}:pull"]).status
        finally:
            client.close()

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(login, range(100))) == [200] * 100


@pytest.mark.parametrize("value", ["Basic", "Basic ???", "Basic YWxpY2U=", "Bearer x", "Negotiate abc"])
def test_a_malformed_credential_is_no_anonymous_one(server, anonymous, value):
    response = anonymous.get_token([], headers=[("Authorization", value)])
    assert response.status == 401, str(response)


def test_a_password_with_every_kind_of_character(server):
    password = 'pä:ss wörd"\\%20+&=\u6f22 '.rstrip()
    server.add_user("charlie", password)
    client = server.client("charlie", password)
    assert client.get_token([]).status == 200
    response = client.post_token(
        [("grant_type", "password"), ("service", client.challenge()["service"]), ("client_id", "t"),
         ("username", "charlie"), ("password", password)]
    )
    assert response.status == 200, str(response)


# --- POST
def form(client, **fields):
    return [("service", client.challenge()["service"]), ("client_id", "test"), *fields.items()]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded; charset=utf-8"])
def test_post_with_a_password(server, alice, chunked, content_type):
    fields = form(
        alice, grant_type="password", username="alice", password=PASSWORD,
        scope="repository:alice/a:pull repository:alice/b:pull,push",
    )
    headers = [("Content-Type", content_type)] if content_type else []
    target = alice.token_target()
    body = "&".join(f"{quote(key)}={quote(value)}" for key, value in fields).encode()
    response = alice.raw(
        "POST", target,
        headers=headers or [("Content-Type", "application/x-www-form-urlencoded")],
        body=[body[:10], body[10:]] if chunked else body,
    )
    assert response.status == 200, str(response)
    document = response.json()
    assert document["expires_in"] >= 60
    assert document["issued_at"]
    assert "scope" in document
    assert tokens.access_of(document["access_token"]) == {
        "repository:alice/a": {"pull"},
        "repository:alice/b": {"pull", "push"},
    }
    token = document["access_token"]
    assert alice.raw("GET", "/v2/", headers=[("Authorization", f"Bearer {token}")]).status == 200


def test_post_with_several_scope_fields(alice):
    fields = form(alice, grant_type="password", username="alice", password=PASSWORD)
    fields += [("scope", "repository:alice/a:pull"), ("scope", "repository:alice/b:push")]
    response = alice.post_token(fields)
    assert response.status == 200, str(response)
    assert tokens.access_of(response.json()["access_token"]) == {
        "repository:alice/a": {"pull"},
        "repository:alice/b": {"push"},
    }


def test_post_with_a_wrong_password(server):
    client = server.client(source="127.0.5.1")
    response = client.post_token(
        form(client, grant_type="password", username="alice", password="wrong wrong")
    )
    assert response.status == 401, str(response)
    assert response.error_codes() == ["UNAUTHORIZED"]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("grant_type", "password")],
        [("grant_type", "magic"), ("username", "alice"), ("password", PASSWORD)],
        [("grant_type", "refresh_token")],
    ],
)
def test_post_that_says_too_little(server, fields):
    client = server.client(source="127.0.5.2")
    response = client.post_token([*form(client), *fields])
    assert response.status in (400, 401), str(response)


def test_post_with_a_body_beyond_reason(alice):
    response = alice.raw(
        "POST", alice.token_target(),
        headers=[("Content-Type", "application/x-www-form-urlencoded")],
        body=b"scope=" + b"x" * (4 << 20),
    )
    assert response.status in (400, 413), str(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(alice, method):
    response = alice.raw(method, alice.token_target())
    assert response.status == 405, str(response)


# --- refresh tokens
@pytest.fixture
def refreshing(holdfast):
    server = holdfast({"token.refresh_tokens": True, "create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    server.add_user("bob", PASSWORD)
    return server


def refresh(client, token, **extra):
    return client.post_token(form(client, grant_type="refresh_token", refresh_token=token, **extra))


def test_refresh_tokens(refreshing):
    alice = refreshing.client("alice", PASSWORD)
    plain = alice.get_token([])
    assert "refresh_token" not in plain.json(), "only for those who ask"
    response = alice.get_token([], account="alice", client_id="docker", offline_token="true")
    token = response.json()["refresh_token"]
    assert token.count(".") != 2, "opaque, no JWT"
    posted = alice.post_token(
        form(alice, grant_type="password", username="alice", password=PASSWORD, access_type="offline")
    )
    second = posted.json()["refresh_token"]
    stranger = refreshing.client()
    for value in (token, second):
        got = refresh(stranger, value, scope="repository:alice/a:pull,push")
        assert got.status == 200, str(got)
        assert tokens.access_of(got.json()["access_token"]) == {"repository:alice/a": {"pull", "push"}}
        assert tokens.claims_of(got.json()["access_token"])["sub"] == "alice"
    # For any later scope, and again, also after a restart.
    refreshing.restart()
    stranger = refreshing.client()
    assert refresh(stranger, token, scope="repository:alice/other:pull").status == 200


def test_anonymous_gets_no_refresh_token(refreshing):
    response = refreshing.client().get_token([], offline_token="true")
    assert response.status == 200
    assert "refresh_token" not in response.json()


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "\x00", "x" * 5000])
def test_a_wrong_refresh_token(refreshing, value):
    client = refreshing.client()
    response = refresh(client, value)
    assert response.status in ((400, 401) if not value else (401,)), str(response)


def test_a_refresh_token_is_no_access_token(refreshing):
    alice = refreshing.client("alice", PASSWORD)
    token = alice.get_token([], offline_token="true").json()["refresh_token"]
    response = alice.raw("GET", "/v2/", headers=[("Authorization", f"Bearer {token}")])
    assert response.status == 401, str(response)


def test_a_changed_password_ends_refresh_tokens(refreshing):
    alice = refreshing.client("alice", PASSWORD)
    token = alice.get_token([], offline_token="true").json()["refresh_token"]
    assert refresh(alice, token).status == 200
    refreshing.admin("user", "passwd", "alice", "--password-stdin", stdin="another password\n")
    response = refresh(alice, token)
    assert response.status == 401, str(response)


def test_a_disabled_account_ends_refresh_tokens(refreshing):
    alice = refreshing.client("alice", PASSWORD)
    token = alice.get_token([], offline_token="true").json()["refresh_token"]
    refreshing.admin("user", "disable", "alice")
    assert refresh(alice, token).status == 401


# --- tokens that must not pass
@pytest.fixture
def private(alice, repository):
    """(repository, path of a blob in it)"""
    digest = alice.push_blob(repository, b"secret")
    return repository, f"/v2/{repository}/blobs/{digest}"


def use(client, token, path):
    return client.raw("GET", path, headers=[("Authorization", f"Bearer {token}")])


def check_refused(response, error="invalid_token"):
    assert response.status == 401, str(response)
    assert response.error_codes() == ["UNAUTHORIZED"]
    assert parse_challenge(response.header("WWW-Authenticate"))[1].get("error") == error, str(response)


def test_the_real_one_passes(alice, private):
    repository, path = private
    token = token_of(alice.get_token([f"repository:{repository}:pull"]))
    response = use(alice, token, path)
    assert response.status == 200, str(response)
    assert response.body == b"secret"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_no_signature(alice, private, algorithm):
    repository, path = private
    token = token_of(alice.get_token([f"repository:{repository}:pull"]))
    header = tokens.header_of(token) | {"alg": algorithm}
    body = token.split(".")[1]
    for signature in ("", token.split(".")[2]):
        check_refused(use(alice, f"{tokens.encode_json(header)}.{body}.{signature}", path))


def test_hs256_with_the_public_key(alice, private):
    repository, path = private
    first = token_of(alice.get_token([f"repository:{repository}:pull"]))
    second = token_of(alice.get_token([f"repository:{repository}:push"]))
    key = tokens.public_key(first, second)
    header = tokens.header_of(first) | {"alg": "HS256"}
    for secret in [*tokens.spellings(key), header["kid"].encode(), b""]:
        check_refused(use(alice, tokens.sign_hmac(header, tokens.claims_of(first), secret), path))


@pytest.mark.parametrize("extra", ["nothing", "jwk", "jku", "no kid"])
def test_another_key(alice, private, extra):
    repository, path = private
    real = token_of(alice.get_token([f"repository:{repository}:pull"]))
    key = ec.generate_private_key(ec.SECP256R1())
    header = tokens.header_of(real)
    numbers = key.public_key().public_numbers()
    if extra == "jwk":
        header["jwk"] = {
            "kty": "EC",
            "crv": "P-256",
            "x": tokens.encode_part(numbers.x.to_bytes(32, "big")),
            "y": tokens.encode_part(numbers.y.to_bytes(32, "big")),
        }
    elif extra == "jku":
        header["jku"] = "https://evil.example/keys"
    elif extra == "no kid":
        del header["kid"]
    check_refused(use(alice, tokens.sign_es256(header, tokens.claims_of(real), key), path))


def test_a_changed_claim(alice, bob, private):
    repository, path = private
    real = token_of(bob.get_token([]))
    claims = tokens.claims_of(real)
    claims["sub"] = "alice"
    claims["access"] = [{"type": "repository", "name": repository, "actions": ["pull"]}]
    parts = real.split(".")
    check_refused(use(bob, f"{parts[0]}.{tokens.encode_json(claims)}.{parts[2]}", path))


def test_every_flipped_part_is_refused(alice, private):
    repository, path = private
    real = token_of(alice.get_token([f"repository:{repository}:pull"]))
    for position in range(0, len(real), max(1, len(real) // 40)):
        if real[position] == ".":
            continue
        other = "A" if real[position] != "A" else "B"
        broken = real[:position] + other + real[position + 1 :]
        assert use(alice, broken, path).status == 401, position
    for broken in (real + "A", real[:-1], real + ".x", "." + real, real.replace(".", ""), real + "="):
        assert use(alice, broken, path).status == 401, broken


def test_a_zero_signature(alice, private):
    """r = s = 0 verifies in broken implementations (CVE-2022-21449)."""
    repository, path = private
    real = token_of(alice.get_token([f"repository:{repository}:pull"]))
    for signature in (bytes(64), bytes(63), bytes(70), b""):
        check_refused(use(alice, f"{real.rpartition('.')[0]}.{tokens.encode_part(signature)}", path))


def test_a_token_for_another_repository(alice, private, other_repository):
    _, path = private
    token = token_of(alice.get_token([f"repository:{other_repository}:pull,push,delete"]))
    check_refused(use(alice, token, path), "insufficient_scope")


def test_insufficient_scope_names_what_is_needed(server, alice, private):
    repository, path = private
    empty = token_of(alice.get_token([]))
    parameters = parse_challenge(use(alice, empty, path).header("WWW-Authenticate"))[1]
    assert parameters["error"] == "insufficient_scope"
    assert parameters["scope"] == f"repository:{repository}:pull"
    assert parameters["realm"] == f"{server.https.url}/auth/token"
    pull = token_of(alice.get_token([f"repository:{repository}:pull"]))
    response = alice.raw(
        "POST", f"/v2/{repository}/blobs/uploads/", headers=[("Authorization", f"Bearer {pull}")]
    )
    assert response.status == 401, str(response)
    parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
    assert parameters["scope"] == f"repository:{repository}:pull,push"


def test_a_token_for_another_service(holdfast, server, alice, private):
    """Signed by the right key and for another audience: the same data folder under another name."""
    repository, _ = private
    other = holdfast({"external_url": "https://one.example", "create_repository_on_push": True})
    other.add_user("alice", PASSWORD)
    client = other.client("alice", PASSWORD)
    digest = client.push_blob("alice/a", b"x")
    scope = "repository:alice/a:pull"
    token = token_of(client.get_token([scope]))
    path = f"/v2/alice/a/blobs/{digest}"
    assert use(client, token, path).status == 200
    other.stop()
    other.settings["external_url"] = "https://two.example"
    other.start()
    client = other.client("alice", PASSWORD)
    check_refused(use(client, token, path))
    assert use(client, token_of(client.get_token([scope])), path).status == 200


def test_an_expired_token(holdfast):
    """The shortest lifetime there is; 60 s of leeway, and then no more."""
    server = holdfast({"token.lifetime": "60s", "create_repository_on_push": True})
    server.add_user("alice", PASSWORD)
    client = server.client("alice", PASSWORD)
    digest = client.push_blob("alice/a", b"x")
    token = token_of(client.get_token(["repository:alice/a:pull"]))
    claims = tokens.claims_of(token)
    assert claims["exp"] - claims["iat"] == 60
    path = f"/v2/alice/a/blobs/{digest}"
    assert use(client, token, path).status == 200
    from harness.tools import wait_until

    def refused():
        response = use(client, token, path)
        return response if response.status == 401 else None

    response = wait_until(refused, "the token expires", timeout=150, interval=1)
    assert time.time() >= claims["exp"]
    check_refused(response)


def test_a_token_outlives_a_restart(holdfast):
    server = holdfast({"create_repository_on_push": True, "external_url": "https://hub.example"})
    server.add_user("alice", PASSWORD)
    client = server.client("alice", PASSWORD)
    digest = client.push_blob("alice/a", b"x")
    token = token_of(client.get_token(["repository:alice/a:pull"]))
    server.restart()
    assert use(server.client(), token, f"/v2/alice/a/blobs/{digest}").status == 200
