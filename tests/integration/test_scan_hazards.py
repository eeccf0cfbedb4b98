"""What strangers push, and what is given to the server as advisories: each ends at its bounds and says so, in time, and
nothing else notices. What takes no server to try is tried where it is read (src/detect, src/advisories)."""

import gzip
import io
import json
import random
import struct
import subprocess
import tarfile
import zipfile

import pytest

from harness import content, scans, tools
from harness.rest import Rest, new_name
from harness.scans import API

GOOD = {"hello": "1.0"}


class Place:
    """A repository that scans, and advisories of Debian's package `hello`."""

    def __init__(self, registry):
        self.admin = registry.admin_client()
        self.rest = Rest(self.admin, "")
        self.repository = f"admin/{new_name('hazards')}"
        self.rest.expect(201, "POST", f"{API}/repositories/admin", {"name": self.repository.split("/")[1], "scanOnPush": True})
        records = [scans.record("DSA-1-1", "Debian:12", "hello", *scans.until("2.0"), upstream=["CVE-2026-1"])]
        assert self.upload(scans.archive(records))["status"] == "done"

    def upload(self, archive: bytes, source: str = "own") -> dict:
        return scans.upload(self.rest, archive, source)

    def status(self) -> dict:
        return self.rest.expect(200, "GET", f"{API}/imagescan/status")

    def push(self, *layers: tuple[bytes, bytes]) -> dict:
        tag = new_name("v")
        self.admin.push(self.repository, scans.image(*layers), tag)
        return scans.scanned(self.rest, self.repository, tag, states=(0, 6))


@pytest.fixture(scope="module")
def place(registry):
    return Place(registry)


def packed(raw: bytes) -> tuple[bytes, bytes]:
    return gzip.compress(raw, 1, mtime=0), raw


def window() -> tuple[bytes, bytes]:
    """zstd that needs 2 GiB to be unpacked."""
    raw = content.layer({"a": bytes(1 << 20)})[1]
    command = [tools.tool("zstd"), "--ultra", "-22", "--long=31", "-q", "-c"]
    return subprocess.run(command, input=raw, stdout=subprocess.PIPE, check=True).stdout, raw


def pax() -> tuple[bytes, bytes]:
    """A header of 8 MiB before a member."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("a")
        entry.pax_headers = {"comment": "x" * (8 << 20)}
        archive.addfile(entry)
    return packed(raw.getvalue())


# By what is bad about them: the layer, and what its scan's end says.
UNREADABLE = {"a window of 2 GiB": (window, "memory"), "a header of megabytes": (pax, "header too large")}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_layer_that_asks_for_too_much_is_unreadable(place, what):
    make, why = UNREADABLE[what]
    layer = make()
    summary = place.push(scans.debian_layer(GOOD), layer)
    assert summary["last_scan_status"] == 0
    assert content.digest_of(layer[0]) in summary["reason"] and why in summary["reason"]


def test_holes_of_a_terabyte_cost_nothing(place, folder):
    """Sparse members, in the way of GNU tar: a file of no kind, and a database that begins well."""
    for name, begin in (("srv/disk", b""), ("var/lib/dpkg/status", scans.dpkg_status(GOOD))):
        file = folder / "root" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(begin)
        with file.open("r+b") as hole:
            hole.seek(1 << 40)
            hole.write(b"end")
    tools.run(["tar", "--sparse", "-C", folder / "root", "-cf", folder / "layer.tar", "."])
    summary = place.push(packed((folder / "layer.tar").read_bytes()))
    assert summary["last_scan_status"] == 6, summary
    assert any("var/lib/dpkg/status" in remark and "larger" in remark for remark in summary["layer_details"][0]["remarks"])


@pytest.mark.parametrize("backend", ["sqlite", "bdb", "ndb"])
def test_broken_databases_of_rpm(place, folder, backend):
    """Cut and changed at random: what can be read is listed, or a remark says why not."""
    whole = scans.rpm_layer(folder, {"bash": "0:5.1.8-4.el9", "less": "0:590-1.el9_0"}, backend)
    with tarfile.open(fileobj=io.BytesIO(whole[1])) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}
    [name] = [name for name in files if "rpm" in name]
    dice = random.Random(backend)
    for turn in range(12):
        broken = bytearray(files[name])
        if turn % 3 == 0:
            del broken[dice.randrange(len(broken)):]
        else:
            for _ in range(dice.choice([1, 20, 500])):
                broken[dice.randrange(len(broken))] = dice.randrange(256)
        summary = place.push(content.layer({**files, name: bytes(broken)}))
        [layer] = summary["layer_details"]
        assert summary["last_scan_status"] == 6, summary
        assert layer["remarks"] or layer["components"], turn


def test_names_that_are_no_utf_8(place):
    status = scans.dpkg_status({"hello": "1.0"}) + b"Package: h\xff\xfeo\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\xf0\n\n"
    package = b'{"name": "caf\xe9", "version": "1"}'
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        for name, data in (("etc/os-release", scans.DEBIAN), ("var/lib/dpkg/status", status),
                           ("srv/\xff/node_modules/a/package.json", package)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    summary = place.push(packed(raw.getvalue()))
    assert summary["last_scan_status"] == 6, summary
    assert scans.findings(summary) == {("hello", "CVE-2026-1")}


def test_links_that_lead_out_or_in_circles(place):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, target in (("etc/os-release", "../../../../../etc/os-release"), ("var/lib/dpkg/status", "/proc/self/environ"),
                             ("lib/apk/db", "db"), ("a", "b"), ("b", "a"), ("usr/lib/os-release", "../../a/x")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    summary = place.push(packed(raw.getvalue()))
    assert summary["last_scan_status"] == 6, summary
    assert summary["layer_details"][0]["components"] == []


def overlapping() -> bytes:
    """A jar whose two entries are the same bytes."""
    jar = bytearray(scans.stored_zip({"META-INF/maven/g/a/pom.properties": b"version=1\ngroupId=g\nartifactId=a\n", "b": b"b"}))
    second = jar.rindex(b"PK\x01\x02")
    struct.pack_into("<I", jar, second + 42, 0)
    return bytes(jar)


def test_jars_that_lie(place):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", bytes(200 << 20))
    summary = place.push(content.layer({"srv/bomb-1.jar": bomb.getvalue(), "srv/overlap-1.jar": overlapping(), "srv/nothing-1.jar": b"PK"}))
    assert summary["last_scan_status"] == 6, summary
    for name in ("bomb", "overlap", "nothing"):
        assert any(f"srv/{name}-1.jar" in remark for remark in summary["layer_details"][0]["remarks"]), name


def with_members(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return archive.getvalue()


def advisory_bombs() -> dict[str, bytes]:
    many = scans.record("A-1", "npm", "x", *({"fixed": "1"} for _ in range(2_000_000)))
    good = {f"{number}.json": json.dumps(scans.record(f"A-{number}", "npm", "x", *scans.until("2"))).encode() for number in range(5)}
    return {"a member of 300 MiB": with_members({**good, "a.json": bytes(300 << 20)}),
            "two million events": with_members({"a.json": json.dumps(many).encode()}),
            "bad JSON": with_members({**good, "bad.json": b'{"id": "A-9", "affected": ['}),
            "deep JSON": with_members({"deep.json": b'{"a":' * 100_000})}


@pytest.mark.parametrize("what", ["a member of 300 MiB", "two million events", "bad JSON", "deep JSON"])
def test_hostile_advisories_leave_the_old_ones_in_force(place, what):
    before = place.status()["db_version"]
    job = place.upload(advisory_bombs()[what], "hostile")
    assert job["status"] == "error"
    status = place.status()
    assert status["db_version"] == before
    assert status["lastDBUpdateFailed"] is True and status["problem"], status
    assert scans.findings(place.push(scans.debian_layer(GOOD, more={"a": what.encode()}))) == {("hello", "CVE-2026-1")}


def test_names_in_an_archive_lead_nowhere(place, registry):
    """Members are records by what is in them, wherever their names point."""
    record = json.dumps(scans.record("A-77", "npm", "traversed", *scans.until("2"))).encode()
    job = place.upload(with_members({f"../../../../{registry.folder}/out.json": record, "/etc/holdfast-out.json": record}), "traversal")
    assert job["status"] == "done"
    assert not list(registry.folder.rglob("*out.json"))
    summary = place.push(content.layer({"srv/node_modules/traversed/package.json": b'{"name": "traversed", "version": "1.0.0"}'}))
    assert scans.findings(summary) == {("traversed", "A-77")}
