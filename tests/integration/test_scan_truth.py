"""Scans are right: images as the ecosystems' own tools leave them, pushed, show exactly the packages that these tools
list, and exactly the findings that the advisories and each ecosystem's order of versions make of them."""

import csv
import io
import os
import random
from pathlib import Path

import pytest

from harness import content, ecosystems, scans, tools, truth
from harness.rest import Rest, new_name
from harness.scans import API
from harness.truth import Package

TARGETS = Path(__file__).parent / "data/targets"
ARCHIVES = ("Debian", "AlmaLinux", "PyPI", "npm", "Go", "crates", "Packagist", "GHSA-handpicked")


class Scanned:
    """A server with advisories; pushes images and gives what their scans found."""

    def __init__(self, registry):
        self.admin = registry.admin_client()
        self.rest = Rest(self.admin, "")
        self.repository = f"admin/{new_name('truth')}"
        namespace, name = self.repository.split("/")
        self.rest.expect(201, "POST", f"{API}/repositories/{namespace}", {"name": name, "scanOnPush": True})
        self.records: list[dict] = []
        self.version = ""

    def advise(self, source: str, records: list[dict]):
        job = scans.upload(self.rest, scans.archive(records), source)
        assert job["status"] == "done", self.rest.expect(200, "GET", f"{API}/jobs/{job['id']}/logs")
        self.records += records
        self.version = self.rest.expect(200, "GET", f"{API}/imagescan/status")["db_version"]

    def push(self, image: content.Manifest) -> dict:
        tag = new_name("v")
        self.admin.push(self.repository, image, tag)
        return scans.scanned(self.rest, self.repository, tag, states=(0, 6), advisories=self.version)


@pytest.fixture(scope="module")
def scanned(registry):
    made = Scanned(registry)
    for name in ARCHIVES:
        made.advise(name, truth.records(name))
    return made


def made_up(ecosystem: str, packages: list[Package]) -> list[dict]:
    """Advisories about real packages, for ecosystems whose own may not lie here: bounds are versions of others."""
    dice = random.Random(ecosystem)
    versions = sorted({package.looked_up[1] for package in packages})
    events = [lambda a, b: scans.until(a), lambda a, b: ({"introduced": a}, {"fixed": b}),
              lambda a, b: ({"introduced": "0"}, {"last_affected": a})]
    family = ecosystem.split(":")[0]
    names = "upstream" if family == "Alpine" else "aliases"
    return [scans.record(f"{family.upper()}-T-{number}", ecosystem, dice.choice(packages).looked_up[0],
                         *dice.choice(events)(*dice.sample(versions, 2)), **{names: [f"CVE-1999-{dice.randrange(60)}"]})
            for number in range(120)]


def bookworm(folder: Path) -> Path:
    """Debian's essential packages and a few more, from where this machine has its own."""
    root = folder / "root"
    sources = [f"{path}" for path in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")) if path.exists()]
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("locale", "man", "i18n", "info")]
    proxies = {name: value for name, value in os.environ.items() if name.lower() in ("http_proxy", "https_proxy", "no_proxy")}
    tools.run(["mmdebstrap", "--quiet", "--variant=essential", "--include=openssl,libcurl4", *excluded, "", str(root), *sources],
              env=tools.environment(**proxies), timeout=280)
    return root


def test_a_bookworm_image_with_old_packages_of_npm_and_python(scanned, folder):
    root = bookworm(folder)
    listed = tools.run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f",
                        "${db:Status-Abbrev}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\n"]).stdout
    lines = [line.split("\t") for line in listed.splitlines()]
    packages = [Package(*rest) for status, *rest in lines if status.startswith("ii")]
    application = folder / "application"
    application.mkdir()
    of_npm, of_python = ecosystems.npm(application), ecosystems.python(application)
    summary = scanned.push(scans.image(scans.folder_layer(root), scans.folder_layer(application)))
    assert truth.listed(summary, "deb") == sorted((package.name, package.version) for package in packages)
    assert truth.listed(summary, "npm") == of_npm and normal(truth.listed(summary, "pypi")) == normal(of_python)
    of_languages = {}
    for ecosystem, found in (("npm", of_npm), ("PyPI", of_python)):
        of_languages |= truth.expected(ecosystem, [Package(*one) for one in found], scanned.records, folder)
    assert {"lodash", "minimist", "requests", "urllib3", "PyYAML"} <= {name for name, _ in of_languages}
    truth.check(summary, truth.expected("Debian:12", packages, scanned.records, folder) | of_languages)


def normal(packages: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name.lower().replace("_", "-"), version) for name, version in packages)


@pytest.mark.parametrize("target, ecosystem", [("debian12.0-synth", "Debian:12"), ("alpine-3.10.2-synth", "Alpine:v3.10")])
def test_a_database_with_traps(scanned, folder, target, ecosystem):
    """Rebuilds whose source has another version, epochs of one of them alone, removed packages, decoys."""
    rows = csv.DictReader(io.StringIO((TARGETS / f"{target}.packages.tsv").read_text()), delimiter="\t")
    packages = [Package(row["name"], row["version"], row["source"], row["source_version"]) for row in rows]
    if ecosystem.startswith("Alpine"):
        scanned.advise("Alpine", truth.records("Alpine") if "OSV" in os.environ else made_up(ecosystem, packages))
    summary = scanned.push(scans.layout(TARGETS / target))
    assert truth.listed(summary, "deb", "apk") == sorted((package.name, package.version) for package in packages)
    wanted = truth.expected(ecosystem, packages, scanned.records, folder)
    assert len(wanted) > 15
    truth.check(summary, wanted)


@pytest.mark.parametrize("backend", ["sqlite", "bdb", "ndb"])
def test_packages_of_rpm(scanned, folder, backend):
    """Of AlmaLinux 9.0 and later, built anew under their names and versions."""
    versions = {"bash": "0:5.1.8-4.el9", "openssl-libs": "1:3.0.1-43.el9_0", "curl": "0:7.76.1-14.el9_0.5", "sudo": "0:1.9.5p2-7.el9",
                "glibc": "0:2.34-28.el9_0.2", "podman": "2:4.1.1-3.el9", "nginx": "1:1.20.1-10.el9", "less": "0:590-1.el9_0"}
    summary = scanned.push(scans.image(scans.rpm_layer(folder, versions, backend)))
    packages = [Package(name, version.removeprefix("0:")) for name, version in versions.items()]
    assert truth.listed(summary, "rpm") == sorted((package.name, package.version) for package in packages)
    wanted = truth.expected("AlmaLinux:9", packages, scanned.records, folder)
    assert len(wanted) > 5
    truth.check(summary, wanted)


# By which name purls call it, and what of it the advisories here must concern.
OF_LANGUAGES = {
    "cargo": ("crates.io", "cargo", {"time", "smallvec", "hyper"}),
    "composer": ("Packagist", "composer", {"symfony/http-kernel"}),
    "gem": ("RubyGems", "gem", {"rack", "nokogiri"}),
    "go": ("Go", "golang", {"stdlib", "golang.org/x/text", "golang.org/x/crypto"}),
    "java": ("Maven", "maven", {"org.apache.logging.log4j:log4j-core"}),
    "npm": ("npm", "npm", {"lodash", "minimist"}),
    "nuget": ("NuGet", "nuget", {"Newtonsoft.Json"}),
    "python": ("PyPI", "pypi", {"requests", "urllib3", "PyYAML"}),
}


@pytest.mark.parametrize("language", OF_LANGUAGES)
def test_an_application_as_its_tool_leaves_it(scanned, folder, language):
    ecosystem, kind, concerned = OF_LANGUAGES[language]
    application, shop = folder / "application", folder / "shop"
    application.mkdir()
    shop.mkdir()
    installed = ecosystems.ALL[language](application)
    packages = [Package(*one) for one in installed]
    if ecosystem == "RubyGems":
        scanned.advise(ecosystem, truth.records(ecosystem) if "OSV" in os.environ else made_up(ecosystem, packages))
    summary = scanned.push(scans.image(scans.folder_layer(application)))
    listed = truth.listed(summary, kind)
    assert (normal(listed), normal(installed)) == (normal(installed), normal(listed))
    wanted = truth.expected(ecosystem, packages, scanned.records, shop)
    assert concerned <= {name for name, _ in wanted}
    truth.check(summary, wanted)


def test_packages_of_conda_are_listed_and_not_covered(scanned, folder):
    """Nobody writes advisories about conda's packages: that is no "clean"."""
    installed = ecosystems.conda(folder)
    summary = scanned.push(scans.image(scans.folder_layer(folder)))
    assert truth.listed(summary, "conda") == sorted(installed)
    assert summary["notCovered"] == len(installed)
    truth.check(summary, {})


def test_an_image_that_has_three_major_and_nothing_else(scanned, folder):
    """jQuery 3.4.1 and Guava 20.0: bytes that are the same on every machine, and advisories of GitHub."""
    pom = b"version=20.0\ngroupId=com.google.guava\nartifactId=guava\n"
    jar = scans.stored_zip({"META-INF/maven/com.google.guava/guava/pom.properties": pom})
    layer = content.layer({"srv/node_modules/jquery/package.json": b'{"name": "jquery", "version": "3.4.1"}', "srv/guava.jar": jar})
    assert content.digest_of(layer[1]) == "sha256:092cb553c505f59a5fda35db2e8164beb681b6118f07de921a4fd020de1f8961"
    summary = scanned.push(scans.image(layer))
    assert (summary["os"], summary["architecture"]) == ("linux", "amd64")
    assert (summary["critical"], summary["major"], summary["minor"], summary["unknown"]) == (0, 3, 0, 0)
    assert scans.findings(summary) == {("jquery", "CVE-2020-11022"), ("jquery", "CVE-2020-11023"),
                                       ("com.google.guava:guava", "CVE-2018-10237")}


def test_purged_and_whited_out_packages_vanish_and_stay_in_their_layer(scanned, folder):
    packages = {"openssl": "3.0.9-1", "curl": "7.88.1-10"}
    jquery = {"srv/node_modules/jquery/package.json": b'{"name": "jquery", "version": "3.4.1"}'}
    base = scans.debian_layer(packages, more=jquery)
    status = scans.dpkg_status(packages).replace(b"Package: curl\nStatus: install ok installed", b"Package: curl\nStatus: deinstall ok config-files")
    above = content.layer({"var/lib/dpkg/status": status, "srv/node_modules/.wh.jquery": b""})
    found = [truth.expected("Debian:12", [Package(*one)], scanned.records, folder) for one in packages.items()]
    assert all(found) and truth.expected("npm", [Package("jquery", "3.4.1")], scanned.records, folder)
    summary = scanned.push(scans.image(base, above))
    truth.check(summary, found[0])
    lower, upper = ({part["component"]: part["coverage"] for part in layer["components"]} for layer in summary["layer_details"])
    assert lower == {"openssl": "covered", "curl": "removed", "jquery": "removed"} and upper == {}
    truth.check(scanned.push(scans.image(base, content.layer({"var/lib/dpkg/.wh.status": b"", "srv/.wh..wh..opq": b""}))), {})


def test_a_layer_that_is_not_what_the_configuration_says_is_marked(scanned):
    good, other = scans.debian_layer({"openssl": "3.0.9-1"}), content.layer({"srv/file": b"other"})
    summary = scanned.push(scans.image(good, (other[0], good[1])))
    first, second = (layer["remarks"] for layer in summary["layer_details"])
    assert first == [] and len(second) == 1 and "diff_ids" in second[0]
    assert truth.listed(summary, "deb") == [("openssl", "3.0.9-1")]
