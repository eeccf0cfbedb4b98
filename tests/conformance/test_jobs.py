"""Jobs, crons, action configs and workers by DTR's and eNZi's APIs; what becomes of jobs when servers end."""

import re
import shutil
import time
from datetime import datetime, timedelta, timezone

import pytest

from conftest import PASSWORD
from harness import tools
from harness.rest import Rest

API = "/api/v0"
JOB = {
    "id": str, "retryFromID": str, "workerID": str, "status": str, "scheduledAt": str,
    "lastUpdated": str, "action": str, "retriesLeft": int, "retriesTotal": int, "capacityMap": dict,
    "parameters": dict, "deadline": str, "stopTimeout": str,
}
CRON = {
    "id": str, "action": str, "schedule": str, "retries": int, "capacityMap": dict,
    "parameters": dict, "deadline": str, "stopTimeout": str, "nextRun": str,
}
NOWHERE = "0548733a-2617-418d-abb0-f54b94de25fa"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def api(admin):
    return Rest(admin, API)


@pytest.fixture
def enzi(admin):
    return Rest(admin, "/enzi/v0")


def types(found: dict) -> dict:
    return {name: type(value) for name, value in found.items()}


def make(api, action, **fields) -> str:
    return api.expect(202, "POST", "/jobs", {"action": action, **fields})["id"]


def wait_for(api, job: str, *statuses: str, timeout: float = 30) -> dict:
    """The job when it has one of the statuses."""
    def there():
        return api.get(f"/jobs/{job}")["status"] in statuses

    tools.wait_until(there, f"{job} to be {statuses}", timeout=timeout)
    return api.get(f"/jobs/{job}")


def log_of(api, job: str) -> list[str]:
    return [line["data"] for line in api.get(f"/jobs/{job}/logs")]


def again(api, job: str) -> dict | None:
    """The job that goes on with another."""
    for found in api.get("/jobs?limit=1000")["jobs"]:
        if found["retryFromID"] == job and found["id"] != job:
            return found
    return None


def test_a_job_from_its_making_to_its_end(server, api):
    made = api.expect(202, "POST", "/jobs", {"action": "sleep", "parameters": {"seconds": "0"}})
    assert types(made) == JOB
    assert UUID.fullmatch(made["id"]) and made["retryFromID"] == made["id"]
    assert made["status"] == "waiting" and made["workerID"] == ""
    assert made["parameters"] == {"seconds": "0"} and made["retriesTotal"] == 0
    done = wait_for(api, made["id"], "done")
    assert types(done) == JOB
    assert done["workerID"] == api.get("/meta/settings")["replicaID"]
    lines = api.get(f"/jobs/{made['id']}/logs")
    assert lines == [{"data": "sleeping for 0 seconds", "lineNum": 0}, {"data": "awake", "lineNum": 1}]
    assert api.get(f"/jobs/{made['id']}/logs?stream=true&offset=1") == lines[1:]
    assert api.get(f"/jobs/{made['id']}/logs?limit=1") == lines[:1]
    events = api.get("/events?objectType=SYSTEM&pageSize=100")["events"]
    mine = [event for event in events if event["detail"] == made["id"]]
    assert [(event["event"], event["actor"]) for event in mine] == [("job_created", "admin")]
    api.expect(204, "DELETE", f"/jobs/{made['id']}")
    api.refused(404, "NO_SUCH_JOB", "GET", f"/jobs/{made['id']}")


def test_lists_and_their_filters(api):
    made = [make(api, "sleep", parameters={"seconds": 0}) for _ in range(3)]
    for job in made:
        worker = wait_for(api, job, "done")["workerID"]
    listed = [job["id"] for job in api.get("/jobs?action=sleep&limit=1000")["jobs"]]
    assert [job for job in listed if job in made] == made[::-1]
    for path in ("/jobs", "/jobs/", "/jobs?action=any&worker=any&running=any&start=0&limit=10"):
        assert len(api.get(path)["jobs"]) <= 10
    assert made[0] in [job["id"] for job in api.get(f"/jobs?worker={worker}&limit=1000")["jobs"]]
    assert made[0] in [job["id"] for job in api.get("/jobs?running=false&limit=1000")["jobs"]]
    assert made[0] not in [job["id"] for job in api.get("/jobs?running=true&limit=1000")["jobs"]]
    assert api.get("/jobs?action=nothing") == {"jobs": []}
    first, second = (api.get(f"/jobs?action=sleep&start={start}&limit=1")["jobs"] for start in (0, 1))
    assert first != second
    assert api.get("/jobs?start=999999") == {"jobs": []}
    for query in ("running=maybe", "start=-1", "limit=0", "limit=x", "start=x"):
        api.refused(400, "INVALID_PARAMETERS", "GET", f"/jobs?{query}")


def test_they_are_for_administrators(alice, anonymous):
    requests = [
        ("GET", "/jobs"), ("POST", "/jobs"), ("GET", f"/jobs/{NOWHERE}"), ("DELETE", f"/jobs/{NOWHERE}"),
        ("POST", f"/jobs/{NOWHERE}/cancel"), ("GET", f"/jobs/{NOWHERE}/logs"), ("GET", "/crons"),
        ("POST", "/crons"), ("GET", "/crons/sleep"), ("DELETE", "/crons/sleep"), ("GET", "/action_configs"),
        ("POST", "/action_configs"), ("GET", "/action_configs/sleep"), ("DELETE", "/action_configs/sleep"),
        ("GET", "/workers"), ("POST", "/workers/x/capacity"),
    ]
    for method, path in requests:
        body = {"action": "sleep"} if method == "POST" else None
        Rest(alice, API).refused(403, "NOT_AUTHORIZED", method, path, body)
        Rest(anonymous, API).refused(401, "NOT_AUTHENTICATED", method, path, body)
    for method, path in [("GET", "/jobs"), ("POST", "/jobs"), ("GET", f"/jobs/{NOWHERE}"),
                         ("DELETE", f"/jobs/{NOWHERE}"), ("POST", f"/jobs/{NOWHERE}/cancel"),
                         ("GET", f"/jobs/{NOWHERE}/logs"), ("GET", "/workers"), ("DELETE", "/workers/x"),
                         ("GET", "/workers/x/ping")]:
        Rest(alice, "/enzi/v0").refused(403, "NOT_AUTHORIZED", method, path)
        Rest(anonymous, "/enzi/v0").refused(401, "NOT_AUTHENTICATED", method, path)


def test_what_is_no_job_is_refused(api):
    message = api.refused(400, "INVALID_PARAMETERS", "POST", "/jobs", {"action": "nothing"})
    assert message == ('there is no action "nothing"; there are: ' + message.split("there are: ")[1])
    assert {"false", "onlinegc_joblogs", "sleep"} <= set(message.split("there are: ")[1].split(", "))
    for body in ({}, {"action": ""}, {"action": None}, {"action": 1}, {"action": ["sleep"]}):
        api.refused(400, "INVALID_FORM", "POST", "/jobs", body)
    for field in ({"parameters": "x"}, {"parameters": {"a": []}}, {"parameters": {"a": {}}},
                  {"retries": "1"}, {"retries": 1.5}, {"capacityMap": []}, {"capacityMap": {"a": "1"}},
                  {"deadline": 5}, {"stopTimeout": 5}, {"scheduledAt": "tomorrow"}, {"scheduledAt": 1}):
        api.refused(400, "INVALID_FORM", "POST", "/jobs", {"action": "sleep", **field})
    for field in ({"retries": -1}, {"retries": 101}, {"deadline": "soon"}, {"stopTimeout": "1"},
                  {"capacityMap": {"a": -1}}, {"capacityMap": {"": 1}}, {"parameters": {"a": "x" * 70_000}},
                  {"parameters": {"a": "\0"}}):
        api.refused(400, "INVALID_PARAMETERS", "POST", "/jobs", {"action": "sleep", **field})
    api.refused(400, "INVALID_JSON", "POST", "/jobs", b"{")
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/logs")]:
        for job in (NOWHERE, "x", "%27%3B--"):
            api.refused(404, "NO_SUCH_JOB", method, f"/jobs/{job}{path}")


def test_cancel_stops_what_runs_and_what_waits(api):
    runs = make(api, "sleep", parameters={"seconds": "600"}, retries=5)
    wait_for(api, runs, "running")
    assert runs in [job["id"] for job in api.get("/jobs?running=true")["jobs"]]
    api.refused(409, "CONFLICT", "DELETE", f"/jobs/{runs}")
    api.expect(204, "POST", f"/jobs/{runs}/cancel")
    wait_for(api, runs, "cancel")
    assert log_of(api, runs)[-1] == "canceled"
    api.expect(204, "POST", f"/jobs/{runs}/cancel")
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    waits = make(api, "sleep", scheduledAt=later)
    time.sleep(1.5)
    assert api.get(f"/jobs/{waits}")["status"] == "waiting"
    api.expect(204, "POST", f"/jobs/{waits}/cancel")
    assert api.get(f"/jobs/{waits}")["status"] == "cancel"
    assert again(api, runs) is None and again(api, waits) is None


def test_a_deadline_ends_a_job(api):
    job = make(api, "sleep", parameters={"seconds": "600"}, deadline="1s")
    wait_for(api, job, "done")
    assert log_of(api, job)[-1] == "stopped after 1s"


def test_failures_are_alerts_until_it_went_well(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)

    def alert():
        return [one["message"] for one in api.get("/meta/alerts") if one["id"] == "jobs-fail"]

    assert alert() == []
    job = make(api, "false")
    assert wait_for(api, job, "error")["retriesLeft"] == 0
    assert log_of(api, job) == ["this action always fails"]
    assert len(alert()) == 1 and "false (1 in the last day" in alert()[0] and job in alert()[0]
    retried = make(api, "false", retries=1)
    wait_for(api, retried, "error")
    after = again(api, retried)
    assert after["status"] == "waiting" and after["retriesLeft"] == 0 and after["retriesTotal"] == 1
    assert after["scheduledAt"] > api.get(f"/jobs/{retried}")["lastUpdated"]


def test_crons(api):
    made = api.expect(202, "POST", "/crons", {
        "action": "sleep", "schedule": "0 0 3 * * SUN", "retries": 2, "capacityMap": {"scan": 1},
        "parameters": {"seconds": "0"}, "deadline": "1h", "stopTimeout": "30s"})
    assert types(made) == CRON
    assert made["schedule"] == "0 0 3 * * SUN" and made["retries"] == 2 and made["deadline"] == "1h"
    next_run = datetime.fromisoformat(made["nextRun"].replace("Z", "+00:00"))
    assert (next_run.weekday(), next_run.hour, next_run.minute) == (6, 3, 0)
    assert next_run > datetime.now(timezone.utc)
    assert api.get("/crons/sleep") == made
    assert made in api.get("/crons")["crons"]
    changed = api.expect(202, "POST", "/crons/", {"action": "sleep", "schedule": "@hourly"})
    assert changed["id"] == made["id"] and changed["retries"] == 0 and changed["parameters"] == {}
    for schedule, part in [("* * * * *", "six fields"), ("0 0 24 * * *", "hour"),
                           ("0 0 0 30 2 *", "never"), ("@every 0s", "@every"), ("@never", "six fields")]:
        message = api.refused(400, "INVALID_PARAMETERS", "POST", "/crons",
                              {"action": "sleep", "schedule": schedule})
        assert part in message
    api.refused(400, "INVALID_PARAMETERS", "POST", "/crons", {"action": "nothing", "schedule": "@daily"})
    api.refused(400, "INVALID_FORM", "POST", "/crons", {"action": "sleep"})
    api.expect(204, "DELETE", "/crons/sleep")
    api.refused(404, "NO_SUCH_CRON", "GET", "/crons/sleep")
    api.refused(404, "NO_SUCH_CRON", "DELETE", "/crons/sleep")


def test_action_configs_give_parameters(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    assert api.get("/action_configs") == {"actionConfigs": []}
    made = api.expect(202, "POST", "/action_configs", {"action": "sleep", "parameters": {"seconds": "0"}})
    assert made == {"id": made["id"], "action": "sleep", "parameters": {"seconds": "0"}}
    assert api.get("/action_configs/sleep") == made
    assert api.get("/action_configs/") == {"actionConfigs": [made]}
    job = make(api, "sleep")
    wait_for(api, job, "done")
    assert log_of(api, job)[0] == "sleeping for 0 seconds"
    api.refused(400, "INVALID_PARAMETERS", "POST", "/action_configs", {"action": "x", "parameters": {}})
    api.refused(400, "INVALID_FORM", "POST", "/action_configs", {"action": "sleep", "parameters": []})
    api.expect(204, "DELETE", "/action_configs/sleep")
    api.refused(404, "NO_SUCH_ACTION_CONFIG", "GET", "/action_configs/sleep")
    api.refused(404, "NO_SUCH_ACTION_CONFIG", "DELETE", "/action_configs/sleep")


def test_workers(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    replica = api.get("/meta/settings")["replicaID"]
    tools.wait_until(lambda: api.get("/workers")["workers"], "a worker")
    worker, = api.get("/workers")["workers"]
    assert worker["id"] == replica and worker["status"] == "running"
    assert worker["capacityMap"] == {"scan": 1, "scanCheck": 1, "adapterScan": 2}
    assert worker["heartbeatExpiration"] > datetime.now(timezone.utc).isoformat()
    assert api.expect(202, "POST", f"/workers/{replica}/capacity", {"capacityMap": {"scan": 0}}) == {}
    waits = make(api, "sleep", capacityMap={"scan": 1}, parameters={"seconds": "0"})
    free = make(api, "sleep", capacityMap={"other": 5}, parameters={"seconds": "0"})
    time.sleep(1.5)
    assert api.get(f"/jobs/{waits}")["status"] == "waiting"
    api.expect(202, "POST", f"/workers/{replica}/capacity", {"capacityMap": {"scan": 2}})
    wait_for(api, waits, "done")
    wait_for(api, free, "done")
    api.refused(400, "INVALID_FORM", "POST", f"/workers/{replica}/capacity", {"capacityMap": {"scan": "2"}})
    api.refused(400, "INVALID_PARAMETERS", "POST", f"/workers/{replica}/capacity", {"capacityMap": {"a": -1}})
    api.refused(404, "NO_SUCH_WORKER", "POST", "/workers/nobody/capacity", {"capacityMap": {}})
    server.restart()
    api = Rest(server.admin_client(), API)
    assert api.get("/workers")["workers"][0]["capacityMap"] == {"scan": 2}


def test_enzi_has_them_in_fewer_words(api, enzi):
    made = enzi.expect(202, "POST", "/jobs", {"action": "false"})
    assert made.keys() == {"id", "workerID", "status", "scheduledAt", "lastUpdated", "action"}
    wait_for(api, made["id"], "error")
    assert enzi.get(f"/jobs/{made['id']}")["status"] == "errored"
    assert made["id"] in [job["id"] for job in enzi.get("/jobs?action=false&worker=any&limit=100")["jobs"]]
    response = enzi.call("GET", f"/jobs/{made['id']}/logs")
    assert (response.status, response.body) == (200, b"this action always fails\n")
    enzi.expect(204, "POST", f"/jobs/{made['id']}/cancel")
    enzi.expect(204, "DELETE", f"/jobs/{made['id']}")
    enzi.refused(404, "NO_SUCH_JOB", "GET", f"/jobs/{made['id']}")
    enzi.refused(400, "INVALID_PARAMETERS", "POST", "/jobs", {"action": "nothing"})
    response = enzi.call("POST", "/jobs", {"action": "ldap-sync"})
    assert response.status == 501 and "LDAP" in response.json()["errors"][0]["message"]
    worker, = enzi.get("/workers")["workers"]
    assert worker.keys() == {"id", "address"} and worker["address"]
    enzi.expect(204, "GET", f"/workers/{worker['id']}/ping")
    enzi.refused(404, "NO_SUCH_WORKER", "GET", "/workers/nobody/ping")
    enzi.refused(404, "NO_SUCH_WORKER", "DELETE", "/workers/nobody")
    enzi.refused(409, "CONFLICT", "DELETE", f"/workers/{worker['id']}")


def test_read_only_mode_lets_jobs_be_canceled(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    job = make(api, "sleep", parameters={"seconds": "600"})
    wait_for(api, job, "running")
    api.expect(202, "POST", "/meta/settings", {"readOnlyRegistry": True})
    assert api.call("POST", "/jobs", {"action": "sleep"}).status in (403, 405, 503)
    api.expect(204, "POST", f"/jobs/{job}/cancel")
    wait_for(api, job, "cancel")


def test_crons_fire_and_what_was_deleted_stays_so(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    installed = [cron["action"] for cron in api.get("/crons")["crons"]]
    assert installed == ["adapter_scan_all", "onlinegc", "onlinegc_joblogs", "scan_sweep", "tag_pruning", "update_vuln_db"]
    for action in installed:
        api.expect(204, "DELETE", f"/crons/{action}")
    api.expect(202, "POST", "/crons",
               {"action": "sleep", "schedule": "* * * * * *", "parameters": {"seconds": "0"}})

    def done():
        return [job for job in api.get("/jobs?limit=100")["jobs"] if job["status"] == "done"]

    tools.wait_until(lambda: len(done()) >= 2, "two jobs by the cron")
    # Missed while the server was off: once.
    api.expect(202, "POST", "/crons",
               {"action": "sleep", "schedule": "@every 1h", "parameters": {"seconds": "0"}})
    tools.wait_until(lambda: not api.get("/jobs?running=true")["jobs"], "no job to run")
    time.sleep(1)
    count = len(api.get("/jobs?limit=1000")["jobs"])
    server.stop()
    past = int((time.time() - 86_400) * 1_000_000)
    server.sql(f"UPDATE crons SET next_run = {past}")
    server.start()
    api = Rest(server.admin_client(), API)
    assert [cron["action"] for cron in api.get("/crons")["crons"]] == ["sleep"]
    tools.wait_until(lambda: len(api.get("/jobs?limit=1000")["jobs"]) > count, "the job that was missed")
    time.sleep(1.5)
    assert len(api.get("/jobs?limit=1000")["jobs"]) == count + 1


def test_a_restart_keeps_jobs_and_goes_on_with_them(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    waits = make(api, "sleep", scheduledAt=later)
    runs = make(api, "sleep", parameters={"seconds": "600"})
    wait_for(api, runs, "running")
    before = time.monotonic()
    server.stop()
    assert time.monotonic() - before < 20
    server.start()
    api = Rest(server.admin_client(), API)
    assert api.get(f"/jobs/{waits}")["status"] == "waiting"
    assert api.get(f"/jobs/{runs}")["status"] == "worker_shutdown"
    wait_for(api, again(api, runs)["id"], "running")


def test_what_a_killed_server_ran_goes_on(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    runs = make(api, "sleep", parameters={"seconds": "600"})
    wait_for(api, runs, "running")
    tools.wait_until(lambda: log_of(api, runs), "the log")
    server.kill()
    server.start()
    api = Rest(server.admin_client(), API)
    # Behind PostgreSQL may stand another process of this name, so its lease has to end first.
    wait_for(api, runs, "worker_dead", timeout=60)
    assert log_of(api, runs) == ["sleeping for 600 seconds"]
    wait_for(api, again(api, runs)["id"], "running")


@pytest.mark.replicas
def test_two_replicas_share_the_work(holdfast):
    first = holdfast(name="first")
    second = holdfast(name="second", start=False,
                      environment={"HOLDFAST_DATABASE_URL": first.extra_environment["HOLDFAST_DATABASE_URL"]})
    shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("run", "lock"))
    second.admin_password = first.admin_password
    second.start()
    api = Rest(first.admin_client(), API)
    tools.wait_until(lambda: len(api.get("/workers")["workers"]) == 2, "two workers")
    jobs = [make(api, "sleep", parameters={"seconds": "600"}) for _ in range(8)]
    workers = {}
    for job in jobs:
        workers.setdefault(wait_for(api, job, "running")["workerID"], []).append(job)
    assert sorted(len(ran) for ran in workers.values()) == [4, 4]
    # A job of the other replica hears of a cancel.
    own = api.get("/meta/settings")["replicaID"]
    other, = set(workers) - {own}
    api.expect(204, "POST", f"/jobs/{workers[other][0]}/cancel")
    wait_for(api, workers[other][0], "cancel")
    # One dies: the other one takes its jobs over, as far as it has room.
    for job in workers[own]:
        api.expect(204, "POST", f"/jobs/{job}/cancel")
    second.kill()
    for job in workers[other][1:]:
        wait_for(api, job, "worker_dead", timeout=60)
        assert wait_for(api, again(api, job)["id"], "running")["workerID"] == own
    dead = [worker for worker in api.get("/workers")["workers"] if worker["id"] == other]
    assert [worker["status"] for worker in dead] == ["dead"]
    Rest(first.admin_client(), "/enzi/v0").expect(204, "DELETE", f"/workers/{other}")


def test_rights_are_decided_on_every_request(holdfast):
    """A user who is no administrator any more sees no job at the next request."""
    server = holdfast()
    server.add_user("carol", PASSWORD, administrator=True)
    carol = Rest(server.client("carol", PASSWORD), API)
    assert carol.get("/jobs") is not None
    Rest(server.admin_client()).expect(200, "PATCH", "/accounts/carol", {"isAdmin": False})
    carol.refused(403, "NOT_AUTHORIZED", "GET", "/jobs")


def test_metrics_count_jobs(holdfast):
    server = holdfast()
    api = Rest(server.admin_client(), API)
    job = make(api, "false")
    wait_for(api, job, "error")
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    make(api, "sleep", scheduledAt=later)
    text = server.client().raw("GET", "/metrics").body.decode()
    for state, number in [("waiting", 1), ("running", 0), ("failed", 1)]:
        assert f'holdfast_jobs{{state="{state}"}} {number}\n' in text
