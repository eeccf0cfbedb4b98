"""Manifests of every type: kept to the byte, checked, refused."""

import json

import pytest

from harness import content
from harness.registry_client import quote

DOCKERD_ACCEPT = [
    content.DOCKER_MANIFEST,
    content.DOCKER_LIST,
    content.OCI_INDEX,
    content.OCI_MANIFEST,
    content.SCHEMA1_SIGNED,
    "application/json",
]


def with_children(client, repository, make, kind="oci"):
    children = [
        client.push(repository, content.image(kind, architecture=name)) for name in ("amd64", "arm64")
    ]
    return make(children, kind)


MAKERS = {
    "oci image": lambda client, repository: content.image("oci"),
    "docker image": lambda client, repository: content.image("docker"),
    "oci index": lambda client, repository: with_children(client, repository, content.index),
    "docker list": lambda client, repository: with_children(
        client, repository, content.index, "docker"
    ),
    "empty index": lambda client, repository: content.index([]),
    "artifact": lambda client, repository: content.artifact(),
    "nested index": lambda client, repository: content.index(
        [client.push(repository, with_children(client, repository, content.index))]
    ),
    "image without layers": lambda client, repository: content.image("oci", layers=[]),
}


@pytest.fixture(params=MAKERS, ids=lambda name: name.replace(" ", "-"))
def manifest(request, alice, repository):
    made = MAKERS[request.param](alice, repository)
    for data in made.blobs:
        alice.push_blob(repository, data)
    return made


def check_stored(client, repository, reference, manifest):
    got = client.manifest(repository, reference)
    assert got.status == 200, str(got)
    assert got.body == manifest.body
    assert got.header("Content-Type") == manifest.media_type
    assert got.header("Content-Length") == str(manifest.size)
    assert got.header("Docker-Content-Digest") == manifest.digest
    assert got.header("ETag") == f'"{manifest.digest}"'
    assert got.header("Transfer-Encoding") is None
    head = client.manifest(repository, reference, method="HEAD")
    assert head.status == 200
    for name in (
        "Content-Type",
        "Content-Length",
        "Docker-Content-Digest",
        "ETag",
        "Docker-Distribution-Api-Version",
    ):
        assert head.header(name) == got.header(name), name


def test_by_tag(alice, repository, manifest):
    response = alice.put_manifest(repository, "v1", manifest.body, manifest.media_type)
    assert response.status == 201, str(response)
    assert response.header("Docker-Content-Digest") == manifest.digest
    assert alice.target(response) == f"/v2/{repository}/manifests/{manifest.digest}"
    assert response.header("OCI-Subject") is None
    check_stored(alice, repository, "v1", manifest)
    check_stored(alice, repository, manifest.digest, manifest)
    assert alice.tags(repository).json()["tags"] == ["v1"]


def test_by_digest(alice, repository, manifest):
    response = alice.put_manifest(repository, manifest.digest, manifest.body, manifest.media_type)
    assert response.status == 201, str(response)
    assert response.header("Docker-Content-Digest") == manifest.digest
    check_stored(alice, repository, manifest.digest, manifest)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_by_digest_of_each_algorithm(alice, repository, algorithm):
    image = content.image("oci", algorithm=algorithm)
    alice.push(repository, image)
    check_stored(alice, repository, image.digest, image)
    index = content.index([image], algorithm=algorithm)
    alice.push(repository, index)
    check_stored(alice, repository, index.digest, index)


def test_pushed_again_under_a_second_tag(alice, repository):
    image = alice.push(repository, content.image(), "one", "two")
    for tag in ("one", "two"):
        check_stored(alice, repository, tag, image)


def test_a_tag_moves(alice, repository):
    first = alice.push(repository, content.image(), "latest")
    second = alice.push(repository, content.image(), "latest")
    check_stored(alice, repository, "latest", second)
    check_stored(alice, repository, first.digest, first)


def test_bytes_are_kept_as_they_came(alice, repository):
    """Order, spaces, escapes, unknown fields, numbers, a final newline: nothing is re-written."""
    image = content.image()
    document = image.document
    for data in image.blobs:
        alice.push_blob(repository, data)
    text = json.dumps(document)[1:]
    body = (
        b'{\n\t"zz" : [ 1.50, 1e3, -0, "\\u0041\\/", null ],   "unknown":{"a":{"b":{}}},\r\n '
        + text.encode()
        + b"\n \n"
    )
    response = alice.put_manifest(repository, "v1", body, image.media_type)
    assert response.status == 201, str(response)
    assert response.header("Docker-Content-Digest") == content.digest_of(body)
    assert alice.manifest(repository, "v1").body == body


def test_a_wrong_digest(alice, repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    for algorithm in ("sha256", "sha512"):
        wrong = content.digest_of(b"other", algorithm)
        response = alice.put_manifest(repository, wrong, image.body, image.media_type)
        assert response.status == 400, str(response)
        assert response.error_codes() == ["DIGEST_INVALID"]
        assert alice.manifest(repository, wrong).status == 404
    assert alice.manifest(repository, image.digest).status == 404


def test_every_missing_blob_is_named(alice, repository):
    layers = [content.random_blob(100) for _ in range(4)]
    image = content.image(layers=layers)
    alice.push_blob(repository, layers[1])
    response = alice.put_manifest(repository, "v1", image.body, image.media_type)
    assert response.status == 400, str(response)
    assert set(response.error_codes()) == {"MANIFEST_BLOB_UNKNOWN"}
    missing = {content.digest_of(data) for data in image.blobs if data != layers[1]}
    text = json.dumps([error.get("detail") for error in response.json()["errors"]])
    assert len(response.json()["errors"]) == len(missing)
    for digest in missing:
        assert digest in text
    assert content.digest_of(layers[1]) not in text
    assert alice.manifest(repository, "v1").status == 404


def test_a_blob_in_another_repository_is_missing(alice, repository, other_repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(other_repository, data)
    alice.push_blob(repository, b"x")
    response = alice.put_manifest(repository, "v1", image.body, image.media_type)
    assert response.status == 400, str(response)
    assert set(response.error_codes()) == {"MANIFEST_BLOB_UNKNOWN"}


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_an_index_with_a_missing_child(alice, repository, kind):
    there = alice.push(repository, content.image(kind))
    missing = content.image(kind)
    index = content.index([there, missing], kind)
    response = alice.put_manifest(repository, "v1", index.body, index.media_type)
    assert response.status == 400, str(response)
    codes = set(response.error_codes())
    assert codes <= {"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"}
    text = response.body.decode()
    assert missing.digest in text
    assert there.digest not in text


@pytest.mark.parametrize(
    "media_type", [content.DOCKER_FOREIGN_LAYER, content.OCI_NONDISTRIBUTABLE, content.OCI_NONDISTRIBUTABLE.removesuffix("+gzip")]
)
def test_layers_that_are_not_distributed_need_not_be_there(alice, repository, media_type):
    kind = "docker" if "docker" in media_type else "oci"
    image = content.image(kind)
    document = image.document
    document["layers"].append(
        content.descriptor(media_type, b"far away", urls=["https://example.com/layer"])
    )
    for data in image.blobs:
        alice.push_blob(repository, data)
    body = content.encode(document)
    response = alice.put_manifest(repository, "v1", body, image.media_type)
    assert response.status == 201, str(response)
    assert alice.manifest(repository, "v1").body == body


def test_descriptors_with_data(alice, repository):
    artifact = content.artifact()
    document = artifact.document
    document["config"]["data"] = "e30="
    for data in artifact.blobs:
        alice.push_blob(repository, data)
    response = alice.put_manifest(
        repository, "v1", content.encode(document), artifact.media_type
    )
    assert response.status == 201, str(response)


def test_layers_null_is_empty(alice, repository):
    image = content.image(layers=[])
    document = image.document
    document["layers"] = None
    for data in image.blobs:
        alice.push_blob(repository, data)
    response = alice.put_manifest(repository, "v1", content.encode(document), image.media_type)
    assert response.status == 201, str(response)


def test_without_a_media_type_in_the_body(alice, repository):
    image = content.image()
    document = image.document
    del document["mediaType"]
    for data in image.blobs:
        alice.push_blob(repository, data)
    body = content.encode(document)
    response = alice.put_manifest(repository, "v1", body, content.OCI_MANIFEST)
    assert response.status == 201, str(response)
    assert alice.manifest(repository, "v1").header("Content-Type") == content.OCI_MANIFEST


def test_parameters_of_the_content_type_are_ignored(alice, repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    response = alice.put_manifest(
        repository, "v1", image.body, f"{image.media_type}; charset=utf-8"
    )
    assert response.status == 201, str(response)
    assert alice.manifest(repository, "v1").header("Content-Type") == image.media_type


def test_without_a_content_type_the_body_says(alice, repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    response = alice.put_manifest(repository, "v1", image.body, None)
    assert response.status in (201, 400), str(response)
    if response.status == 201:
        assert alice.manifest(repository, "v1").header("Content-Type") == image.media_type


@pytest.mark.parametrize(
    "media_type",
    [content.OCI_INDEX, content.DOCKER_MANIFEST, "text/plain", "application/json", "x", "a/b/c"],
)
def test_a_content_type_that_is_not_the_bodys(alice, repository, media_type):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    response = alice.put_manifest(repository, "v1", image.body, media_type)
    assert response.status in (400, 415), str(response)
    assert response.error_codes() == ["MANIFEST_INVALID"]
    assert alice.manifest(repository, "v1").status == 404


DIGEST = content.digest_of(b"x")
CONFIG = {"mediaType": content.OCI_CONFIG, "digest": DIGEST, "size": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{}",
        b"\xff\xfe",
        b'{"schemaVersion": 2}',
        b'{"schemaVersion": 2, "schemaVersion": 2}',
        content.encode({"schemaVersion": 1, "mediaType": content.OCI_MANIFEST, "config": CONFIG, "layers": []}),
        content.encode({"schemaVersion": "2", "mediaType": content.OCI_MANIFEST, "config": CONFIG, "layers": []}),
        content.encode({"schemaVersion": 3, "mediaType": content.OCI_MANIFEST, "config": CONFIG, "layers": []}),
        content.encode({"schemaVersion": 2, "mediaType": 5, "config": CONFIG, "layers": []}),
        content.encode({"schemaVersion": 2, "config": [], "layers": []}),
        content.encode({"schemaVersion": 2, "config": CONFIG, "layers": {}}),
        content.encode({"schemaVersion": 2, "config": CONFIG, "layers": [1]}),
        content.encode({"schemaVersion": 2, "config": {**CONFIG, "digest": "sha256:x"}, "layers": []}),
        content.encode({"schemaVersion": 2, "config": {**CONFIG, "digest": 7}, "layers": []}),
        content.encode({"schemaVersion": 2, "config": {**CONFIG, "size": -1}, "layers": []}),
        content.encode({"schemaVersion": 2, "config": {**CONFIG, "size": "1"}, "layers": []}),
        content.encode({"schemaVersion": 2, "config": {**CONFIG, "size": 1.5}, "layers": []}),
        content.encode({"schemaVersion": 2, "config": {"mediaType": "a/b", "size": 1}, "layers": []}),
        content.encode({"schemaVersion": 2, "config": CONFIG, "layers": [], "subject": "x"}),
        content.encode({"schemaVersion": 2, "config": CONFIG, "layers": [], "annotations": {"a": 1}}),
        b'{"schemaVersion": 2, "config": ' + b"[" * 100000,
        b'{"a":' * 50000 + b"1" + b"}" * 50000,
        content.encode({"schemaVersion": 2, "config": CONFIG, "layers": []}) + b"{}",
    ],
    ids=lambda body: body[:50].decode("latin-1").replace("\n", ""),
)
def test_malformed_manifests(alice, repository, body):
    alice.push_blob(repository, b"x")
    response = alice.put_manifest(repository, "v1", body, content.OCI_MANIFEST)
    assert response.status == 400, str(response)
    assert response.error_codes() == ["MANIFEST_INVALID"]
    assert alice.manifest(repository, "v1").status == 404


@pytest.mark.parametrize("media_type", [content.SCHEMA1, content.SCHEMA1_SIGNED])
def test_schema_1_is_refused(alice, repository, media_type):
    alice.push_blob(repository, b"x")
    body = content.encode(
        {"schemaVersion": 1, "name": repository, "tag": "v1", "fsLayers": [{"blobSum": DIGEST}], "history": []}
    )
    response = alice.put_manifest(repository, "v1", body, media_type)
    assert response.status == 400, str(response)
    assert response.error_codes() == ["MANIFEST_INVALID"]


@pytest.mark.parametrize("size", [3_900_000, 4 * 1024 * 1024])
def test_large_manifests(alice, repository, size):
    image = content.image()
    room = size - len(content.image(padding=1).body)
    document = image.document
    document["annotations"] = {"padding": "x" * room}
    for data in image.blobs:
        alice.push_blob(repository, data)
    body = content.encode(document)
    body += b" " * (size - len(body))
    assert len(body) == size
    response = alice.put_manifest(repository, "v1", body, image.media_type)
    assert response.status == 201, str(response)
    assert alice.manifest(repository, "v1").body == body


@pytest.mark.parametrize("chunked", [False, True])
def test_a_manifest_beyond_the_limit(alice, repository, chunked):
    alice.push_blob(repository, b"x")
    body = b'{"x":"' + b"x" * (40 << 20) + b'"}'
    sent = [body[start : start + (1 << 20)] for start in range(0, len(body), 1 << 20)] if chunked else body
    response = alice.put_manifest(repository, "v1", sent, content.OCI_MANIFEST)
    assert response.status == 413, str(response)
    assert response.error_codes()


def test_a_manifest_in_chunked_encoding(alice, repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    half = image.size // 2
    body = [image.body[:half], image.body[half:]]
    response = alice.put_manifest(repository, "v1", body, image.media_type)
    assert response.status == 201, str(response)
    check_stored(alice, repository, "v1", image)


def test_unknown_manifests(alice, repository):
    alice.push(repository, content.image(), "v1")
    for reference in ("v2", content.digest_of(b"no"), content.digest_of(b"no", "sha512")):
        got = alice.manifest(repository, reference)
        assert got.status == 404, str(got)
        assert got.error_codes() == ["MANIFEST_UNKNOWN"]
        head = alice.manifest(repository, reference, method="HEAD")
        assert head.status == 404
        assert head.header("Content-Length") == got.header("Content-Length")


# --- content negotiation
@pytest.mark.parametrize("kind", ["oci", "docker"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Accept", "*/*")],
        [("Accept", "application/*")],
        [("Accept", media_type) for media_type in DOCKERD_ACCEPT],
        [("Accept", ", ".join(DOCKERD_ACCEPT))],
        [("Accept", ",".join(f"{media_type};q=0.{n}" for n, media_type in enumerate(DOCKERD_ACCEPT, 1)))],
        [("Accept", f"{content.OCI_INDEX}, */*")],
    ],
    ids=["none", "any", "application", "six-headers", "list", "qualities", "type-and-any"],
)
def test_accept(alice, repository, kind, headers):
    image = alice.push(repository, content.image(kind), "v1")
    index = alice.push(repository, content.index([image], kind), "list")
    for reference, manifest in (("v1", image), (image.digest, image), ("list", index)):
        response = alice.manifest(repository, reference, headers=headers)
        assert response.status == 200, str(response)
        assert response.header("Content-Type") == manifest.media_type
        assert response.body == manifest.body


def test_accept_that_excludes_what_is_stored(alice, repository):
    image = alice.push(repository, content.image("oci"), "v1")
    response = alice.manifest(repository, "v1", headers=[("Accept", content.DOCKER_MANIFEST)])
    # A conversion would change the digest: what is stored, or nothing.
    assert response.status in (200, 404, 406), str(response)
    if response.status == 200:
        assert response.body == image.body
    else:
        assert response.error_codes() == ["MANIFEST_UNKNOWN"]


def test_by_digest_never_another_manifest(alice, repository):
    image = alice.push(repository, content.image("docker"))
    index = alice.push(repository, content.index([image], "docker"), "v1")
    response = alice.manifest(
        repository, index.digest, headers=[("Accept", content.DOCKER_MANIFEST)]
    )
    assert response.status in (200, 404, 406), str(response)
    if response.status == 200:
        assert response.body == index.body


@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"x", "{}"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match(alice, repository, form, method):
    image = alice.push(repository, content.image(), "v1")
    for reference in ("v1", image.digest):
        response = alice.manifest(
            repository,
            reference,
            method=method,
            headers=[("If-None-Match", form.format(image.digest))],
        )
        assert response.status == 304, str(response)
        assert response.header("ETag") == f'"{image.digest}"'
    alice.push(repository, content.image(), "v1")
    moved = alice.manifest(repository, "v1", headers=[("If-None-Match", form.format(image.digest))])
    assert moved.status == 200, str(moved)


# --- additions of the 1.2 draft
def test_tags_with_a_push_by_digest(alice, repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    tags = [f"t{number}" for number in range(12)]
    query = "?" + "&".join(f"tag={tag}" for tag in tags)
    response = alice.put_manifest(repository, image.digest, image.body, image.media_type, query)
    assert response.status == 201, str(response)
    accepted = [tag.strip() for value in response.headers("OCI-Tag") for tag in value.split(",")]
    assert sorted(accepted) == sorted(tags)
    assert alice.tags(repository).json()["tags"] == sorted(tags)
    for tag in tags:
        check_stored(alice, repository, tag, image)


def test_a_tag_set_by_a_sha512_push_answers_with_sha512(alice, repository):
    image = content.image(algorithm="sha512")
    for data in image.blobs:
        alice.push_blob(repository, data, "sha512")
    response = alice.put_manifest(repository, image.digest, image.body, image.media_type, "?tag=v1")
    assert response.status == 201, str(response)
    check_stored(alice, repository, "v1", image)
    by_tag = content.Manifest(image.media_type, image.body, [])  # sha256 when PUT by tag
    response = alice.put_manifest(repository, "v2", image.body, image.media_type)
    assert response.status == 201, str(response)
    check_stored(alice, repository, "v2", by_tag)


def test_a_malformed_tag_with_a_push_by_digest(alice, repository):
    image = content.image()
    for data in image.blobs:
        alice.push_blob(repository, data)
    response = alice.put_manifest(
        repository, image.digest, image.body, image.media_type, f"?tag=good&tag={quote('.bad')}"
    )
    assert response.status == 400, str(response)
    assert set(response.error_codes()) <= {"TAG_INVALID", "MANIFEST_INVALID"}
    assert alice.manifest(repository, "good").status == 404


def test_the_algorithm_of_an_upload_can_be_told(alice, repository):
    data = content.random_blob(50000)
    for named, used in (("sha512", "sha512"), ("sha256", "sha512"), ("sha512", "sha256")):
        session = alice.begin(repository, f"?digest-algorithm={named}")
        assert session.patch(data).status == 202
        digest = content.digest_of(data, used)
        response = session.put(digest)
        assert response.status == 201, str(response)
        assert response.header("Docker-Content-Digest") == digest
        assert alice.blob(repository, digest).body == data


def test_an_unknown_algorithm(alice, repository):
    response = alice.request("POST", f"/v2/{repository}/blobs/uploads/?digest-algorithm=md5")
    assert response.status == 400, str(response)
    assert response.error_codes() == ["DIGEST_INVALID"]


def test_ns_is_ignored(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    response = alice.request("GET", f"/v2/{repository}/manifests/v1?ns=docker.io")
    assert response.body == image.body
