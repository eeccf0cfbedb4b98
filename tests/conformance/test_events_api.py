"""Events by DTR's API: who sees which, filters, pages, export."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.registry_client import quote
from harness.rest import Rest, new_name

API = "/api/v0"


@pytest.fixture
def api(admin):
    return Rest(admin, API)


@pytest.fixture
def as_alice(alice):
    return Rest(alice, API)


@pytest.fixture
def as_bob(bob):
    return Rest(bob, API)


@pytest.fixture
def nobody(anonymous):
    return Rest(anonymous, API)


@pytest.fixture
def image(alice, public_repository):
    return alice.push(public_repository, content.image(), "v1")


def events_of(rest: Rest, repository: str, query: str = "pageSize=1000"):
    return rest.get(f"/repositories/{repository}/events?{query}")["events"]


def names(events):
    return [event["event"] for event in events]


def all_pages(rest: Rest, path: str):
    """Follows X-Next-Page-Start; gives the events, and the sizes of the pages."""
    events, sizes, start = [], [], ""
    while True:
        response = rest.call("GET", f"{path}&pageStart={start}")
        assert response.status == 200, str(response)
        page = response.json()["events"]
        events += page
        sizes.append(len(page))
        start = response.header("X-Next-Page-Start")
        if start is None:
            return events, sizes


def uuid_of(rest: Rest, name: str) -> str:
    return Rest(rest.client).get(f"/accounts/{name}")["id"]


def pulled(server, client, repository: str, reference: str, rest: Rest):
    """Pulls, and waits until the pull is written."""
    assert client.manifest(repository, reference).status == 200
    tools.wait_until(
        lambda: "manifest_pulled" in names(events_of(rest, repository)), "the pull's event")


def test_an_event_has_dtrs_fields_and_more(server, api, as_alice, public_repository, image):
    found = events_of(as_alice, public_repository)
    assert names(found) == ["tag_pushed", "manifest_pushed", "repository_created"]
    event = found[0]
    assert event.pop("address") == "127.0.0.1"
    for field in ("client", "requestId", "detail"):
        assert isinstance(event.pop(field), str)
    when = datetime.fromisoformat(event.pop("publishedAt").replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - when) < timedelta(minutes=5)
    assert event.pop("id").isdigit()
    assert event == {
        "actor": "alice", "actorId": uuid_of(as_alice, "alice"), "actorType": "USER",
        "type": "CREATE", "event": "tag_pushed", "count": 1, "repository": public_repository,
        "object": {"type": "TAG", "id": f"{public_repository}:v1", "name": "v1",
                   "content": image.digest}}
    assert found[1]["object"]["id"] == image.digest
    assert found[2]["actorType"] == "SYSTEM"  # made by the command line
    assert found[2]["object"] == {"type": "REPOSITORY", "id": public_repository,
                                  "name": public_repository}
    newest = api.get(f"/events?repository={public_repository}")["events"]
    assert names(newest) == names(found)


def test_viewers_see_neither_pulls_nor_where_from(
        server, api, as_alice, as_bob, nobody, bob, public_repository, image):
    pulled(server, bob, public_repository, image.digest, as_alice)
    assert names(events_of(as_alice, public_repository))[0] == "manifest_pulled"
    assert names(events_of(api, public_repository))[0] == "manifest_pulled"
    for viewer in (as_bob, nobody):
        found = events_of(viewer, public_repository)
        assert names(found) == ["tag_pushed", "manifest_pushed", "repository_created"]
        for event in found:
            assert not {"address", "client", "requestId", "detail"} & event.keys()
        assert events_of(viewer, public_repository, "eventType=GET") == []
    assert all("actorId" not in event and event["actor"] == "" for event in events_of(nobody, public_repository))
    without = events_of(as_alice, public_repository, "excludePull=true")
    assert "manifest_pulled" not in names(without) and len(without) == 3


def test_a_hidden_repository_is_a_missing_one(alice, as_alice, as_bob, nobody, repository):
    alice.push(repository, content.image(), "v1")
    assert events_of(as_alice, repository)
    for rest in (as_bob, nobody):
        hidden = rest.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{repository}/events")
        assert hidden.replace(repository, "alice/not-there") == rest.refused(
            404, "NO_SUCH_REPOSITORY", "GET", "/repositories/alice/not-there/events")
    for odd in ("alice/UPPER", "alice/%2e%2e", "alice/a%2Fb", "alice/a'b", "%20/x"):
        as_alice.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{odd}/events")


def test_filters_find_what_they_name(server, alice, api, as_alice, repository, other_repository):
    first = alice.push(repository, content.image(), "v1")
    alice.push(other_repository, content.image(), "v1")
    assert alice.delete_manifest(repository, "v1").status == 202
    assert alice.delete_manifest(repository, first.digest).status == 202
    for query, expected in {
            "eventType=DELETE": ["manifest_deleted", "tag_deleted"],
            "eventType=delete&objectType=tag": ["tag_deleted"],
            "eventType=tag_deleted": ["tag_deleted"],
            "objectType=TAG": ["tag_deleted", "tag_pushed"],
            "objectType=REPOSITORY": ["repository_created"],
            "eventType=SCAN": [], "objectType=ACCOUNT": [],
            f"actorId={uuid_of(api, 'alice')}&objectType=TAG": ["tag_deleted", "tag_pushed"],
            f"actorId={uuid_of(api, 'bob')}": [],
            "actorId=00000000-0000-4000-8000-000000000000": [], "actorId=nobody-at-all": []}.items():
        assert names(events_of(as_alice, repository, query)) == expected, query
    for odd in ("x", "alice/%27", "a/b/c/d", "%2F"):
        assert api.get(f"/events?repository={odd}")["events"] == []
    mine = f"/events?actorId={uuid_of(api, 'alice')}&repository={repository}&pageSize=100"
    assert names(api.get(mine)["events"]) == names(events_of(as_alice, repository))


def test_filters_by_time_are_exact(server, alice, as_alice, repository):
    alice.push(repository, content.image(), "v1")
    all_events = events_of(as_alice, repository)
    middle = all_events[1]["publishedAt"]
    later = events_of(as_alice, repository, f"publishedAfter={quote(middle)}")
    earlier = events_of(as_alice, repository, f"publishedBefore={quote(middle)}")
    assert all(event["publishedAt"] > middle for event in later)
    assert all(event["publishedAt"] < middle for event in earlier)
    same = [event for event in all_events if event["publishedAt"] == middle]
    assert len(later) + len(earlier) + len(same) == len(all_events)
    hour = timedelta(hours=1)
    ahead = (datetime.now(timezone.utc) + hour).astimezone(timezone(hour)).isoformat()
    assert events_of(as_alice, repository, f"publishedAfter={quote(ahead)}") == []
    assert events_of(as_alice, repository, f"publishedBefore={quote(ahead)}") == all_events


def test_pages_are_whole_and_the_last_has_no_next(server, alice, api, as_alice, repository):
    for number in range(5):
        alice.push(repository, content.image(), f"v{number}")
    everything = events_of(as_alice, repository)
    for size in (1, 3, 11, 12, 1000):
        path = f"/repositories/{repository}/events?pageSize={size}"
        events, sizes = all_pages(as_alice, path)
        assert events == everything
        assert all(count == size for count in sizes[:-1])
    for path in (f"/repositories/{repository}/events?count=true",
                 f"/repositories/{repository}/events/?count=true&pageSize=1"):
        counted = as_alice.call("GET", path)
        assert counted.header("X-Resource-Count") == str(len(everything))
    assert as_alice.call("GET", f"/repositories/{repository}/events").header("X-Resource-Count") is None
    # The largest page that clients ask for is given as far as there is memory for it.
    assert api.call("GET", "/events?pageSize=100000").status == 200


@pytest.mark.parametrize("start", [
    "x", "-", "0-0x", "'; DROP TABLE events; --", "-1--1", "1-", "99999999999999999999-1",
    "9223372036854775807-9223372036854775807", "../..", "%F0%9F%90%B3", "a" * 5000])
def test_a_forged_start_is_harmless(api, as_alice, alice, repository, start):
    alice.push(repository, content.image(), "v1")
    everything = events_of(as_alice, repository)
    path = f"/repositories/{repository}/events?pageSize=100&pageStart={quote(start) if '%' not in start else start}"
    assert as_alice.get(path)["events"] == everything


def test_a_start_of_others_shows_nothing_of_theirs(api, as_bob, alice, repository):
    alice.push(repository, content.image(), "v1")
    response = api.call("GET", "/events?pageSize=1")
    start = response.header("X-Next-Page-Start")
    shown, _ = all_pages(as_bob, f"/events?pageSize=1000&x={start}")
    assert all(event["repository"] != repository for event in shown)
    page = as_bob.call("GET", f"/events?pageSize=1000&pageStart={start}").json()["events"]
    assert all(event["repository"] != repository for event in page)


@pytest.mark.parametrize("query", [
    "publishedBefore=yesterday", "publishedAfter=2026-13-01T00:00:00Z", "publishedAfter=1764000000",
    "publishedBefore=2026-11-24", "publishedBefore=%00", "eventType=EXPLODE", "objectType=TAG%27",
    "pageSize=0", "pageSize=-1", "pageSize=x", "pageSize=99999999999999999999"])
def test_wrong_queries_are_named(api, query):
    message = api.refused(400, "INVALID_PARAMETERS", "GET", f"/events?{query}")
    assert f'"{query.split("=")[0]}"' in message


def test_all_events_need_a_login(nobody):
    nobody.refused(401, "NOT_AUTHENTICATED", "GET", "/events")
    nobody.refused(405, "NOT_ALLOWED", "POST", "/events")


def test_users_see_what_they_did_and_administer(server, api, as_alice, as_bob, alice, bob, repository):
    name = new_name("events")
    bob_before = {event["id"] for event in all_pages(as_bob, "/events?pageSize=1000")[0]}
    alice.push(repository, content.image(), name)
    bob.push(f"bob/{name}", content.image(), name)
    seen, _ = all_pages(as_alice, "/events?pageSize=1000")
    assert any(event["repository"] == repository and event["object"].get("name") == name
               for event in seen)
    assert all(event["actor"] == "alice" or event["repository"].startswith("alice/")
               or event["object"]["id"] == "alice" for event in seen)
    fresh = [event for event in all_pages(as_bob, "/events?pageSize=1000")[0]
             if event["id"] not in bob_before]
    assert {event["repository"] for event in fresh if event["type"] != "GET"} == {f"bob/{name}"}
    # An administrator sees both.
    everything = api.get("/events?pageSize=10000")["events"]
    assert {repository, f"bob/{name}"} <= {event["repository"] for event in everything}


def test_grants_count_as_they_are_now(server, api, as_bob):
    """An owner of the organization sees its events, and no longer when that ends."""
    enzi = Rest(api.client)
    organization = new_name("events-org")
    enzi.expect(201, "POST", "/accounts", {"name": organization, "isOrg": True})
    enzi.expect(200, "PUT", f"/accounts/{organization}/members/bob", {"isAdmin": True})
    repository = f"{organization}/app"
    server.create_repository(repository)
    path = f"/events?repository={repository}"
    assert names(as_bob.get(path)["events"]) == ["repository_created"]
    assert names(events_of(as_bob, repository)) == ["repository_created"]
    enzi.expect(200, "PUT", f"/accounts/{organization}/members/bob", {"isAdmin": False})
    assert as_bob.get(path)["events"] == []
    as_bob.refused(404, "NO_SUCH_REPOSITORY", "GET", f"/repositories/{repository}/events")


def test_a_new_repository_of_an_old_name_does_not_show_the_old_one(server, as_bob, alice, repository):
    """Whoever sees the new one may not have seen the old one."""
    alice.push(repository, content.image(), "secret-tag")
    server.admin("repo", "delete", repository)
    server.create_repository(repository, public=True)
    assert names(events_of(as_bob, repository)) == ["repository_created"]


def test_failed_logins_are_there_for_whom_they_concern(server, api, as_bob):
    name = new_name("events-user")
    Rest(api.client).expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
    owner = server.client(name, PASSWORD)
    wrong = server.client(name, "wrong password")
    try:
        Rest(wrong, API).refused(401, "NOT_AUTHENTICATED", "GET", "/events")
        rest = Rest(owner, API)
        tools.wait_until(
            lambda: "login_failed" in names(rest.get("/events")["events"]), "the failed login")
        event = next(e for e in rest.get("/events")["events"] if e["event"] == "login_failed")
        assert event["type"] == "FAIL" and event["object"]["type"] == "ACCOUNT"
        assert event["object"]["id"] == name and event["address"] == "127.0.0.1"
        assert "wrong password" not in json.dumps(event)
        seen, _ = all_pages(as_bob, "/events?pageSize=1000&eventType=FAIL")
        assert all(one["object"]["id"] == "bob" for one in seen)
    finally:
        owner.close()
        wrong.close()


def test_an_export_is_a_line_for_each_event(server, api, as_alice, alice, repository):
    alice.push(repository, content.image(), "v1")
    accept = [("Accept", "application/x-ndjson")]
    response = api.call("GET", f"/events?repository={repository}", headers=accept)
    assert response.status == 200
    assert response.header("Content-Type") == "application/x-ndjson"
    lines = [json.loads(line) for line in response.body.decode().splitlines()]
    assert lines == events_of(as_alice, repository)
    # Longer ones go on where a page ends.
    one = api.call("GET", f"/events?repository={repository}&pageSize=1", headers=accept)
    assert len(one.body.splitlines()) == 1
    start = one.header("X-Next-Page-Start")
    two = api.call("GET", f"/events?repository={repository}&pageStart={start}", headers=accept)
    assert one.body + two.body == response.body


def test_old_events_are_forgotten_when_that_is_on(holdfast):
    server = holdfast({"create_repository_on_push": True})
    admin = server.admin_client()
    rest = Rest(admin, API)
    for number in range(3):
        admin.push("admin/app", content.image(), f"v{number}")
    before = len(rest.get("/events?pageSize=1000")["events"])
    rest.expect(202, "POST", "/meta/settings",
                {"repoEventHistoryCompactionEnabled": True, "repoEventHistoryToKeep": 2})
    server.restart()
    rest = Rest(server.admin_client(), API)
    tools.wait_until(lambda: len(rest.get("/events?pageSize=1000")["events"]) == 2, "the events to go")
    assert before > 2
    assert names(rest.get("/events")["events"]) == ["settings_changed", "tag_pushed"]
