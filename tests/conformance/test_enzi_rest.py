"""The rest of eNZi: bulk changes, imports, public keys, services, configuration; and DTR's of accounts."""

import hashlib
import subprocess

import pytest

from conftest import PASSWORD
from harness.rest import Rest, new_name

# Of "correct horse battery", which PASSWORD is.
BCRYPT = "$2b$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo."
PBKDF2 = "$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$BVALGMmC/K/8ELErc5VgJxyPFApArIZRCQsqjEgZWJ4"


@pytest.fixture
def api(admin):
    return Rest(admin)


@pytest.fixture
def person(server, api):
    """Makes a user by the API; gives a Rest that speaks as them."""
    clients = []

    def make(name=None):
        if name is None:
            name = new_name("user")
            api.expect(201, "POST", "/accounts", {"name": name, "password": PASSWORD})
        clients.append(server.client(name, PASSWORD))
        return Rest(clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def organization(api):
    name = new_name("org")
    api.expect(201, "POST", "/accounts", {"name": name, "isOrg": True})
    api.expect(201, "POST", f"/accounts/{name}/teams", {"name": "ops"})
    return name


def test_bulk_changes_succeed_and_fail_each_on_its_own(api, person):
    users = [person().client.user for _ in range(3)]
    operations = [
        {"op": "deactivate", "ref": users[0]}, {"op": "activate", "ref": users[0]},
        {"op": "promote", "ref": users[1]}, {"op": "demote", "ref": users[1]},
        {"op": "delete", "ref": users[2], "value": "x"}, {"op": "delete", "ref": users[2]},
        {"op": "delete", "ref": api.client.user}, {"op": "demote", "ref": api.client.user},
        {"op": "polish", "ref": users[0]}, {"op": "deactivate", "ref": users[1]}]
    results = Rest(api.client, "").expect(200, "PATCH", "/accounts/", {"operations": operations})["results"]
    assert [entry["success"] for entry in results] == [True] * 5 + [False] * 4 + [True]
    assert [(entry["op"], entry["ref"]) for entry in results] == [(o["op"], o["ref"]) for o in operations]
    assert [entry["error"]["code"] for entry in results[5:9]] == [
        "NO_SUCH_ACCOUNT", "CONFLICT", "LAST_ADMINISTRATOR", "INVALID_FORM"]
    assert api.get(f"/accounts/{users[1]}")["isActive"] is False
    api.refused(404, "NO_SUCH_ACCOUNT", "GET", f"/accounts/{users[2]}")
    api.refused(400, "INVALID_FORM", "PATCH", "/accounts", {})
    api.refused(400, "INVALID_FORM", "PATCH", "/accounts", {"operations": [{"ref": "x"}]})
    api.refused(400, "INVALID_FORM", "PATCH", "/accounts", {"operations": [{"op": "x"}] * 1001})
    Rest(person().client).refused(403, "NOT_AUTHORIZED", "PATCH", "/accounts", {"operations": []})


def test_imported_passwords_log_in(api, person):
    names = [new_name("user") for _ in range(3)]
    organization = new_name("org")
    made = api.expect(201, "POST", "/admin/importAccounts", {"accounts": [
        {"name": names[0], "fullName": "Ada", "passwordHash": BCRYPT},
        {"name": names[1], "fullName": "", "passwordHash": PBKDF2, "isActive": True},
        {"name": names[2], "fullName": "", "passwordHash": BCRYPT, "isActive": False},
        {"name": organization, "fullName": "An Organization", "isOrg": True, "isActive": False}]})
    assert made == {"imported": 4}
    for _ in range(2):  # by the old hash, then by ours
        for name in names[:2]:
            assert Rest(person(name).client, "").get("/id")["name"] == name
    assert Rest(person(names[2]).client, "").call("GET", "/id").status == 401
    assert api.get(f"/accounts/{organization}")["isOrg"] is True
    assert api.get(f"/accounts/{names[0]}")["fullName"] == "Ada"


@pytest.mark.parametrize("entry", [
    {"name": "admin"}, {"name": "x/y"}, {}, {"name": "zz1", "passwordHash": "secret"},
    {"name": "zz1", "passwordHash": "$2b$31" + BCRYPT[6:]}, {"name": "zz1", "passwordHash": 7},
    {"name": "zz1", "isOrg": True, "isAdmin": True}, {"name": "zz1", "isOrg": True, "passwordHash": BCRYPT},
    {"name": "zz1", "passwordHash": "$pbkdf2-sha256$99999999" + PBKDF2[19:]}, "x", None])
def test_an_import_is_all_or_nothing(api, entry):
    name = new_name("user")
    response = api.call("POST", "/admin/importAccounts", {"accounts": [{"name": name}, entry]})
    assert response.status == 400, str(response)
    assert response.error_codes() == ["ACCOUNT_EXISTS" if entry == {"name": "admin"} else "INVALID_FORM"]
    api.refused(404, "NO_SUCH_ACCOUNT", "GET", f"/accounts/{name}")


def run(*command, **options) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A public key, a certificate for it and the key's id."""
    path = tmp_path_factory.mktemp("key") / "key.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    der = run("openssl", "pkey", "-in", path, "-pubout", "-outform", "DER")
    return (run("openssl", "pkey", "-in", path, "-pubout").decode(),
            run("openssl", "req", "-x509", "-key", path, "-subj", "/CN=x").decode(),
            hashlib.sha256(der).hexdigest())


def test_public_keys_are_kept_for_their_user(api, person, key):
    pem, certificate, identity = key
    user = person()
    path = f"/accounts/{user.client.user}/publicKeys"
    made = user.expect(201, "POST", path, {"publicKey": pem, "label": "laptop"})
    assert made == {"id": identity, "accountID": api.get(f"/accounts/{user.client.user}")["id"],
                    "publicKey": pem, "label": "laptop", "certificates": []}
    user.refused(400, "PUBLIC_KEY_EXISTS", "POST", path, {"publicKey": pem})
    changed = user.expect(200, "PATCH", f"{path}/{identity}", {
        "label": "desk", "certificates": [{"label": "ours", "cert": certificate}]})
    assert changed["label"] == "desk" and changed["certificates"] == [{"label": "ours", "cert": certificate}]
    assert user.get(path) == {"accountPublicKeys": [changed], "nextPageStart": ""}
    assert api.get(path)["accountPublicKeys"] == [changed]
    assert Rest(user.client, "").get(path)["accountPublicKeys"] == [changed]
    other = person()
    for method, place in (("GET", path), ("POST", path), ("DELETE", f"{path}/{identity}")):
        other.refused(403, "NOT_AUTHORIZED", method, place, {"publicKey": pem} if method == "POST" else None)
    user.refused(404, "NO_SUCH_PUBLIC_KEY", "DELETE", f"{path}/{'0' * 64}")
    user.refused(400, "INVALID_FORM", "PATCH", f"{path}/{identity}", {"certificates": [{"cert": pem}]})
    for wrong in ("", "x", certificate, pem + pem, pem[:-40], "x" + pem):
        user.refused(400, "INVALID_FORM", "POST", path, {"publicKey": wrong})
    user.expect(204, "DELETE", f"{path}/{identity}")
    assert user.get(path)["accountPublicKeys"] == []


def test_services_are_registered(api, person):
    user = person()
    path = f"/accounts/{user.client.user}/services"
    wanted = {"name": "dtr", "description": "d", "url": "https://dtr.mydns.com", "privileged": False,
              "redirectURIs": ["https://dtr.mydns.com/a", "https://dtr.mydns.com/b"], "jwksURIs": [],
              "providerIdentities": ["https://ucp.mydns.com"], "caBundle": "PEM"}
    made = user.expect(201, "POST", path, wanted)
    assert made == {"id": made["id"], "ownerID": api.get(f"/accounts/{user.client.user}")["id"]} | wanted
    for reference in ("dtr", made["id"]):
        assert user.get(f"{path}/{reference}") == made
    assert user.get(path) == {"services": [made], "nextPageStart": ""}
    assert user.expect(200, "PATCH", f"{path}/dtr", {"redirectURIs": []}) == made | {"redirectURIs": []}
    user.refused(400, "SERVICE_EXISTS", "POST", path, wanted)
    user.refused(403, "NOT_AUTHORIZED", "PATCH", f"{path}/dtr", {"privileged": True})
    assert api.expect(200, "PATCH", f"{path}/dtr", {"privileged": True})["privileged"] is True
    for wrong in ({"url": "http://x"}, {"url": "https://x\ny"}, {"redirectURIs": ["javascript:x"]},
                  {"redirectURIs": "https://x"}, {"jwksURIs": [1]}, {"redirectURIs": ["https://x"] * 33}):
        user.refused(400, "INVALID_FORM", "PATCH", f"{path}/dtr", wrong)
    person().refused(403, "NOT_AUTHORIZED", "GET", path)
    user.expect(204, "DELETE", f"{path}/dtr")
    user.refused(404, "NO_SUCH_SERVICE", "GET", f"{path}/dtr")


def test_accounts_are_managed_here(api, person):
    assert api.get("/config/auth") == {"backend": "managed"}
    assert api.expect(200, "PUT", "/config/auth", {"backend": "managed"}) == {"backend": "managed"}
    assert "LDAP" in api.refused(501, "NOT_IMPLEMENTED", "PUT", "/config/auth", {"backend": "ldap"})
    api.refused(400, "INVALID_FORM", "PUT", "/config/auth", {"backend": "x"})
    ldap = api.get("/config/auth/ldap")
    assert ldap["serverURL"] == "" and ldap["adminSyncOpts"]["enableSync"] is False
    api.refused(501, "NOT_IMPLEMENTED", "PUT", "/config/auth/ldap", ldap)
    user = person()
    for path in ("/config/auth", "/config/auth/ldap", "/config/accounts", "/config/openid"):
        user.refused(403, "NOT_AUTHORIZED", "GET", path)


def test_settings_of_accounts_and_issuer_come_back(api):
    shown = api.expect(200, "PUT", "/config/accounts", {"systemAccounts": ["docker-datacenter"]})
    assert shown["systemAccounts"] == ["docker-datacenter"] and shown["usersCount"] > 0
    assert set(shown) == {"systemAccounts", "usersCount", "orgsCount"}
    assert api.get("/config/accounts")["systemAccounts"] == ["docker-datacenter"]
    api.refused(400, "INVALID_FORM", "PUT", "/config/accounts", {"systemAccounts": ["a b"]})
    api.refused(400, "INVALID_FORM", "PUT", "/config/accounts", {})
    issuer = {"issuerIdentifier": "https://ucp.mydns.com"}
    assert api.expect(200, "PUT", "/config/openid", issuer) == issuer
    assert api.get("/config/openid") == issuer
    api.refused(400, "INVALID_FORM", "PUT", "/config/openid", {"issuerIdentifier": 1})


def test_syncing_members_is_off(api, organization, person):
    team = f"/accounts/{organization}/teams/ops"
    for path, flag in ((f"/accounts/{organization}/adminMemberSyncConfig", "enableSync"),
                       (f"{team}/memberSyncConfig", "enableSync"), (f"{team}/groupLinkConfig", "enableLink")):
        off = api.get(path)
        assert off[flag] is False
        assert api.expect(200, "PUT", path, off) == off
        api.refused(501, "NOT_IMPLEMENTED", "PUT", path, off | {flag: True})
        api.refused(400, "INVALID_FORM", "PUT", path, {})
        person().refused(403, "NOT_AUTHORIZED", "GET", path)
    api.refused(404, "NO_SUCH_TEAM", "GET", f"/accounts/{organization}/teams/none/memberSyncConfig")


def test_dtr_deletes_an_account_with_its_repositories(api, organization, person):
    dtr = Rest(api.client, "/api/v0")
    for number in range(3):
        dtr.expect(201, "POST", f"/repositories/{organization}", {"name": f"app{number}"})
    api.refused(409, "ACCOUNT_HAS_REPOSITORIES", "DELETE", f"/accounts/{organization}")
    user = Rest(person().client, "/api/v0")
    for path in (f"/accounts/{organization}", f"/accounts/{organization}/repositories"):
        user.refused(403, "NOT_AUTHORIZED", "DELETE", path)
    dtr.expect(204, "DELETE", f"/accounts/{organization}/repositories")
    assert dtr.get(f"/repositories/{organization}")["repositories"] == []
    dtr.expect(201, "POST", f"/repositories/{organization}", {"name": "app"})
    dtr.expect(204, "DELETE", f"/accounts/{organization}")
    api.refused(404, "NO_SUCH_ACCOUNT", "GET", f"/accounts/{organization}")
    dtr.refused(404, "NO_SUCH_ACCOUNT", "DELETE", f"/accounts/{organization}")
    dtr.refused(409, "CONFLICT", "DELETE", f"/accounts/{api.client.user}")


def test_settings_of_a_user(api, person):
    user = Rest(person().client, "/api/v0")
    path = f"/accounts/{user.client.user}/settings"
    assert user.get(path) == {"ContentCacheUUID": ""}
    assert user.expect(200, "PATCH", path, {"contentCacheUUID": ""}) == {"ContentCacheUUID": ""}
    user.refused(400, "INVALID_USER_SETTINGS", "PATCH", path, {"contentCacheUUID": "x"})
    assert Rest(api.client, "/api/v0").get(path) == {"ContentCacheUUID": ""}
    Rest(person().client, "/api/v0").refused(403, "NOT_AUTHORIZED", "GET", path)


def test_the_storage_is_shown_without_secrets(api, person):
    dtr = Rest(api.client, "/api/v0")
    shown = dtr.get("/admin/settings/registry")
    assert shown["storage"]["maintenance"] == {"readonly": {"enabled": False}}
    assert set(shown["storage"]) == {"filesystem", "delete", "maintenance"}
    dtr.refused(501, "NOT_IMPLEMENTED", "PUT", "/admin/settings/registry", shown)
    Rest(person().client, "/api/v0").refused(403, "NOT_AUTHORIZED", "GET", "/admin/settings/registry")


def test_what_it_tells_of_itself(api, person, anonymous):
    user = Rest(person().client, "")
    info = user.get("/basic_info")
    assert info["User"]["name"] == user.client.user and info["IsAdmin"] is False
    assert info["CurrentVersion"] == Rest(api.client, "/api/v0").get("/admin/version")["version"]
    [registry] = user.get("/api/ucp/config/dtr")["registries"]
    assert set(registry) == {"hostAddress", "serviceID", "caBundle", "batchScanningDataEnabled"}
    assert registry["caBundle"].startswith("-----BEGIN CERTIFICATE-----")
    stranger = Rest(anonymous, "")
    for path in ("/basic_info", "/api/ucp/config/dtr"):
        assert stranger.call("GET", path).status == 401
    keys = stranger.get("/openid_keys")["keys"]
    assert keys and all(set(key) <= {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys)
