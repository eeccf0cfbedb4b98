"""holdfast as a client: the program itself against a server with TLS."""

import json
import os
import pty
import stat
import subprocess
import termios
import time

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.cli import Cli
from harness.holdfast import ROOT
from harness.rest import Rest, new_name

GUIDE = ROOT / "docs/guide/cli.md"
MARK = "## Commands\n"


@pytest.fixture
def cli(server, folder):
    return Cli(server, folder)


@pytest.fixture
def root(cli, server):
    cli.login("admin", server.admin_password)
    return cli


@pytest.fixture
def tagged(alice, repository):
    """A repository of alice's with a tag."""
    alice.push(repository, content.image(), "1.0")
    return repository


def test_login_keeps_a_token_and_not_the_password(cli, server, admin):
    cli.login("admin", server.admin_password)
    text = cli.config.read_text()
    assert server.admin_password not in text
    assert stat.S_IMODE(cli.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.config.parent.stat().st_mode) == 0o700
    assert [path.name for path in cli.config.parent.iterdir()] == ["config.json"]
    kept = json.loads(text)["hosts"][cli.host]
    assert kept["user"] == "admin"
    tokens = Rest(admin, "/api/v0")
    path = f"/api_tokens/{kept['tokenId']}"
    assert tokens.get(path)["tokenLabel"].startswith("holdfast CLI on ")
    # Again: the token of before is gone. Logged out: this one is gone, too.
    cli.login("admin", server.admin_password)
    assert tokens.call("GET", path).status == 404
    second = json.loads(cli.config.read_text())["hosts"][cli.host]["tokenId"]
    tokens.get(f"/api_tokens/{second}")
    cli("logout")
    assert tokens.call("GET", f"/api_tokens/{second}").status == 404
    assert json.loads(cli.config.read_text()) == {"current": "", "hosts": {}}
    assert "holdfast login" in cli("repo", "list", expect=3).stderr


def test_login_with_a_wrong_password(cli, server):
    result = cli("login", cli.host, "-u", "admin", "--password-stdin", "--ca", str(server.ca),
                 stdin="wrong password\n", expect=3)
    assert "wrong password" not in result.stderr + result.stdout
    assert not cli.config.exists()


def test_login_by_a_token(root, server, folder):
    made = root.json("token", "create", "ci", "--password-stdin", "--expires", "30d", "--scope",
                     "acme/app:pull,push", stdin=server.admin_password + "\n")
    assert made["scope"] == [{"repository": "acme/app", "actions": ["pull", "push"]}]
    assert made["expiresAt"] > "2026"
    plain = root.json("token", "create", "ci", "--password-stdin", stdin=server.admin_password + "\n")
    other = Cli(server, folder / "other")
    other("login", other.host, "-u", "admin", "--token-stdin", "--ca", str(server.ca),
          stdin=plain["token"] + "\n")
    assert "admin" in other.names("user", "list")
    # Of a token that was given, logout is not the end.
    other("logout")
    root("token", "show", plain["hashedToken"])
    by_variables = {"HOLDFAST_HOST": other.host, "HOLDFAST_USER": "admin", "HOLDFAST_CA": str(server.ca)}
    assert "admin" in other("user", "list", HOLDFAST_TOKEN=plain["token"], **by_variables).stdout
    assert "HOLDFAST_USER" in other("user", "list", HOLDFAST_TOKEN=plain["token"],
                                    HOLDFAST_HOST=other.host, expect=3).stderr
    root("token", "disable", plain["hashedToken"])
    assert "holdfast login" in other("user", "list", HOLDFAST_TOKEN=plain["token"], **by_variables,
                                     expect=3).stderr
    root("token", "enable", plain["hashedToken"])
    assert plain["hashedToken"] in root.names("token", "list")
    root("token", "delete", plain["hashedToken"], "--yes")
    assert plain["hashedToken"] not in root.names("token", "list")


def test_passwords_are_no_arguments(cli):
    for words in (("login", cli.host, "--password", "x"), ("user", "create", "x", "--password", "x")):
        assert "--password" in cli(*words, expect=2).stderr


def test_users(root):
    name = new_name("user")
    root("user", "create", name, "--full-name", "Ada Lovelace", "--password-stdin", stdin=PASSWORD + "\n")
    assert name in root.names("user", "list")
    assert root.json("user", "show", name)["fullName"] == "Ada Lovelace"
    shown = root("user", "show", name).stdout
    assert "Ada Lovelace" in shown and "NAME" in shown
    root("user", "edit", name, "--active", "false", "--full-name", "Ada King")
    assert root.json("user", "show", name)["isActive"] is False
    assert name in root.names("user", "list", "--filter", "inactive-users")
    assert name not in root.names("user", "list", "--filter", "active-users")
    root("user", "edit", name, "--active", "true")
    root("user", "password", name, "--password-stdin", stdin=PASSWORD + "2\n")
    own = Cli(root.server, root.home / "own")
    own.login(name, PASSWORD + "2")
    assert "old password" in own("user", "password", name, "--password-stdin",
                                 stdin=f"{PASSWORD}\n{PASSWORD}3\n", expect=1).stderr
    own("user", "password", name, "--password-stdin", stdin=f"{PASSWORD}2\n{PASSWORD}3\n")
    assert "VERSION" in own("status").stdout
    assert "nothing to change" in root("user", "edit", name, expect=2).stderr
    root("user", "edit", name, "--admin", "maybe", expect=2)
    root("user", "delete", name, expect=2)
    root("user", "delete", name, "--yes")
    assert name not in root.names("user", "list")
    assert name in root("user", "show", name, expect=1).stderr


def test_organizations_and_teams(root):
    org, user, repo = new_name("org"), new_name("user"), new_name("app")
    root("user", "create", user, "--password-stdin", stdin=PASSWORD + "\n")
    root("org", "create", org, "--full-name", "Acme")
    assert org in root.names("org", "list")
    root("org", "edit", org, "--full-name", "Acme Ltd")
    assert root.json("org", "show", org)["fullName"] == "Acme Ltd"
    root("org", "add-member", org, user, "--owner", "true")
    assert root.json("org", "members", org)[0]["isAdmin"] is True
    assert user in root.names("org", "members", org)
    root("team", "create", org, "web", "--description", "Those who do")
    assert root.names("team", "list", org) == ["web"]
    root("team", "edit", org, "web", "--description", "Others")
    assert root.json("team", "show", org, "web")["description"] == "Others"
    root("team", "add-member", org, "web", user)
    assert root.names("team", "members", org, "web") == [user]
    root("repo", "create", f"{org}/{repo}")
    root("team", "grant", f"{org}/{repo}", "web", "read-write")
    root("team", "grant", org, "web", "read-only")
    assert root.json("repo", "access", f"{org}/{repo}")[0]["accessLevel"] == "read-write"
    assert root.names("repo", "access", org) == ["web"]
    assert root.names("team", "grants", org, "web") == [f"{org}/{repo}"]
    root("team", "revoke", f"{org}/{repo}", "web", "--yes")
    root("team", "revoke", org, "web", "--yes")
    assert root.names("team", "grants", org, "web") == root.names("repo", "access", org) == []
    root("team", "grant", org, "web", "everything", expect=1)
    root("team", "remove-member", org, "web", user, "--yes")
    root("team", "delete", org, "web", "--yes")
    root("org", "remove-member", org, user, "--yes")
    root("repo", "delete", f"{org}/{repo}", "--yes")
    root("org", "delete", org, "--yes")
    assert org not in root.names("org", "list")


def test_repositories_and_tags(root, tagged):
    namespace, _, name = tagged.partition("/")
    assert tagged in root.names("repo", "list")
    assert tagged in root.names("repo", "list-in", namespace)
    root("repo", "edit", tagged, "--description", "a \u202egnp.exe", "--immutable-tags", "true",
         "--visibility", "public", "--tag-limit", "7")
    shown = root("repo", "show", tagged)
    assert "\u202e" not in shown.stdout and "a \ufffdgnp.exe" in shown.stdout and "public" in shown.stdout
    assert root.json("repo", "show", tagged)["tagLimit"] == 7
    assert root.json("repo", "show", tagged)["shortDescription"] == "a \u202egnp.exe"
    assert "\\u202e" in root("repo", "show", tagged, "--json").stdout
    root("repo", "edit", tagged, "--immutable-tags", "false")
    assert tagged in root("search", name).stdout
    assert root.names("tag", "list", tagged) == ["1.0"]
    table = root("tag", "list", tagged).stdout.splitlines()
    assert table[0].split() == ["TAG", "DIGEST", "OS", "ARCH", "SIZE", "UPDATED"]
    assert table[1].startswith("1.0  sha256:")
    assert root.json("tag", "show", f"{tagged}:1.0")[0]["name"] == "1.0"
    root("tag", "delete", f"{tagged}:1.0", "--yes")
    assert root.names("tag", "list", tagged) == []
    assert root("repo", "show", tagged + "x", expect=1).stderr
    root("repo", "show", "no-slash", expect=2)


def test_pages_are_joined(root):
    org = new_name("org")
    root("org", "create", org)
    names = [f"{org}/r{number}" for number in range(5)]
    for name in names:
        root("repo", "create", name)
    first = root("repo", "list-in", org, "-q", "--limit", "2")
    assert first.stdout.split() == names[:2] and "--all" in first.stderr
    assert [row["name"] for row in root.json("repo", "list-in", org, "--limit", "5")] == [
        name.partition("/")[2] for name in names]
    assert root.names("repo", "list-in", org) == names
    for limit in ("0", "x", "-1"):
        root("repo", "list", "--limit", limit, expect=2)


def test_what_the_server_does(root):
    assert root.names("event", "list", "--type", "CREATE")
    assert "actor" in root.json("event", "list", "--limit", "1")[0]
    job = root.json("job", "run", "onlinegc")["id"]
    assert job in root.names("job", "list", "--action", "onlinegc")
    deadline = time.monotonic() + 60
    while root.json("job", "show", job)["status"] not in ("done", "error") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert root.json("job", "show", job)["status"] == "done"
    assert root.json("job", "logs", job)
    root("job", "delete", job, "--yes")
    root("job", "cancel", job, expect=1)
    root("cron", "set", "sleep", "0 0 3 1 1 *", "--param", "seconds=1")
    assert root.json("cron", "show", "sleep")["schedule"] == "0 0 3 1 1 *"
    assert root.json("cron", "show", "sleep")["parameters"] == {"seconds": "1"}
    assert "sleep" in root.names("cron", "list")
    assert len(root.json("cron", "list", "--limit", "1")) == 1
    root("cron", "delete", "sleep", "--yes")
    assert "sleep" not in root.names("cron", "list")
    key = "createRepositoryOnPush"
    assert root.json("settings", "show")[key] is True
    root("settings", "set", f"{key}=true")
    assert key in root("settings", "show").stdout
    root("settings", "set", f"{key}=perhaps", expect=1)
    root("settings", "set", key, expect=2)
    status = root.json("status")
    assert status["user"] == "admin" and status["version"] and "alerts" in status
    assert "VERSION" in root("status").stdout


def test_rights_are_the_users(cli):
    cli.login("bob", PASSWORD)
    for words in (("settings", "show"), ("job", "list"), ("org", "create", "x")):
        assert cli(*words, expect=1).stderr.startswith("holdfast: ")
    assert "alerts" not in cli.json("status")


def test_words_that_are_not_understood(cli):
    assert "\"repo\"" in cli("rpeo", "list", expect=2).stderr
    assert "\"list\"" in cli("repo", "lst", expect=2).stderr
    assert "\"--limit\"" in cli("repo", "list", "--limt", "3", expect=2).stderr
    assert "show" in cli("repo", expect=2).stderr
    assert "USER is missing" in cli("user", "show", expect=2).stderr
    assert "too many" in cli("user", "show", "a", "b", expect=2).stderr


def test_a_login_in_the_environment_is_no_setting_of_the_server(cli):
    cli("config", "check", HOLDFAST_HOST=cli.host, HOLDFAST_USER="x", HOLDFAST_TOKEN="x", HOLDFAST_CA="x")


def test_help_and_completion(cli):
    for words in (("repo", "--help"), ("repo", "list", "--help"), ("login", "--help")):
        assert "Usage:" in cli(*words).stdout
    assert cli("__complete", "to").stdout.split() == ["token"]
    assert cli("__complete", "ser").stdout.split() == ["serve"]
    assert cli("__complete", "tag", "").stdout.split() == ["list", "show", "delete"]
    assert "--all" in cli("__complete", "tag", "list", "--").stdout.split()
    for shell in ("bash", "zsh", "fish"):
        assert "__complete" in cli("completion", shell).stdout
    cli("completion", "tcsh", expect=2)
    script = cli("completion", "bash").stdout + (
        "COMP_WORDS=(holdfast cron d); COMP_CWORD=2; _holdfast; echo \"${COMPREPLY[@]}\"\n")
    folder = os.path.dirname(cli.server.program)
    environment = cli.environment()
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    assert tools.run(["bash"], stdin=script, env=environment).stdout.strip() == "delete"


def test_completion_of_names(root, folder):
    org = new_name("zorg")
    root("org", "create", org)
    for name in ("one", "two"):
        root("repo", "create", f"{org}/{name}")
    assert root("__complete", "tag", "list", f"{org}/").stdout.split() == [f"{org}/one", f"{org}/two"]
    assert root("__complete", "org", "members", org[:4]).stdout.split().count(org) == 1
    assert root("__complete", "team", "grant", org).stdout.split() == [f"{org}/one", f"{org}/two", org]
    assert "alice" in root("__complete", "user", "show", "al").stdout.split()
    assert Cli(root.server, folder / "nobody")("__complete", "user", "show", "al").stdout == ""


def test_the_guide_is_the_table(cli):
    _, _, commands = GUIDE.read_text().partition(MARK)
    assert commands == cli("__guide").stdout, "holdfast __guide writes what follows ## Commands"


def test_ctrl_c_gives_the_echo_back(cli, server):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [cli.server.program, "login", cli.host, "-u", "admin", "--ca", str(server.ca)], stdin=slave,
        stdout=slave, stderr=slave, env=cli.environment(), preexec_fn=lambda: os.login_tty(slave))
    while b": " not in os.read(master, 4096):
        pass
    tools.wait_until(lambda: not termios.tcgetattr(slave)[3] & termios.ECHO, "no echo", timeout=10)
    os.write(master, b"\x03")
    assert process.wait(60) == 130
    assert termios.tcgetattr(slave)[3] & termios.ECHO
    os.close(master)
    os.close(slave)


def on_a_terminal(cli, words, typed):
    """What the program says on a terminal where this is typed, and its exit code."""
    master, slave = pty.openpty()
    process = subprocess.Popen([cli.server.program, *words], stdin=slave, stdout=slave, stderr=slave,
                               env=cli.environment(), close_fds=True, start_new_session=True)
    os.close(slave)
    said = b""
    for line in typed:
        while not said.rstrip(b" ").endswith(b":"):
            said += os.read(master, 4096)
        time.sleep(0.1)  # the echo is off once it waits
        said += b"\n"
        os.write(master, line.encode() + b"\n")
    try:
        while chunk := os.read(master, 4096):
            said += chunk
    except OSError:
        pass  # its end
    os.close(master)
    return said.decode("utf-8", "replace"), process.wait(60)


def test_on_a_terminal(root, server):
    home = Cli(server, root.home / "terminal")
    said, code = on_a_terminal(home, ["login", home.host, "--ca", str(server.ca)],
                               ["admin", server.admin_password])
    assert code == 0, said
    assert server.admin_password not in said and "Logged in" in said
    org = new_name("org")
    root("org", "create", org)
    said, code = on_a_terminal(root, ["org", "delete", org], ["another"])
    assert code == 1 and "nothing was changed" in said
    said, code = on_a_terminal(root, ["org", "delete", org], [org])
    assert code == 0, said
    said, code = on_a_terminal(root, ["user", "list"], [])
    assert code == 0 and "\x1b[1mNAME" in said
