"""Scan on push: what is pushed is opened, and what is wrong with it is exactly what the advisories say."""

import gzip
import io
import random
import tarfile
import time

import apt_pkg
import pytest
import rpm

from conformance.test_openapi import Checked, user  # noqa: F401 (a fixture)
from conftest import PASSWORD
from harness import content, openapi, scans
from harness.rest import Rest, new_name
from harness.scans import API

apt_pkg.init_system()
checked = Checked()


@pytest.fixture
def rest(admin):
    return Rest(admin, "")


@pytest.fixture
def repository(rest):
    """Of the administrator's, scanning on push."""
    name = new_name("scanned")
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": name, "scanOnPush": True, "visibility": "public"})
    return f"admin/{name}"


@pytest.fixture
def source():
    """A source of advisories of the test's own, with packages that no other test has."""
    return new_name("src")


def put_in_force(rest, source, records) -> str:
    job = scans.upload(rest, scans.archive(records), source)
    assert job["status"] == "done", rest.expect(200, "GET", f"{API}/jobs/{job['id']}/logs")
    scans.idle(rest)
    return rest.expect(200, "GET", f"{API}/imagescan/status")["db_version"]


def events_of(rest, repository, kind):
    found = rest.expect(200, "GET", f"{API}/repositories/{repository}/events?pageSize=100")["events"]
    return [event for event in found if event["event"] == kind]


def test_findings_are_those_of_an_independent_check(rest, admin, repository, source):
    """dpkg's order of versions by python3-apt, over the same advisories: all of them and no others."""
    dice = random.Random(20261125)
    pieces = ["1.0", "1.0-1", "1.0-1+deb12u1", "1.0-1+deb12u2", "1.0~rc1", "1:0.9", "1.0+b1", "2.1.dfsg-3", "1.10", "1.9"]
    packages = {f"{source}-p{number}": dice.choice(pieces) for number in range(40)}
    sources = {name: f"{name}-src ({dice.choice(pieces)})" for name in list(packages)[::3]}
    records, expected = [], set()
    for number in range(200):
        name = dice.choice(list(packages))
        built_from = f"{name}-src" if name in sources else name
        version = sources[name].split("(")[1][:-1] if name in sources else packages[name]
        fixed, cve = dice.choice(pieces), f"CVE-{source}-{number}"
        records.append(scans.record(f"DSA-{source}-{number}", "Debian:12", built_from, *scans.until(fixed), upstream=[cve]))
        if apt_pkg.version_compare(version, fixed) < 0:
            expected.add((name, cve))
    assert 40 < len(expected) < 160
    version = put_in_force(rest, source, records)
    admin.push(repository, scans.image(scans.debian_layer(packages, sources)), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    assert scans.findings(summary) == expected
    assert summary["unknown"] == len(expected) and summary["critical"] == summary["major"] == summary["minor"] == 0
    [event] = events_of(rest, repository, "scan_completed")
    assert event["type"] == "SCAN" and event["object"]["type"] == "TAG"


def test_alpine_by_origin(rest, admin, repository, source):
    version = put_in_force(rest, source, [
        scans.record(f"ALPINE-{source}-1", "Alpine:v3.18", f"{source}ssl", *scans.until("3.1.4-r1"), upstream=[f"CVE-{source}-1"]),
        scans.record(f"ALPINE-{source}-2", "Alpine:v3.18", f"{source}ssl", {"introduced": "0"}, {"fixed": "0"}),
        scans.record(f"ALPINE-{source}-3", "Alpine:v3.17", f"{source}ssl", *scans.until("9"), upstream=[f"CVE-{source}-2"])])
    layer = scans.apk_layer({f"lib{source}": "3.1.3-r0", "other": "1-r0"}, {f"lib{source}": f"{source}ssl"})
    admin.push(repository, scans.image(layer), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    assert scans.findings(summary) == {(f"lib{source}", f"CVE-{source}-1")}


@pytest.mark.parametrize("backend", ["sqlite", "ndb"])
def test_rpm_by_its_own_database_and_order(rest, admin, repository, source, tmp_path, backend):
    dice = random.Random(backend)
    pieces = ["0:1.0-1.el9", "0:1.0-2.el9", "0:1.0~rc1-1", "1:0.9-1", "0:1.0^git1-1", "0:1.10-1.el9", "0:1.9-1.el9"]
    packages = {f"{source}-p{number}": dice.choice(pieces) for number in range(6)}
    records, expected = [], set()
    for number in range(40):
        name, fixed, cve = dice.choice(list(packages)), dice.choice(pieces), f"CVE-{source}-{number}"
        records.append(scans.record(f"ALSA-{source}-{number}", "AlmaLinux:9", name, *scans.until(fixed), related=[cve]))
        if rpm.labelCompare(parts(packages[name]), parts(fixed)) < 0:
            expected.add((name, cve))
    assert 5 < len(expected) < 35
    version = put_in_force(rest, source, records)
    admin.push(repository, scans.image(scans.rpm_layer(tmp_path, packages, backend)), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    assert scans.findings(summary) == expected, summary["layer_details"][0]["remarks"]


def parts(version: str) -> tuple[str, str, str]:
    epoch, rest = version.split(":")
    return epoch, *rest.rsplit("-", 1)


def test_three_major_and_nothing_else(rest, admin, repository, source):
    records = [scans.record(f"DSA-{source}-{number}", "Debian:12", source, *scans.until("2.0"), upstream=[f"CVE-{source}-{number}"],
                            severity=[{"type": "CVSS_V3", "score": scans.MEDIUM}]) for number in (1, 2, 3)]
    version = put_in_force(rest, source, records)
    admin.push(repository, scans.image(scans.debian_layer({source: "1.0"})), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    assert (summary["os"], summary["architecture"]) == ("linux", "amd64")
    assert (summary["critical"], summary["major"], summary["minor"], summary["unknown"]) == (0, 3, 0, 0)
    assert summary["fixable"] == 3 and summary["cvss"]["medium"] == 3
    [tag] = rest.expect(200, "GET", f"{API}/repositories/{repository}/tags/v1")
    assert (tag["vuln_summary"]["major"], tag["vuln_summary"]["tag"]) == (3, "v1")
    assert [(one["name"], one["vulnCount"]["major"], len(one["cves"])) for one in tag["components"]] == [(source, 3, 3)]


def test_what_is_taken_away_vanishes_from_findings_and_stays_in_its_layer(rest, admin, repository, source):
    version = put_in_force(rest, source, [
        scans.record(f"DSA-{source}-{name}", "Debian:12", f"{source}{name}", *scans.until("2"), upstream=[f"CVE-{source}-{number}"])
        for number, name in enumerate("abc")])
    base = scans.debian_layer({f"{source}a": "1", f"{source}b": "1"})
    purged = scans.debian_layer({f"{source}b": "1", f"{source}c": "1"})
    admin.push(repository, scans.image(base, purged), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    assert scans.findings(summary) == {(f"{source}b", f"CVE-{source}-1"), (f"{source}c", f"CVE-{source}-2")}
    first, second = ({part["component"]: part["coverage"] for part in layer["components"]} for layer in summary["layer_details"])
    assert first == {f"{source}a": "removed", f"{source}b": "covered"}
    assert second == {f"{source}c": "covered"}
    admin.push(repository, scans.image(base, content.layer({"var/lib/dpkg/.wh.status": b""})), "v2")
    assert scans.findings(scans.scanned(rest, repository, "v2", states=(6,), advisories=version)) == set()


def test_new_advisories_count_without_opening_a_layer(rest, admin, repository, source):
    layer = scans.debian_layer({source: "1.0"})
    admin.push(repository, scans.image(layer), "v1")
    scans.scanned(rest, repository, "v1", states=(4, 6))
    jobs = len(rest.expect(200, "GET", f"{API}/jobs?action=scan_check&limit=1000")["jobs"])
    version = put_in_force(rest, source, [scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("1.1"))])
    summary = scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    assert scans.findings(summary) == {(source, f"DSA-{source}-1")}
    assert len(rest.expect(200, "GET", f"{API}/jobs?action=scan_check&limit=1000")["jobs"]) == jobs


def test_an_image_with_more_findings_than_anyone_reads_stops_nobody(rest, admin, repository, source):
    """A stranger lists a kernel under three hundred names: their image is refused, and all others are compared."""
    names = {f"{source}-p{number}": "1.0" for number in range(300)}
    crowded = scans.debian_layer(names, dict.fromkeys(names, source))
    for tag, layer in (("first", crowded), ("second", scans.debian_layer({source: "1.0"}))):
        admin.push(repository, scans.image(layer), tag)
        assert scans.scanned(rest, repository, tag)["last_scan_status"] in (4, 6)
    version = put_in_force(rest, source, [
        scans.record(f"DSA-{source}-{number}", "Debian:12", source, *scans.until("2")) for number in range(200)])
    assert scans.scanned(rest, repository, "second", states=(6,), advisories=version)["unknown"] == 200
    admin.push(repository, scans.image(crowded, content.layer({"app/more": b""})), "third")
    for tag in ("first", "third"):
        summary = scans.scanned(rest, repository, tag, states=(0,))
        assert "50000 findings" in summary["reason"] and summary["should_rescan"] is True
        answer = rest.call("GET", f"{API}/holdfast/repositories/{repository}/manifests/{tag}/sbom")
        assert answer.status == 404, answer


def test_a_base_layer_is_read_once(rest, admin, repository, source):
    base = scans.debian_layer({source: "1.0"})
    admin.push(repository, scans.image(base), "v1")
    scans.scanned(rest, repository, "v1", states=(4, 6))
    pushed = scans.image(base, content.layer({"app/new": source.encode()}))
    admin.push(repository, pushed, "v2")
    scans.scanned(rest, repository, "v2", states=(4, 6))
    [job] = [job for job in rest.expect(200, "GET", f"{API}/jobs?action=scan_check&limit=1000")["jobs"]
             if job["parameters"]["digest"] == pushed.digest]
    scans.finished_job(rest, job["id"])
    lines = [line["data"] for line in rest.expect(200, "GET", f"{API}/jobs/{job['id']}/logs")]
    assert any(content.digest_of(base[0]) in line and "known" in line for line in lines), lines


def test_not_covered_is_not_clean(rest, admin, repository, source):
    unknown = content.layer({"etc/os-release": b"ID=slackware\nVERSION_ID=15\n",
                             "var/lib/dpkg/status": scans.dpkg_status({source: "1.0"})})
    admin.push(repository, scans.image(unknown), "v1")
    put_in_force(rest, source, [scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"))])
    summary = scans.scanned(rest, repository, "v1", states=(6,))
    assert summary["notCovered"] == 1
    [component] = summary["layer_details"][0]["components"]
    assert component["coverage"] == "notCovered" and component["vulns"] == []


def test_each_platform_of_an_index_for_itself(rest, admin, repository, source):
    images = [scans.image(scans.debian_layer({source: version}), architecture=architecture)
              for architecture, version in (("amd64", "1.0"), ("arm64", "3.0"))]
    for one in images:
        admin.push(repository, one)
    index = content.index(images)
    admin.push(repository, index, "v1")
    version = put_in_force(rest, source, [scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"))])
    for architecture, count in (("amd64", 1), ("arm64", 0)):
        summary = scans.scanned(rest, repository, "v1", query=f"os=linux&arch={architecture}", states=(6,), advisories=version)
        assert (summary["architecture"], summary["unknown"]) == (architecture, count)
    both = rest.expect(200, "GET", f"{API}/imagescan/repositories/{repository}/v1?detailed=false")
    assert len(both) == 2


def test_a_layer_that_cannot_be_read_fails_its_scan_and_says_why(rest, admin, repository):
    cut = scans.debian_layer({"a": "1"})[0][:-30]
    for tag, data in (("cut", cut), ("nothing", b"no archive at all" * 100), ("noise", gzip.compress(random.Random(5).randbytes(100_000)))):
        admin.push(repository, scans.image((data, b"")), tag)
        summary = scans.scanned(rest, repository, tag, states=(0,))
        assert content.digest_of(data) in summary["reason"], summary
        assert summary["should_rescan"] is True
    failed = events_of(rest, repository, "scan_failed")
    assert len(failed) >= 3 and all(event["type"] == "FAIL" for event in failed)


def test_a_bomb_ends_at_its_limit_and_nothing_else_notices(rest, admin, repository, source):
    zeros = io.BytesIO()
    with tarfile.open(fileobj=zeros, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(20_001):
            entry = tarfile.TarInfo(f"{'d/' * 900}{number}")
            archive.addfile(entry)
    admin.push(repository, scans.image((gzip.compress(zeros.getvalue(), 1), zeros.getvalue())), "names")
    summary = scans.scanned(rest, repository, "names", states=(0,))
    assert "members" in summary["reason"], summary
    admin.push(repository, scans.image(scans.debian_layer({source: "1"})), "good")
    assert scans.scanned(rest, repository, "good", states=(4, 6))["last_scan_status"] in (4, 6)


def test_encrypted_and_foreign_layers_are_marked(rest, admin, repository, source):
    known = scans.debian_layer({source: "1.0"})
    secret = (b"encrypted", b"")
    config = content.encode({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
    body = content.encode({"schemaVersion": 2, "mediaType": content.OCI_MANIFEST,
                           "config": content.descriptor(content.OCI_CONFIG, config),
                           "layers": [content.descriptor(content.OCI_LAYER, known[0]),
                                      content.descriptor(content.OCI_LAYER + "+encrypted", secret[0]),
                                      {"mediaType": content.OCI_NONDISTRIBUTABLE, "size": 10,
                                       "digest": content.digest_of(b"elsewhere")}]})
    admin.push(repository, content.Manifest(content.OCI_MANIFEST, body, [config, known[0], secret[0]]), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(4, 6))
    assert len(summary["layer_details"]) == 3
    assert [part["component"] for part in summary["layer_details"][0]["components"]] == [source]


def test_artifacts_are_not_scanned(rest, admin, repository, source):
    admin.push(repository, content.artifact(), "v1")
    admin.push(repository, scans.image(scans.debian_layer({source: "1.0"})), "later")
    scans.scanned(rest, repository, "later", states=(4, 6))  # pushes are looked at in their order
    [summary] = rest.expect(200, "GET", f"{API}/imagescan/repositories/{repository}/v1")
    assert summary["last_scan_status"] == 1


def hostile() -> dict[str, bytes]:
    good = scans.record("A-1", "npm", "x", *scans.until("2"))
    many = scans.record("A-2", "npm", "x", *({"fixed": str(number)} for number in range(250_000)))
    return {"zip of nothing": b"PK\x03\x04" + b"nothing" * 100, "empty": scans.archive([]), "cut": scans.archive([good] * 50)[:400],
            "two hundred thousand events": scans.archive([many])}


@pytest.mark.parametrize("what", list(hostile()))
def test_a_bad_archive_leaves_the_old_advisories_in_force(rest, source, what):
    version = put_in_force(rest, source, [scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"))])
    job = scans.upload(rest, hostile()[what], f"{source}bad")
    assert job["status"] == "error", what
    status = rest.expect(200, "GET", f"{API}/imagescan/status")
    assert status["db_version"] == version
    assert status["lastDBUpdateFailed"] is True and status["problem"]


def test_an_override_hides_a_finding_and_says_who(rest, admin, repository, source):
    version = put_in_force(rest, source, [
        scans.record(f"DSA-{source}-{number}", "Debian:12", source, *scans.until("2"), upstream=[f"CVE-{source}-{number}"])
        for number in (1, 2)])
    layer = scans.debian_layer({source: "1.0"})
    admin.push(repository, scans.image(layer), "v1")
    assert scans.scanned(rest, repository, "v1", states=(6,), advisories=version)["unknown"] == 2
    override = {"cve": f"CVE-{source}-1", "component": source, "componentVersion": "1.0", "notes": "not reachable"}
    path = f"{API}/imagescan/layeroverride"
    made = rest.expect(200, "POST", f"{path}/{content.digest_of(layer[0])}", override)
    assert made["author"] == "admin"
    summary = scans.scanned(rest, repository, "v1", states=(6,))
    assert (summary["unknown"], summary["found"]["unknown"]) == (1, 2)
    [hidden] = [finding for finding in summary["layer_details"][0]["components"][0]["vulns"] if finding["isHidden"]]
    assert hidden["notes"] == [{"type": "override", "reason": "not reachable"}]
    [newer] = rest.expect(200, "GET", f"{API}/imagescan/scansummary/repositories/{repository}/v1")
    assert [one["pk"] for one in newer["scannedImage"]["vulnOverrides"]] == [made["pk"]]
    rest.expect(200, "DELETE", f"{path}/{made['pk']}")
    assert scans.scanned(rest, repository, "v1", states=(6,))["unknown"] == 2


def test_found_by_vulnerability_component_layer_and_licence(rest, admin, repository, source, nobody):
    version = put_in_force(rest, source, [
        scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"), upstream=[f"CVE-{source}"])])
    copyright_file = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: X-" + source.encode() + b"\n"
    layer = scans.debian_layer({source: "1.0"}, more={f"usr/share/doc/{source}/copyright": copyright_file})
    mended = scans.debian_layer({source: "3.0"})
    admin.push(repository, scans.image(layer), "v1")
    admin.push(repository, scans.image(mended), "v2")
    for tag in ("v1", "v2"):
        scans.scanned(rest, repository, tag, states=(6,), advisories=version)
    path = f"{API}/imagescan/scansummary"

    def tags(kind, name):
        return [one["scannedImage"]["tag"] for one in rest.expect(200, "GET", f"{path}/{kind}/{name}")]

    assert tags("cve", f"CVE-{source}") == tags("cve", f"DSA-{source}-1") == ["v1"]
    assert tags("component", source) == ["v1", "v2"]
    assert tags("layer", content.digest_of(layer[0])) == ["v1"]
    assert tags("license", f"X-{source}") == ["v1"]
    first = rest.call("GET", f"{path}/component/{source}?pageSize=1")
    second = rest.call("GET", f"{path}/component/{source}?pageSize=1&pageStart={first.header('X-Next-Page-Start')}")
    assert [one.json()[0]["scannedImage"]["tag"] for one in (first, second)] == ["v1", "v2"]
    assert second.header("X-Next-Page-Start") is None
    csv = rest.client.request("GET", f"{path}/repositories/{repository}/v1/export", headers=[("Accept", "text/csv")])
    assert csv.header("Content-Type").startswith("text/csv") and f"CVE-{source}" in csv.body.decode()


def test_every_answer_is_as_written(rest, boss, user, nobody, admin, repository, source):  # noqa: F811
    version = put_in_force(rest, source, [scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"))])
    pushed = scans.image(scans.debian_layer({source: "1.0"}))
    admin.push(repository, pushed, "v1")
    scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    namespace, name = repository.split("/")
    names = {"namespace": namespace, "repository": name}
    base = f"{API}/imagescan"
    checked.call(boss, 200, "get", f"{base}/status")
    checked.call(nobody, 401, "get", f"{base}/status")
    checked.call(boss, 200, "post", f"{base}/scan", {"scan": False, "check": True})
    checked.call(boss, 400, "post", f"{base}/scan", {})
    checked.call(user, 403, "post", f"{base}/scan", {"check": True})
    checked.call(nobody, 401, "post", f"{base}/scan", {"check": True})
    checked.call(boss, 400, "put", f"{base}/scan/update")
    checked.call(boss, 400, "put", f"{base}/scan/update", b"no archive")
    checked.call(user, 403, "put", f"{base}/scan/update")
    checked.call(nobody, 401, "put", f"{base}/scan/update")
    scan = f"{base}/scan/{{namespace}}/{{repository}}/{{tag}}/{{os}}/{{arch}}"
    platform = {"tag": "v1", "os": "linux", "arch": "amd64", **names}
    checked.call(boss, 200, "post", scan, {}, **platform)
    checked.call(user, 403, "post", scan, {}, **platform)
    checked.call(nobody, 401, "post", scan, {}, **platform)
    checked.call(boss, 404, "post", scan, {}, **platform | {"arch": "s390x"})
    checked.call(boss, 400, "post", scan, {}, **platform | {"tag": "sha256:x"})
    for path, key in ((f"{base}/repositories/{{namespace}}/{{repository}}/{{tag}}", "tag"),
                      (f"{base}/scansummary/repositories/{{namespace}}/{{repository}}/{{reference}}", "reference")):
        checked.call(nobody, 200, "get", path, **names, **{key: "v1"})
        checked.call(boss, 404, "get", path, **names, **{key: "v9"})
        checked.call(boss, 400, "get", path, **names, **{key: "sha256:x"})
    export = f"{base}/scansummary/repositories/{{namespace}}/{{repository}}/{{reference}}/export"
    checked.call(nobody, 200, "get", export, **names, reference="v1")
    checked.call(boss, 400, "get", export, **names, reference="sha256:x")
    checked.call(boss, 200, "get", export, headers=[("Accept", "application/json")], **names, reference="v1")
    checked.call(boss, 404, "get", export, **names, reference="v9")
    bill = f"{API}/holdfast/repositories/{{namespace}}/{{repository}}/manifests/{{reference}}/sbom"
    checked.call(nobody, 200, "get", bill, query="?format=cyclonedx", **names, reference="v1")
    checked.call(boss, 400, "get", bill, query="?format=text", **names, reference="v1")
    checked.call(boss, 404, "get", bill, **names, reference="v9")
    checked.call(boss, 201, "post", bill, query="?format=cyclonedx", **names, reference="v1")
    checked.call(boss, 400, "post", bill, query="?format=text", **names, reference="v1")
    checked.call(boss, 404, "post", bill, **names, reference="v9")
    checked.call(user, 403, "post", bill, **names, reference="v1")
    checked.call(nobody, 401, "post", bill, **names, reference="v1")
    counts = checked.call(boss, 200, "post", f"{base}/scansummary/tags",
                          {"images": [{"name": repository, "digest": pushed.digest}]}).json()["images"]
    assert counts[f"{repository}@{pushed.digest}"]["unknown"] == 1
    checked.call(boss, 400, "post", f"{base}/scansummary/tags", {"images": [{}]})
    checked.call(nobody, 401, "post", f"{base}/scansummary/tags", {})
    for kind in ("cve", "component", "layer", "license"):
        path = f"{base}/scansummary/{kind}/{{{kind}}}"
        checked.call(boss, 200, "get", path, **{kind: "nothing"})
        checked.call(boss, 400, "get", path, query="?pageSize=0", **{kind: "nothing"})
        checked.call(nobody, 401, "get", path, **{kind: "nothing"})
    assert openapi.unseen("imagescan") == []


def test_who_may_see_and_who_may_scan(rest, server, admin, source):
    name = new_name("hidden")
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": name, "visibility": "private", "scanOnPush": True})
    admin.push(f"admin/{name}", scans.image(scans.debian_layer({source: "1"})), "v1")
    scans.scanned(rest, f"admin/{name}", "v1", states=(4, 6))
    stranger = new_name("stranger")
    rest.expect(201, "POST", "/accounts", {"name": stranger, "password": PASSWORD})
    other = Rest(server.client(stranger, PASSWORD), "")
    for path in (f"repositories/admin/{name}/v1", f"scansummary/repositories/admin/{name}/v1",
                 f"scansummary/repositories/admin/{name}/v1/export"):
        other.refused(404, "NO_SUCH_REPOSITORY", "GET", f"{API}/imagescan/{path}")
    other.refused(404, "NO_SUCH_REPOSITORY", "POST", f"{API}/imagescan/scan/admin/{name}/v1/linux/amd64", {})
    for number in range(4):
        admin.push(f"admin/{name}", scans.image(scans.debian_layer({source: "1", "more": str(number)})), f"v{number}")
        scans.scanned(rest, f"admin/{name}", f"v{number}", states=(4, 6))
    version = put_in_force(rest, source, [scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"))])
    lookups = [f"{API}/imagescan/scansummary/{kind}?pageSize=1" for kind in (f"component/{source}", f"cve/DSA-{source}-1")]
    for path in lookups:
        answer = other.call("GET", path)
        assert answer.json() == [] and answer.header("X-Next-Page-Start") is None, "hidden ones leave no trace"
    public = new_name("shown")
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": public, "visibility": "public", "scanOnPush": True})
    for tag, more in (("a", "x"), ("b", "y")):
        admin.push(f"admin/{public}", scans.image(scans.debian_layer({source: "1", "other": more})), tag)
        scans.scanned(rest, f"admin/{public}", tag, states=(6,), advisories=version)
    for path in lookups:
        first = other.call("GET", path)
        second = other.call("GET", f"{path}&pageStart={first.header('X-Next-Page-Start')}")
        assert [one["scannedImage"]["tag"] for one in first.json() + second.json()] == ["a", "b"]
        assert second.header("X-Next-Page-Start") is None
    other.client.close()


def test_pruning_by_what_a_scan_found(rest, admin, repository, source):
    version = put_in_force(rest, source, [
        scans.record(f"DSA-{source}-1", "Debian:12", source, *scans.until("2"),
                     severity=[{"type": "CVSS_V3", "score": scans.MEDIUM}])])
    for tag, installed in (("bad", "1.0"), ("good", "3.0")):
        admin.push(repository, scans.image(scans.debian_layer({source: installed})), tag)
        scans.scanned(rest, repository, tag, states=(6,), advisories=version)
    admin.push(repository, content.artifact(), "other")
    path = f"{API}/repositories/{repository}/pruningPolicies/test"

    def pruned(field, operator, *values):
        rules = {"enabled": True, "rules": [{"field": field, "operator": operator, "values": list(values)}]}
        return sorted(tag["name"] for tag in rest.expect(200, "POST", path, rules))

    assert pruned("vulnerability_major", "gte", "1") == ["bad"]
    assert pruned("vulnerability_all", "eq", "0") == ["good"]
    assert pruned("component.name", "oo", source) == ["bad", "good"]


def test_bills_of_materials(rest, admin, repository, source):
    layers = [scans.debian_layer({f"{source}a": "1:1.0-1", f"{source}b": "1"}), scans.debian_layer({f"{source}a": "1:1.0-1"})]
    pushed = scans.image(*layers)
    admin.push(repository, pushed, "v1")
    scans.scanned(rest, repository, "v1", states=(4, 6))
    path = f"{API}/holdfast/repositories/{repository}/manifests/v1/sbom"
    answer = rest.call("GET", path)
    assert answer.header("Content-Type") == "application/spdx+json"
    document = answer.json()
    assert document["spdxVersion"] == "SPDX-2.3" and document["SPDXID"] == "SPDXRef-DOCUMENT"
    image, *packages = document["packages"]
    assert image["versionInfo"] == pushed.digest
    assert [(one["name"], one["versionInfo"]) for one in packages] == [(f"{source}a", "1:1.0-1")]
    [purl] = packages[0]["externalRefs"]
    assert purl["referenceLocator"] == f"pkg:deb/debian/{source}a@1:1.0-1?arch=amd64&distro=debian-12"
    assert {relation["relationshipType"] for relation in document["relationships"]} == {"DESCRIBES", "CONTAINS"}
    assert rest.call("GET", path).body == answer.body
    bom = rest.call("GET", f"{path}?format=cyclonedx").json()
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5")
    [component] = bom["components"]
    assert (component["name"], component["version"]) == (f"{source}a", "1:1.0-1")
    assert component["properties"][0]["value"] == content.digest_of(layers[0][0]), "the layer that brought it"
    rest.expect(200, "PATCH", f"{API}/repositories/{repository}", {"scanOnPush": False})
    admin.push(repository, content.image(), "v2")
    answer = rest.call("GET", f"{API}/holdfast/repositories/{repository}/manifests/v2/sbom")
    assert answer.status == 404 and "scan" in str(answer.json()), "what was never opened is not known to be empty"
