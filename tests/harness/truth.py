"""What is wrong with packages by advisories, worked out apart from the server: by the rules that OSV's schema has for
ranges, with each ecosystem's own tool for the order of its versions (harness.version_tools)."""

import collections
import json
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import version_tools

EXCERPTS = Path(__file__).resolve().parents[1] / "integration/data/osv"


def records(archive: str) -> list[dict]:
    """Of one of OSV's archives: the excerpt that lies beside the tests, or all.zip in OSV=FOLDER."""
    if folder := os.environ.get("OSV"):
        with zipfile.ZipFile(Path(folder) / archive / "all.zip") as file:
            return [json.loads(file.read(name)) for name in sorted(file.namelist())]
    return [json.loads(line) for line in (EXCERPTS / f"{archive}.jsonl").read_text().splitlines()]


@dataclass(frozen=True)
class Package:
    """Installed: as a scan shows it, and as advisories speak of it where that is something else."""

    name: str
    version: str
    source: str = ""
    source_version: str = ""

    @property
    def looked_up(self) -> tuple[str, str]:
        return self.source or self.name, self.source_version or self.version


@dataclass(frozen=True)
class Rules:
    """How an ecosystem names and orders; `order` takes texts as version_tools has it."""

    order: object
    name: object = str
    version: object = str
    is_distribution: bool = False


def _as_go(version: str) -> str:
    return version if version.startswith("v") else f"v{version}"


def rules(ecosystem: str, folder: Path) -> Rules:
    """`folder`: where a tool may build a program."""
    order = version_tools.TOOLS
    return {
        "Debian": Rules(order["dpkg"], is_distribution=True),
        "Alpine": Rules(version_tools.by_apk_rules, is_distribution=True),
        "AlmaLinux": Rules(order["rpm"], is_distribution=True),
        "npm": Rules(order["npm"]),
        "PyPI": Rules(order["pep440"], name=lambda name: re.sub(r"[-_.]+", "-", name).lower()),
        "Go": Rules(lambda made: version_tools.by_go(made, folder), version=_as_go),
        "crates.io": Rules(order["npm"]),
        "RubyGems": Rules(order["gem"]),
        "Packagist": Rules(order["composer"], name=str.lower),
        "Maven": Rules(order["maven"]),
        "NuGet": Rules(order["npm"], name=str.lower),
    }[ecosystem.partition(":")[0]]


class Order:
    """Asks the tool once for all pairs that a question needs."""

    def __init__(self, how: Rules):
        self.how, self.known = how, {}

    def learn(self, pairs: set[tuple[str, str]]):
        listed = sorted(pair for pair in pairs if "0" not in pair)
        if not listed:
            return
        texts = [self.how.version(text) for pair in listed for text in pair]
        for pair, sign in zip(listed, self.how.order(texts)[::2], strict=True):
            assert sign != "?", f"the tool cannot read one of {pair}"
            self.known[pair] = int(sign)

    def __call__(self, a: str, b: str) -> int:
        """"0" comes before everything."""
        return (b == "0") - (a == "0") if "0" in (a, b) else self.known[a, b]


def _events(part: dict):
    """Of each range that is one of versions: (introduced, fixed, last affected)."""
    for one in part.get("ranges", []):
        if one["type"] != "GIT":
            yield tuple([event[kind] for event in one["events"] if kind in event]
                        for kind in ("introduced", "fixed", "last_affected"))


def _pairs(part: dict, version: str):
    for introduced, fixed, last in _events(part):
        yield from ((version, bound) for bound in (*introduced, *fixed, *last))
        yield from ((begin, end) for begin in introduced for end in (*fixed, *last))


def _is_affected(order: Order, part: dict, version: str) -> bool:
    """Something was introduced at or before it, and nothing ended between."""
    for introduced, fixed, last in _events(part):
        for begin in introduced:
            if order(version, begin) < 0:
                continue
            is_fixed = any(order(begin, end) < 0 <= order(version, end) for end in fixed)
            if not is_fixed and not any(order(begin, end) <= 0 < order(version, end) for end in last):
                return True
    return version in part.get("versions", [])


def _names(record: dict, is_distribution: bool) -> list[set[str]]:
    """The vulnerabilities of a record, each by the names that make it one with others'."""
    if is_distribution:
        mended = {*record.get("upstream", []),
                  *(name for name in (*record.get("aliases", []), *record.get("related", [])) if name.startswith("CVE-"))}
        cves = {name for name in mended if name.startswith("CVE-")}
        if mended:
            return [{name} for name in cves or mended]
    return [{record["id"], *record.get("aliases", [])}]


def _merged(named: list[set[str]]) -> list[frozenset[str]]:
    groups: list[set[str]] = []
    for names in named:
        apart = [group for group in groups if not group & names]
        groups = [*apart, set(names).union(*(group for group in groups if group & names))]
    return [frozenset(group) for group in groups]


def expected(ecosystem: str, packages: list[Package], advisories: list[dict], folder: Path) -> dict:
    """For each package that something is wrong with: its vulnerabilities, each a set of names."""
    how = rules(ecosystem, folder)
    parts = collections.defaultdict(list)
    for record in advisories:
        for part in record.get("affected", []):
            about = part.get("package", {})
            if about.get("ecosystem") == ecosystem and not record.get("withdrawn"):
                parts[how.name(about["name"])].append((record, part))
    concerned = [(package, record, part) for package in packages
                 for record, part in parts[how.name(package.looked_up[0])]]
    order = Order(how)
    order.learn({pair for package, _, part in concerned for pair in _pairs(part, package.looked_up[1])})
    named = collections.defaultdict(list)
    for package, record, part in concerned:
        if _is_affected(order, part, package.looked_up[1]):
            named[package.name, package.version] += _names(record, how.is_distribution)
    return {package: _merged(names) for package, names in named.items()}


def check(summary: dict, wanted: dict):
    """The findings of an image are these, all of them and no others."""
    found = collections.defaultdict(list)
    for layer in summary["layer_details"]:
        for component in layer["components"]:
            names = [finding["vuln"]["cve"] for finding in component["vulns"]]
            if names:
                found[component["component"], component["version"]] += names
    assert set(found) == set(wanted)
    for package, names in found.items():
        groups = [[group for group in wanted[package] if name in group] for name in names]
        assert all(len(group) == 1 for group in groups), f"{package}: {names}, not {wanted[package]}"
        assert sorted(map(sorted, (group for [group] in groups))) == sorted(map(sorted, wanted[package])), package
        for name, [group] in zip(names, groups):
            assert name.startswith("CVE-") or not any(other.startswith("CVE-") for other in group), f"{package}: {name}"


def listed(summary: dict, *types: str) -> list[tuple[str, str]]:
    """(name, version) of the packages of these types that the image has, sorted."""
    return sorted((component["component"], component["version"])
                  for layer in summary["layer_details"] for component in layer["components"]
                  if component["type"] in types and component["coverage"] != "removed")
