"""Every way to push a blob in one piece, and every way in which that goes wrong."""

import pytest

from harness import content
from harness.http_client import ConnectionClosed
from harness.registry_client import quote
from harness.tools import wait_until

SIZES = [0, 1, 2, 511, 4096, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 7]


def blob_of(size: int) -> bytes:
    return content.random_blob(size)


def check_created(client, repository, response, data, algorithm="sha256"):
    """The 201 of a finished blob, and that it can be had at its Location and at its address."""
    digest = content.digest_of(data, algorithm)
    assert response.status == 201, str(response)
    assert response.header("Docker-Content-Digest") == digest
    assert response.header("Content-Length") == "0"
    location = client.target(response)
    assert location == f"/v2/{repository}/blobs/{digest}"
    for target in (location, f"/v2/{repository}/blobs/{digest}"):
        got = client.request("GET", target)
        assert got.status == 200, str(got)
        assert got.body == data


def by_post(client, repository, data, digest):
    return client.request(
        "POST",
        f"/v2/{repository}/blobs/uploads/?digest={quote(digest)}",
        headers=[("Content-Type", "application/octet-stream")],
        body=data,
    )


def by_put(client, repository, data, digest):
    return client.begin(repository).put(digest, data)


def by_patch(client, repository, data, digest):
    session = client.begin(repository)
    response = session.patch(data)
    assert response.status == 202, str(response)
    assert response.header("Range") == (f"0-{len(data) - 1}" if data else "0-0")
    return session.put(digest)


def by_stream(client, repository, data, digest):
    """As dockerd does: chunked encoding, no Content-Type, then a PUT without a body."""
    session = client.begin(repository)
    pieces = [data[start : start + 10000] for start in range(0, len(data), 10000)]
    response = client.request("PATCH", session.location, body=pieces)
    assert response.status == 202, str(response)
    assert response.header("Range") == (f"0-{len(data) - 1}" if data else "0-0")
    session.locations.append(client.target(response))
    return session.put(digest)


def by_chunks(client, repository, data, digest):
    session = client.begin(repository)
    half = len(data) // 2
    for start, end in ((0, half), (half, len(data))):
        if end > start:
            response = session.patch(data[start:end], f"{start}-{end - 1}")
            assert response.status == 202, str(response)
    return session.put(digest)


def by_last_chunk(client, repository, data, digest):
    """The last chunk goes with the PUT."""
    session = client.begin(repository)
    half = len(data) // 2
    if half:
        assert session.patch(data[:half], f"0-{half - 1}").status == 202
    if not data:
        return session.put(digest)
    return session.put(digest, data[half:], f"{half}-{len(data) - 1}")


WAYS = [by_post, by_put, by_patch, by_stream, by_chunks, by_last_chunk]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_with_every_size(alice, repository, way, size):
    data = blob_of(size)
    response = way(alice, repository, data, content.digest_of(data))
    check_created(alice, repository, response, data)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_with_sha512(alice, repository, way):
    data = blob_of(70000)
    response = way(alice, repository, data, content.digest_of(data, "sha512"))
    check_created(alice, repository, response, data, "sha512")


@pytest.mark.parametrize("way", WAYS)
def test_the_empty_json_blob(alice, repository, way):
    response = way(alice, repository, b"{}", content.digest_of(b"{}"))
    check_created(alice, repository, response, b"{}")


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_digest_is_refused_and_leaves_nothing(alice, repository, way):
    data = blob_of(5000)
    wrong = content.digest_of(b"something else" + data)
    response = way(alice, repository, data, wrong)
    assert response.status == 400, str(response)
    assert response.error_codes() == ["DIGEST_INVALID"]
    for digest in (wrong, content.digest_of(data)):
        assert alice.blob(repository, digest, method="HEAD").status == 404


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_after_a_wrong_digest_the_session_goes_on(alice, repository, algorithm):
    data = blob_of(5000)
    session = alice.begin(repository)
    assert session.patch(data).status == 202
    wrong = session.put(content.digest_of(b"other", algorithm))
    assert wrong.status == 400, str(wrong)
    status = session.status()
    assert status.status == 204, str(status)
    assert status.header("Range") == "0-4999"
    check_created(alice, repository, session.put(content.digest_of(data)), data)


def test_pushing_the_same_blob_again(alice, repository):
    data = blob_of(3000)
    for way in WAYS:
        check_created(alice, repository, way(alice, repository, data, content.digest_of(data)), data)


def test_one_content_under_two_algorithms_is_two_blobs(alice, repository):
    data = blob_of(3000)
    alice.push_blob(repository, data, "sha256")
    assert alice.blob(repository, content.digest_of(data, "sha512")).status == 404
    alice.push_blob(repository, data, "sha512")
    for algorithm in ("sha256", "sha512"):
        digest = content.digest_of(data, algorithm)
        response = alice.blob(repository, digest)
        assert response.body == data
        assert response.header("Docker-Content-Digest") == digest


def test_beginning_a_session(alice, repository):
    response = alice.request("POST", f"/v2/{repository}/blobs/uploads/")
    assert response.status == 202, str(response)
    assert response.header("Range") == "0-0"
    assert response.header("Content-Length") == "0"
    uuid = response.header("Docker-Upload-UUID")
    assert uuid
    assert uuid in alice.target(response)
    again = alice.request("POST", f"/v2/{repository}/blobs/uploads/")
    assert again.header("Docker-Upload-UUID") != uuid


def test_every_answer_of_a_session_names_it(alice, repository):
    response = alice.request("POST", f"/v2/{repository}/blobs/uploads/")
    uuid = response.header("Docker-Upload-UUID")
    patch = alice.request("PATCH", alice.target(response), body=b"abc")
    assert patch.header("Docker-Upload-UUID") == uuid
    assert patch.header("Content-Length") == "0"
    status = alice.request("GET", alice.target(patch))
    assert status.header("Docker-Upload-UUID") == uuid
    assert alice.target(status)


def test_query_parameters_of_the_client_are_no_harm(alice, repository):
    data = blob_of(1000)
    session = alice.begin(repository)
    location = session.location
    joiner = "&" if "?" in location else "?"
    response = alice.request("PATCH", f"{location}{joiner}client=mine&x=%20y", body=data)
    assert response.status == 202, str(response)
    digest = quote(content.digest_of(data))
    response = alice.request("PUT", f"{location}{joiner}client=mine&digest={digest}&x=%20y")
    check_created(alice, repository, response, data)


def test_the_digest_may_be_unescaped(alice, repository):
    data = blob_of(1000)
    session = alice.begin(repository)
    joiner = "&" if "?" in session.location else "?"
    target = f"{session.location}{joiner}digest={content.digest_of(data)}"
    check_created(alice, repository, alice.request("PUT", target, body=data), data)


def test_put_without_a_digest(alice, repository):
    session = alice.begin(repository)
    assert session.patch(b"abc").status == 202
    response = alice.request("PUT", session.location)
    assert response.status == 400, str(response)
    assert response.error_codes() == ["DIGEST_INVALID"]
    assert session.status().status == 204


def test_a_finished_session_is_gone(alice, repository):
    data = blob_of(100)
    session = alice.begin(repository)
    assert session.put(content.digest_of(data), data).status == 201
    for response in (session.status(), session.patch(b"x"), session.put(content.digest_of(b""))):
        assert response.status == 404, str(response)
        assert response.error_codes() == ["BLOB_UPLOAD_UNKNOWN"]


def test_cancel(alice, repository):
    session = alice.begin(repository)
    assert session.patch(b"abc").status == 202
    response = session.delete()
    assert response.status == 204, str(response)
    for response in (
        session.status(),
        session.patch(b"x"),
        session.put(content.digest_of(b"abc")),
        session.delete(),
    ):
        assert response.status == 404, str(response)
        assert response.error_codes() == ["BLOB_UPLOAD_UNKNOWN"]


def test_cancel_needs_push_only(alice, repository):
    session = alice.begin(repository)
    token = alice.get_token([f"repository:{repository}:pull,push"]).json()["token"]
    response = alice.raw(
        "DELETE", session.location, headers=[("Authorization", f"Bearer {token}")]
    )
    assert response.status == 204, str(response)


@pytest.mark.parametrize(
    "identity",
    [
        "00000000-0000-4000-8000-000000000000",
        "x",
        "..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fholdfast.db",
        "a" * 3000,
        "%00",
    ],
)
def test_an_unknown_session(alice, repository, identity):
    alice.begin(repository)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        query = f"?digest={quote(content.digest_of(b''))}" if method == "PUT" else ""
        response = alice.request(method, f"/v2/{repository}/blobs/uploads/{identity}{query}")
        assert response.status in (400, 404), str(response)
        assert response.error_codes()


def test_a_session_belongs_to_its_repository(alice, repository, other_repository):
    alice.begin(other_repository)
    session = alice.begin(repository)
    assert session.patch(b"abc").status == 202
    foreign = session.location.replace(f"/v2/{repository}/", f"/v2/{other_repository}/")
    assert foreign != session.location
    digest = quote(content.digest_of(b"abc"))
    joiner = "&" if "?" in foreign else "?"
    for response in (
        alice.request("GET", foreign),
        alice.request("PATCH", foreign, body=b"x"),
        alice.request("PUT", f"{foreign}{joiner}digest={digest}"),
        alice.request("DELETE", foreign),
    ):
        assert response.status == 404, str(response)
        assert response.error_codes() == ["BLOB_UPLOAD_UNKNOWN"]
    check_created(alice, repository, session.put(content.digest_of(b"abc")), b"abc")


@pytest.mark.parametrize("value", ["text/plain", "application/json"])
def test_a_wrong_content_type_of_a_chunk(alice, repository, value):
    session = alice.begin(repository)
    response = session.patch(b"abc", headers=[("Content-Type", value)])
    assert response.status in (400, 415), str(response)
    assert session.status().header("Range") == "0-0"


def test_expect_100_continue(alice, repository):
    data = blob_of(100000)
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    joiner = "&" if "?" in session.location else "?"
    target = f"{session.location}{joiner}digest={quote(content.digest_of(data))}"
    with alice.connect() as connection:
        connection.send_head(
            "PUT",
            target,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Content-Length", str(len(data))),
                ("Expect", "100-continue"),
            ],
        )
        interim = connection.read_head()
        assert interim.status == 100, str(interim)
        connection.send(data)
        response = connection.read_response("PUT")
    check_created(alice, repository, response, data)


def test_expect_100_continue_refused_before_the_body(alice, repository):
    """Without a credential the final answer comes at once: no body is asked for."""
    session = alice.begin(repository)
    with alice.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Content-Length", "100000000"),
                ("Expect", "100-continue"),
            ],
        )
        response = connection.read_response("PATCH")
    assert response.status == 401, str(response)
    assert response.interim == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_truncated_body_keeps_what_came_and_can_be_resumed(alice, repository, chunked):
    data = blob_of(300000)
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(data)))
    with alice.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [("Host", connection.authority), ("Authorization", f"Bearer {token}"), framing],
        )
        part = data[:200000]
        connection.send(b"%x\r\n" % len(part) + part + b"\r\n" if chunked else part)
        connection.reset()

    # The server may notice later than we ask, and may hold the session until then.
    def quiet():
        status = session.status()
        if status.status != 204:
            return None
        return status.header("Range")

    seen = wait_until(quiet, "the session answers")
    last = int(seen.partition("-")[2])
    start = last + 1 if last else 0
    assert start <= 200000

    def resume():
        status = session.status()
        assert status.status == 204, str(status)
        last = int(status.header("Range").partition("-")[2])
        start = last + 1 if last else 0
        response = session.patch(data[start:], f"{start}-{len(data) - 1}")
        return response if response.status == 202 else None

    response = wait_until(resume, "the rest is taken")
    assert response.header("Range") == f"0-{len(data) - 1}"

    def finish():
        response = session.put(content.digest_of(data))
        return response if response.status != 503 else None

    check_created(alice, repository, wait_until(finish, "the end of whoever holds the session"), data)


def test_a_truncated_put_creates_nothing(alice, repository):
    data = blob_of(300000)
    digest = content.digest_of(data)
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    joiner = "&" if "?" in session.location else "?"
    with alice.connect() as connection:
        connection.send_head(
            "PUT",
            f"{session.location}{joiner}digest={quote(digest)}",
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Content-Length", str(len(data))),
            ],
        )
        connection.send(data[:-1])
        connection.reset()
    wait_until(lambda: session.status().status in (204, 404), "the session answers")
    assert alice.blob(repository, digest, method="HEAD").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"-1\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nabc",
        b"3\nabc\n0\n\n",
    ],
)
def test_broken_chunk_framing(alice, repository, body):
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    with alice.connect() as connection:
        connection.send_head(
            "PATCH",
            session.location,
            [
                ("Host", connection.authority),
                ("Authorization", f"Bearer {token}"),
                ("Transfer-Encoding", "chunked"),
            ],
        )
        connection.send(body)
        try:
            response = connection.read_response("PATCH")
            assert response.status == 400, str(response)
        except ConnectionClosed:
            pass
        assert connection.closed_by_server(), "bytes after a broken chunk must not be a request"


def test_a_declared_length_beyond_reason(alice, repository):
    session = alice.begin(repository)
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    for length in ("99999999999999999999999", "-1", "abc", "1,2", "0x10", "+5"):
        with alice.connect() as connection:
            connection.send_head(
                "PATCH",
                session.location,
                [
                    ("Host", connection.authority),
                    ("Authorization", f"Bearer {token}"),
                    ("Content-Length", length),
                ],
            )
            response = connection.read_response("PATCH")
            assert response.status in (400, 413), f"{length}: {response}"
    assert session.status().status == 204
