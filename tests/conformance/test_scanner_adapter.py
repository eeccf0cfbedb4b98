"""Scanners of others: an adapter of the tests' own scans what a repository gives it, and nothing else."""

import contextlib
import json
import time

import pytest

from conformance.test_openapi import Checked
from conftest import PASSWORD
from harness import content, scans
from harness.rest import Rest, new_name
from harness.scanner_adapter import OLD_REPORT, REPORT, SCANNER, UPDATED, Adapter, item
from harness.scans import API
from harness.tokens import claims_of

SCANNERS = f"{API}/holdfast/scanners"
checked = Checked()


@pytest.fixture
def rest(admin):
    return Rest(admin, "")


@pytest.fixture
def adapter(server):
    with Adapter(ca=server.ca) as made:
        yield made


@pytest.fixture
def register(rest, server):
    """Registers scanners, which are gone after the test with the repositories that chose them."""
    made, repositories = [], []

    def add(adapter, **fields) -> dict:
        one = rest.expect(201, "POST", SCANNERS, {"name": new_name("scanner"), "url": adapter.url,
                                                  "registryUrl": server.https.url, **fields})
        made.append(one["id"])
        return one

    def repository(scanner: dict | None, visibility="private") -> str:
        name = new_name("by")
        rest.expect(201, "POST", f"{API}/repositories/admin",
                    {"name": name, "scanOnPush": True, "visibility": visibility})
        repositories.append(f"admin/{name}")
        if scanner is not None:
            rest.expect(200, "PUT", chosen(repositories[-1]), {"scanner": scanner["id"]})
        return repositories[-1]

    add.repository = repository
    yield add
    for name in repositories:
        rest.call("DELETE", f"{API}/repositories/{name}")
    for one in made:
        rest.call("DELETE", f"{SCANNERS}/{one}")


def chosen(repository: str) -> str:
    return f"{API}/holdfast/repositories/{repository}/scanner"


def image(*packages: str):
    return scans.image(scans.debian_layer({package: "1.0" for package in packages}))


def events_of(rest, repository, kind):
    found = rest.expect(200, "GET", f"{API}/repositories/{repository}/events?pageSize=100")["events"]
    return [event for event in found if event["event"] == kind]


def wait_for(condition, what="it"):
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def test_an_image_is_scanned_by_the_adapter(rest, admin, adapter, register, server):
    repository = register.repository(register(adapter))
    pushed = scans.image(scans.debian_layer({"a": "1"}), scans.debian_layer({"b": "1"}))
    bottom, top = (layer["digest"] for layer in pushed.document["layers"])
    name = new_name("pkg")
    adapter.items = [
        item(f"CVE-{name}-1", name, "Critical", layer={"digest": bottom}, purl=f"pkg:deb/debian/{name}@1.0",
             preferred_cvss={"score_v3": 9.1, "vector_v3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N"}),
        item(f"CVE-{name}-2", name, "High", layer={"digest": bottom}),
        item(f"CVE-{name}-3", "other", "Medium", fix_version=""),
        item(f"CVE-{name}-4", "other", "Negligible"),
        item(f"CVE-{name}-5", "other", "Unknown"),
        item(f"CVE-{name}-5", "other", "Unknown")]
    admin.push(repository, pushed, "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6))
    assert summary["last_scan_status"] == 6, summary["reason"]
    assert [summary[key] for key in ("critical", "major", "minor", "unknown", "fixable")] == [2, 1, 1, 1, 4]
    assert summary["cvss"] == {"critical": 1, "high": 1, "medium": 1, "low": 1, "unknown": 1}
    assert summary["scanner"] == SCANNER and summary["advisories"] == UPDATED and not summary["should_rescan"]
    assert (summary["os"], summary["architecture"]) == ("linux", "amd64")
    by_layer = {layer["sha256sum"]: sorted(one["component"] for one in layer["components"])
                for layer in summary["layer_details"]}
    assert by_layer == {bottom: [name, name], top: ["other"]}, "two kinds of one name, by the PURL"
    [newer] = rest.expect(200, "GET", f"{API}/imagescan/scansummary/repositories/{repository}/v1")
    assert newer["scanner"] == SCANNER and newer["scannedImage"]["maxCVSSValue"] == 9.1
    lines = rest.call("GET", f"{API}/imagescan/scansummary/repositories/{repository}/v1/export").body.decode()
    assert lines.count(f"\"CVE-{name}-") == 5
    counts = rest.expect(200, "POST", f"{API}/imagescan/scansummary/tags",
                         {"images": [{"name": repository, "digest": pushed.digest}]})
    assert counts["images"][f"{repository}@{pushed.digest}"]["critical"] == 2
    [event] = events_of(rest, repository, "scan_completed")
    assert event["object"]["name"] == "v1"
    # What it was given, by the specification.
    [job] = adapter.jobs
    assert job.request["artifact"] == {"repository": repository, "digest": pushed.digest, "tag": "v1",
                                       "mime_type": pushed.media_type}
    assert job.request["enabled_capabilities"] == [{"type": "vulnerability", "produces_mime_types": [REPORT]}]
    assert job.request["registry"]["url"] == server.https.url
    assert [status for _, status in job.pulled] == [200] * 4
    assert job.polls == 2


def test_lookups_waivers_and_policies_know_it(rest, admin, adapter, register, server):
    repository = register.repository(register(adapter))
    name = new_name("pkg")
    adapter.items = [item(f"CVE-{name}", name, "Medium")]
    for tag in ("a", "b", "c"):
        admin.push(repository, image(name, tag), tag)
        scans.scanned(rest, repository, tag, states=(6,))
    layer = image(name, "b").document["layers"][0]["digest"]
    for path, expected in ((f"cve/CVE-{name}", "abc"), (f"component/{name}", "abc"), (f"layer/{layer}", "b")):
        found, start = "", ""
        while True:  # by pages of one
            answer = rest.call("GET", f"{API}/imagescan/scansummary/{path}?pageSize=1&pageStart={start}")
            assert answer.status == 200, str(answer)
            found += "".join(one["scannedImage"]["tag"] for one in answer.json())
            if (start := answer.header("X-Next-Page-Start")) is None:
                break
        assert found == expected, path
    with contextlib.closing(server.client("bob", PASSWORD)) as client:
        for path in (f"cve/CVE-{name}", f"component/{name}", f"layer/{layer}"):
            answer = Rest(client, "").call("GET", f"{API}/imagescan/scansummary/{path}?pageSize=1")
            assert answer.json() == [] and answer.header("X-Next-Page-Start") is None, "hidden ones leave no trace"
    policy = f"{API}/repositories/{repository}/pruningPolicies/test"
    rules = {"enabled": True, "rules": [{"field": "vulnerability_major", "operator": "gte", "values": ["1"]}]}
    assert len(rest.expect(200, "POST", policy, rules)) == 3
    made = rest.expect(200, "POST", f"{API}/imagescan/layeroverride/{layer}",
                       {"cve": f"CVE-{name}", "component": name, "componentVersion": "1.0", "notes": "no"})
    summary = scans.scanned(rest, repository, "b", states=(6,))
    assert (summary["major"], summary["found"]["major"]) == (0, 1)
    assert sorted(tag["name"] for tag in rest.expect(200, "POST", policy, rules)) == ["a", "c"]
    rest.expect(200, "DELETE", f"{API}/imagescan/layeroverride/{made['pk']}")
    # Another scan replaces the report and what is looked up in it.
    adapter.items = [item(f"CVE-{name}-new", name, "Low")]
    rest.expect(200, "POST", f"{API}/imagescan/scan/{repository}/a/linux/amd64", {})
    wait_for(lambda: scans.scanned(rest, repository, "a", states=(6,))["minor"] == 1)
    assert [one["scannedImage"]["tag"] for one in
            rest.expect(200, "GET", f"{API}/imagescan/scansummary/cve/CVE-{name}")] == ["b", "c"]
    assert [one["scannedImage"]["tag"] for one in
            rest.expect(200, "GET", f"{API}/imagescan/scansummary/cve/CVE-{name}-new")] == ["a"]
    # What is deleted is forgotten.
    rest.expect(204, "DELETE", f"{API}/repositories/{repository}/manifests/{image(name, 'a').digest}")
    assert rest.expect(200, "GET", f"{API}/imagescan/scansummary/cve/CVE-{name}-new") == []


def test_what_one_repository_has_of_an_adapter_is_in_no_other(rest, admin, server, adapter, register):
    """A report that says anything of an image says it where that adapter was chosen."""
    lying = register.repository(register(adapter), visibility="public")
    plain = register.repository(None, visibility="public")
    name = new_name("pkg")
    pushed = image(name)
    adapter.items = [item(f"CVE-{name}", name, "Critical")]
    for repository in (plain, lying):
        admin.push(repository, pushed, "v1")
    theirs = scans.scanned(rest, lying, "v1", states=(6,))
    ours = scans.scanned(rest, plain, "v1", states=(4, 6))
    assert theirs["critical"] == 1 and theirs["scanner"] == SCANNER
    assert ours["critical"] == 0 and ours["scanner"]["name"] == "Holdfast"
    assert f"CVE-{name}" not in str(ours)

    def where(path):
        return [one["scannedImage"]["repository"] for one in
                rest.expect(200, "GET", f"{API}/imagescan/scansummary/{path}")]

    assert where(f"cve/CVE-{name}") == [lying.split("/")[1]]
    assert where(f"component/{name}") == [repository.split("/")[1] for repository in (plain, lying)]
    # Built in again: the result of the digest is there at once; the adapter's is not.
    assert rest.expect(200, "PUT", chosen(lying), {"scanner": ""}) == {
        "scanner": "", "name": "Holdfast", "disabled": False, "chosen": True}
    assert scans.scanned(rest, lying, "v1", states=(4, 6))["scanner"]["name"] == "Holdfast"
    assert where(f"cve/CVE-{name}") == [] and len(where(f"component/{name}")) == 2


def test_another_adapter_begins_anew(rest, admin, server, adapter, register):
    repository = register.repository(register(adapter))
    adapter.items = [item("CVE-1", "a")]
    admin.push(repository, image("a"), "v1")
    scans.scanned(rest, repository, "v1", states=(6,))
    with Adapter(ca=server.ca) as second:
        rest.expect(200, "PUT", chosen(repository), {"scanner": register(second)["id"]})
        [summary] = rest.expect(200, "GET", f"{API}/imagescan/repositories/{repository}/v1")
        assert (summary["last_scan_status"], summary["critical"], summary["should_rescan"]) == (1, 0, True)
        rest.expect(200, "POST", f"{API}/imagescan/scan/{repository}/v1/linux/amd64", {})
        summary = scans.scanned(rest, repository, "v1", states=(0, 6))
        assert (summary["last_scan_status"], summary["critical"]) == (6, 0)
        assert len(second.jobs) == 1 and len(adapter.jobs) == 1


def test_the_credential_reads_one_repository_and_ends(rest, admin, server, adapter, register):
    repository = register.repository(register(adapter))
    other = register.repository(None)
    pushed = image("a")
    admin.push(other, image("secret"), "v1")
    adapter.hold.clear()
    admin.push(repository, pushed, "v1")
    job = wait_for(lambda: adapter.jobs and adapter.jobs[0].polls and adapter.jobs[0])
    adapter.pull(job)  # once more, while it is under way
    assert {status for _, status in job.pulled} == {200}
    with contextlib.closing(server.client()) as nobody:
        field = [("Authorization", job.request["registry"]["authorization"])]

        def status(method, path, body=None):
            return nobody.raw(method, path, headers=field, body=body).status

        manifest = f"/v2/{repository}/manifests/{pushed.digest}"
        assert status("GET", manifest) == 200 and status("HEAD", f"/v2/{repository}/tags/list") in (200, 405)
        for method, path in (("POST", f"/v2/{repository}/blobs/uploads/"), ("PUT", f"/v2/{repository}/manifests/new"),
                             ("DELETE", manifest), ("GET", f"/v2/{other}/manifests/v1"),
                             ("GET", f"/v2/{other}/tags/list"), ("GET", "/v2/nobody/has-this/tags/list"),
                             ("GET", "/v2/_catalog"), ("GET", f"{API}/repositories/{repository}"),
                             ("GET", f"{API}/events"), ("GET", SCANNERS),
                             ("POST", f"/v2/{repository}/blobs/uploads/?mount={content.digest_of(b'')}&from={other}")):
            assert status(method, path, b"" if method in ("POST", "PUT") else None) == 401, (method, path)
        token = job.request["registry"]["authorization"].removeprefix("Bearer ")
        claims = claims_of(token)
        assert claims["access"] == [{"type": "repository", "name": repository, "actions": ["pull"]}]
        limit = rest.expect(200, "GET", f"{API}/meta/settings")["scanningDeadline"]
        assert 0 < claims["exp"] - claims["iat"] <= limit + 1
        adapter.hold.set()
        scans.scanned(rest, repository, "v1", states=(6,))
        assert status("GET", manifest) == 401 and status("GET", "/v2/") == 401, "it ends with the scan"
    [pull] = {event["actor"] for event in events_of(rest, repository, "manifest_pulled")} - {"admin"}
    assert pull == "system:scanner"


@pytest.mark.parametrize("answers, sentence, tries", [
    ([(500, b'{"error": {"message": "out of order"}}')] * 2, "it answers 500: out of order", 2),
    ([(503, b"<html>")] * 2, "it answers 503", 2),
    ([(422, b'{"error": {"message": "no such\\nfield"}}')], "it answers 422: no such field", 1),
    ([(202, b"{}")] * 2, "gave no id", 2),
    ([(202, b"x" * 2_000_000)], "more than 1048576 bytes", 1),
], ids=["500", "503", "422", "no id", "too large"])
def test_what_is_not_accepted(rest, admin, adapter, register, answers, sentence, tries):
    repository = register.repository(register(adapter))
    adapter.scan_answers = list(answers)
    admin.push(repository, image("a"), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6))
    assert summary["last_scan_status"] == 0 and sentence in summary["reason"], summary["reason"]
    assert adapter.scan_answers == [] and len(answers) == tries
    [event] = events_of(rest, repository, "scan_failed")
    assert sentence in event["detail"]
    # Nothing else is held up, and the next wish goes well.
    adapter.items = [item("CVE-1", "a")]
    rest.expect(200, "POST", f"{API}/imagescan/scan/{repository}/v1/linux/amd64", {})
    assert wait_for(lambda: scans.scanned(rest, repository, "v1", states=(0, 6)))["critical"] in (0, 1)
    wait_for(lambda: scans.scanned(rest, repository, "v1", states=(0, 6))["critical"] == 1)


MANY = json.dumps({"vulnerabilities": [{"id": f"CVE-{number}", "package": "a"} for number in range(100_000)]}).encode()


@pytest.mark.parametrize("answers, sentence", [
    ([(200, b"{")] * 2, "no report of the scanner adapter API"),
    ([(200, b'{"vulnerabilities": [{"id": "x"}]}')] * 2, "no report of the scanner adapter API"),
    ([(200, b'{"vulnerabilities": ' + b"[" * 100_000)] * 2, "no report of the scanner adapter API"),
    ([(404, b"")] * 1, "it answers 404"),
    ([(500, b'{"error": {"message": "cannot pull"}}')] * 2, "it answers 500: cannot pull"),
    ([(200, MANY)], "more than 50000 findings"),
    ([(200, b"[1" + b",1" * 20_000_000 + b"]")], "too much memory"),
    ([(200, b" " * (70 << 20))], "more than 67108864 bytes"),
], ids=["no JSON", "no package", "deep", "404", "500", "100,000", "memory", "bytes"])
def test_what_is_no_report(rest, admin, adapter, register, answers, sentence):
    repository = register.repository(register(adapter))
    adapter.report_answers = list(answers)
    admin.push(repository, image("a"), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6))
    assert summary["last_scan_status"] == 0 and sentence in summary["reason"], summary["reason"]
    assert adapter.report_answers == []


def test_a_large_report_is_kept(rest, admin, adapter, register):
    repository = register.repository(register(adapter))
    adapter.items = [item(f"CVE-{number}", f"p{number % 4000}", "Low") for number in range(20_000)]
    admin.push(repository, image("a"), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6), query="detailed=false")
    assert (summary["last_scan_status"], summary["minor"]) == (6, 20_000), summary["reason"]


def test_an_adapter_that_is_away(rest, admin, server, register):
    with Adapter() as gone:
        one = register(gone)
    repository = register.repository(one)
    admin.push(repository, image("a"), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6))
    assert summary["last_scan_status"] == 0 and "cannot be reached" in summary["reason"]
    rest.refused(400, "SCANNER_FAILED", "GET", f"{SCANNERS}/{one['id']}/metadata")


def test_an_adapter_that_is_slow(holdfast):
    """Ends with the deadline; other scans go on meanwhile, also by the built-in scanner."""
    server = holdfast({"create_repository_on_push": True})
    admin = server.admin_client()
    rest = Rest(admin, "")
    rest.expect(202, "POST", f"{API}/meta/settings", {"scanningDeadline": 2})
    with Adapter(ca=server.ca) as adapter:
        adapter.hold.clear()
        one = rest.expect(201, "POST", SCANNERS, {"name": "slow", "url": adapter.url, "registryUrl": server.https.url})
        for name in ("slow", "plain"):
            rest.expect(201, "POST", f"{API}/repositories/admin", {"name": name, "scanOnPush": True})
        rest.expect(200, "PUT", chosen("admin/slow"), {"scanner": one["id"]})
        admin.push("admin/slow", image("a"), "v1")
        wait_for(lambda: adapter.jobs)
        admin.push("admin/plain", image("b"), "v1")
        assert scans.scanned(rest, "admin/plain", "v1")["last_scan_status"] == 4
        summary = scans.scanned(rest, "admin/slow", "v1", states=(0, 6))
        assert summary["last_scan_status"] == 0 and "did not end in time" in summary["reason"]
        assert adapter.jobs[0].polls < 20, "it is not asked all the time"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_scan_goes_on_after_a_restart(holdfast, end):
    """As another attempt: the credential of the one before has ended."""
    server = holdfast({"create_repository_on_push": True})
    admin = server.admin_client()
    rest = Rest(admin, "")
    with Adapter(ca=server.ca) as adapter:
        adapter.items = [item("CVE-1", "a")]
        adapter.hold.clear()
        rest.expect(201, "POST", SCANNERS, {"name": "a", "url": adapter.url, "registryUrl": server.https.url,
                                            "isDefault": True})
        rest.expect(201, "POST", f"{API}/repositories/admin", {"name": "app", "scanOnPush": True})
        admin.push("admin/app", image("a"), "v1")
        wait_for(lambda: adapter.jobs and adapter.jobs[0].polls)
        getattr(server, end)()
        server.start()
        rest = Rest(server.admin_client(), "")
        adapter.hold.set()
        summary = scans.scanned(rest, "admin/app", "v1", states=(0, 6))
        assert (summary["last_scan_status"], summary["critical"]) == (6, 1), summary["reason"]
        first, last = adapter.jobs
        for job in (first, last):
            job.request["registry"]["url"] = server.https.url
            job.pulled.clear()
            adapter.pull(job)
            assert [status for _, status in job.pulled] == [401]


def test_an_image_that_goes_meanwhile(rest, admin, adapter, register):
    repository = register.repository(register(adapter))
    adapter.hold.clear()
    pushed = image("a")
    admin.push(repository, pushed, "v1")
    wait_for(lambda: adapter.jobs and adapter.jobs[0].polls)
    rest.expect(204, "DELETE", f"{API}/repositories/{repository}/manifests/{pushed.digest}")
    adapter.hold.set()

    def job():
        jobs = rest.expect(200, "GET", f"{API}/jobs?action=adapter_scan&limit=100")["jobs"]
        return next(one for one in jobs if one["parameters"]["repository"] == repository)

    assert wait_for(lambda: job()["status"] not in ("waiting", "running") and job())["status"] == "done"
    admin.push(repository, pushed, "v1")
    assert scans.scanned(rest, repository, "v1", states=(0, 6))["last_scan_status"] == 6
    assert len(adapter.jobs) == 2, "what is pushed again is scanned again"


def test_where_this_registry_is_must_be_known(rest, admin, adapter, register):
    repository = register.repository(register(adapter, registryUrl=""))
    admin.push(repository, image("a"), "v1")
    assert "external URL" in scans.scanned(rest, repository, "v1", states=(0, 6))["reason"]
    assert adapter.jobs == []


def test_what_the_adapter_cannot_do(rest, admin, adapter, register):
    repository = register.repository(register(adapter))
    adapter.metadata = {**adapter.metadata, "capabilities": [
        {"type": "vulnerability", "consumes_mime_types": ["application/x"], "produces_mime_types": [REPORT]},
        {"type": "sbom", "consumes_mime_types": [content.OCI_MANIFEST], "produces_mime_types": ["y"]}]}
    admin.push(repository, image("a"), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6))
    assert summary["last_scan_status"] == 0 and "does not look for vulnerabilities" in summary["reason"]
    assert adapter.jobs == []
    # One from before there were types of capabilities.
    adapter.metadata["capabilities"] = [{"consumes_mime_types": [content.OCI_MANIFEST], "produces_mime_types": [OLD_REPORT]}]
    adapter.refresh_after = None
    rest.expect(200, "POST", f"{API}/imagescan/scan/{repository}/v1/linux/amd64", {})
    wait_for(lambda: scans.scanned(rest, repository, "v1", states=(0, 6))["last_scan_status"] == 6)
    assert "enabled_capabilities" not in adapter.jobs[0].request


def test_a_platform_of_an_index_is_one_image(rest, admin, adapter, register):
    repository = register.repository(register(adapter))
    images = [scans.image(scans.debian_layer({"a": "1"}), architecture=one) for one in ("amd64", "arm64")]
    index = content.index(images)
    for one in images:
        admin.push(repository, one)
    admin.push(repository, index, "v1")
    wait_for(lambda: all(one["last_scan_status"] == 6 for one in
                         rest.expect(200, "GET", f"{API}/imagescan/repositories/{repository}/v1?detailed=false")))
    assert {job.request["artifact"]["digest"] for job in adapter.jobs} == {one.digest for one in images}


def test_again_by_night(holdfast):
    """All that an adapter was asked about is asked again; one that is away takes nothing from what is known."""
    server = holdfast()
    admin = server.admin_client()
    rest = Rest(admin, "")
    assert "adapter_scan_all" in {cron["action"] for cron in rest.expect(200, "GET", f"{API}/crons")["crons"]}

    def run_all() -> str:
        job = rest.expect(202, "POST", f"{API}/jobs", {"action": "adapter_scan_all"})
        found = scans.finished_job(rest, job["id"])
        logs = json.dumps(rest.expect(200, "GET", f"{API}/jobs/{found['id']}/logs"))
        assert found["status"] == "done", logs
        return logs

    with Adapter(ca=server.ca) as adapter:
        one = rest.expect(201, "POST", SCANNERS, {"name": "nightly", "url": adapter.url, "isDefault": True,
                                                  "registryUrl": server.https.url})
        rest.expect(201, "POST", f"{API}/repositories/admin", {"name": "a", "scanOnPush": True})
        for tag in ("v1", "v2"):
            admin.push("admin/a", image(tag), tag)
            scans.scanned(rest, "admin/a", tag, states=(6,))
        adapter.items = [item("CVE-1", "a")]
        assert "2 images scanned again" in run_all()
        for tag in ("v1", "v2"):
            assert scans.scanned(rest, "admin/a", tag)["critical"] == 1
        assert len(events_of(rest, "admin/a", "scan_completed")) == 2, "nobody asked"
        rest.expect(200, "PATCH", f"{SCANNERS}/{one['id']}", {"disabled": True, "isDefault": False})
        [summary] = rest.expect(200, "GET", f"{API}/imagescan/repositories/admin/a/v1")
        assert summary["last_scan_status"] == 1, "no default: built in"
        rest.expect(200, "PATCH", f"{SCANNERS}/{one['id']}", {"disabled": False, "isDefault": True})
        adapter.scan_answers = [(500, b"")] * 9
        assert "0 images scanned again" in run_all()
        assert len(adapter.scan_answers) == 8, "asked once, then left alone"
        for tag in ("v1", "v2"):
            summary = scans.scanned(rest, "admin/a", tag)
            assert (summary["last_scan_status"], summary["critical"]) == (6, 1)
    rest.expect(204, "DELETE", f"{SCANNERS}/{one['id']}")
    assert server.sql("SELECT count(*) FROM scan_adapter_images") == [("2",)]
    run_all()
    assert server.sql("SELECT count(*) FROM scan_adapter_images") == [("0",)]
    assert server.sql("SELECT count(*) FROM scan_adapter_names") == [("0",)]
