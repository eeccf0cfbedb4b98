"""Chunked uploads: order, gaps, replays, stale Locations."""

import pytest

from harness import content

DATA = content.random_blob(30)


def length_of(client_session) -> int:
    status = client_session.status()
    assert status.status == 204, str(status)
    first, _, last = status.header("Range").partition("-")
    assert first == "0"
    return int(last) + 1


def test_chunks_in_order(alice, repository):
    session = alice.begin(repository)
    for start in (0, 10, 20):
        response = session.patch(DATA[start : start + 10], f"{start}-{start + 9}")
        assert response.status == 202, str(response)
        assert response.header("Range") == f"0-{start + 9}"
        assert length_of(session) == start + 10
    assert session.put(content.digest_of(DATA)).status == 201
    assert alice.blob(repository, content.digest_of(DATA)).body == DATA


@pytest.mark.parametrize(
    ("first", "last"),
    [(11, 20), (9, 18), (0, 9), (5, 14), (20, 29), (1000000000000, 1000000000009)],
)
def test_a_chunk_out_of_order(alice, repository, first, last):
    session = alice.begin(repository)
    assert session.patch(DATA[:10], "0-9").status == 202
    response = session.patch(b"x" * (last - first + 1), f"{first}-{last}")
    assert response.status == 416, str(response)
    assert response.error_codes() == ["RANGE_INVALID"]
    assert length_of(session) == 10
    assert session.patch(DATA[10:], "10-29").status == 202
    assert session.put(content.digest_of(DATA)).status == 201


def test_the_first_chunk_must_begin_at_zero(alice, repository):
    session = alice.begin(repository)
    response = session.patch(DATA[:10], "10-19")
    assert response.status == 416, str(response)
    assert session.status().header("Range") == "0-0"


@pytest.mark.parametrize(
    "value",
    ["9-0", "a-b", "0-", "-9", "0", "", "bytes=0-9", "0-9-10", "0x0-0x9", "-1-8", "0-99999999999999999999999", " 0 - 9 "],
)
def test_a_malformed_content_range(alice, repository, value):
    session = alice.begin(repository)
    response = session.patch(DATA[:10], value)
    assert response.status in (400, 416), str(response)
    assert response.error_codes()
    assert session.status().header("Range") == "0-0"
    assert session.patch(DATA, "0-29").status == 202


@pytest.mark.parametrize("value", ["0-8", "0-10", "0-0", "0-29"])
def test_a_range_that_is_not_the_body(alice, repository, value):
    session = alice.begin(repository)
    response = session.patch(DATA[:10], value)
    assert response.status == 400, str(response)
    assert response.error_codes() == ["SIZE_INVALID"]
    # Nothing of a chunk that lied about its length may count.
    assert session.status().header("Range") == "0-0"
    assert session.patch(DATA, "0-29").status == 202
    assert session.put(content.digest_of(DATA)).status == 201


def test_single_byte_chunks(alice, repository):
    session = alice.begin(repository)
    for position in range(len(DATA)):
        response = session.patch(DATA[position : position + 1], f"{position}-{position}")
        assert response.status == 202, str(response)
        assert response.header("Range") == f"0-{position}"
    assert session.put(content.digest_of(DATA)).status == 201
    assert alice.blob(repository, content.digest_of(DATA)).body == DATA


def test_chunks_without_a_range_append(alice, repository):
    session = alice.begin(repository)
    for start in (0, 10, 20):
        assert session.patch(DATA[start : start + 10]).status == 202
    assert session.put(content.digest_of(DATA)).status == 201


def test_a_chunk_with_a_range_in_chunked_encoding(alice, repository):
    session = alice.begin(repository)
    response = session.patch([DATA[:3], DATA[3:10]], "0-9")
    assert response.status == 202, str(response)
    assert response.header("Range") == "0-9"
    response = session.patch([DATA[10:19]], "10-19")  # one byte short of what it says
    assert response.status == 400, str(response)


def test_stale_locations_tell_the_state_and_refuse_replays(alice, repository):
    session = alice.begin(repository)
    assert session.patch(DATA[:10], "0-9").status == 202
    assert session.patch(DATA[10:20], "10-19").status == 202
    assert len(session.locations) == 3
    for stale in session.locations[:-1]:
        status = session.status(at=stale)
        assert status.status == 204, str(status)
        assert status.header("Range") == "0-19"
    for stale in session.locations[:-1]:
        for start in (0, 10):
            replay = alice.request(
                "PATCH",
                stale,
                headers=[("Content-Range", f"{start}-{start + 9}")],
                body=DATA[start : start + 10],
            )
            assert replay.status == 416, str(replay)
    finish = session.put(content.digest_of(DATA), DATA[20:], "20-29", at=session.locations[0])
    assert finish.status == 201, str(finish)
    assert alice.blob(repository, content.digest_of(DATA)).body == DATA


@pytest.mark.parametrize("value", ["0-9", "21-30", "19-28"])
def test_a_final_chunk_out_of_order(alice, repository, value):
    session = alice.begin(repository)
    assert session.patch(DATA[:20], "0-19").status == 202
    response = session.put(content.digest_of(DATA), DATA[20:], value)
    assert response.status == 416, str(response)
    assert response.error_codes() == ["RANGE_INVALID"]
    assert length_of(session) == 20
    assert session.put(content.digest_of(DATA), DATA[20:], "20-29").status == 201


def test_a_final_chunk_of_the_wrong_length(alice, repository):
    session = alice.begin(repository)
    assert session.patch(DATA[:20], "0-19").status == 202
    response = session.put(content.digest_of(DATA), DATA[20:], "20-28")
    assert response.status == 400, str(response)
    assert alice.blob(repository, content.digest_of(DATA), method="HEAD").status == 404


def test_large_chunks_at_odd_offsets(alice, repository):
    """Offsets that fit no block size: what the storage layer aligns must not show."""
    data = content.random_blob(5 * (1 << 20) + 12345)
    session = alice.begin(repository)
    position = 0
    for size in (1, 4095, 4097, 1 << 20, (1 << 20) + 13, 2 * (1 << 20) - 5, 1 << 30):
        chunk = data[position : position + size]
        response = session.patch(chunk, f"{position}-{position + len(chunk) - 1}")
        assert response.status == 202, str(response)
        position += len(chunk)
        assert length_of(session) == position
    assert session.put(content.digest_of(data)).status == 201
    assert alice.blob(repository, content.digest_of(data)).body == data


def test_sha512_of_a_chunked_upload(alice, repository):
    data = content.random_blob(200000)
    session = alice.begin(repository)
    assert session.patch(data[:100001], "0-100000").status == 202
    assert session.patch(data[100001:], "100001-199999").status == 202
    digest = content.digest_of(data, "sha512")
    response = session.put(digest)
    assert response.status == 201, str(response)
    assert response.header("Docker-Content-Digest") == digest
    assert alice.blob(repository, digest).body == data
