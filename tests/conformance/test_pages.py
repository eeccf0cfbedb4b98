"""Lists in one piece: clients ask for 100,000 rows at once. Long pages are whole, and go out while they are made."""

import pytest

from harness import postgres
from harness.rest import Rest

USERS = 2600
REPOSITORIES = 40_000


def values(server, count: int, row: str) -> str:
    """A statement's rows, made in the database: `row` is said of each number n."""
    if postgres.chosen():
        return f"SELECT {row} FROM generate_series(1, {count}) AS numbers(n)"
    return (f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "
            f"SELECT {row} FROM numbers")


def padded(number: str) -> str:
    return f"substr('0000000' || {number}, length('0000000' || {number}) - 6)"


@pytest.fixture
def api(holdfast):
    """A server with many accounts, and many repositories of the administrator's."""
    server = holdfast()
    number, cast = padded("CAST(n AS text)"), "CAST(n AS text)"
    server.sql(
        "INSERT INTO accounts (uuid, name, kind, full_name, is_administrator, is_active, must_change_password, "
        "password_hash, version, created_at) " + values(
            server, USERS, f"'10000000-0000-4000-8000-00000' || {number}, 'u' || {number}, 0, 'User ' || {cast}, "
                           "0, 1, 0, '!', 1, 0"))
    server.sql(
        "INSERT INTO repositories (uuid, namespace_id, full_name, visibility, created_at, short_description) " + values(
            server, REPOSITORIES, f"'20000000-0000-4000-8000-00000' || {number}, "
            f"(SELECT id FROM accounts WHERE name = 'admin'), 'admin/r' || {number}, 1, 0, 'The number ' || {cast}"))
    yield Rest(server.admin_client(), "")


def pages(api, path: str, key: str, size: str, limit: int):
    """Every page by following X-Next-Page-Start: (whether it came in chunks, rows)."""
    start = ""
    while start is not None:
        answer = api.call("GET", f"{path}?{size}={limit}&{start}")
        assert answer.status == 200, str(answer)
        yield answer.header("Transfer-Encoding") == "chunked", answer.json()[key]
        following = answer.header("X-Next-Page-Start")
        start = following and f"{'start' if size == 'limit' else 'pageStart'}={following}"


@pytest.mark.parametrize("limit", [1000, 1001, 1500, 100_000])
def test_accounts(api, limit):
    found = list(pages(api, "/enzi/v0/accounts", "accounts", "limit", limit))
    names = [row["name"] for _, rows in found for row in rows]
    assert names == ["admin", *(f"u{number:07}" for number in range(1, USERS + 1))]
    assert [len(rows) for _, rows in found[:-1]] == [limit] * (len(found) - 1)
    # What is longer than a thousand rows goes out while it is made.
    assert [chunked for chunked, _ in found] == [len(rows) > 1000 for _, rows in found]
    body = api.get(f"/enzi/v0/accounts?limit={limit}")
    assert body["usersCount"] == USERS + 1 and body["resourceCount"] == USERS + 1
    assert body["nextPageStart"] == (f"u{limit:07}" if limit < USERS else "")


def test_repositories(api):
    (chunked, rows), = pages(api, "/api/v0/repositories", "repositories", "pageSize", 100_000)
    assert chunked and len(rows) == REPOSITORIES
    assert [row["name"] for row in rows] == [f"r{number:07}" for number in range(1, REPOSITORIES + 1)]
    assert rows[0]["shortDescription"] == "The number 1"
