"""What one user or address may ask for at a time, each with its answer and its metric."""

import contextlib
import re

import pytest
from harness import content
from harness.http_client import ConnectionClosed
from harness.tools import wait_until


def met(server, limit: str) -> int:
    """How often a limit was met, by /metrics."""
    text = server.client().raw("GET", "/metrics").body.decode()
    found = re.search(rf'^holdfast_limit_met_total{{limit="{limit}"}} (\d+)', text, re.MULTILINE)
    assert found, f"no metric of {limit}"
    return int(found.group(1))


def test_the_server_takes_all_descriptors_it_may_have(holdfast):
    server = holdfast(prefix=["prlimit", "--nofile=64:4096"])
    limits = open(f"/proc/{server.ready['pid']}/limits").read()
    assert re.search(r"Max open files\s+4096\s+4096", limits), limits


def test_requests_of_one_user(holdfast):
    server = holdfast({"limits.requests_per_user": 5, "create_repository_on_push": True})
    server.add_user("alice", "correct horse battery")
    server.add_user("bob", "correct horse battery")
    alice = server.client("alice", "correct horse battery")
    token = alice.token_for([])
    headers = [("Authorization", f"Bearer {token}")]
    answers = [alice.raw("GET", "/v2/", headers=headers) for _ in range(40)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused and answers[0].status == 200
    assert refused[0].header("Retry-After") == "1"
    assert refused[0].json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert met(server, "requests_per_user") >= len(refused)
    # Others are not touched, and the user may go on.
    bob = server.client("bob", "correct horse battery")
    assert bob.raw("GET", "/v2/", headers=[("Authorization", f"Bearer {bob.token_for([])}")]).status == 200
    wait_until(lambda: alice.raw("GET", "/v2/", headers=headers).status == 200, "the share fills up", timeout=10)


def test_requests_of_one_address(holdfast):
    server = holdfast({"limits.requests_per_address": 5})
    client = server.client()
    answers = [client.raw("GET", "/v2/") for _ in range(40)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused and answers[0].status == 401
    assert refused[0].header("Retry-After") == "1"
    wait_until(lambda: client.raw("GET", "/v2/").status == 401, "the share fills up", timeout=10)
    wait_until(lambda: client.raw("GET", "/_ping").status == 200, "another request", timeout=10)


def test_connections_of_one_address(holdfast):
    server = holdfast({"limits.connections_per_address": 5})
    client = server.client(origin=server.http)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(client.connect())
            assert connection.request("GET", "/v2/").status == 401
        extra = stack.enter_context(client.connect(timeout=10))
        with contextlib.suppress(ConnectionClosed, ConnectionError):
            assert extra.request("GET", "/v2/").status == 503
        # Over one that is open: until the server sees their end, a new one would be refused too.
        text = connection.request("GET", "/metrics").body.decode()
        assert 'holdfast_limit_met_total{limit="connections_per_address"} 1\n' in text, text

    def room_again():
        with contextlib.suppress(ConnectionClosed, ConnectionError):
            return client.raw("GET", "/v2/").status == 401
        return False

    wait_until(room_again, "room again", timeout=20)


def begin_slowly(client, repository: str, stack, announced: int, sent: bytes):
    """An upload whose body is under way; gives the session and the connection."""
    session = client.begin(repository)
    token = client.token_for([f"repository:{repository}:pull,push"])
    connection = stack.enter_context(client.connect())
    connection.send_head(
        "PATCH",
        session.location,
        [
            ("Host", connection.authority),
            ("Authorization", f"Bearer {token}"),
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(announced)),
        ],
    )
    connection.send(sent)
    return session, connection


def test_uploads_of_one_user(holdfast):
    server = holdfast({"limits.uploads_per_user": 2, "create_repository_on_push": True})
    admin = server.admin_client()
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            begin_slowly(admin, "admin/app", stack, 1000, b"x")

        def refused():
            answer = admin.begin("admin/app").patch(b"abc")
            return answer if answer.status == 429 else None

        answer = wait_until(refused, "the third is refused", timeout=10)
        assert answer.header("Retry-After") == "5"
        assert met(server, "uploads_per_user") >= 1
    wait_until(lambda: admin.begin("admin/app").patch(b"abc").status == 202, "room again", timeout=20)


def test_bytes_of_one_users_uploads(holdfast):
    server = holdfast({"limits.upload_bytes_per_user": "100KiB", "create_repository_on_push": True})
    admin = server.admin_client()
    data = content.random_blob(90_000)
    admin.push_blob("admin/app", data)
    admin.push_blob("admin/app", content.random_blob(90_000))  # one after the other is no matter
    answer = admin.begin("admin/app").patch(content.random_blob(200_000))
    assert answer.status == 429, str(answer)
    assert met(server, "upload_bytes_per_user") >= 1


def test_tags_of_one_repository(holdfast):
    server = holdfast({"limits.tags": 3, "create_repository_on_push": True})
    admin = server.admin_client()
    image = content.image()
    for tag in ("a", "b", "c"):
        admin.push("admin/app", image, tag)
    answer = admin.put_manifest("admin/app", "d", image.body, image.media_type)
    assert answer.status == 403, str(answer)
    assert "3 tags" in answer.json()["errors"][0]["message"]
    # One that is there may move, and by digest there is always room.
    assert admin.put_manifest("admin/app", "a", image.body, image.media_type).status == 201
    assert met(server, "tags") == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_body_that_trickles_is_cut_off(holdfast, scheme):
    server = holdfast(
        {"limits.body_timeout": "2s", "limits.body_rate": "1KiB", "create_repository_on_push": True}
    )
    admin = server.admin_client(origin=getattr(server, scheme))
    with contextlib.ExitStack() as stack:
        session, connection = begin_slowly(admin, "admin/app", stack, 1_000_000, b"x")

        def trickle():
            try:
                connection.send(b"x")
            except OSError:
                return True
            return met(server, "body_timeout") >= 1

        wait_until(trickle, "the rate is looked at", timeout=20)
    assert met(server, "body_timeout") == 1
    assert session.status().status == 204
