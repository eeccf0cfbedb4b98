"""SBOMs beside images: made here and attached, or attached by others and read."""

import pytest

from conformance.test_openapi import user  # noqa: F401 (a fixture)
from conformance.test_scans import put_in_force, repository, rest, source  # noqa: F401 (fixtures)
from harness import content, scans
from harness.rest import Rest, new_name
from harness.scans import API

SPDX, CYCLONEDX, IN_TOTO = "application/spdx+json", "application/vnd.cyclonedx+json", "application/vnd.in-toto+json"


def spdx(*purls: str) -> dict:
    return {"spdxVersion": "SPDX-2.3", "packages": [
        {"name": "one", "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]} for purl in purls]}


def cyclonedx(*purls: str) -> dict:
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "one", "purl": purl} for purl in purls]}


def listing(subject: content.Manifest, document, artifact_type=SPDX) -> content.Manifest:
    data = document if isinstance(document, bytes) else content.encode(document)
    return content.artifact(subject=subject.descriptor(), artifact_type=artifact_type, data=data)


def components(rest, repository, reference="v1") -> dict:  # noqa: F811
    """The way by which each package was found, of the images that the reference names."""
    found = rest.expect(200, "GET", f"{API}/imagescan/scansummary/repositories/{repository}/{reference}")
    return {part["name"]: part["source"] for one in found for part in one["scannedImage"]["components"]}


@pytest.fixture
def pushed(rest, admin, repository, source):  # noqa: F811
    """An image with one package of Debian, scanned."""
    image = scans.image(scans.debian_layer({source: "1.0"}))
    admin.push(repository, image, "v1")
    scans.scanned(rest, repository, "v1", states=(4, 6))
    return image


@pytest.mark.parametrize("form, kind", [("spdx", SPDX), ("cyclonedx", CYCLONEDX)])
def test_made_and_attached(rest, admin, repository, pushed, source, form, kind):  # noqa: F811
    path = f"{API}/holdfast/repositories/{repository}/manifests/v1/sbom?format={form}"
    made = rest.expect(201, "POST", path)
    assert (made["artifactType"], made["subject"]) == (kind, pushed.digest)
    assert rest.expect(201, "POST", path) == made, "the same twice is one"
    [referrer] = admin.referrers(repository, pushed.digest).json()["manifests"]
    assert (referrer["digest"], referrer["artifactType"]) == (made["digest"], kind)
    manifest = content.stored(admin, repository, made["digest"]).json()
    assert manifest["config"]["mediaType"] == content.OCI_EMPTY and manifest["subject"]["size"] == pushed.size
    [layer] = manifest["layers"]
    document = admin.blob(repository, layer["digest"]).body
    assert layer["mediaType"] == kind and document == rest.call("GET", path).body
    assert components(rest, repository) == {source: "dpkg"}, "it says nothing that was not found"
    assert [tag["name"] for tag in rest.expect(200, "GET", f"{API}/repositories/{repository}/tags")] == ["v1"]
    assert admin.delete_manifest(repository, made["digest"]).status == 202
    assert admin.referrers(repository, pushed.digest).json()["manifests"] == []


@pytest.mark.parametrize("document, kind", [(spdx, SPDX), (cyclonedx, CYCLONEDX)])
def test_what_others_attached_joins_the_image(rest, admin, repository, pushed, source, document, kind):  # noqa: F811
    version = put_in_force(rest, source, [
        scans.record(f"GHSA-{source}", "npm", f"{source}-js", *scans.until("2.0.0")),
        scans.record(f"DSA-{source}", "Debian:12", source, *scans.until("2"))])
    data = content.encode(document(f"pkg:npm/{source}-js@1.0.0", f"pkg:deb/debian/{source}@1.0?arch=amd64", "pkg:oci/nothing"))
    attached = admin.push(repository, listing(pushed, data, kind))
    summary = scans.listed(rest, repository, "v1", content.digest_of(data))
    assert summary["advisories"] == version
    assert scans.findings(summary) == {(f"{source}-js", f"GHSA-{source}"), (source, f"DSA-{source}")}, "none is counted twice"
    assert summary["unknown"] == 2
    assert components(rest, repository) == {source: "dpkg", f"{source}-js": "sbom-attached"}
    names = [one["name"] for one in rest.expect(200, "GET", f"{API}/holdfast/repositories/{repository}/manifests/v1/sbom")["packages"]]
    assert f"{source}-js" in names
    [tag] = rest.expect(200, "GET", f"{API}/repositories/{repository}/tags/v1")
    assert tag["vuln_summary"]["unknown"] == 2
    assert admin.delete_manifest(repository, attached.digest).status == 202
    assert components(rest, repository) == {source: "dpkg"}


def test_it_counts_where_it_was_pushed_and_nowhere_else(rest, admin, repository, pushed, source):  # noqa: F811
    name = new_name("other")
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": name, "scanOnPush": True})
    admin.push(f"admin/{name}", pushed, "v1")
    data = content.encode(spdx(f"pkg:npm/{source}-js@1.0.0"))
    admin.push(f"admin/{name}", listing(pushed, data))
    scans.listed(rest, f"admin/{name}", "v1", content.digest_of(data))
    assert components(rest, f"admin/{name}") == {source: "dpkg", f"{source}-js": "sbom-attached"}
    assert components(rest, repository) == {source: "dpkg"}


def test_an_attestation_of_buildkit(rest, admin, repository, source):  # noqa: F811
    image = scans.image(scans.debian_layer({source: "1.0"}))
    statement = content.encode({"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
                                "subject": [], "predicate": spdx(f"pkg:pypi/{source}-py@1.0")})
    provenance = content.encode({"predicateType": "https://slsa.dev/provenance/v1", "predicate": spdx(f"pkg:pypi/{source}-no@1.0")})
    config = content.encode({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
    layers = [content.descriptor(IN_TOTO, data, annotations={"in-toto.io/predicate-type": kind}) for data, kind in (
        (statement, "https://spdx.dev/Document"), (provenance, "https://slsa.dev/provenance/v1"))]
    attestation = content.Manifest(content.OCI_MANIFEST, content.encode({
        "schemaVersion": 2, "mediaType": content.OCI_MANIFEST,
        "config": content.descriptor(content.OCI_CONFIG, config), "layers": layers}), [config, statement, provenance])
    index = content.Manifest(content.OCI_INDEX, content.encode({
        "schemaVersion": 2, "mediaType": content.OCI_INDEX, "manifests": [
            image.descriptor(platform={"os": "linux", "architecture": "amd64"}),
            attestation.descriptor(platform={"os": "unknown", "architecture": "unknown"}, annotations={
                "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest})]}), [])
    for one, reference in ((image, image.digest), (attestation, attestation.digest), (index, "v1")):
        admin.push(repository, one, reference)
    scans.listed(rest, repository, "v1", content.digest_of(statement))
    assert components(rest, repository) == {source: "dpkg", f"{source}-py": "sbom-attached"}


@pytest.mark.parametrize("data", [
    b"no JSON", b"\xff\xfe{}", b"[" * 200, b'{"packages": 1, "components": "x", "predicate": []}',
    b'{"packages": [1, {"externalRefs": [{"referenceType": "purl", "referenceLocator": 7}]}]}',
    b'{"components": [' + b"1," * 3_000_000 + b"1]}"], ids=["text", "bytes", "deep", "types", "places", "large"])
def test_what_cannot_be_read_harms_nothing(rest, admin, repository, pushed, source, data):  # noqa: F811
    data += f" {source}".encode()  # so that no other test has read it
    admin.push(repository, listing(pushed, data))
    summary = scans.listed(rest, repository, "v1", content.digest_of(data))
    assert summary["last_scan_status"] in (4, 6)
    assert components(rest, repository) == {source: "dpkg"}


def test_more_than_is_read(rest, admin, repository, pushed, source):  # noqa: F811
    data = content.encode(spdx(*(f"pkg:npm/{source}-{number}@1.0.0" for number in range(60_000))))
    admin.push(repository, listing(pushed, data))
    summary = scans.listed(rest, repository, "v1", content.digest_of(data))
    [details] = [layer for layer in summary["layer_details"] if layer["sha256sum"] == content.digest_of(data)]
    assert details["remarks"] == ["it lists more packages than are shown"]
    assert summary["last_scan_status"] in (4, 6) and len(details["components"]) < 50_000


def test_who_may_attach(rest, user, admin, repository, pushed):  # noqa: F811
    path = f"{API}/holdfast/repositories/{repository}/manifests/v1/sbom"
    user.refused(403, "NOT_AUTHORIZED", "POST", path)
    rest.expect(200, "PATCH", f"{API}/repositories/{repository}", {"visibility": "private"})
    user.refused(404, "NO_SUCH_REPOSITORY", "POST", path)
    assert admin.referrers(repository, pushed.digest).json()["manifests"] == []


def test_nothing_is_attached_to_what_was_never_opened(rest, admin, repository):  # noqa: F811
    rest.expect(200, "PATCH", f"{API}/repositories/{repository}", {"scanOnPush": False})
    image = admin.push(repository, content.image(), "v1")
    answer = rest.call("POST", f"{API}/holdfast/repositories/{repository}/manifests/v1/sbom")
    assert answer.status == 404 and "scan" in str(answer.json())
    assert admin.referrers(repository, image.digest).json()["manifests"] == []


def test_immutable_tags_do_not_stand_in_the_way(rest, admin, repository, pushed):  # noqa: F811
    rest.expect(200, "PATCH", f"{API}/repositories/{repository}", {"immutableTags": True})
    rest.expect(201, "POST", f"{API}/holdfast/repositories/{repository}/manifests/{pushed.digest}/sbom")


@pytest.fixture
def registry(holdfast):
    """A server on which everything may go at once."""
    server = holdfast({"create_repository_on_push": True})
    rest = Rest(server.admin_client(), "")
    rest.expect(202, "POST", f"{API}/meta/settings", {"gcUntaggedGrace": "0", "gcBlobGrace": "0"})
    yield server, rest
    rest.client.close()


def logs(rest, job: str) -> list[str]:  # noqa: F811
    assert scans.finished_job(rest, job)["status"] == "done"
    return [line["data"] for line in rest.expect(200, "GET", f"{API}/jobs/{job}/logs")]


def run(rest, action: str) -> list[str]:  # noqa: F811
    return logs(rest, rest.expect(202, "POST", f"{API}/jobs", {"action": action})["id"])


def test_what_no_repository_has_any_more_is_forgotten(registry):
    server, rest = registry  # noqa: F811
    client = rest.client
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": "app", "scanOnPush": True})
    base = scans.debian_layer({"kept": "1"})
    kept = client.push("admin/app", scans.image(base), "kept")
    gone = client.push("admin/app", scans.image(base, scans.debian_layer({"kept": "1", "gone": "1"})), "gone")
    data = content.encode(spdx("pkg:npm/listed@1.0.0"))
    client.push("admin/app", listing(gone, data))
    scans.scanned(rest, "admin/app", "kept", states=(4, 6))
    scans.listed(rest, "admin/app", "gone", content.digest_of(data))
    assert run(rest, "scan_sweep") == ["0 images forgotten", "0 layers forgotten", "0 packages forgotten", "0 overrides forgotten"]
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": "brief"})
    for name in ("app", "brief"):
        rest.expect(201, "POST", f"{API}/holdfast/repositories/admin/{name}/overrides", {"cve": "CVE-1-1", "component": "x"})
    rest.expect(204, "DELETE", f"{API}/repositories/admin/brief")
    assert client.delete_manifest("admin/app", gone.digest).status == 202
    run(rest, "onlinegc")
    assert run(rest, "scan_sweep") == ["1 images forgotten", "2 layers forgotten", "2 packages forgotten", "1 overrides forgotten"]
    assert components(rest, "admin/app", "kept") == {"kept": "dpkg"}
    tables = ("scan_images", "scan_image_layers", "scan_layers", "scan_components", "scan_layer_components")
    assert [server.sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables] == ["1"] * len(tables)
    client.push("admin/app", gone, "again")
    scans.scanned(rest, "admin/app", "again", states=(4, 6))
    assert components(rest, "admin/app", "again") == {"kept": "dpkg", "gone": "dpkg"}
    assert scans.scanned(rest, "admin/app", kept.digest, states=(4, 6))["layersDone"] == 1
