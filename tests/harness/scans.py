"""What tests of the scanner share: layers with package databases, archives of advisories, waiting."""

import gzip
import io
import json
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import rpm

from harness import content, tools
from harness.rest import Rest

API = "/api/v0"
DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
ALPINE = b'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.18.4\nPRETTY_NAME="Alpine Linux v3.18"\n'
MEDIUM = "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:N"  # 5.4


def dpkg_status(packages: dict[str, str], sources: dict[str, str] | None = None) -> bytes:
    """/var/lib/dpkg/status of packages by name and version; sources as in "Source:"."""
    lines = []
    for name, version in packages.items():
        lines += [f"Package: {name}", "Status: install ok installed", "Architecture: amd64"]
        if sources and name in sources:
            lines.append(f"Source: {sources[name]}")
        lines += [f"Version: {version}", "Description: one", " Version: 0 (a decoy)", ""]
    return "\n".join(lines).encode() + b"\n"


def debian_layer(packages: dict[str, str], sources=None, more: dict[str, bytes] | None = None) -> tuple[bytes, bytes]:
    return content.layer({"etc/os-release": DEBIAN, "var/lib/dpkg/status": dpkg_status(packages, sources), **(more or {})})


def apk_layer(packages: dict[str, str], origins: dict[str, str] | None = None) -> tuple[bytes, bytes]:
    blocks = [f"P:{name}\nV:{version}\nA:x86_64\no:{(origins or {}).get(name, name)}\nL:MIT\n"
              for name, version in packages.items()]
    return content.layer({"etc/os-release": ALPINE, "lib/apk/db/installed": "\n".join(blocks).encode() + b"\n"})


def folder_layer(folder: Path) -> tuple[bytes, bytes]:
    """What lies in a folder, links and devices as they are."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(folder, arcname=".")
    return gzip.compress(raw.getvalue(), 1, mtime=0), raw.getvalue()


def layout(folder: Path) -> content.Manifest:
    """The image of an OCI layout that has one."""
    [entry] = json.loads((folder / "index.json").read_text())["manifests"]

    def blob(digest: str) -> bytes:
        return (folder / "blobs" / digest.replace(":", "/")).read_bytes()

    body = blob(entry["digest"])
    document = json.loads(body)
    return content.Manifest(entry["mediaType"], body, [blob(part["digest"]) for part in (document["config"], *document["layers"])])


def image(*layers: tuple[bytes, bytes], architecture="amd64", media_type=content.OCI_LAYER) -> content.Manifest:
    """An image of layers as content.layer makes them, from the bottom up."""
    config = content.encode({
        "architecture": architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [content.digest_of(tar) for _, tar in layers]},
        "history": [{"created_by": f"RUN step {number}"} for number in range(len(layers))]})
    body = content.encode({
        "schemaVersion": 2, "mediaType": content.OCI_MANIFEST,
        "config": content.descriptor(content.OCI_CONFIG, config),
        "layers": [content.descriptor(media_type, packed) for packed, _ in layers]})
    return content.Manifest(content.OCI_MANIFEST, body, [config, *(packed for packed, _ in layers)])


def record(name: str, ecosystem: str, package: str, *events: dict, **more) -> dict:
    """An OSV record about one package."""
    return {"schema_version": "1.7.0", "id": name, "modified": "2026-01-02T03:04:05Z", "summary": f"About {name}",
            "affected": [{"package": {"ecosystem": ecosystem, "name": package},
                          "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}], **more}


def until(fixed: str) -> tuple[dict, dict]:
    return {"introduced": "0"}, {"fixed": fixed}


def archive(records: list[dict]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        for one in records:
            files.writestr(f"{one['id']}.json", json.dumps(one))
    return packed.getvalue()


def stored_zip(files: dict[str, bytes]) -> bytes:
    """The same bytes whatever zlib there is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def upload(rest: Rest, packed: bytes, source: str) -> dict:
    """Gives the server an archive and waits until it is in force, or refused: the job."""
    answer = rest.client.request("PUT", f"{API}/imagescan/scan/update?source={source}", body=packed,
                                 headers=[("Content-Type", "application/zip")])
    assert answer.status == 200, str(answer)
    return finished_job(rest, answer.json()["job"])


def finished_job(rest: Rest, job: str) -> dict:
    deadline = time.monotonic() + 90
    while True:
        found = rest.expect(200, "GET", f"{API}/jobs/{job}")
        if found["status"] in ("done", "error", "cancel"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def idle(rest: Rest):
    """Waits until no image is compared anew."""
    deadline = time.monotonic() + 60
    while any(job["status"] in ("waiting", "running")
              for job in rest.expect(200, "GET", f"{API}/jobs?action=scan_check_all&limit=20")["jobs"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def scanned(rest: Rest, repository: str, reference: str, *, states=(0, 4, 6), query="", advisories=None) -> dict:
    """The old summary of an image once its scan has ended; of given advisories, when they are named."""
    deadline = time.monotonic() + 60
    while True:
        found = rest.expect(200, "GET", f"{API}/imagescan/repositories/{repository}/{reference}?{query}")
        [summary] = found
        if summary["last_scan_status"] in states and advisories in (None, summary["advisories"]):
            return summary
        assert time.monotonic() < deadline, summary
        time.sleep(0.05)


def listed(rest: Rest, repository: str, reference: str, blob: str) -> dict:
    """The old summary of an image once a list of packages that was attached to it was read, and its scan has ended."""
    deadline = time.monotonic() + 60
    while True:
        summary = scanned(rest, repository, reference, states=(4, 6))
        if any(layer["sha256sum"] == blob for layer in summary["layer_details"]):
            return summary
        assert time.monotonic() < deadline, summary
        time.sleep(0.05)


def findings(summary: dict) -> set[tuple[str, str]]:
    """(package, vulnerability) of what is there."""
    return {(component["component"], finding["vuln"]["cve"])
            for layer in summary["layer_details"] for component in layer["components"]
            for finding in component["vulns"]}


RPM_RELEASE = b'NAME="AlmaLinux"\nVERSION_ID="9.4"\nID="almalinux"\nPRETTY_NAME="AlmaLinux 9.4 (Seafoam Ocelot)"\n'


def rpm_layer(folder, packages: dict[str, str], backend: str) -> tuple[bytes, bytes]:
    """A layer with a database of packages by name and "epoch:version-release": "sqlite", that rpm itself made; else
    with the headers of rpm's packages as rpm of others lays them out: "bdb" by Berkeley DB's own tool, "ndb" as
    rpmpkg.c does it (Debian's rpm writes neither)."""
    database, spec = folder / "rpm", folder / "one.spec"
    database.mkdir()
    topdir = ["--define", f"_topdir {folder}/build"]
    headers = []
    for name, version in packages.items():
        epoch, rest = version.split(":")
        number, release = rest.rsplit("-", 1)
        spec.write_text(f"Name: {name}\nEpoch: {epoch}\nVersion: {number}\nRelease: {release}\nSummary: one\n"
                        f"License: MIT\nBuildArch: noarch\n%description\none\n%files\n")
        tools.run(["rpmbuild", "-bb", "--quiet", *topdir, str(spec)])
        [built] = (folder / "build/RPMS/noarch").glob(f"{name}-*.rpm")
        if backend == "sqlite":
            tools.run(["rpm", "-i", "--justdb", "--nodeps", "--dbpath", str(database), *topdir, str(built)])
        else:
            with built.open("rb") as file:
                headers.append(rpm.TransactionSet("/", rpm._RPMVSF_NOSIGNATURES).hdrFromFdno(file.fileno()).unload())
    files = {
        "sqlite": lambda: {"var/lib/rpm/rpmdb.sqlite": (database / "rpmdb.sqlite").read_bytes()},
        "bdb": lambda: {"var/lib/rpm/Packages": bdb(database, headers)},
        "ndb": lambda: {"var/lib/rpm/Packages.db": ndb(headers)},
    }[backend]()
    return content.layer({"etc/os-release": RPM_RELEASE, **files})


def bdb(folder: Path, headers: list[bytes]) -> bytes:
    """Numbers and headers in a hash table, with the largest number under 0."""
    entries = [(0, struct.pack("<I", len(headers) + 1)), *enumerate(headers, 1)]
    lines = [f" {text.hex()}" for number, header in entries for text in (struct.pack("<I", number), header)]
    dump = "\n".join(["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", "HEADER=END", *lines, "DATA=END"])
    tools.run(["db5.3_load", str(folder / "Packages")], stdin=dump + "\n")
    return (folder / "Packages").read_bytes()


def ndb(headers: list[bytes]) -> bytes:
    slots, blobs, block = b"", b"", 4096 // 16
    for number, header in enumerate(headers, 1):
        blob = struct.pack("<4I", 0x53626C42, number, 1, len(header)) + header
        blob += bytes(-len(blob) % 16)
        slots += struct.pack("<4I", 0x746F6C53, number, block, len(blob) // 16)
        block += len(blob) // 16
        blobs += blob
    empty = struct.pack("<4I", 0x746F6C53, 0, 0, 0)
    head = struct.pack("<5I", 0x506D7052, 0, 1, 1, len(headers) + 1) + bytes(12)
    page = head + slots
    return page + empty * ((4096 - len(page)) // 16) + blobs
