"""Advisories as OSV's export has them, as many as are wanted; and reading them in Python, for comparison."""

import json
import os
import random
import tarfile
import zipfile
from pathlib import Path

ECOSYSTEMS = ("Debian:12", "npm", "PyPI", "Go", "Maven")
WORDS = ("overflow", "request", "crafted", "remote", "memory", "header", "attacker", "parser", "before", "allows", "the", "a", "of")


def record(dice: random.Random, number: int, ecosystem: str) -> dict:
    """About as long as those of OSV are at the median."""
    source = ecosystem.split(":")[0]
    text = " ".join(dice.choices(WORDS, k=150))
    events = [{"introduced": "0"}, {"fixed": f"{dice.randrange(9)}.{dice.randrange(20)}.{dice.randrange(20)}"}]
    cve = f"CVE-{2000 + number % 26}-{number}"
    return {
        "schema_version": "1.7.0", "id": f"{source.upper()}-{number}", "modified": "2026-01-02T03:04:05Z",
        "published": "2026-01-01T00:00:00Z", "summary": text[:80], "details": text,
        "upstream" if source == "Debian" else "aliases": [cve],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:N"}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": f"package-{dice.randrange(20_000)}"},
                      "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
        "references": [{"type": "WEB", "url": f"https://example.org/{number}/{part}"} for part in range(4)],
    }


def write(path: Path, count: int):
    """An upload: a tar of archives, each a source's."""
    dice = random.Random(count)
    with tarfile.open(path, "w") as folder:
        for part, ecosystem in enumerate(ECOSYSTEMS):
            inner = path.with_suffix(".part")
            with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for number in range(part, count, len(ECOSYSTEMS)):
                    made = record(dice, number, ecosystem)
                    archive.writestr(f"{made['id']}.json", json.dumps(made))
            folder.add(inner, f"{ecosystem.split(':')[0]}/all.zip")
            inner.unlink()


def pack(source: Path, path: Path):
    """An upload of a folder with NAME/all.zip."""
    with tarfile.open(path, "w") as folder:
        for archive in sorted(source.glob("*/all.zip")):
            folder.add(archive, f"{archive.parent.name}/all.zip")


def parse(path: Path) -> int:
    """How many there are: unpacked and parsed, and nothing else."""
    count = 0
    with tarfile.open(path) as folder:
        for member in folder:
            with zipfile.ZipFile(folder.extractfile(member)) as archive:
                for name in archive.namelist():
                    json.loads(archive.read(name))
                    count += 1
    return count


def largest(path: Path, count: int = 43_000) -> str:
    """The whole export of OSV=FOLDER, or as many records as it had once; gives what it is."""
    if folder := os.environ.get("OSV"):
        pack(Path(folder), path)
        return "of OSV"
    write(path, count)
    return "generated"
