"""holdfast scan: an image is the same wherever it lies, and nothing that is not known is called clean."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile

import jsonschema
import pytest

from harness import content, scans, tools
from harness.cli import Cli
from harness.rest import Rest, new_name

MEDIUM = scans.MEDIUM
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"  # 9.8

# What SARIF 2.1.0 demands of the parts that are used (sarif-schema-2.1.0.json).
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object", "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["tool", "results"], "properties": {
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
                    "type": "object", "required": ["name", "version", "rules"], "additionalProperties": False,
                    "properties": {
                        "name": {"type": "string"}, "version": {"type": "string"},
                        "rules": {"type": "array", "uniqueItems": True, "items": {
                            "type": "object", "required": ["id", "helpUri"], "additionalProperties": False,
                            "properties": {
                                "id": {"type": "string"}, "shortDescription": MESSAGE, "help": MESSAGE,
                                "helpUri": {"type": "string", "pattern": "^https://[!-~]+$"},
                                "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
                                "properties": {"type": "object"}}}}}}}},
                "invocations": {"type": "array", "items": {
                    "type": "object", "required": ["executionSuccessful"], "properties": {
                        "executionSuccessful": {"type": "boolean"},
                        "toolExecutionNotifications": {"type": "array", "items": {
                            "type": "object", "required": ["message"], "properties": {"message": MESSAGE, "level": LEVEL}}}}}},
                "results": {"type": "array", "items": {
                    "type": "object", "required": ["message", "ruleId", "ruleIndex", "locations"],
                    "properties": {
                        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
                        "level": LEVEL, "message": MESSAGE,
                        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                        "locations": {"type": "array", "minItems": 1, "items": {
                            "type": "object", "required": ["physicalLocation"], "properties": {
                                "message": MESSAGE,
                                "physicalLocation": {"type": "object", "required": ["artifactLocation"], "properties": {
                                    "artifactLocation": {"type": "object", "properties": {
                                        "uri": {"type": "string", "pattern": "^[A-Za-z0-9._~/%+@:-]+$"},
                                        "uriBaseId": {"type": "string"}}},
                                    "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}}}}}}}}}}}}}}}

RECORDS = [
    scans.record("DSA-1", "Debian:12", "curl", *scans.until("7.88.1-10+deb12u5"), upstream=["CVE-2023-1"],
                 severity=[{"type": "CVSS_V3", "score": CRITICAL}]),
    scans.record("DSA-2", "Debian:12", "zlib", {"introduced": "0"}, upstream=["CVE-2023-2"],
                 severity=[{"type": "CVSS_V3", "score": MEDIUM}]),
    scans.record("GHSA-aaaa-bbbb-cccc", "npm", "left-pad", *scans.until("1.3.1"), aliases=["CVE-2023-3"]),
    scans.record("DSA-4", "Debian:12", "bash", *scans.until("5.0")),
]
KEV = {"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.11.01", "vulnerabilities": [{"cveID": "CVE-2023-1"}]}
EXPECTED = {("curl", "CVE-2023-1"), ("zlib1g", "CVE-2023-2"), ("left-pad", "CVE-2023-3")}
FILES = {
    "etc/os-release": scans.DEBIAN,
    "var/lib/dpkg/status": scans.dpkg_status({"curl": "7.88.1-10", "zlib1g": "1:1.2.13.dfsg-1", "bash": "5.2.15-2"},
                                             {"zlib1g": "zlib"}),
    "app/node_modules/left-pad/package.json": json.dumps({"name": "left-pad", "version": "1.3.0"}).encode(),
}
HEAD = {"etc/os-release", "var/lib/dpkg/status"}


@pytest.fixture
def cli(server, folder):
    return Cli(server, folder)


@pytest.fixture
def image():
    lower = content.layer({name: FILES[name] for name in HEAD})
    upper = content.layer({name: FILES[name] for name in FILES.keys() - HEAD} | {"opt/unique": os.urandom(8)})
    return scans.image(lower, upper)


@pytest.fixture
def osv(folder):
    """A folder of advisories: an archive for each source, and the list of those that are exploited."""
    place = folder / "osv"
    for source, members in (("Debian", [RECORDS[0], RECORDS[1], RECORDS[3]]), ("npm", [RECORDS[2]])):
        (place / source).mkdir(parents=True)
        (place / source / "all.zip").write_bytes(scans.archive(members))
    (place / "known_exploited_vulnerabilities.json").write_text(json.dumps(KEV))
    return place


@pytest.fixture
def database(cli, osv, folder):
    path = folder / "advisories.db"
    said = cli("advisories", "build", str(path), str(osv)).stdout
    assert "4 advisories of 2 sources" in said, said
    return path


def write_layout(place, image, tag="1.0"):
    (place / "blobs/sha256").mkdir(parents=True)
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    for data in [*image.blobs, image.body]:
        (place / "blobs/sha256" / hashlib.sha256(data).hexdigest()).write_bytes(data)
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        image.descriptor(annotations={"org.opencontainers.image.ref.name": tag})]}))
    return place


def write_tar(path, members, format=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=format) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def saved(image, tags=("acme/app:1.0",)):
    """The members of an archive of docker save."""
    config, *layers = image.blobs
    name = hashlib.sha256(config).hexdigest()
    members = {f"{name}.json": config}
    paths = []
    for number, packed in enumerate(layers):
        paths.append(f"{number}{'0' * 110}/layer.tar")
        members[paths[-1]] = gzip.decompress(packed)
    return members | {"manifest.json": json.dumps([{"Config": f"{name}.json", "RepoTags": list(tags), "Layers": paths}]).encode()}


def scan(cli, target, *words, **options):
    return json.loads(cli("scan", str(target), "--format", "json", *map(str, words), **options).stdout)


def found(report):
    return {(finding["component"], finding["id"]) for finding in report["findings"]}


def test_the_same_wherever_it_lies(cli, server, alice, repository, image, database, folder):
    cli("login", cli.host, "-u", "alice", "--password-stdin", "--ca", str(server.ca), stdin="correct horse battery\n")
    alice.push(repository, image, "1.0")
    layout = write_layout(folder / "layout", image)
    root = folder / "root"
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    targets = {
        "tag": f"{cli.host}/{repository}:1.0", "digest": f"{cli.host}/{repository}@{image.digest}",
        "login": f"{repository}:1.0", "layout": layout, "root": root,
        "saved": write_tar(folder / "saved.tar", saved(image)),
        "gnu": write_tar(folder / "gnu.tar", saved(image), tarfile.GNU_FORMAT),
    }
    for kind in ("oci", "oci-archive", "docker-archive"):
        targets[kind] = folder / f"skopeo-{kind}"
        tools.run([tools.tool("skopeo"), "copy", "--insecure-policy", f"oci:{layout}:1.0", f"{kind}:{targets[kind]}:acme/app:1.0"])
    reports = {kind: scan(cli, target, "--advisories", database) for kind, target in targets.items()}
    for kind, report in reports.items():
        assert found(report) == EXPECTED, kind
        assert report["counts"] == {"critical": 1, "high": 0, "medium": 1, "low": 0, "unknown": 1, "fixable": 2, "exploited": 1}
        assert report["release"] == "Debian GNU/Linux 12 (bookworm)" and report["notCovered"] == 0
        assert {package["name"] for package in report["packages"]} == {"curl", "zlib1g", "bash", "left-pad"}
        assert report["remarks"] == []
    for kind in ("tag", "digest", "login", "layout", "oci", "oci-archive"):
        assert reports[kind]["digest"] == image.digest, kind
        assert reports[kind]["layers"] == [entry["digest"] for entry in image.document["layers"]]
    [curl] = [one for one in reports["tag"]["findings"] if one["component"] == "curl"]
    assert curl["severity"] == "critical" and curl["score"] == 9.8 and curl["exploited"]
    assert curl["fixedVersion"] == "7.88.1-10+deb12u5" and curl["paths"] == ["var/lib/dpkg/status"]
    assert curl["layer"] == image.document["layers"][0]["digest"]


def test_rights_on_a_registry(cli, server, alice, bob, other_repository, public_repository, image, database, folder):
    alice.push(other_repository, image, "1.0")
    alice.push(public_repository, image, "1.0")
    trust = ("--ca", str(server.ca), "--advisories", str(database))
    assert found(scan(cli, f"{cli.host}/{public_repository}:1.0", *trust)) == EXPECTED
    assert "holdfast login" in cli("scan", f"{cli.host}/{other_repository}:1.0", *trust, expect=3).stderr
    cli("login", cli.host, "-u", "bob", "--password-stdin", "--ca", str(server.ca), stdin="correct horse battery\n")
    hidden = cli("scan", f"{cli.host}/{other_repository}:1.0", *trust, expect=None)
    missing = cli("scan", f"{cli.host}/{other_repository}x:1.0", *trust, expect=None)
    assert hidden.returncode == missing.returncode and hidden.returncode in (3, 5)
    assert hidden.stderr.replace(other_repository, "") == missing.stderr.replace(f"{other_repository}x", "")
    cli("scan", f"{cli.host}/{public_repository}:none", *trust, expect=5)
    cli("scan", "127.0.0.1:1/acme/app:1.0", *trust, expect=4)
    for wrong in ("nowhere", "Acme/app:1", f"{cli.host}/acme/app:a b", f"{cli.host}/acme/app@sha256:12", "./nowhere"):
        assert cli("scan", wrong, *trust, expect=None).returncode in (2, 5)


def test_platforms(cli, server, alice, public_repository, database, folder):
    lower = content.layer(FILES)
    images = [scans.image(lower, architecture="amd64"),
              scans.image(scans.debian_layer({"zlib1g": "1"}, {"zlib1g": "zlib (1)"}), architecture="arm64")]
    for one in images:
        alice.push(public_repository, one, one.digest)
    index = content.index(images)
    alice.push(public_repository, index, "all")
    target, trust = f"{cli.host}/{public_repository}:all", ("--ca", str(server.ca), "--advisories", str(database))
    assert found(scan(cli, target, *trust)) == EXPECTED
    other = scan(cli, target, *trust, "--platform", "linux/arm64")
    assert found(other) == {("zlib1g", "CVE-2023-2")} and other["architecture"] == "arm64"
    said = cli("scan", target, *trust, "--platform", "linux/riscv64", expect=2).stderr
    assert "linux/amd64" in said and "linux/arm64" in said
    cli("scan", target, *trust, "--platform", "riscv64", expect=2)


def test_several_in_one_file(cli, image, database, folder):
    other = scans.image(scans.debian_layer({"bash": "5.2"}))
    layout = write_layout(folder / "layout", image)
    second = write_layout(folder / "second", other, "2.0")
    shutil.copytree(second / "blobs", layout / "blobs", dirs_exist_ok=True)
    index = json.loads((layout / "index.json").read_text())
    index["manifests"] += json.loads((second / "index.json").read_text())["manifests"]
    (layout / "index.json").write_text(json.dumps(index))
    assert "1.0, 2.0" in cli("scan", str(layout), expect=2).stderr
    assert found(scan(cli, layout, "--image", "1.0", "--advisories", database)) == EXPECTED
    assert found(scan(cli, layout, "--image", "2.0", "--advisories", database)) == set()
    assert found(scan(cli, layout, "--image", other.digest, "--advisories", database)) == set()
    cli("scan", str(layout), "--image", "3.0", expect=2)


def test_table_and_thresholds(cli, image, database, folder):
    layout = str(write_layout(folder / "layout", image))
    know = ("--advisories", str(database))
    table = cli("scan", layout, *know).stdout
    lines = table.splitlines()
    [head] = [line for line in lines if line.startswith("SEVERITY")]
    rows = lines[lines.index(head) + 1:][:3]
    assert [row.split()[0] for row in rows] == ["critical", "medium", "unknown"]
    for row, version in zip(rows, ("7.88.1-10", "1:1.2.13.dfsg-1", "1.3.0")):
        assert row[head.index("VERSION"):].startswith(version)
        assert row[head.index("LAYER"):].startswith("sha256:")
    assert rows[0][head.index("KEV"):].startswith("KEV") and rows[1][head.index("FIXED"):].startswith("-")
    assert "critical      1" in table and "3 findings in all; 2 can be mended" in table
    fixed = cli("scan", layout, *know, "--only-fixed").stdout
    assert "CVE-2023-2" not in fixed and "2 findings in all" in fixed
    for severity, code in (("critical", 1), ("high", 1), ("low", 1), ("unknown", 1)):
        assert "CVE-2023-1" in cli("scan", layout, *know, "--fail-on", severity, expect=code).stdout
    upper = scans.image(content.layer({name: FILES[name] for name in FILES.keys() - HEAD}))
    unrated = str(write_layout(folder / "unrated", upper))
    cli("scan", unrated, *know, "--fail-on", "low")
    cli("scan", unrated, *know, "--fail-on", "unknown", expect=1)
    cli("scan", layout, *know, "--fail-on", "worst", expect=2)
    cli("scan", layout, *know, "--format", "xml", expect=2)
    out = folder / "report.json"
    assert cli("scan", layout, *know, "--json", "--output", str(out)).stdout == ""
    assert found(json.loads(out.read_text())) == EXPECTED
    cli("scan", layout, *know, "--output", str(folder / "none/report.json"), expect=5)
    assert "holdfast scan / --only-fixed" in cli("scan", "--help").stdout
    assert "--fail-on" in cli("__complete", "scan", "--").stdout.split()
    assert cli("__complete", "advisories", "").stdout.split() == ["status", "import", "build"]


def test_sarif(cli, image, database, folder):
    layout = str(write_layout(folder / "layout", image))
    log = json.loads(cli("scan", layout, "--advisories", str(database), "--format", "sarif").stdout)
    jsonschema.Draft202012Validator(SARIF).validate(log)
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {name for _, name in EXPECTED}
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels == {"CVE-2023-1": "error", "CVE-2023-2": "warning", "CVE-2023-3": "warning"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    places = {result["ruleId"]: result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]}
    assert places["CVE-2023-3"] == "app/node_modules/left-pad/package.json"
    bare = json.loads(cli("scan", layout, "--format", "sarif").stdout)
    jsonschema.Draft202012Validator(SARIF).validate(bare)
    assert "not clean" in json.dumps(bare) and bare["runs"][0]["results"] == []


def test_what_is_not_known_is_never_clean(cli, image, osv, database, folder):
    layout = str(write_layout(folder / "layout", image))
    plain = cli("scan", layout).stdout
    assert "NOT COVERED: there are no advisories" in plain and "curl" in plain and "critical" not in plain
    assert scan(cli, layout)["notCovered"] == 4 and scan(cli, layout)["advisories"] is None
    assert "--fail-on needs advisories" in cli("scan", layout, "--fail-on", "low", expect=5).stderr
    # Sources for npm alone: of Debian's packages nobody knows anything.
    some = cli("scan", layout, "--advisories", str(osv / "npm")).stdout
    assert "NOT COVERED: the advisories know nothing of 3 packages" in some and "CVE-2023-3" in some
    assert found(scan(cli, layout, HOLDFAST_ADVISORIES=str(database))) == EXPECTED
    assert found(scan(cli, layout, "--advisories", osv)) == EXPECTED
    locked = folder / "locked"
    (locked / "etc").mkdir(parents=True)
    (locked / "etc/os-release").write_bytes(scans.DEBIAN)
    os.mkfifo(locked / "pipe")
    (locked / "loop").symlink_to("loop")
    assert "0 packages in 1 layer" in cli("scan", str(locked), "--advisories", str(database)).stdout


def test_advisories_that_cannot_be_read(cli, image, osv, database, folder):
    layout = str(write_layout(folder / "layout", image))
    (folder / "empty").mkdir()
    garbage = folder / "garbage.zip"
    garbage.write_bytes(b"PK\x03\x04" + os.urandom(500))
    torn = folder / "torn.db"
    torn.write_bytes(database.read_bytes()[:2000])
    before = set(os.listdir(folder))
    for path in ("nowhere", "empty", "garbage.zip", "torn.db"):
        result = cli("scan", layout, "--advisories", str(folder / path), expect=None, TMPDIR=str(folder))
        assert result.returncode in (2, 5) and result.stdout == "" and len(result.stderr) > 20, result
        cli("advisories", "build", str(folder / "out.db"), str(folder / path), expect=None)
    cli("advisories", "build", str(database), str(osv), expect=1)
    assert set(os.listdir(folder)) == before


def test_bad_images(cli, image, folder):
    config, *layers = image.blobs
    members = saved(image)
    layout = write_layout(folder / "good", image)

    def refused(target, *words, code=5):
        result = cli("scan", str(target), "--json", *words, expect=code)
        assert result.stdout == "", result.stdout
        return result.stderr

    def tar(changes, name="bad.tar"):
        changed = {key: data for key, data in (members | changes).items() if data is not None}
        return write_tar(folder / name, changed)

    def broken_layout(name, change):
        place = folder / name
        shutil.copytree(layout, place)
        change(place)
        return place

    whole = write_tar(folder / "whole.tar", members).read_bytes()
    cut = folder / "cut.tar"
    for size in (100, 512, 700, len(whole) // 2):
        cut.write_bytes(whole[:size])
        refused(cut)
    packed = folder / "packed.tar.gz"
    packed.write_bytes(gzip.compress(whole))
    assert "gunzip" in refused(packed)
    refused(write_tar(folder / "empty.tar", {}))
    assert "holds no image" in refused(write_tar(folder / "other.tar", {"a": b"b"}))
    for manifest in (b"", b"{}", b"[]", b"[1]", b'[{"Config":"../../etc/passwd","Layers":[]}]', b"[" * 100_000,
                     json.dumps([{"Config": json.loads(members["manifest.json"])[0]["Config"], "Layers": ["/etc/passwd", "../x"]}]).encode(),
                     b'["' + b"x" * (5 << 20) + b'"]'):
        refused(tar({"manifest.json": manifest}))
    layer = json.loads(members["manifest.json"])[0]["Layers"][0]
    assert "another digest" in refused(tar({layer: gzip.decompress(layers[1])}))
    refused(tar({layer: None}))
    refused(tar({layer: os.urandom(5000)}))

    blob = lambda place, data: place / "blobs/sha256" / hashlib.sha256(data).hexdigest()  # noqa: E731
    same_size = bytearray(image.body)
    same_size[-2] ^= 1
    other = content.layer({"a": b"b"})[0]
    for name, change in {
        "manifest": lambda place: blob(place, image.body).write_bytes(same_size),
        "config": lambda place: blob(place, config).write_bytes(config.replace(b"linux", b"Linux")),
        "longer": lambda place: blob(place, layers[0]).write_bytes(layers[0] + b"\0"),
        "shorter": lambda place: blob(place, layers[0]).write_bytes(layers[0][:-1]),
        "another": lambda place: blob(place, layers[1]).write_bytes(other),
        "missing": lambda place: blob(place, layers[0]).unlink(),
        "link": lambda place: (blob(place, layers[0]).unlink(), blob(place, layers[0]).symlink_to("/etc/passwd")),
        "traversal": lambda place: (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
            {"mediaType": content.OCI_MANIFEST, "digest": "sha256:../../../../etc/passwd", "size": 1}]})),
        "huge": lambda place: (place / "index.json").write_bytes(b'{"manifests":"' + b"x" * (5 << 20) + b'"}'),
        "no-index": lambda place: (place / "index.json").unlink(),
    }.items():
        refused(broken_layout(name, change))
    artifact = content.artifact()
    refused(write_layout(folder / "artifact", artifact))


def test_a_registry_that_lies(cli, server, alice, public_repository, image, folder):
    """A digest names bytes; others are refused, however they came there."""
    alice.push(public_repository, image, "1.0")
    wrong = "sha256:" + "0" * 64
    assert cli("scan", f"{cli.host}/{public_repository}@{wrong}", "--ca", str(server.ca), expect=5).stdout == ""


def test_without_the_worker(server, image, folder):
    alone = folder / "bin/holdfast"
    alone.parent.mkdir()
    shutil.copy(server.program, alone)
    layout = write_layout(folder / "layout", image)
    result = tools.run([alone, "scan", str(layout)], expect=5)
    assert "holdfast-scan" in result.stderr and result.stdout == ""


def test_a_server_gets_advisories(cli, server, folder, holdfast):
    own = holdfast(name="own")
    cli = Cli(own, folder)
    cli.login("admin", own.admin_password)
    rest = Rest(own.admin_client(), "")
    source = new_name("src")
    packed = folder / "all.zip"
    packed.write_bytes(scans.archive([scans.record(f"X-{source}-{n}", "npm", "left-pad", *scans.until("1.3.1")) for n in range(3)]))
    said = cli("advisories", "import", str(packed), "--source", source).stdout
    assert f"{packed} is in force." in said
    status = cli.json("advisories", "status")
    assert status["records"] == 3 and [one["name"] for one in status["sources"]] == [source]
    table = cli("advisories", "status").stdout
    assert status["db_version"] in table and source in table and "REJECTED" in table
    # A folder goes as one archive; its folders are the sources.
    place = folder / "osv"
    (place / "Debian").mkdir(parents=True)
    (place / "Debian/DSA-1.json").write_text(json.dumps(RECORDS[0]))
    cli("advisories", "import", str(place))
    assert {one["name"] for one in cli.json("advisories", "status")["sources"]} == {source, "Debian"}
    before = cli.json("advisories", "status")["db_version"]
    garbage = folder / "garbage.zip"
    garbage.write_bytes(os.urandom(3000))
    assert "send an archive" in cli("advisories", "import", str(garbage), expect=1).stderr
    garbage.write_bytes(packed.read_bytes()[:60])
    assert "the last good ones stay" in cli("advisories", "import", str(garbage), expect=1).stderr
    assert cli.json("advisories", "status")["db_version"] == before
    cli("advisories", "import", str(folder / "nowhere"), expect=1)
    own.add_user("carol", "correct horse battery")
    other = Cli(own, folder / "carol")
    other.login("carol", "correct horse battery")
    other("advisories", "import", str(packed), expect=1)
    assert rest.get("/api/v0/imagescan/status")["db_version"] == before
    # What a server has in force, a scan beside it takes from its folder.
    layout = write_layout(folder / "layout", scans.image(content.layer(FILES)))
    report = scan(cli, layout, "--data-dir", own.data, **own.extra_environment)
    assert report["advisories"]["version"] == before and ("curl", "CVE-2023-1") in found(report)
