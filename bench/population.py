"""A large installation, straight into the database by SQL that both engines speak.

10,000 users, 1,000 organizations with three teams each, 100,000 repositories, 100,000 tags in one of
them, 10,000,000 events. What the API made before stands beside it: an administrator, a user, and a
repository with images.
"""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

from servers import PATH, need

USERS, ORGANIZATIONS, REPOSITORIES, TAGS, EVENTS = 10_000, 1_000, 100_000, 100_000, 10_000_000
EVERYBODY = "everybody"  # an organization with every user in it
FIRST = 1_000_000  # ids of rows that are made here begin behind it
YEAR_MICROS = 365 * 86_400 * 1_000_000


def user(number: int) -> str:
    return f"u{number:07}"


def organization(number: int) -> str:
    return f"o{number:07}"


def numbers(count: int) -> str:
    return f"WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "


def _padded(number: str, digits: int = 7) -> str:
    return f"substr(CAST({10**digits} + {number} AS TEXT), 2)"


def _uuid(kind: int, number: str) -> str:
    return f"'{kind:08}-0000-4000-8000-' || {_padded(number, 12)}"


_ACCOUNT = ("INSERT INTO accounts (id, uuid, name, kind, full_name, is_administrator, is_active, must_change_password, "
            "password_hash, version, created_at, members_count, teams_count, search_text) ")
_TEAM_OF = f"{FIRST + USERS} + (i - 1) / 3 + 1"  # the organization of the i-th team


def statements(now_micros: int, member: str, home: str) -> list[str]:
    """`member`: a user who is to be in three organizations; `home`: the repository that gets the tags."""
    everybody = FIRST + USERS + ORGANIZATIONS + 1
    member_id = f"(SELECT id FROM accounts WHERE name = '{member}')"
    member_uuid = f"(SELECT uuid FROM accounts WHERE name = '{member}')"
    home_id = f"(SELECT id FROM repositories WHERE full_name = '{home}')"
    repository = f"'o' || {_padded(f'1 + i % {ORGANIZATIONS}')} || '/r' || {_padded('i')}"
    return [
        numbers(USERS) + _ACCOUNT + f"SELECT {FIRST} + i, {_uuid(1, 'i')}, 'u' || {_padded('i')}, 0, 'User ' || i, 0, 1, 0, '!', 1, 0, 0, 0, 'u' || {_padded('i')} || ' user ' || i FROM n",
        numbers(ORGANIZATIONS) + _ACCOUNT
        + f"SELECT {FIRST + USERS} + i, {_uuid(1, f'{USERS} + i')}, 'o' || {_padded('i')}, 1, 'Organization ' || i, 0, 1, 0, '', 1, 0, 10, 3, 'o' || {_padded('i')} || ' organization ' || i FROM n",
        _ACCOUNT + f"VALUES ({everybody}, {_uuid(1, '999999')}, '{EVERYBODY}', 1, 'Everybody', 0, 1, 0, '', 1, 0, {USERS}, 0, '{EVERYBODY} everybody')",
        numbers(USERS) + "INSERT INTO organization_members (organization_id, user_id, is_owner, user_uuid) "
        f"SELECT {FIRST + USERS} + 1 + i % {ORGANIZATIONS}, {FIRST} + i, CASE WHEN i <= {ORGANIZATIONS} THEN 1 ELSE 0 END, {_uuid(1, 'i')} FROM n",
        numbers(USERS) + f"INSERT INTO organization_members (organization_id, user_id, is_owner, user_uuid) SELECT {everybody}, {FIRST} + i, 0, {_uuid(1, 'i')} FROM n",
        numbers(3 * ORGANIZATIONS) + "INSERT INTO teams (id, uuid, organization_id, name, description, members_count) "
        f"SELECT {FIRST} + i, {_uuid(2, 'i')}, {_TEAM_OF}, 'team' || (i % 3), '', 5 FROM n",
        numbers(15 * ORGANIZATIONS) + "INSERT INTO team_members (team_id, user_id, is_admin, user_uuid) "
        f"SELECT {FIRST} + (i - 1) / 5 + 1, {FIRST} + 1 + ((i - 1) / 15 + ((i - 1) % 5) * {ORGANIZATIONS} + {ORGANIZATIONS - 1}) % {USERS}, 0, "
        f"{_uuid(1, f'(1 + ((i - 1) / 15 + ((i - 1) % 5) * {ORGANIZATIONS} + {ORGANIZATIONS - 1}) % {USERS})')} FROM n",
        numbers(3) + f"INSERT INTO organization_members (organization_id, user_id, is_owner, user_uuid) SELECT {FIRST + USERS} + i * 250, {member_id}, 0, {member_uuid} FROM n",
        numbers(3) + f"INSERT INTO team_members (team_id, user_id, is_admin, user_uuid) SELECT {FIRST} + (i * 250 - 1) * 3 + 1, {member_id}, 0, {member_uuid} FROM n",
        numbers(REPOSITORIES) + "INSERT INTO repositories (id, uuid, namespace_id, full_name, visibility, created_at, short_description) "
        f"SELECT {FIRST} + i, {_uuid(3, 'i')}, {FIRST + USERS} + 1 + i % {ORGANIZATIONS}, {repository}, i % 3 / 2, 0, 'What number ' || i || ' does' FROM n",
        # Team 0 writes to its whole namespace, the others to a repository of it.
        numbers(3 * ORGANIZATIONS) + "INSERT INTO grants (team_id, namespace_id, repository_id, level) "
        f"SELECT {FIRST} + i, {_TEAM_OF}, CASE WHEN i % 3 = 1 THEN 0 ELSE {FIRST} + (i - 1) / 3 + {ORGANIZATIONS} * (i % 3) END, 2 FROM n",
        # The tags go round the images that are there.
        numbers(TAGS) + "INSERT INTO tags (repository_id, name, manifest_id, pushed_by, pushed_at, created_at) "
        f"SELECT {home_id}, 't' || {_padded('i')}, m.id, m.pushed_by, m.pushed_at, m.pushed_at FROM n "
        "JOIN (SELECT id, pushed_by, pushed_at, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS total "
        f"FROM manifests WHERE repository_id = {home_id}) m ON m.place = n.i % m.total",
        numbers(EVENTS) + "INSERT INTO events (at, type, actor_id, actor_name, address, client, request_id, repository, tag, digest, "
        "media_type, object, count, detail, namespace) "
        f"SELECT {now_micros - YEAR_MICROS} + i * {YEAR_MICROS // EVENTS}, "
        "CASE i % 10 WHEN 0 THEN 'tag_pushed' WHEN 1 THEN 'manifest_pushed' WHEN 2 THEN 'tag_deleted' ELSE 'manifest_pulled' END, "
        f"{FIRST} + 1 + i % {USERS}, 'u' || {_padded(f'1 + i % {USERS}')}, '192.0.2.7', 'docker/20.10.24', 'request', "
        f"'o' || {_padded(f'1 + i % {ORGANIZATIONS}')} || '/r' || {_padded(f'1 + i % {REPOSITORIES}')}, "
        f"'latest', 'sha256:{'0' * 54}' || {_padded('i', 10)}, "
        f"'application/vnd.oci.image.manifest.v1+json', '', 1, '', 'o' || {_padded(f'1 + i % {ORGANIZATIONS}')} FROM n",
        "DELETE FROM traffic_cursor",
        "INSERT INTO traffic_cursor (one, last_event_id) SELECT 1, max(id) FROM events",
    ]


def fill(data_folder: Path, sql: list[str]):
    """Into the database of a server that is stopped. PostgreSQL is left as its own cleaning leaves it in time."""
    if url := os.environ.get("BENCH_DATABASE_URL"):
        subprocess.run([need("psql", "postgresql-client"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", ";".join(sql),
                        "-c", "VACUUM (ANALYZE)", url], check=True, env={"PATH": PATH})
        return
    with contextlib.closing(sqlite3.connect(data_folder / "holdfast.db")) as database, database:
        # Indexes grow at random places: in memory they grow fast.
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4000000"):
            database.execute(f"PRAGMA {setting}")
        for statement in sql:
            database.execute(statement)
        database.commit()
        database.execute("PRAGMA journal_mode = WAL")
