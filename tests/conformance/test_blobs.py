"""Reading blobs: headers, ranges, conditions, visibility."""

import pytest

from harness import content

DATA = content.random_blob(100_000)
SIZE = len(DATA)


@pytest.fixture
def blob(alice, repository):
    return repository, alice.push_blob(repository, DATA)


def test_get(alice, blob):
    repository, digest = blob
    response = alice.blob(repository, digest)
    assert response.status == 200, str(response)
    assert response.body == DATA
    assert response.header("Docker-Content-Digest") == digest
    assert response.header("Content-Length") == str(SIZE)
    assert response.header("Content-Type") == "application/octet-stream"
    assert response.header("Accept-Ranges") == "bytes"
    assert response.header("ETag") == f'"{digest}"'
    assert "max-age=" in response.header("Cache-Control")
    assert response.header("Content-Encoding") is None


def test_head_is_get_without_a_body(alice, blob):
    repository, digest = blob
    got = alice.blob(repository, digest)
    head = alice.blob(repository, digest, method="HEAD")
    assert head.status == 200, str(head)
    for name in (
        "Docker-Content-Digest",
        "Content-Length",
        "Content-Type",
        "Accept-Ranges",
        "ETag",
        "Cache-Control",
        "Docker-Distribution-Api-Version",
    ):
        assert head.header(name) == got.header(name), name


def test_an_unknown_blob(alice, blob):
    repository, _ = blob
    digest = content.digest_of(b"never pushed")
    got = alice.blob(repository, digest)
    assert got.status == 404, str(got)
    assert got.error_codes() == ["BLOB_UNKNOWN"]
    head = alice.blob(repository, digest, method="HEAD")
    assert head.status == 404
    assert head.header("Content-Length") == got.header("Content-Length")
    assert head.header("Content-Type") == got.header("Content-Type")


def test_a_blob_is_seen_only_where_it_was_pushed(alice, blob, other_repository):
    _, digest = blob
    alice.push_blob(other_repository, b"another")
    response = alice.blob(other_repository, digest)
    assert response.status == 404, str(response)
    assert response.error_codes() == ["BLOB_UNKNOWN"]


def test_compression_is_never_applied(alice, repository):
    data = b"a" * 100_000
    digest = alice.push_blob(repository, data)
    response = alice.blob(repository, digest, headers=[("Accept-Encoding", "gzip, deflate, br")])
    assert response.header("Content-Encoding") is None
    assert response.body == data


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-9", 0, 9),
        ("bytes=10-19", 10, 19),
        (f"bytes={SIZE - 1}-{SIZE - 1}", SIZE - 1, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=50000-", 50000, SIZE - 1),
        ("bytes=50000-999999999", 50000, SIZE - 1),
        ("bytes=50000-99999999999999999999", 50000, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        (f"bytes=-{SIZE}", 0, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        ("Bytes=0-9", 0, 9),
        ("bytes= 0-9", 0, 9),
    ],
)
def test_ranges(alice, blob, value, first, last):
    repository, digest = blob
    response = alice.blob(repository, digest, headers=[("Range", value)])
    assert response.status == 206, str(response)[:500]
    assert response.header("Content-Range") == f"bytes {first}-{last}/{SIZE}"
    assert response.header("Content-Length") == str(last - first + 1)
    assert response.body == DATA[first : last + 1]
    assert response.header("Docker-Content-Digest") == digest
    assert response.header("ETag") == f'"{digest}"'


@pytest.mark.parametrize(
    "value", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 10}", "bytes=999999999999-", "bytes=-0", "bytes=500-0"]
)
def test_ranges_that_cannot_be_satisfied(alice, blob, value):
    repository, digest = blob
    response = alice.blob(repository, digest, headers=[("Range", value)])
    assert response.status == 416, str(response)[:500]
    assert response.header("Content-Range") == f"bytes */{SIZE}"


@pytest.mark.parametrize("value", ["lines=0-9", "bytes", "bytes=", "bytes=a-b", "bytes=-", "bytes=1", "0-9"])
def test_ranges_without_sense_are_ignored_or_refused(alice, blob, value):
    repository, digest = blob
    response = alice.blob(repository, digest, headers=[("Range", value)])
    assert response.status in (200, 400, 416), str(response)[:500]
    if response.status == 200:
        assert response.body == DATA


def test_several_ranges(alice, blob):
    repository, digest = blob
    response = alice.blob(repository, digest, headers=[("Range", "bytes=0-9,20-29")])
    if response.status == 206:
        content_type = response.header("Content-Type")
        assert content_type.startswith("multipart/byteranges"), content_type
        boundary = content_type.partition("boundary=")[2].strip('"').encode()
        parts = response.body.split(b"--" + boundary)
        bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[1:-1]]
        assert bodies == [DATA[:10], DATA[20:30]]
    else:
        assert response.status == 200, str(response)[:500]
        assert response.body == DATA


def test_many_ranges_are_no_amplification(alice, blob):
    repository, digest = blob
    value = "bytes=" + ",".join(["0-"] * 500)
    response = alice.blob(repository, digest, headers=[("Range", value)])
    assert response.status in (200, 206, 400, 416), str(response)[:500]
    assert len(response.body) <= 2 * SIZE


def test_if_range(alice, blob):
    repository, digest = blob
    same = alice.blob(
        repository, digest, headers=[("Range", "bytes=0-9"), ("If-Range", f'"{digest}"')]
    )
    assert same.status == 206, str(same)[:500]
    other = alice.blob(repository, digest, headers=[("Range", "bytes=0-9"), ("If-Range", '"other"')])
    assert other.status == 200, str(other)[:500]
    assert other.body == DATA


@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"x", "{}"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match(alice, blob, form, method):
    repository, digest = blob
    response = alice.blob(
        repository, digest, method=method, headers=[("If-None-Match", form.format(digest))]
    )
    assert response.status == 304, str(response)[:500]
    assert response.header("ETag") == f'"{digest}"'
    assert response.body == b""


def test_if_none_match_of_another(alice, blob):
    repository, digest = blob
    response = alice.blob(repository, digest, headers=[("If-None-Match", '"sha256:other"')])
    assert response.status == 200
    assert response.body == DATA


def test_an_empty_blob(alice, repository):
    digest = alice.push_blob(repository, b"")
    response = alice.blob(repository, digest)
    assert response.status == 200, str(response)
    assert response.body == b""
    assert response.header("Content-Length") == "0"
    ranged = alice.blob(repository, digest, headers=[("Range", "bytes=0-")])
    assert ranged.status in (200, 416), str(ranged)


def test_a_large_blob(alice, repository):
    data = content.random_blob(40 * (1 << 20) + 3)
    digest = alice.push_blob(repository, data)
    assert alice.blob(repository, digest).body == data
    middle = alice.blob(repository, digest, headers=[("Range", "bytes=20000001-30000000")])
    assert middle.body == data[20000001:30000001]


def test_a_large_blob_over_plain_http(server, alice, repository):
    data = content.random_blob(10 * (1 << 20) + 3)
    digest = alice.push_blob(repository, data)
    plain = server.client("alice", alice.password, origin=server.http)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    response = plain.raw(
        "GET", f"/v2/{repository}/blobs/{digest}", headers=[("Authorization", f"Bearer {token}")]
    )
    assert response.body == data
    ranged = plain.raw(
        "GET",
        f"/v2/{repository}/blobs/{digest}",
        headers=[("Authorization", f"Bearer {token}"), ("Range", "bytes=4000001-9000000")],
    )
    assert ranged.status == 206
    assert ranged.body == data[4000001:9000001]


def test_a_reader_that_goes_away_is_no_harm(alice, repository):
    data = content.random_blob(20 * (1 << 20))
    digest = alice.push_blob(repository, data)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    for _ in range(3):
        with alice.connect() as connection:
            connection.send_head(
                "GET",
                f"/v2/{repository}/blobs/{digest}",
                [("Host", connection.authority), ("Authorization", f"Bearer {token}")],
            )
            connection.socket.recv(1000)
            connection.reset()
    assert alice.blob(repository, digest).body == data


def test_pipelined_requests_are_answered_in_order(alice, repository):
    blobs = [content.random_blob(size) for size in (10, 70000, 1, 3000)]
    digests = [alice.push_blob(repository, data) for data in blobs]
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    with alice.connect() as connection:
        for digest in digests:
            connection.send_head(
                "GET",
                f"/v2/{repository}/blobs/{digest}",
                [("Host", connection.authority), ("Authorization", f"Bearer {token}")],
            )
        assert [connection.read_response("GET").body for _ in digests] == blobs


def test_http_1_0(alice, blob):
    repository, digest = blob
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    with alice.connect() as connection:
        connection.send(
            f"GET /v2/{repository}/blobs/{digest} HTTP/1.0\r\n"
            f"Host: {connection.authority}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        response = connection.read_response("GET")
        assert response.status == 200, str(response)[:500]
        assert response.header("Transfer-Encoding") is None
        assert response.body == DATA
        assert connection.closed_by_server()
