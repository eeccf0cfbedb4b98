"""Scanners of others: who registers them and with what, and who chooses one."""

import json

import pytest

from conformance.test_openapi import Checked
from conformance.test_scanner_adapter import SCANNERS, adapter, chosen, events_of, image, register, rest  # noqa: F401 (fixtures)
from conftest import PASSWORD
from harness import scans
from harness.rest import Rest, new_name
from harness.scanner_adapter import SCANNER, UPDATED, Adapter
from harness.scans import API

checked = Checked()


@pytest.mark.parametrize("auth, credential, sent", [
    ("Basic", "robot:s3cret-of-%", ("Authorization", "Basic cm9ib3Q6czNjcmV0LW9mLSU=")),
    ("Bearer", "s3cret-of-bearer", ("Authorization", "Bearer s3cret-of-bearer")),
    ("X-ScannerAdapter-API-Key", "s3cret-of-key", ("X-ScannerAdapter-API-Key", "s3cret-of-key")),
])
def test_credentials_are_sent_and_never_shown(rest, admin, server, adapter, register, auth, credential, sent):
    adapter.credential = sent
    fields = {"auth": auth, "accessCredential": credential}
    one = register(adapter, **fields)
    assert one["auth"] == auth and one["hasCredential"]
    path = f"{SCANNERS}/{one['id']}"
    assert rest.expect(200, "GET", f"{path}/metadata")["scanner"] == SCANNER
    assert rest.expect(200, "POST", f"{SCANNERS}/ping", {"url": adapter.url, **fields})["scanner"] == SCANNER
    wrong = {**fields, "accessCredential": credential + "x"}
    assert "who are you?" in rest.refused(400, "SCANNER_FAILED", "POST", f"{SCANNERS}/ping", {"url": adapter.url, **wrong})
    # It stays when something else changes, and goes nowhere else.
    rest.expect(200, "PATCH", path, {"description": "one"})
    assert rest.expect(200, "GET", f"{path}/metadata")["scanner"] == SCANNER
    rest.refused(400, "INVALID_FORM", "PATCH", path, {"url": "http://127.0.0.1:1"})
    # An adapter that sends back what it is sent.
    repository = register.repository(one)
    echo = json.dumps({"error": {"message": f"I was sent {credential}"}}).encode()
    adapter.scan_answers = [(400, echo)]
    admin.push(repository, image("a"), "v1")
    summary = scans.scanned(rest, repository, "v1", states=(0, 6))
    assert "repeats a secret" in summary["reason"]
    rest.expect(200, "PATCH", path, {"accessCredential": credential + "2"})
    told = [json.dumps(rest.expect(200, "GET", found)) for found in (path, SCANNERS, f"{API}/events?pageSize=200")]
    told += [server.log_text(), server.cli("support", "dump", "--data-dir", str(server.data)).stdout]
    told += [str(server.sql(f"SELECT * FROM {table}")) for table in ("scan_registrations", "events", "scan_adapter_images")]
    for text in told:
        assert "s3cret-of" not in text
    bearer = adapter.jobs[0].request["registry"]["authorization"] if adapter.jobs else "nothing was sent"
    assert bearer not in server.log_text()
    assert rest.expect(200, "PATCH", path, {"auth": ""})["hasCredential"] is False


def test_registrations_and_their_answers(rest, boss, nobody, server, adapter):
    base, one = "/api/v0/holdfast/scanners", "/api/v0/holdfast/scanners/{scanner}"
    name = new_name("scanner")
    made = checked.call(boss, 201, "post", base, {"name": name, "url": f"{adapter.url}/", "description": "d"}).json()
    try:
        assert (made["url"], made["auth"], made["disabled"], made["isDefault"]) == (adapter.url, "", False, False)
        names = {"scanner": made["id"]}
        assert made in checked.call(boss, 200, "get", base).json()["scanners"]
        assert checked.call(boss, 200, "get", one, **names).json() == made
        boss.refused(400, "SCANNER_EXISTS", "POST", base, {"name": name, "url": adapter.url})
        assert checked.call(boss, 200, "patch", one, {"skipCertVerify": True}, **names).json()["skipCertVerify"]
        asked = checked.call(boss, 200, "get", f"{one}/metadata", **names).json()
        assert asked["databaseUpdatedAt"] == UPDATED and asked["capabilities"][0]["usable"]
        checked.call(boss, 200, "post", f"{base}/ping", {"url": adapter.url})
        nothing = {"scanner": "00000000-0000-4000-8000-000000000000"}
        for method, path in (("get", one), ("patch", one), ("delete", one), ("get", f"{one}/metadata")):
            checked.call(boss, 404, method, path, {} if method == "patch" else None, **nothing)
        for fields in ({"url": "ftp://a"}, {"url": "http://u:p@a"}, {"url": "file:///etc/passwd"}, {"url": ""},
                       {"name": ""}, {"name": "x" * 129}, {"name": "a\nb"}, {"auth": "Digest"}, {"auth": "Basic"},
                       {"auth": "Basic", "accessCredential": "no colon"}, {"accessCredential": "x"},
                       {"auth": "Bearer", "accessCredential": "a b"}, {"auth": "Bearer", "accessCredential": "a\r\nX: y"},
                       {"certificateAuthority": "none"}, {"registryUrl": "x"}, {"disabled": True, "isDefault": True},
                       {"skipCertVerify": "yes"}):
            boss.refused(400, "INVALID_FORM", "POST", base, {"name": new_name("bad"), "url": adapter.url, **fields})
        for method, path in (("GET", base), ("POST", base), ("POST", f"{base}/ping"), ("GET", f"{base}/{made['id']}"),
                             ("PATCH", f"{base}/{made['id']}"), ("DELETE", f"{base}/{made['id']}"),
                             ("GET", f"{base}/{made['id']}/metadata")):
            body = None if method in ("GET", "DELETE") else {"name": "x", "url": adapter.url}
            assert nobody.call(method, path, body).status == 401
            assert Rest(server.client("alice", PASSWORD), "").call(method, path, body).status == 403
        kinds = [event["event"] for event in rest.expect(200, "GET", f"{API}/events?pageSize=200")["events"]
                 if event["object"].get("name") == name]
        assert kinds == ["scanner_updated", "scanner_created"]
    finally:
        checked.call(boss, 204, "delete", one, scanner=made["id"])


def test_there_may_be_so_many(holdfast):
    server = holdfast()
    boss = Rest(server.admin_client(), "")
    for number in range(100):
        boss.expect(201, "POST", SCANNERS, {"name": f"s{number}", "url": "http://127.0.0.1:1"})
    checked.call(boss, 409, "post", "/api/v0/holdfast/scanners", {"name": "more", "url": "http://127.0.0.1:1"})
    # The default is one.
    for number in (1, 2):
        boss.expect(200, "PATCH", f"{SCANNERS}/{boss.get(SCANNERS)['scanners'][number]['id']}", {"isDefault": True})
    assert [one["isDefault"] for one in boss.get(SCANNERS)["scanners"]].count(True) == 1


def test_who_chooses(rest, boss, nobody, server, adapter, register):
    one = register(adapter)
    hidden, shown = register.repository(None), register.repository(None, visibility="public")
    path = "/api/v0/holdfast/repositories/{namespace}/{repository}/scanner"
    stranger = new_name("stranger")
    rest.expect(201, "POST", "/accounts", {"name": stranger, "password": PASSWORD})
    other = Rest(server.client(stranger, PASSWORD), "")
    own = new_name("own")
    other.expect(201, "POST", f"{API}/repositories/{stranger}", {"name": own})
    wish = {"scanner": one["id"]}
    for method, body in (("get", None), ("put", wish), ("delete", None)):
        checked.call(other, 404, method, path, body, namespace="admin", repository=hidden.split("/")[1])
    checked.call(other, 404, "get", f"{path}/candidates", namespace="admin", repository=hidden.split("/")[1])
    assert nobody.expect(200, "GET", chosen(shown)) == {
        "scanner": "", "name": "Holdfast", "disabled": False, "chosen": False}
    for method, body in (("PUT", wish), ("DELETE", None)):
        assert other.call(method, chosen(shown), body).status == 403
        assert nobody.call(method, chosen(shown), body).status == 401
    # An owner chooses among what administrators registered, and learns no URL.
    names = {"namespace": stranger, "repository": own}
    listed = checked.call(other, 200, "get", f"{path}/candidates", **names)
    assert one["id"] in {entry["scanner"] for entry in listed.json()["scanners"]} and b"http" not in listed.body
    answer = checked.call(other, 200, "put", path, wish, **names).json()
    assert answer == {"scanner": one["id"], "name": one["name"], "disabled": False, "chosen": True}
    assert checked.call(other, 200, "get", path, **names).json() == answer
    assert other.refused(400, "INVALID_FORM", "PUT", chosen(f"{stranger}/{own}"), {})
    assert other.refused(404, "NO_SUCH_SCANNER", "PUT", chosen(f"{stranger}/{own}"), {"scanner": "x"})
    [event] = [found for found in events_of(rest, f"{stranger}/{own}", "repository_updated")]
    assert event["detail"] == f"scanner: {one['name']}"
    checked.call(boss, 409, "delete", "/api/v0/holdfast/scanners/{scanner}", scanner=one["id"])
    rest.expect(200, "PATCH", f"{SCANNERS}/{one['id']}", {"disabled": True})
    assert checked.call(other, 200, "get", path, **names).json()["disabled"]
    other.client.push(f"{stranger}/{own}", image("a"), "v1")
    other.expect(200, "POST", f"{API}/imagescan/scan/{stranger}/{own}/v1/linux/amd64", {})
    assert "is disabled" in scans.scanned(other, f"{stranger}/{own}", "v1", states=(0, 6))["reason"]
    checked.call(other, 204, "delete", path, **names)
    assert checked.call(other, 200, "get", path, **names).json()["chosen"] is False
    other.expect(204, "DELETE", f"{API}/repositories/{stranger}/{own}")


def test_read_only_and_switched_off(holdfast):
    server = holdfast({"create_repository_on_push": True})
    admin = server.admin_client()
    rest = Rest(admin, "")
    with Adapter(ca=server.ca) as adapter:
        one = rest.expect(201, "POST", SCANNERS, {"name": "a", "url": adapter.url, "registryUrl": server.https.url})
        admin.push("admin/app", image("a"), "v1")
        rest.expect(202, "POST", f"{API}/meta/settings", {"readOnlyRegistry": True})
        for method, path, body in (("POST", SCANNERS, {"name": "b", "url": adapter.url}),
                                   ("PATCH", f"{SCANNERS}/{one['id']}", {}), ("DELETE", f"{SCANNERS}/{one['id']}", None),
                                   ("PUT", chosen("admin/app"), {"scanner": one["id"]}),
                                   ("DELETE", chosen("admin/app"), None)):
            assert rest.call(method, path, body).status == 405, (method, path)
        rest.expect(200, "POST", f"{SCANNERS}/ping", {"url": adapter.url})
        rest.expect(202, "POST", f"{API}/meta/settings", {"readOnlyRegistry": False})


def test_certificates_are_checked(rest, server, register):
    """The server itself stands for an adapter with a certificate of its own authority."""
    fields = {"url": server.https.url}
    assert "not trusted" in rest.refused(400, "SCANNER_FAILED", "POST", f"{SCANNERS}/ping", fields)
    for more in ({"skipCertVerify": True}, {"certificateAuthority": server.ca.read_text()}):
        message = rest.refused(400, "SCANNER_FAILED", "POST", f"{SCANNERS}/ping", {**fields, **more})
        assert "it answers 404" in message
    assert "not trusted" in rest.refused(
        400, "SCANNER_FAILED", "POST", f"{SCANNERS}/ping",
        {**fields, "certificateAuthority": "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n"})
