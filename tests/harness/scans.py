"""What tests of the scanner share: layers with package databases, archives of advisories, waiting."""

import io
import json
import time
import zipfile

from harness import content
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


def findings(summary: dict) -> set[tuple[str, str]]:
    """(package, vulnerability) of what is there."""
    return {(component["component"], finding["vuln"]["cve"])
            for layer in summary["layer_details"] for component in layer["components"]
            for finding in component["vulns"]}
