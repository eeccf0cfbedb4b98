"""Events as they happen, by server-sent events: who hears which, coming back, and every end."""

import contextlib
import json
import shutil
import socket
import threading
import time

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.http_client import ConnectionClosed
from harness.registry_client import basic
from harness.rest import Rest, new_name

PATH = "/api/v0/holdfast/events/stream"


class Stream:
    """Reads a stream in a thread of its own."""

    def __init__(self, client, query="", headers=(), authorization=None):
        self.connection = client.connect()
        authorization = authorization or basic(client.user, client.password)
        self.connection.send_head("GET", PATH + query, [
            ("Host", client.origin.authority), ("Authorization", authorization), *headers])
        self.response = self.connection.read_head()
        self.events: list[dict] = []
        self.ids: list[str] = []
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        if self.response.status == 200:
            self.thread.start()

    def _read(self):
        try:
            self.connection.socket.settimeout(60)
            while True:
                line = self._line()
                if line.startswith("id: "):
                    self.ids.append(line[4:])
                if line.startswith("data: "):
                    self.events.append(json.loads(line[6:]))
        except (ConnectionClosed, OSError, ValueError):  # the last: closed by the test
            self.ended = True

    def _line(self) -> str:
        connection = self.connection
        while b"\n" not in connection._buffer:
            connection._fill()
        line, connection._buffer = connection._buffer.split(b"\n", 1)
        return line.decode()

    def names(self):
        return [event["event"] for event in self.events]

    def wait_for(self, *names):
        tools.wait_until(lambda: all(name in self.names() for name in names), f"{names} in {self.names()}")

    def wait_for_end(self):
        tools.wait_until(lambda: self.ended, "the end of the stream", timeout=15)

    def close(self):
        """The thread ends before the socket is closed: it would go on to read whatever gets its number next."""
        with contextlib.suppress(OSError):
            self.connection.socket.shutdown(socket.SHUT_RDWR)
        if self.thread.ident is not None:
            self.thread.join()
        self.connection.close()


@pytest.fixture
def stream():
    streams = []

    def open_one(*arguments, **named):
        streams.append(Stream(*arguments, **named))
        return streams[-1]

    yield open_one
    for one in streams:
        one.close()


@pytest.fixture
def user(server, admin):
    name = new_name("listener")
    Rest(admin).expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
    client = server.client(name, PASSWORD)
    yield client
    client.close()


def test_what_happens_is_heard(stream, admin, alice, bob, anonymous, repository):
    everything = stream(admin, f"?repository={repository}")
    assert everything.response.status == 200
    assert everything.response.header("Content-Type") == "text/event-stream"
    assert everything.response.header("Content-Length") is None
    hers, his = stream(alice, f"?repository={repository}"), stream(bob, f"?repository={repository}")
    pushes = stream(alice, f"?repository={repository}&objectType=TAG")
    alice.push(repository, content.image(), "v1")
    assert alice.manifest(repository, "v1").status == 200
    for one in (everything, hers):
        one.wait_for("repository_created", "manifest_pushed", "tag_pushed", "manifest_pulled")
        assert len(one.events) == 4
        assert {event["repository"] for event in one.events} == {repository}
    pushes.wait_for("tag_pushed")
    assert pushes.names() == ["tag_pushed"]
    assert his.events == [], "bob does not administer it"
    listed = Rest(alice, "/api/v0").get(f"/repositories/{repository}/events?pageSize=10")["events"]
    assert sorted(listed, key=lambda e: e["id"]) == sorted(hers.events, key=lambda e: e["id"])
    assert anonymous.raw("GET", PATH).status == 401
    assert Rest(alice, "").call("GET", PATH + "?eventType=NONSENSE").status == 400


def test_coming_back_misses_nothing_and_hears_nothing_twice(stream, alice, repository):
    first = stream(alice, f"?repository={repository}&excludePull=true")
    alice.push(repository, content.image(), "v1")
    first.wait_for("tag_pushed")
    first.close()
    alice.push(repository, content.image(), "v2")
    for last in (first.ids[-1], first.ids[-1].split("-")[1]):
        second = stream(alice, f"?repository={repository}&excludePull=true", [("Last-Event-ID", last)])
        second.wait_for("tag_pushed")
        assert second.names() == ["manifest_pushed", "tag_pushed"]
    alice.push(repository, content.image(), "v3")
    tools.wait_until(lambda: len(second.events) >= 4, "what happened behind")
    time.sleep(1.5)
    assert second.names() == ["manifest_pushed", "tag_pushed"] * 2
    assert len(set(second.ids)) == 4


def test_a_stream_ends_with_the_right_to_it(stream, server, admin, user):
    accounts, dtr = Rest(admin), Rest(user, "/api/v0")
    token = dtr.expect(200, "POST", "/api_tokens", {"tokenLabel": "listener"})
    session = accounts.client.raw(
        "POST", "/auth/login", body=json.dumps({"username": user.user, "password": PASSWORD}).encode()).json()
    by_token = stream(user, authorization=basic(user.user, token["token"]))
    by_session = stream(user, authorization=f"Bearer {session['auth_token']}")
    by_password = stream(user)
    time.sleep(1.5)
    assert not (by_token.ended or by_session.ended or by_password.ended)
    dtr.expect(200, "PATCH", f"/api_tokens/{token['hashedToken']}", {"isActive": False})
    by_token.wait_for_end()
    assert user.raw("POST", "/id/logout", headers=[("Authorization", f"Bearer {session['auth_token']}")]).status < 300
    by_session.wait_for_end()
    assert not by_password.ended
    accounts.expect(200, "PATCH", f"/accounts/{user.user}", {"isActive": False})
    by_password.wait_for_end()
    assert stream(user).response.status == 401


def test_who_loses_access_hears_nothing_more(stream, admin, user):
    enzi, dtr = Rest(admin), Rest(admin, "/api/v0")
    organization = new_name("org")
    enzi.expect(201, "POST", "/accounts", {"name": organization, "isOrg": True})
    enzi.expect(200, "PUT", f"/accounts/{organization}/members/{user.user}", {"isAdmin": True})
    one = stream(user, "?objectType=REPOSITORY")
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "first"})
    one.wait_for("repository_created")
    enzi.expect(204, "DELETE", f"/accounts/{organization}/members/{user.user}")
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "second"})
    time.sleep(2.5)
    assert [event["repository"] for event in one.events] == [f"{organization}/first"]


def test_a_user_has_so_many_at_most(stream, user):
    streams = [stream(user) for _ in range(10)]
    assert {one.response.status for one in streams} == {200}
    assert stream(user).response.status == 429
    streams[0].close()

    def again():
        one = stream(user)
        if one.response.status == 200:
            return True
        one.close()
        return False

    # That a client is gone is seen with the next heartbeat.
    tools.wait_until(again, "a place for another one", timeout=40, interval=0.5)


def test_the_servers_end_ends_them(holdfast, stream):
    server = holdfast()
    admin = server.admin_client()
    one = stream(admin)
    assert one.response.status == 200
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 15
    one.wait_for_end()


@pytest.mark.replicas
def test_what_happens_at_another_replica(holdfast, stream):
    first = holdfast()
    second = holdfast(start=False, name="second", environment=first.extra_environment)
    shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("run", "lock"), dirs_exist_ok=True)
    second.admin_password = first.admin_password
    second.start()
    here, there = first.admin_client(), second.admin_client()
    Rest(there).expect(201, "POST", "/accounts", {"name": "listener", "password": PASSWORD})
    heard = stream(here, "?eventType=CREATE")
    user = stream(first.client("listener", PASSWORD))
    assert user.response.status == 200
    names = [f"app{number}" for number in range(20)]
    for name in names:
        server = here if int(name[3:]) % 2 else there
        Rest(server, "/api/v0").expect(201, "POST", "/repositories/admin", {"name": name})
    tools.wait_until(
        lambda: {f"admin/{name}" for name in names} <= {event["repository"] for event in heard.events}, "all of them")
    time.sleep(1.5)
    assert len([event for event in heard.events if event["repository"]]) == len(names)
    found = Rest(here, "").get("/v1/search?q=app19")["results"]
    assert [entry["name"] for entry in found] == ["admin/app19"]
    Rest(there).expect(200, "PATCH", "/accounts/listener", {"isActive": False})
    user.wait_for_end()
