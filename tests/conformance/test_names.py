"""Names, tags and digests: the grammar, at its edges and at random."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import content
from harness.registry_client import quote

COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
FUZZ = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def valid_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None and "/" in name


@pytest.mark.parametrize(
    "name",
    [
        "alice/a",
        "alice/0",
        "alice/a.b",
        "alice/a_b",
        "alice/a__b",
        "alice/a-b",
        "alice/a---b",
        "alice/a/b/c/d/e/f",
        "alice/a1.b2_c3__d4-e5",
        "alice/manifests",
        "alice/blobs/uploads",
        "alice/tags/list",
        "alice/blobs",
        "alice/referrers/x",
        "alice/v2",
        "alice/_catalog".replace("_", "c"),
    ],
)
def test_a_good_name_can_be_pushed_and_read(alice, name):
    image = alice.push(name, content.image(), "v1")
    response = alice.manifest(name, "v1")
    assert response.status == 200, str(response)
    assert response.body == image.body
    tags = alice.tags(name)
    assert tags.json() == {"name": name, "tags": ["v1"]}


@pytest.mark.parametrize(
    "name",
    [
        "alice/A",
        "Alice/a",
        "alice/-a",
        "alice/a-",
        "alice/.a",
        "alice/a.",
        "alice/_a",
        "alice/a_",
        "alice/a___b",
        "alice/a..b",
        "alice/a._b",
        "alice/a%20b",
        "alice/a:b",
        "alice/a@b",
        "alice/%C3%A4",
        "alice/a%00b",
        "alice/a~b",
        "alice/a+b",
        "alice/a\\b",
    ],
)
def test_a_malformed_name_is_refused(alice, name):
    for method, target in (
        ("GET", f"/v2/{name}/tags/list"),
        ("GET", f"/v2/{name}/manifests/latest"),
        ("POST", f"/v2/{name}/blobs/uploads/"),
    ):
        response = alice.raw(method, target, headers=[authorization(alice)])
        assert response.status == 400, str(response)
        assert response.error_codes() == ["NAME_INVALID"]


def authorization(client, scope=None):
    return ("Authorization", f"Bearer {client.token_for([scope] if scope else [])}")


@pytest.mark.parametrize("path", ["alice//a", "/a", "alice/", "//"])
def test_an_empty_component_is_refused(alice, path):
    response = alice.raw("GET", f"/v2/{path}/tags/list", headers=[authorization(alice)])
    assert response.status in (400, 404), str(response)
    assert response.error_codes()


def test_a_name_without_a_namespace_is_refused_clearly(alice):
    for method, target in (
        ("POST", "/v2/app/blobs/uploads/"),
        ("GET", "/v2/app/manifests/latest"),
        ("GET", "/v2/app/tags/list"),
    ):
        response = alice.raw(method, target, headers=[authorization(alice)])
        assert response.status == 400, str(response)
        assert response.error_codes() == ["NAME_INVALID"]
        message = response.json()["errors"][0]["message"]
        assert "namespace" in message.lower(), message


def test_the_longest_name(alice):
    authority_room = len(alice.origin.authority) + 1
    name = "alice/" + "a" * (255 - authority_room - len("alice/"))
    response = alice.request("POST", f"/v2/{name}/blobs/uploads/")
    assert response.status == 202, str(response)


@pytest.mark.parametrize("length", [256, 300, 5000])
def test_a_name_that_is_too_long(alice, length):
    name = "alice/" + "a" * (length - len("alice/"))
    response = alice.raw("GET", f"/v2/{name}/tags/list", headers=[authorization(alice)])
    assert response.status == 400, str(response)
    assert response.error_codes() == ["NAME_INVALID"]


@pytest.mark.parametrize("tag", ["a", "A", "_", "0", "v1.2.3", "a-b_c.d", "x" * 128, "latest", "_-.", "sha256-abc"])
def test_a_good_tag(alice, repository, tag):
    image = alice.push(repository, content.image(), tag)
    assert alice.manifest(repository, tag).body == image.body


@pytest.mark.parametrize("tag", [".a", "-a", "x" * 129, "a%20b", "a%2Fb", "%C3%A4", "a+b", "a%00", "a@b", "x" * 4000])
def test_a_malformed_tag(alice, repository, tag):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    put = alice.put_manifest(repository, tag, image.body, image.media_type)
    assert put.status == 400, str(put)
    assert set(put.error_codes()) <= {"TAG_INVALID", "NAME_INVALID", "MANIFEST_INVALID", "DIGEST_INVALID"}
    got = alice.manifest(repository, tag)
    assert got.status in (400, 404), str(got)


def test_an_invalid_reference_on_get(alice, repository):
    alice.push(repository, content.image(), "v1")
    response = alice.manifest(repository, ".INVALID_MANIFEST_NAME")
    assert response.status in (400, 404), str(response)
    assert response.error_codes()


BAD_DIGESTS = [
    "sha256:",
    "sha256:baddigeststring",
    "sha256:" + "0" * 63,
    "sha256:" + "0" * 65,
    "sha256:" + "g" * 64,
    "sha256:" + "A" * 64,
    "sha512:" + "0" * 64,
    "md5:" + "0" * 32,
    "sha384:" + "0" * 96,
    "SHA256:" + "0" * 64,
    ":" + "0" * 64,
    "sha256:" + "0" * 64 + "%00",
    "sha256:../../../../etc/passwd",
]


@pytest.mark.parametrize("digest", BAD_DIGESTS)
def test_a_malformed_digest_of_a_blob(alice, repository, digest):
    alice.push(repository, content.image(), "v1")
    for method in ("GET", "HEAD", "DELETE"):
        response = alice.blob(repository, digest, method=method)
        if "/" in digest:
            assert response.status in (400, 404), str(response)
        else:
            assert response.status == 400, str(response)
        if method != "HEAD" and "/" not in digest:
            assert response.error_codes() == ["DIGEST_INVALID"]


@pytest.mark.parametrize("digest", [digest for digest in BAD_DIGESTS if "/" not in digest])
def test_a_malformed_digest_of_an_upload(alice, repository, digest):
    session = alice.begin(repository)
    target = f"{session.location}{'&' if '?' in session.location else '?'}digest="
    response = alice.request("PUT", target + quote(digest), body=b"abc")
    assert response.status == 400, str(response)
    assert response.error_codes() == ["DIGEST_INVALID"]
    single = alice.request("POST", f"/v2/{repository}/blobs/uploads/?digest={quote(digest)}", body=b"abc")
    assert single.status == 400, str(single)


@pytest.mark.parametrize("digest", [digest for digest in BAD_DIGESTS if "/" not in digest])
def test_a_malformed_digest_of_a_manifest(alice, repository, digest):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    put = alice.put_manifest(repository, digest, image.body, image.media_type)
    assert put.status == 400, str(put)
    got = alice.manifest(repository, digest)
    assert got.status in (400, 404), str(got)


@FUZZ
@given(
    name=st.text(alphabet="abz09._-/A", min_size=1, max_size=24).filter(
        lambda text: ".." not in text and "/." not in text and not text.startswith(".")
    )
)
def test_random_names_follow_the_grammar(alice, name):
    response = alice.raw("GET", f"/v2/alice/{name}/tags/list", headers=[authorization(alice)])
    if "//" in name or name.startswith("/") or name.endswith("/"):
        assert response.status in (400, 404), str(response)
    elif valid_name(f"alice/{name}"):
        assert response.status in (401, 404), str(response)  # the token has no scope for it
    else:
        assert response.status == 400, str(response)
        assert response.error_codes() == ["NAME_INVALID"]


@FUZZ
@given(tag=st.text(alphabet="aZ0._-:", min_size=1, max_size=12))
def test_random_tags_follow_the_grammar(alice, tag):
    response = alice.manifest("alice/tags-at-random", tag)
    if TAG.fullmatch(tag):
        assert response.status == 404, str(response)
    else:
        assert response.status in (400, 404), str(response)
    assert response.error_codes()


@FUZZ
@given(target=st.binary(min_size=1, max_size=60))
def test_random_paths_never_break_the_server(alice, target):
    path = "/v2/alice/x/" + "".join(f"%{byte:02X}" if byte < 33 or byte > 126 or byte in b"#?" else chr(byte) for byte in target)
    response = alice.raw("GET", path, headers=[authorization(alice)])
    assert response.status in (400, 401, 404, 405), str(response)
