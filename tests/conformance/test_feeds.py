"""Advisories by schedule from feeds, how old they are, and what the scanner says of itself."""

import gzip
import json
import lzma
import re
import shutil
import struct
import threading
import time
from pathlib import Path

import pytest

from conftest import PASSWORD
from harness import content, feeds, processes, proxies, scans, tools
from harness.rest import Rest
from harness.scans import API

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
KEV = {"title": "CISA Catalog", "catalogVersion": "2026.01.01", "count": 1, "vulnerabilities": [{"cveID": "CVE-2024-0001"}]}


def nvd(cve: str, vector: str, version="V31") -> dict:
    return {"resultsPerPage": 1, "startIndex": 0, "totalResults": 1, "format": "NVD_CVE", "version": "2.0", "vulnerabilities": [
        {"cve": {"id": cve, "descriptions": [{"lang": "en", "value": "x" * 2_000_000}],
                 "metrics": {f"cvssMetric{version}": [{"type": "Primary", "cvssData": {"vectorString": vector}}]}}}]}


def records(package: str, *numbers: int, ecosystem="PyPI") -> bytes:
    return scans.archive([scans.record(f"{package}-{number}", ecosystem, package, *scans.until("2"),
                                       aliases=[f"CVE-2024-{number:04}"]) for number in numbers])


@pytest.fixture
def remote():
    made = []

    def make(pem=None):
        made.append(feeds.FeedServer(pem))
        return made[-1]

    yield make
    for one in made:
        one.close()


def feed(name: str, url: str, kind="osv") -> dict:
    return {"name": name, "url": url, "kind": kind}


@pytest.fixture
def registry(holdfast):
    """A server that asks these feeds and no others: it is told of them before it may ask anybody."""
    def make(wanted: list[dict], config: dict | None = None, *, start=True, **options):
        given = options.pop("settings", {})
        server = holdfast({"advisories.stall_timeout": "2s", **(config or {})}, **options)
        Rest(server.admin_client(), API).expect(202, "POST", "/meta/settings", {"advisoryFeeds": wanted, **given})
        server.stop()
        server.settings["advisories.online"] = True
        return server.start() if start else server

    return make


def boss_of(server) -> Rest:
    return Rest(server.admin_client(), "")


def status_of(rest) -> dict:
    return rest.expect(200, "GET", f"{API}/imagescan/status")


def feed_of(rest, name) -> dict:
    [found] = [one for one in status_of(rest)["feeds"] if one["name"] == name]
    return found


def settled(rest):
    """Waits until no update waits or runs; gives them, the newest first."""
    def over():
        jobs = rest.expect(200, "GET", f"{API}/jobs?action=update_vuln_db&limit=50")["jobs"]
        return jobs if jobs and all(job["status"] not in ("waiting", "running") for job in jobs) else None

    return tools.wait_until(over, "the updates to be over", timeout=120)


def update(rest) -> dict:
    """Asks all feeds now: the job, once it is over."""
    job = rest.expect(200, "PUT", f"{API}/imagescan/scan/update?online=true")["job"]
    return scans.finished_job(rest, job)


def log_of(rest, job: dict) -> str:
    return "\n".join(line["data"] for line in rest.expect(200, "GET", f"{API}/jobs/{job['id']}/logs"))


def test_at_first_start_daily_and_only_what_changed(registry, remote):
    far = remote()
    far.files = {"/a.zip": records("one", 1, 2), "/b.zip": records("two", 3)}
    server = registry([feed("A", far.url("/a.zip")), feed("B", far.url("/b.zip"))])
    rest = boss_of(server)
    settled(rest)
    first = status_of(rest)
    assert (first["state"], first["records"], first["online"], first["stale"]) == (1, 3, True, False)
    assert [(one["name"], one["records"]) for one in first["sources"]] == [("A", 2), ("B", 1)]
    assert [(one["entries"], one["bytes"] > 0, one["failed"]) for one in first["feeds"]] == [(2, True, False), (1, True, False)]
    [cron] = [one for one in rest.expect(200, "GET", f"{API}/crons")["crons"] if one["action"] == "update_vuln_db"]
    assert re.fullmatch(r"0 \d{1,2} \d{1,2} \* \* \*", cron["schedule"])
    features = rest.expect(200, "GET", f"{API}/meta/features")
    assert features["scanningLicensed"] is features["scanningEnabled"] is True
    assert abs(features["db_version"] - time.time()) < 600

    job = update(rest)
    assert job["status"] == "done" and "nothing is new" in log_of(rest, job)
    assert far.statuses("/a.zip") == far.statuses("/b.zip") == [200, 304]
    second = status_of(rest)
    assert second["db_version"] == first["db_version"] and second["succeededAt"] > first["succeededAt"]
    assert feed_of(rest, "A")["changedAt"] == first["feeds"][0]["changedAt"]

    far.files["/a.zip"] = records("one", 1, 2, 4)
    assert update(rest)["status"] == "done"
    third = status_of(rest)
    assert third["db_version"] != first["db_version"]
    assert [(one["name"], one["records"]) for one in third["sources"]] == [("A", 3), ("B", 1)]
    assert far.statuses("/b.zip") == [200, 304, 304]

    # A server that gives no validators: the same bytes are the same advisories.
    far.tags = False
    assert update(rest)["status"] == "done" and status_of(rest)["db_version"] == third["db_version"]
    asked = len(far.requests)
    server.restart()
    rest = boss_of(server)
    assert status_of(rest)["db_version"] == third["db_version"]
    assert len(far.requests) == asked, "what is there is not fetched at the start"


def test_a_feed_that_fails_leaves_all_others(registry, remote, folder):
    far, safe = remote(), remote(feeds.certificate(folder))
    whole = records("many", *range(1, 60))
    boundary = whole.rindex(b"PK\x03\x04")
    hold = threading.Event()

    def stalling(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"PK")
        request.wfile.flush()
        hold.wait(30)

    def broken(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(whole)))
        request.end_headers()
        request.wfile.write(whole[:500])
        request.close_connection = True

    def endless(request):
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        for _ in range(100):
            request.wfile.write(b"x" * 100_000)
        request.close_connection = True

    def leads(where):
        return lambda request: far.send(request, 302, Location=where)

    good = records("good", 1)
    plain = {"/stall": stalling, "/broken": broken, "/endless": endless, "/large": b"PK\x03\x04" + bytes(2_000_000),
             "/cut": whole[:len(whole) // 3], "/boundary": whole[:boundary], "/page": b"<html>log in first</html>",
             "/file": leads("file:///etc/passwd"), "/loop": leads("/loop"), "/500": lambda request: far.send(request, 500),
             "/kev": json.dumps(KEV).encode(), "/empty": scans.archive([]), "/good": good,
             "/moved": leads("/good")}
    far.files = plain
    safe.files = {"/down": lambda request: safe.send(request, 302, Location=far.url("/good"))}
    expected = {"404": "answers 404", "stall": "nothing came for", "broken": "connection failed", "endless": "more than", "large": "more than",
                "cut": "unpacked", "boundary": "unpacked", "page": "no advisory", "file": "another scheme", "loop": "without an end",
                "500": "answers 500", "kev": "something else", "empty": "no advisory", "down": "another scheme"}
    wanted = [feed(name, (safe if name == "down" else far).url(f"/{name}")) for name in expected]
    wanted[3:3] = [feed("good", far.url("/good")), feed("moved", far.url("/moved"))]
    server = registry(wanted, {"advisories.download_limit": "1MiB", "advisories.ca": str(folder / "127.0.0.1.pem")}, start=False)
    try:
        server.start()
        rest = boss_of(server)
        tools.wait_until(lambda: status_of(rest)["state"] == 1, "what is good to be in force", timeout=60)
        status = status_of(rest)
        assert [(one["name"], one["records"]) for one in status["sources"]] == [("good", 1), ("moved", 1)]
        tools.wait_until(lambda: status_of(rest)["problem"], "the problems", timeout=30)
        status = status_of(rest)
        found = {one["name"]: one["problem"] for one in status["feeds"] if one["failed"]}
        assert found.keys() == expected.keys()
        for name, words in expected.items():
            assert words in found[name], (name, found[name])
        assert status["lastDBUpdateFailed"] and f"{len(expected)} of {len(wanted)} feeds failed" in status["problem"]
        assert "127.0.0.1" not in status["problem"] and "passwd" not in json.dumps(found)
        job, *_ = rest.expect(200, "GET", f"{API}/jobs?action=update_vuln_db&limit=50")["jobs"][::-1]
        assert scans.finished_job(rest, job["id"])["status"] == "error"
        # Where from and why is nobody's business but administrators'.
        server.add_user("alice", PASSWORD)
        shown = status_of(Rest(server.client("alice", PASSWORD), ""))["feeds"]
        assert all("url" not in one and "problem" not in one for one in shown) and len(shown) == len(wanted)
    finally:
        hold.set()


def test_through_a_proxy(registry, remote, folder):
    pem = feeds.certificate(folder)
    plain, safe = remote(), remote(pem)
    plain.files = safe.files = {"/a.zip": records("one", 1)}
    port, log = proxies.free_port(), folder / "proxy.log"
    configuration = folder / "tinyproxy.conf"
    configuration.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 30\nLogFile \"{log}\"\nLogLevel Info\nMaxClients 10\nAllow 127.0.0.1\n")
    proxy = processes.Process([tools.tool("tinyproxy"), "-d", "-c", configuration], folder / "tinyproxy.out")
    try:
        proxy.wait_for(lambda: proxies.accepts(("127.0.0.1", port)), "the proxy")
        url = f"http://127.0.0.1:{port}"
        server = registry([feed("plain", plain.url("/a.zip")), feed("safe", safe.url("/a.zip"))], {"advisories.ca": str(pem)},
                          settings={"httpProxy": url, "httpsProxy": url})
        rest = boss_of(server)
        settled(rest)
        assert [one["failed"] for one in status_of(rest)["feeds"]] == [False, False]
        assert f"GET {plain.url('/a.zip')}" in log.read_text() and "CONNECT 127.0.0.1:" in log.read_text()
        through = log.read_text().count("Request (")
        rest.expect(202, "POST", f"{API}/meta/settings", {"noProxy": "127.0.0.1"})
        assert update(rest)["status"] == "done"
        assert log.read_text().count("Request (") == through
        assert plain.statuses("/a.zip") == safe.statuses("/a.zip") == [200, 304]
        # Without a setting, as the environment says.
        rest.expect(202, "POST", f"{API}/meta/settings", {"noProxy": "", "httpProxy": "", "httpsProxy": ""})
        server.stop()
        server.extra_environment["http_proxy"] = url
        rest = boss_of(server.start())
        assert update(rest)["status"] == "done"
        assert log.read_text().count("Request (") == through + 1
    finally:
        proxy.terminate()
    rest.expect(202, "POST", f"{API}/meta/settings", {"httpProxy": url})
    rest.expect(202, "POST", f"{API}/meta/settings", {"advisoryFeeds": [feed("plain", plain.url("/a.zip"))]})
    rest.expect(200, "PUT", f"{API}/imagescan/scan/update?online=true")
    tools.wait_until(lambda: feed_of(rest, "plain")["failed"], "the proxy to be missed")
    assert feed_of(rest, "plain")["problem"] == "its host cannot be reached"
    assert plain.statuses("/a.zip") == [200, 304, 304]


def test_only_a_certificate_that_is_trusted_and_fits(registry, remote, folder):
    pem, other = feeds.certificate(folder), feeds.certificate(folder, "elsewhere.example")
    here, elsewhere = remote(pem), remote(other)
    here.files = elsewhere.files = {"/a.zip": records("one", 1)}
    wanted = [feed("here", here.url("/a.zip")), feed("elsewhere", elsewhere.url("/a.zip"))]
    server = registry(wanted)
    rest = boss_of(server)
    settled(rest)
    assert status_of(rest)["state"] == 0
    assert {one["problem"] for one in status_of(rest)["feeds"]} == {"its host's certificate is not trusted"}
    authorities = folder / "authorities.pem"
    authorities.write_text(pem.read_text() + other.read_text())
    server.settings["advisories.ca"] = str(authorities)
    server.restart()
    rest = boss_of(server)
    settled(rest)
    assert [one["failed"] for one in status_of(rest)["feeds"]] == [False, True]
    assert not elsewhere.requests


def test_ratings_and_the_exploited_alone(registry, remote, holdfast):
    far = remote()
    year = time.gmtime().tm_year
    far.files = {"/kev.json": json.dumps(KEV).encode(), "/table": b"cve\tcvss_v3\nCVE-2024-0003\t" + scans.MEDIUM.encode() + b"\n",
                 **{f"/{number}.json.gz": gzip.compress(json.dumps(nvd(f"CVE-{number}-0001", CRITICAL)).encode())
                    for number in range(2002, year + 1)}}
    far.files["/2024.json.gz"] = gzip.compress(json.dumps(nvd("CVE-2024-0002", CRITICAL)).encode())
    server = registry([feed("catalogue", far.url("/{year}.json.gz"), "nvd"), feed("exploited", far.url("/kev.json"), "kev"),
                       feed("table", far.url("/table"), "ratings")])
    rest = boss_of(server)
    settled(rest)
    status = status_of(rest)
    assert status["state"] == 0 and "none before" in status["problem"], "there is nothing that they could be about"
    assert scans.upload(rest, records("src", 1, 2, 3, 4, ecosystem="npm"), "src")["status"] == "done"
    assert update(rest)["status"] == "done"
    status = status_of(rest)
    assert (status["exploited"], status["rated"]) == (1, year - 2002 + 2)
    assert len(status["feeds"]) == year - 2002 + 3 and feed_of(rest, "catalogue 2024")["entries"] == 1

    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": "app", "scanOnPush": True})
    package = json.dumps({"name": "src", "version": "1.0.0"}).encode()
    layer = content.layer({"usr/lib/node_modules/src/package.json": package})
    server.admin_client().push("admin/app", scans.image(layer), "v1")

    def found():
        scans.idle(rest)
        version = status_of(rest)["db_version"]
        summary = scans.scanned(rest, "admin/app", "v1", states=(6,), advisories=version)
        return {one["vuln"]["cve"]: (one["vuln"]["severity"], one["vuln"]["isExploited"])
                for layer in summary["layer_details"] for part in layer["components"] for one in part["vulns"]}

    assert found() == {"CVE-2024-0001": ("unknown", True), "CVE-2024-0002": ("critical", False),
                       "CVE-2024-0003": ("medium", False), "CVE-2024-0004": ("unknown", False)}
    # The same by hand: the text itself, compressed, and as the mirror has it.
    mirror = {"feed_name": "CVE-2024", "cve_count": 1, "cve_items": [nvd("CVE-2024-0004", CRITICAL)["vulnerabilities"][0]["cve"]]}
    for body in (json.dumps(nvd("CVE-2024-0001", scans.MEDIUM)).encode(), lzma.compress(json.dumps(mirror).encode()),
                 json.dumps({**KEV, "vulnerabilities": [{"cveID": "CVE-2024-0004"}]}).encode(),
                 b"cve\tcvss_v3\nCVE-2024-0003\t" + CRITICAL.encode() + b"\n"):
        assert scans.upload(rest, body, "")["status"] == "done"
    assert found() == {"CVE-2024-0001": ("medium", False), "CVE-2024-0002": ("critical", False),
                       "CVE-2024-0003": ("critical", False), "CVE-2024-0004": ("critical", True)}
    version = status_of(rest)["db_version"]
    for body in (b'{"vulnerabilities": 5, "catalogVersion": "x"}', b'{"format": "NVD_CVE", "vulnerabilities": [' + b"[" * 5000,
                 json.dumps(nvd("CVE-2024-0001", CRITICAL)).encode()[:-1], b'{"a": 1}'):
        assert scans.upload(rest, body, "")["status"] == "error", body[:80]
    assert status_of(rest)["db_version"] == version and status_of(rest)["problem"]


def test_switched_off_nobody_is_asked(registry, remote, holdfast):
    far = remote()
    far.files = {"/a.zip": records("one", 1)}
    server = registry([feed("A", far.url("/a.zip"))], settings={"scanningSyncOnline": False})
    rest = boss_of(server)
    path = f"{API}/imagescan/scan/update?online=true"
    assert "scanningSyncOnline" in rest.refused(400, "SCANNING_NOT_ENABLED", "PUT", path)
    rest.expect(202, "POST", f"{API}/meta/settings", {"scanningSyncOnline": True, "scanningEnabled": False})
    assert "scanningEnabled" in rest.refused(400, "SCANNING_NOT_ENABLED", "PUT", path)
    # As the schedule does it.
    job = rest.expect(202, "POST", f"{API}/jobs", {"action": "update_vuln_db"})["id"]
    assert scans.finished_job(rest, job)["status"] == "done"
    assert rest.expect(200, "GET", "/health")["Components"]["scanning"] == "off"
    rest.expect(202, "POST", f"{API}/meta/settings", {"scanningEnabled": True})
    server.settings["advisories.online"] = False
    server.restart()
    rest = boss_of(server)
    assert "advisories.online" in rest.refused(400, "SCANNING_NOT_ENABLED", "PUT", path)
    assert status_of(rest)["online"] is False and not far.requests
    server.add_user("alice", PASSWORD)
    Rest(server.client("alice", PASSWORD), "").refused(403, "NOT_AUTHORIZED", "PUT", path)


def test_stale_advisories_say_so(registry, remote, folder):
    shim, clock = folder / "clock.so", folder / "clock"
    source = Path(__file__).resolve().parents[1] / "harness/clock.cpp"
    tools.run(["clang++-19", "-std=c++23", "-O2", "-shared", "-fPIC", source, "-o", shim])
    clock.write_bytes(bytes(8))
    far = remote()
    far.files = {"/a.zip": records("one", 1), "/b.zip": records("two", 2)}
    server = registry([feed("A", far.url("/a.zip")), feed("B", far.url("/b.zip"))], settings={"advisoriesStaleAfter": "3d"},
                      environment={"LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(clock)})
    rest = boss_of(server)
    settled(rest)

    def alerts():
        return [one["message"] for one in rest.expect(200, "GET", f"{API}/meta/alerts") if one["id"] == "advisories-stale"]

    def age():
        [line] = [line for line in rest.client.raw("GET", "/metrics").body.decode().splitlines()
                  if line.startswith("holdfast_advisories_age_seconds ")]
        return float(line.split()[1])

    assert not status_of(rest)["stale"] and not alerts() and age() < 600
    rest.expect(204, "DELETE", f"{API}/crons/update_vuln_db")
    clock.write_bytes(struct.pack("<q", 4 * 86_400))
    tools.wait_until(lambda: status_of(rest)["stale"], "the advisories to be stale", timeout=20)
    assert len(alerts()) == 1 and "findings since are missing" in alerts()[0] and age() > 3 * 86_400
    # One that goes well is enough for the whole, and the other one is named.
    far.files["/b.zip"] = lambda request: far.send(request, 404)
    assert update(rest)["status"] == "error"
    assert not status_of(rest)["stale"] and age() < 600
    assert [one["stale"] for one in status_of(rest)["feeds"]] == [False, True]
    assert len(alerts()) == 1 and ": B." in alerts()[0]
    far.files["/b.zip"] = records("two", 2)
    assert update(rest)["status"] == "done" and not alerts()


def test_a_server_that_dies_while_it_fetches(registry, remote):
    far = remote()
    far.files = {"/a.zip": records("one", 1)}
    asked, go_on = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        go_on.wait(60)
        far.send(request, 200, records("two", 2))

    far.files["/b.zip"] = slow
    server = registry([feed("A", far.url("/a.zip")), feed("B", far.url("/b.zip"))], {"advisories.stall_timeout": "60s"})
    try:
        assert asked.wait(60)
        rest = boss_of(server)
        tools.wait_until(lambda: "feed 2 of 2, B" in status_of(rest)["progress"], "word of the progress", timeout=30)
        server.kill()
    finally:
        go_on.set()
    left = list((server.data / "advisories").iterdir())
    server.start()
    rest = boss_of(server)
    tools.wait_until(lambda: status_of(rest)["state"] == 1, "the update to be made anew", timeout=90)
    settled(rest)
    assert [one["records"] for one in status_of(rest)["sources"]] == [1, 1]
    assert left and not [one for one in left if one.exists()], "what was half there is gone"
    # And one that is stopped does not wait for it.
    asked.clear()
    go_on.clear()
    try:
        rest.expect(200, "PUT", f"{API}/imagescan/scan/update?online=true")
        assert asked.wait(60)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 20
    finally:
        go_on.set()


@pytest.mark.replicas
def test_of_two_replicas_one_fetches(registry, remote, holdfast):
    far = remote()
    far.files = {"/a.zip": records("one", 1)}
    first = registry([feed("A", far.url("/a.zip"))], start=False)
    second = holdfast(dict(first.settings), start=False, name="second", environment=first.extra_environment)
    shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("run", "lock", "blobs"))
    (second.data / "blobs").symlink_to(first.data / "blobs")
    second.admin_password = first.admin_password
    first.spawn()
    second.spawn()
    for server in (first, second):
        ready = server.data / "run/ready.json"
        server.process.wait_for(ready.exists, "ready.json")
        server.ready = json.loads(ready.read_text())
    for server in (first, second):
        rest = boss_of(server)
        settled(rest)
        tools.wait_until(lambda: status_of(rest)["state"] == 1, "the advisories at both", timeout=30)
    assert far.statuses("/a.zip").count(200) == 1
    versions = {status_of(boss_of(server))["db_version"] for server in (first, second)}
    assert len(versions) == 1


# --- what the scanner says of itself
def without_scanning(server, words):
    """Pushes go on, and whoever asks is told that nothing is scanned."""
    admin, rest = server.admin_client(), boss_of(server)
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": "app", "scanOnPush": True})
    admin.push("admin/app", scans.image(scans.debian_layer({"a": "1"})), "v1")
    assert admin.manifest("admin/app", "v1").status == 200
    worker = status_of(rest)["worker"]
    assert worker["ready"] is False and words in worker["problem"] and "/" not in worker["problem"]
    assert words in rest.refused(400, "SCANNING_NOT_ENABLED", "POST", f"{API}/imagescan/scan/admin/app/v1/linux/amd64", {})
    assert rest.expect(200, "GET", f"{API}/meta/features")["scanningEnabled"] is False
    health = rest.expect(200, "GET", "/health")
    assert health["Healthy"] and health["Components"] == {"metadata": "ok", "storage": "ok", "scanning": "unavailable"}
    assert [words in one["message"] for one in rest.expect(200, "GET", f"{API}/meta/alerts") if one["id"] == "scanning-off"] == [True]
    answer = rest.client.request("PUT", f"{API}/imagescan/scan/update", body=scans.archive([]))
    assert (answer.status, answer.error_codes()) == (400, ["SCANNING_NOT_ENABLED"])
    assert [line["level"] for line in server.log_lines() if line.get("message") == "scanning is off"] == ["warn"]


def test_without_its_worker_nothing_is_scanned_and_all_else_goes_on(holdfast, folder):
    alone = folder / "alone"
    alone.mkdir()
    server = holdfast(start=False)
    program = shutil.copy(server.program, alone / "holdfast")
    server.program = Path(program)
    server.start()
    without_scanning(server, "holdfast-scan")
    # What was pushed meanwhile is scanned by a server that can.
    server.stop()
    server.program = holdfast(start=False, name="whole").program
    server.start()
    scans.scanned(boss_of(server), "admin/app", "v1", states=(4, 6))


NO_SECCOMP = """
import ctypes, os, struct, sys
def step(code, yes, no, k): return struct.pack("HBBI", code, yes, no, k)
# The number of the call; seccomp(2), and prctl(PR_SET_SECCOMP): EINVAL, as a kernel without it answers.
steps = [step(0x20, 0, 0, 0), step(0x15, 4, 0, 317), step(0x15, 0, 2, 157), step(0x20, 0, 0, 16), step(0x15, 1, 0, 22),
         step(0x06, 0, 0, 0x7fff0000), step(0x06, 0, 0, 0x00050016)]
code = ctypes.create_string_buffer(b"".join(steps))
class Program(ctypes.Structure): _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(steps), ctypes.addressof(code))), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_without_seccomp_nothing_is_scanned_and_all_else_goes_on(holdfast):
    server = holdfast(prefix=[tools.tool("python3"), "-c", NO_SECCOMP])
    without_scanning(server, "seccomp")


def test_how_well_the_worker_is_shut_in(server, admin, anonymous):
    worker = status_of(Rest(admin, ""))["worker"]
    assert (worker["ready"], worker["problem"], worker["seccomp"]) == (True, "", True)
    said = [line for line in server.log_lines() if "the scan worker is shut in" in json.dumps(line)]
    assert len(said) == 1 and said[0]["seccomp"] == "yes"
    assert Rest(anonymous, "").expect(200, "GET", "/health")["Components"]["scanning"] == "ok"
