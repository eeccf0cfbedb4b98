"""holdfast admin: beside a running server, and alone on the data folder."""

import pytest

from conftest import PASSWORD
from harness import content


@pytest.fixture(params=["running", "stopped"])
def installed(request, holdfast):
    """A server that runs, or one that ran: every verb works in both."""
    server = holdfast({"create_repository_on_push": True})
    server.wanted = request.param
    if request.param == "stopped":
        server.stop()
    return server


def running(server):
    """The server started, whatever the case was."""
    if server.process is None:
        server.start()
    return server


def test_user_add(installed):
    installed.add_user("alice", PASSWORD)
    server = running(installed)
    assert server.client("alice", PASSWORD).get_token([]).status == 200
    assert server.client("alice", PASSWORD + "x", source="127.0.7.1").get_token([]).status == 401


def test_user_add_makes_an_administrator(installed):
    installed.add_user("root2", PASSWORD, administrator=True)
    installed.create_repository("admin/private")
    server = running(installed)
    assert server.client("root2", PASSWORD).tags("admin/private").status == 200


def test_user_add_twice(installed):
    installed.add_user("alice", PASSWORD)
    result = installed.admin(
        "user", "add", "alice", "--password-stdin", stdin="another one\n", expect=None
    )
    assert "alice" in result.stderr and "exist" in result.stderr, result.stderr
    assert running(installed).client("alice", PASSWORD).get_token([]).status == 200


@pytest.mark.parametrize("name", ["", "A", "a", "-x", "x-", "a b", "a/b", "x" * 41, "ä", "..", "v2"])
def test_user_add_with_a_bad_name(installed, name):
    result = installed.admin(
        "user", "add", name, "--password-stdin", stdin=PASSWORD + "\n", expect=None
    )
    assert result.returncode > 0
    assert result.stderr.strip()


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_user_add_with_a_bad_password(installed, password):
    result = installed.admin(
        "user", "add", "alice", "--password-stdin", stdin=password + "\n", expect=None
    )
    assert "password" in result.stderr.lower(), result.stderr
    listed = installed.admin("user", "list").stdout
    assert "alice" not in listed


def test_user_passwd(installed):
    installed.add_user("alice", PASSWORD)
    installed.admin("user", "passwd", "alice", "--password-stdin", stdin="another password\n")
    server = running(installed)
    assert server.client("alice", "another password").get_token([]).status == 200
    assert server.client("alice", PASSWORD, source="127.0.7.2").get_token([]).status == 401


def test_user_list(installed):
    installed.add_user("zoe", PASSWORD)
    installed.add_user("alice", PASSWORD)
    lines = installed.admin("user", "list").stdout.splitlines()
    names = [word for line in lines for word in line.split()[:1] if word in ("admin", "alice", "zoe")]
    assert names == ["admin", "alice", "zoe"]
    assert PASSWORD not in "\n".join(lines)
    assert "argon2" not in "\n".join(lines)


def test_user_disable(installed):
    installed.add_user("alice", PASSWORD)
    installed.admin("user", "disable", "alice")
    server = running(installed)
    assert server.client("alice", PASSWORD).get_token([]).status == 401


def test_the_last_administrator_stays(installed):
    result = installed.admin("user", "disable", "admin", expect=None)
    assert "last" in result.stderr, result.stderr
    assert running(installed).admin_client().get_token([]).status == 200


def test_unknown_users(installed):
    for arguments in (["user", "disable", "nobody"], ["user", "passwd", "nobody", "--password-stdin"]):
        result = installed.admin(*arguments, stdin=PASSWORD + "\n", expect=None)
        assert "nobody" in result.stderr, result.stderr


def test_repo_create_list_delete(installed):
    installed.add_user("alice", PASSWORD)
    installed.create_repository("alice/b")
    installed.create_repository("alice/a", public=True)
    installed.create_repository("alice/a/deep")
    text = installed.admin("repo", "list").stdout
    names = [word for line in text.splitlines() for word in line.split() if word.startswith("alice/")]
    assert names == ["alice/a", "alice/a/deep", "alice/b"]
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith("alice/")}
    assert "public" in lines["alice/a"] and "private" in lines["alice/b"]
    installed.admin("repo", "delete", "alice/b")
    assert "alice/b" not in installed.admin("repo", "list").stdout
    server = running(installed)
    assert server.client("alice", PASSWORD).tags("alice/b").status == 404
    assert server.client().tags("alice/a").status == 200
    assert server.client().tags("alice/a/deep").status != 200


def test_repo_create_is_private_unless_told(installed):
    installed.admin("repo", "create", "admin/app")
    server = running(installed)
    assert server.client().tags("admin/app").status != 200
    assert server.admin_client().tags("admin/app").status == 200


@pytest.mark.parametrize("name", ["app", "nobody/app", "admin/APP", "admin/", "/app", "admin/a b", ""])
def test_repo_create_with_a_bad_name(installed, name):
    result = installed.admin("repo", "create", name, expect=None)
    assert result.returncode > 0
    assert result.stderr.strip()


def test_repo_create_twice(installed):
    installed.create_repository("admin/app")
    result = installed.admin("repo", "create", "admin/app", expect=None)
    assert "exist" in result.stderr, result.stderr


def test_repo_delete_unknown(installed):
    result = installed.admin("repo", "delete", "admin/none", expect=None)
    assert "admin/none" in result.stderr, result.stderr


def test_repo_delete_leaves_shared_blobs(holdfast):
    server = holdfast({"create_repository_on_push": True})
    client = server.admin_client()
    image = content.image()
    client.push("admin/one", image, "v1")
    client.push("admin/two", image, "v1")
    server.admin("repo", "delete", "admin/one")
    assert client.manifest("admin/two", "v1").body == image.body
    for data in image.blobs:
        assert client.blob("admin/two", content.digest_of(data)).body == data


def test_many_at_once(holdfast):
    from concurrent.futures import ThreadPoolExecutor

    server = holdfast()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: server.create_repository(f"admin/r{n:02}"), range(12)))
    text = server.admin("repo", "list").stdout
    assert [word for word in text.split() if word.startswith("admin/")] == [
        f"admin/r{number:02}" for number in range(12)
    ]


def test_on_a_folder_that_is_none(holdfast, folder):
    server = holdfast(start=False)
    result = server.admin("user", "list", expect=None)
    assert str(server.data) in result.stderr, result.stderr
    assert not server.data.exists(), "a wrong path must not become a data folder"


def test_beside_a_server_that_crashed(holdfast):
    server = holdfast()
    server.kill()
    server.add_user("alice", PASSWORD)
    server.start()
    assert server.client("alice", PASSWORD).get_token([]).status == 200


def test_usage_errors(holdfast):
    server = holdfast(start=False)
    for arguments in ([], ["user"], ["user", "fly"], ["repo", "create"], ["repo", "create", "a/b", "--sideways"]):
        result = server.cli("admin", *arguments, expect=None)
        assert result.stderr.strip() or result.stdout.strip()
