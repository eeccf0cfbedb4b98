"""Findings that a repository's administrators hide, and what VEX documents say."""

import json

import pytest

from conformance.test_openapi import Checked, user  # noqa: F401 (a fixture)
from conformance.test_scans import put_in_force, repository, rest, source  # noqa: F401 (fixtures)
from conftest import PASSWORD
from harness import content, openapi, scans
from harness.rest import Rest, new_name
from harness.scans import API

checked = Checked()
HOLDFAST = f"{API}/holdfast"


@pytest.fixture
def image(rest, admin, repository, source):  # noqa: F811
    """Pushed, with two findings that nobody rated; what its scan shows."""
    version = put_in_force(rest, source, [
        scans.record(f"DSA-{source}-{number}", "Debian:12", source, *scans.until("2"), upstream=[f"CVE-{source}-{number}"])
        for number in (1, 2)])
    pushed = scans.image(scans.debian_layer({f"lib{source}": "1.0"}, {f"lib{source}": source}))
    admin.push(repository, pushed, "v1")
    scans.scanned(rest, repository, "v1", states=(6,), advisories=version)
    return pushed


def left(rest, repository) -> tuple[int, int]:  # noqa: F811
    """Findings after and before overrides."""
    summary = scans.scanned(rest, repository, "v1", states=(6,))
    return summary["unknown"], summary["found"]["unknown"]


def openvex(name: str, *statements: dict) -> dict:
    return {"@context": "https://openvex.dev/ns/v0.2.0", "@id": f"https://acme.example/{name}", "author": "Acme",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": list(statements)}


def not_affected(vulnerability: str, *products: str) -> dict:
    return {"vulnerability": {"name": vulnerability}, "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path", "products": [{"@id": one} for one in products]}


def test_an_override_of_a_repository_holds_there_alone(rest, admin, repository, source, image):  # noqa: F811
    other = f"admin/{new_name('other')}"
    rest.expect(201, "POST", f"{API}/repositories/admin", {"name": other.split("/")[1], "scanOnPush": True})
    admin.push(other, image, "v1")
    made = rest.expect(201, "POST", f"{HOLDFAST}/repositories/{repository}/overrides",
                       {"cve": f"CVE-{source}-1", "component": f"lib{source}", "notes": "not built in"})
    assert (made["author"], made["componentVersion"], made["digest"]) == ("admin", "", "")
    assert left(rest, repository) == (1, 2)
    assert left(rest, other) == (2, 2), "the same image elsewhere"
    assert rest.expect(200, "GET", f"{HOLDFAST}/repositories/{repository}/overrides") == [made]
    assert rest.expect(200, "GET", f"{HOLDFAST}/repositories/{other}/overrides") == []
    assert made["pk"] not in [one["pk"] for one in rest.expect(200, "GET", f"{API}/imagescan/layeroverride")]
    rest.refused(404, "NO_SUCH_OVERRIDE", "DELETE", f"{HOLDFAST}/repositories/{other}/overrides/{made['pk']}")
    rest.refused(404, "NO_SUCH_OVERRIDE", "DELETE", f"{API}/imagescan/layeroverride/{made['pk']}")
    events = rest.expect(200, "GET", f"{API}/repositories/{repository}/events?pageSize=100")["events"]
    [event] = [one for one in events if one["event"] == "waiver_created"]
    assert (event["actor"], event["detail"]) == ("admin", f"CVE-{source}-1 in lib{source}: not built in")
    rest.expect(204, "DELETE", f"{HOLDFAST}/repositories/{repository}/overrides/{made['pk']}")
    assert left(rest, repository) == (2, 2)


def test_an_override_ends_with_its_time(rest, repository, source, image):  # noqa: F811
    rest.expect(201, "POST", f"{HOLDFAST}/repositories/{repository}/overrides",
                {"cve": f"CVE-{source}-1", "component": f"lib{source}", "componentVersion": "1.0",
                 "expiresAt": "2020-01-01T00:00:00Z"})
    assert left(rest, repository) == (2, 2)


def test_openvex_by_package_by_source_and_by_image(rest, repository, source, image):  # noqa: F811
    path = f"{HOLDFAST}/repositories/{repository}/vex"
    taken = rest.expect(200, "PUT", path, openvex(
        source, not_affected(f"CVE-{source}-1", f"pkg:deb/debian/lib{source}@1.0"),
        {**not_affected(f"CVE-{source}-2", f"pkg:deb/debian/lib{source}@1.0"), "status": "affected"}))
    assert taken == {"document": f"https://acme.example/{source}", "overrides": 1, "passedOver": 1}
    assert left(rest, repository) == (1, 2)
    [finding] = [one for one in scans.scanned(rest, repository, "v1")["layer_details"][0]["components"][0]["vulns"]
                 if one["isHidden"]]
    assert finding["notes"][0]["reason"] == "not_affected: vulnerable_code_not_in_execute_path"
    # The document says something else now: by the name of the source, in any version.
    rest.expect(200, "PUT", path, openvex(source, not_affected(f"CVE-{source}-2", f"pkg:deb/debian/{source}"),
                                          not_affected(f"DSA-{source}-1", f"pkg:deb/debian/{source}@1.0")))
    assert left(rest, repository) == (0, 2)
    rest.expect(200, "PUT", path, openvex(source, not_affected(f"CVE-{source}-1", f"pkg:npm/{source}"),
                                          not_affected(f"CVE-{source}-1", f"pkg:deb/debian/{source}@2.0"),
                                          not_affected(f"CVE-{source}-1", "pkg:oci/app@sha256:" + "0" * 64)))
    assert left(rest, repository) == (2, 2), "another type, another version, another image"
    rest.expect(200, "PUT", path, openvex(source, not_affected(f"CVE-{source}-1", f"pkg:oci/app@{image.digest}")))
    assert left(rest, repository) == (1, 2)
    assert [one["document"] for one in rest.expect(200, "GET", f"{HOLDFAST}/repositories/{repository}/overrides")] == [
        f"https://acme.example/{source}"]
    rest.expect(204, "DELETE", f"{path}?document=https://acme.example/{source}")
    assert left(rest, repository) == (2, 2)


def test_csaf_for_all_repositories(rest, repository, source, image):  # noqa: F811
    document = {
        "document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "x", "tracking": {"id": f"ACME-{source}"}},
        "product_tree": {"branches": [{"category": "vendor", "name": "Acme", "branches": [
            {"category": "product_version", "name": "1.0", "product": {
                "product_id": "A", "name": "a", "product_identification_helper": {"purl": f"pkg:deb/debian/{source}@1.0?arch=source"}}}]}]},
        "vulnerabilities": [{"cve": f"CVE-{source}-1", "product_status": {"known_not_affected": ["A"]},
                             "flags": [{"label": "component_not_present", "product_ids": ["A"]}]}]}
    assert rest.expect(200, "PUT", f"{HOLDFAST}/vex", document)["overrides"] == 1
    assert left(rest, repository) == (1, 2)
    rest.expect(204, "DELETE", f"{HOLDFAST}/vex?document=ACME-{source}")
    assert left(rest, repository) == (2, 2)


@pytest.mark.parametrize("body", [
    b"{}", b'{"@context": "https://openvex.dev/ns", "statements": []}', b'{"document": {"category": "csaf_base"}}',
    b'{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "statements": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    b'{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "\xff"}', b"[]", b"{"])
def test_what_is_no_document_changes_nothing(rest, repository, source, image, body):  # noqa: F811
    path = f"{HOLDFAST}/repositories/{repository}/vex"
    rest.expect(200, "PUT", path, openvex("x", not_affected(f"CVE-{source}-1", f"pkg:deb/debian/{source}")))
    answer = rest.client.request("PUT", path, body=body, headers=[("Content-Type", "application/json")])
    assert answer.status == 400, str(answer)
    assert left(rest, repository) == (1, 2)


def test_who_may_and_every_answer_is_as_written(rest, server, user, nobody, admin, repository, source, image):  # noqa: F811
    namespace, name = repository.split("/")
    names = {"namespace": namespace, "repository": name}
    overrides = f"{HOLDFAST}/repositories/{{namespace}}/{{repository}}/overrides"
    one, vex, everywhere = f"{overrides}/{{override}}", overrides.replace("overrides", "vex"), f"{HOLDFAST}/vex"
    hidden = names | {"repository": "nothing"}
    fields = {"cve": "CVE-1", "component": source}
    document = openvex(source, not_affected("CVE-1", f"pkg:deb/debian/{source}"))
    made = checked.call(rest, 201, "post", overrides, fields, **names).json()["pk"]
    checked.call(rest, 400, "post", overrides, {"cve": "CVE-1"}, **names)
    checked.call(user, 403, "post", overrides, fields, **names)
    checked.call(user, 200, "get", overrides, **names)
    checked.call(user, 403, "delete", one, override=made, **names)
    checked.call(rest, 204, "delete", one, override=made, **names)
    checked.call(rest, 200, "put", vex, document, **names)
    checked.call(rest, 400, "put", vex, {}, **names)
    checked.call(user, 403, "put", vex, document, **names)
    checked.call(user, 403, "delete", vex, query="?document=x", **names)
    checked.call(rest, 400, "delete", vex, **names)
    checked.call(rest, 204, "delete", vex, query=f"?document={document['@id']}", **names)
    for method, path, body in (("get", overrides, None), ("post", overrides, fields), ("delete", one, None),
                               ("put", vex, document), ("delete", vex, None)):
        checked.call(nobody, 401, method, path, body, override="x", **names)
        checked.call(rest, 404, method, path, body, query="?document=x", override="x", **hidden)
    for method, body in (("put", document), ("delete", None)):
        checked.call(nobody, 401, method, everywhere, body, query="?document=x")
        checked.call(user, 403, method, everywhere, body, query="?document=x")
        checked.call(rest, 400, method, everywhere, {} if body else None)
    layers, of_layer = f"{API}/imagescan/layeroverride", f"{API}/imagescan/layeroverride/{{id}}"
    digest = content.digest_of(source.encode())
    made = checked.call(rest, 200, "post", of_layer, {"cve": "CVE-1-1", "component": source, "componentVersion": "1",
                                                 "expiresAt": "2999-01-01T00:00:00Z"}, id=digest).json()
    checked.call(rest, 400, "post", of_layer, {"cve": "CVE-1-1"}, id=digest)
    checked.call(user, 403, "post", of_layer, {}, id=digest)
    checked.call(nobody, 401, "post", of_layer, {}, id=digest)
    checked.call(user, 200, "get", layers)
    checked.call(nobody, 401, "get", layers)
    checked.call(user, 403, "delete", of_layer, id=made["pk"])
    checked.call(nobody, 401, "delete", of_layer, id=made["pk"])
    checked.call(rest, 200, "delete", of_layer, id=made["pk"])
    checked.call(rest, 404, "delete", of_layer, id=made["pk"])
    # As many as there may be: of a repository, and of all.
    many, more = (openvex(kind, *(not_affected(f"CVE-{number}", f"pkg:deb/debian/{source}") for number in range(count)))
                  for kind, count in (("many", 9_999), ("more", 9_000)))
    layer = f"{API}/imagescan/layeroverride/{content.digest_of(b'x')}"
    for path, single, place in ((vex, f"{HOLDFAST}/repositories/{repository}/overrides", names), (everywhere, layer, {})):
        checked.call(rest, 200, "put", path, many, **place)
        try:
            checked.call(rest, 409, "put", path, more, **place)
            assert rest.call("POST", single, fields | {"componentVersion": "1"}).status in (200, 201)
            rest.refused(409, "TOO_MANY_OVERRIDES", "POST", single, fields | {"componentVersion": "1"})
            assert left(rest, repository) == (2, 2)
        finally:
            checked.call(rest, 204, "delete", path, query=f"?document={many['@id']}", **place)
    assert openapi.unseen("overrides") == []


def test_strangers_do_not_learn_who_hid_something(rest, nobody, repository, source, image):  # noqa: F811
    rest.expect(200, "PUT", f"{HOLDFAST}/repositories/{repository}/vex",
                openvex(source, not_affected(f"CVE-{source}-1", f"pkg:deb/debian/{source}")))
    path = f"{API}/imagescan/scansummary/repositories/{repository}/v1"
    for who, author in ((rest, "admin"), (nobody, "")):
        [summary] = who.expect(200, "GET", path)
        assert [one["author"] for one in summary["scannedImage"]["vulnOverrides"]] == [author]


def test_nobody_changes_them_while_the_registry_is_read_only(rest, repository, source):  # noqa: F811
    rest.expect(202, "POST", f"{API}/meta/settings", {"readOnlyRegistry": True})
    try:
        rest.refused(405, "NOT_ALLOWED", "PUT", f"{HOLDFAST}/repositories/{repository}/vex", openvex(source))
    finally:
        rest.expect(202, "POST", f"{API}/meta/settings", {"readOnlyRegistry": False})
