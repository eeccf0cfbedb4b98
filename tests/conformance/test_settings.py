"""Settings by DTR's API, what they do, read-only mode, and what DTR says of itself."""

import json
import subprocess

import pytest

from conftest import PASSWORD
from harness import content
from harness.rest import Rest

API = "/api/v0"
SHAPE = {
    "dtrHost": str, "sso": bool, "createRepositoryOnPush": bool, "replicaSettings": dict,
    "httpProxy": str, "httpsProxy": str, "noProxy": str, "disableUpgrades": bool,
    "reportAnalytics": bool, "anonymizeAnalytics": bool, "disableBackupWarning": bool,
    "logProtocol": str, "logHost": str, "logLevel": str, "webTLSCert": str, "webTLSCA": str,
    "webTLSClientCA": str, "clientCertAuthEnabled": bool, "replicaID": str, "scanningEnabled": bool,
    "scanningSyncOnline": bool, "scanningDeadline": int, "scanningEnableAutoRecheck": bool,
    "jobHistoryCompactionEnabled": bool, "jobHistoryToKeep": int, "jobHistoryMaxAge": str,
    "repoEventHistoryCompactionEnabled": bool, "repoEventHistoryToKeep": int,
    "repoEventHistoryMaxAge": str, "storageVolume": str, "nfsHost": str, "nfsPath": str,
    "readOnlyRegistry": bool, "disablePersistentCookies": bool,
    "gcUntaggedGrace": str, "gcBlobGrace": str, "advisoryFeeds": list, "advisoriesStaleAfter": str,
}


@pytest.fixture
def fresh(holdfast):
    """A server of the test's own, as settings are the server's; gives it with its administrator."""
    server = holdfast()
    server.add_user("alice", PASSWORD)
    return server, Rest(server.admin_client(), API)


@pytest.fixture
def api(admin):
    return Rest(admin, API)


def change(rest: Rest, **fields):
    return rest.expect(202, "POST", "/meta/settings", fields)


def test_all_fields_are_there_with_their_types(server, api):
    for path in ("/meta/settings", "/meta/settings/"):
        found = api.get(path)
        assert {name: type(value) for name, value in found.items()} == SHAPE
    replica = found["replicaID"]
    assert len(replica) == 12 and int(replica, 16) >= 0
    assert found["replicaSettings"][replica].keys() == {"HTTPPort", "HTTPSPort", "node"}
    assert found["webTLSCert"].startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in json.dumps(found)
    assert found["storageVolume"] == str(server.data)
    assert found["createRepositoryOnPush"] is True  # as the shared server is configured


def test_settings_are_for_administrators(alice, anonymous):
    user, nobody = Rest(alice, API), Rest(anonymous, API)
    for method, path in [("GET", "/meta/settings"), ("POST", "/meta/settings"),
                         ("GET", "/meta/alerts"), ("GET", "/meta/cluster_status")]:
        body = {"readOnlyRegistry": True} if method == "POST" else None
        user.refused(403, "NOT_AUTHORIZED", method, path, body)
        nobody.refused(401, "NOT_AUTHENTICATED", method, path, body)
    for path in ("/meta/features", "/admin/version"):
        nobody.refused(401, "NOT_AUTHENTICATED", "GET", path)


def test_a_change_is_partial_and_survives_a_restart(fresh):
    server, rest = fresh
    before = rest.get("/meta/settings")
    after = change(rest, jobHistoryMaxAge="24h", scanningDeadline=5, unknownField=[1, 2], noProxy=None)
    assert after.pop("restartNeeded") == []
    assert after == before | {"jobHistoryMaxAge": "24h", "scanningDeadline": 5}
    assert rest.get("/meta/settings") == after
    # All that was read can be sent back.
    assert change(rest, **after) == after | {"restartNeeded": []}
    server.restart()
    again = Rest(server.admin_client(), API).get("/meta/settings")
    assert again["replicaID"] == after["replicaID"]
    assert (again["jobHistoryMaxAge"], again["scanningDeadline"]) == ("24h", 5)


def test_a_form_content_type_is_read_as_json(fresh):
    _, rest = fresh
    response = rest.call("POST", "/meta/settings", b'{"disableUpgrades": true},',
                         headers=[("Content-Type", "application/x-www-form-urlencoded")])
    assert response.status == 202 and response.json()["disableUpgrades"] is True


@pytest.mark.parametrize("name,value", [
    ("readOnlyRegistry", "true"), ("readOnlyRegistry", 1), ("readOnlyRegistry", {}),
    ("createRepositoryOnPush", []), ("scanningDeadline", "5"), ("scanningDeadline", 1.5),
    ("scanningDeadline", -1), ("scanningDeadline", 2**63), ("jobHistoryMaxAge", 5),
    ("jobHistoryMaxAge", "soon"), ("jobHistoryMaxAge", "1h; DROP TABLE settings"),
    ("repoEventHistoryMaxAge", "9" * 5000 + "h"), ("httpProxy", "gopher://x"),
    ("httpsProxy", "http://someone:hunter2@proxy:3128"), ("noProxy", "a\u0000b"),
    ("noProxy", "x" * 5000), ("noProxy", "line\nbreak"),
    ("advisoryFeeds", {}), ("advisoryFeeds", [1]), ("advisoryFeeds", [{}]), ("advisoryFeeds", "https://a.example"),
    ("advisoryFeeds", [{"name": "a", "url": "file:///etc/passwd", "kind": "osv"}]),
    ("advisoryFeeds", [{"name": "a", "url": "https://someone:hunter2@a.example/", "kind": "osv"}]),
    ("advisoryFeeds", [{"name": "a/b", "url": "https://a.example/", "kind": "osv"}]),
    ("advisoryFeeds", [{"name": "a", "url": "https://a.example/", "kind": "rpm"}]),
    ("advisoryFeeds", [{"name": "a", "url": "https://a.example/\r\nX: y", "kind": "osv"}]),
    ("advisoryFeeds", [{"name": "a", "url": "https://a.example/", "kind": "osv"}] * 2),
    ("advisoryFeeds", [{"name": f"a{n}", "url": "https://a.example/", "kind": "osv"} for n in range(101)]),
    ("advisoriesStaleAfter", "soon"),
    ("webTLSCert", "-----BEGIN CERTIFICATE-----"), ("webTLSKey", "x"), ("sso", True),
    ("clientCertAuthEnabled", True), ("logLevel", "debug2"), ("dtrHost", "elsewhere.example"),
    ("replicaID", "000000000000")])
def test_a_wrong_field_is_named_and_nothing_changes(api, name, value):
    before = api.get("/meta/settings")
    message = api.refused(400, "INVALID_SETTINGS", "POST", "/meta/settings",
                          {"disableUpgrades": True, name: value})
    assert f'"{name}"' in message and "hunter2" not in message
    assert api.get("/meta/settings") == before


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"', b'{"a":1,"a":2}', b"\xff\xfe", b"null"])
def test_what_is_no_object_is_refused(api, body):
    api.refused(400, "INVALID_JSON", "POST", "/meta/settings", body)


def test_a_change_is_an_event_without_values(fresh):
    server, rest = fresh
    change(rest, httpProxy="http://proxy.example:3128", disableUpgrades=True, reportAnalytics=False)
    change(rest, disableUpgrades=True)  # as it is: no event
    events = rest.get("/events?eventType=settings_changed")["events"]
    assert len(events) == 1
    assert events[0]["actor"] == "admin" and events[0]["type"] == "UPDATE"
    assert events[0]["object"]["type"] == "SYSTEM"
    assert set(events[0]["detail"].split(",")) == {"httpProxy", "disableUpgrades"}
    assert "proxy.example" not in json.dumps(events)


def test_creating_on_push_follows_the_setting(fresh):
    server, rest = fresh  # off by default
    alice = server.client("alice", PASSWORD)
    assert alice.request("POST", "/v2/alice/new/blobs/uploads/").status == 403
    change(rest, createRepositoryOnPush=True)
    alice.push("alice/new", content.image(), "v1")
    change(rest, createRepositoryOnPush=False)
    assert alice.request("POST", "/v2/alice/newer/blobs/uploads/").status == 403


def test_the_stored_setting_wins_over_the_configured_one(holdfast):
    server = holdfast({"create_repository_on_push": True})
    rest = Rest(server.admin_client(), API)
    assert rest.get("/meta/settings")["createRepositoryOnPush"] is True
    change(rest, createRepositoryOnPush=False)
    server.restart()
    assert Rest(server.admin_client(), API).get("/meta/settings")["createRepositoryOnPush"] is False
    assert server.admin_client().request("POST", "/v2/admin/x/blobs/uploads/").status == 403


def test_in_read_only_mode_pulls_and_logins_go_on(fresh):
    server, rest = fresh
    server.create_repository("alice/app")
    alice = server.client("alice", PASSWORD)
    image = alice.push("alice/app", content.image(), "v1")
    session = alice.begin("alice/app")
    change(rest, readOnlyRegistry=True)
    refused = [
        ("POST", "/v2/alice/app/blobs/uploads/"),
        ("POST", f"/v2/alice/app/blobs/uploads/?mount={image.digest}&from=alice/app"),
        ("PATCH", session.location),
        ("PUT", "/v2/alice/app/manifests/v2"), ("DELETE", "/v2/alice/app/manifests/v1"),
        ("DELETE", f"/v2/alice/app/manifests/{image.digest}"),
        ("DELETE", f"/v2/alice/app/blobs/{content.digest_of(image.blobs[0])}"),
        ("POST", "/v2/alice/not-there/blobs/uploads/"),
    ]
    for method, path in refused:
        for client in (alice, server.admin_client(), server.client()):
            response = client.raw(method, path, body=b"{}")
            assert response.status == 405, f"{method} {path}: {response}"
            assert response.error_codes() == ["UNSUPPORTED"]
            assert "read-only mode" in response.json()["errors"][0]["message"]
    enzi = Rest(rest.client)
    for method, path, body in [
            ("POST", "/accounts", {"name": "new", "password": PASSWORD}),
            ("PATCH", "/accounts/alice", {"fullName": "A"}), ("DELETE", "/accounts/alice", None)]:
        assert "read-only mode" in enzi.refused(405, "NOT_ALLOWED", method, path, body)
    # What reads goes on, and whoever comes newly can log in.
    newcomer = server.client("alice", PASSWORD)
    assert newcomer.get_token(["repository:alice/app:pull,push"]).status == 200
    assert newcomer.manifest("alice/app", "v1").status == 200
    assert newcomer.blob("alice/app", content.digest_of(image.blobs[0])).status == 200
    assert newcomer.tags("alice/app").json()["tags"] == ["v1"]
    assert enzi.get("/accounts/alice")["name"] == "alice"
    assert Rest(newcomer, API).get("/repositories/alice/app/events")["events"]
    status = rest.get("/meta/cluster_status")
    assert list(status["replica_readonly"].values()) == [True]
    # A stranger hears of the missing login, not of the mode.
    Rest(server.client(), API).refused(401, "NOT_AUTHENTICATED", "POST", "/meta/settings", {})
    change(rest, readOnlyRegistry=False)
    alice.push("alice/app", content.image(), "v2")


def test_read_only_mode_survives_a_restart(fresh):
    server, rest = fresh
    change(rest, readOnlyRegistry=True)
    server.restart()
    assert server.admin_client().raw("POST", "/v2/admin/x/blobs/uploads/").status == 405
    change(Rest(server.admin_client(), API), readOnlyRegistry=False)
    assert server.admin_client().request("POST", "/v2/admin/x/blobs/uploads/").status == 403


def test_what_it_says_of_itself(server, api, alice, anonymous):
    version = server.cli("--version").stdout.split()[-1]
    assert Rest(alice, API).get("/admin/version") == {"version": version}
    assert Rest(anonymous, API).get("/accounts/language") == {"language": "en"}
    features = Rest(alice, API).get("/meta/features")
    assert features.keys() == {
        "scanningEnabled", "scanningLicensed", "promotionLicensed", "mirroringLicensed",
        "metadataStoreOptedIn", "onlineGCEnabled", "db_version", "ucpHost"}
    assert type(features["db_version"]) is int and features["ucpHost"] == ""
    status = api.get("/meta/cluster_status")
    replica = api.get("/meta/settings")["replicaID"]
    assert status["replica_health"] == {replica: "OK"}
    assert status["replica_readonly"] == {replica: False}
    assert status["replica_timestamp"][replica].endswith("Z")
    assert status["gc_lock_holder"] == ""
    assert set(status["rethink_system_tables"]) == {
        "cluster_config", "current_issues", "db_config", "server_status", "stats", "table_config",
        "table_status"}
    assert all(table == [] for table in status["rethink_system_tables"].values())


def test_a_certificate_that_ends_soon_is_an_alert(holdfast, folder):
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "20", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    key.chmod(0o644)
    # One file for both: the key is shown to nobody.
    certificate.write_text(key.read_text() + certificate.read_text())
    server = holdfast({"tls.certificate": str(certificate), "tls.key": str(key)})
    rest = Rest(server.client("admin", server.admin_password, origin=server.http), API)
    alerts = [one for one in rest.get("/meta/alerts") if one["id"] == "certificate-ends"]
    assert len(alerts) == 1 and alerts[0]["class"] == "warning"
    assert "ends in 19 days" in alerts[0]["message"] or "ends in 20 days" in alerts[0]["message"]
    settings = rest.call("GET", "/meta/settings")
    assert "PRIVATE" not in settings.body.decode()


def test_the_built_in_certificate_is_no_alert(api):
    assert all(one["id"] != "certificate-ends" for one in api.get("/meta/alerts"))
