"""Search by DTR's index routes and by what `docker search` asks."""

import pytest

from conftest import PASSWORD
from harness.rest import Rest, new_name


@pytest.fixture
def dtr(admin):
    return Rest(admin, "/api/v0")


def organization_of(word):
    return word.replace("needle", "haystack")


@pytest.fixture
def word(dtr, admin):
    """A word in the names of an organization's repositories and in nobody else's."""
    word = new_name("needle").replace("-", "")
    Rest(admin).expect(201, "POST", "/accounts", {"name": organization_of(word), "isOrg": True})
    for name, fields in {
        f"{word}": {"visibility": "public"},
        f"{word}-tools": {"visibility": "public"},
        f"my-{word}": {"visibility": "private"},
        "described": {"visibility": "public", "shortDescription": f"Of words, among them {word.upper()}."},
    }.items():
        dtr.expect(201, "POST", f"/repositories/{organization_of(word)}", {"name": name, **fields})
    return word


def found(rest: Rest, path: str):
    return [entry["name"] for entry in rest.get(path)["results"]]


def test_docker_search_has_the_nearest_first(word, dtr, anonymous, alice):
    org = organization_of(word)
    everything = [f"{org}/{word}", f"{org}/{word}-tools", f"{org}/my-{word}", f"{org}/described"]
    for_all = [name for name in everything if "/my-" not in name]
    for path in (f"/api/v0/index/dockersearch?q={word}", f"/v1/search?q={word}&n=25"):
        nobody, someone, administrator = (Rest(c, "") for c in (anonymous, alice, dtr.client))
        assert found(administrator, path) == everything
        assert found(nobody, path) == found(someone, path) == for_all
        answer = nobody.get(path)
        assert answer["query"] == word
        assert answer["num_results"] == len(for_all)
        assert answer["results"][0] == {"name": f"{org}/{word}", "description": "", "is_official": False,
                                        "is_trusted": False, "star_count": 0}
    assert found(Rest(anonymous, ""), f"/v1/search?q={word}&n=1") == [f"{org}/{word}"]
    assert found(Rest(anonymous, ""), f"/v1/search?q={org}/{word}-t") == [f"{org}/{word}-tools"]
    assert found(Rest(anonymous, ""), f"/v1/search?q=AMONG%20them%20{word}") == [f"{org}/described"]
    assert found(Rest(anonymous, ""), "/v1/search?q=") == []


def test_the_engine_is_told_to_send_what_it_has(anonymous):
    response = anonymous.raw("GET", "/v1/_ping")
    assert response.status == 200
    assert response.header("X-Docker-Registry-Standalone") == "false"
    assert response.json() == {"standalone": False}


def test_autocomplete(word, dtr, anonymous, alice):
    org = organization_of(word)
    answer = dtr.get(f"/index/autocomplete?query={word}")
    assert answer["accountResults"] == []
    names = [entry["name"] for entry in answer["repositoryResults"]]
    assert names == [word, f"{word}-tools", f"my-{word}", "described"]
    assert answer["repositoryResults"][0] == dtr.get(f"/repositories/{org}")["repositories"][-2]
    answer = dtr.get(f"/index/autocomplete?query={org}&includeRepositories=false")
    assert [account["name"] for account in answer["accountResults"]] == [org]
    assert answer["repositoryResults"] == []
    assert Rest(anonymous, "/api/v0").get(f"/index/autocomplete?query={org}")["accountResults"] == []
    seen = Rest(alice, "/api/v0").get(f"/index/autocomplete?query={org}&includeAccounts=false")
    assert seen["accountResults"] == []
    assert len(seen["repositoryResults"]) == 3
    for namespace, number in ((org, 4), ("alice", 0), ("nobody-at-all", 0)):
        answer = dtr.get(f"/index/autocomplete?query={word}&namespace={namespace}")
        assert len(answer["repositoryResults"]) == number
    dtr.refused(400, "INVALID_PARAMETERS", "GET", f"/index/autocomplete?query={word}&limit=0")


def test_what_becomes_private_or_goes_is_found_no_more(word, dtr, anonymous):
    org, nobody = organization_of(word), Rest(anonymous, "")
    path = f"/v1/search?q={word}-tools"
    assert found(nobody, path) == [f"{org}/{word}-tools"]
    dtr.expect(200, "PATCH", f"/repositories/{org}/{word}-tools", {"visibility": "private"})
    assert found(nobody, path) == []
    dtr.expect(200, "PATCH", f"/repositories/{org}/{word}-tools",
               {"visibility": "public", "shortDescription": f"fresh{word}"})
    assert found(nobody, f"/v1/search?q=fresh{word}") == [f"{org}/{word}-tools"]
    dtr.expect(204, "DELETE", f"/repositories/{org}/{word}-tools")
    assert found(nobody, path) == []


def test_a_wrong_password_finds_nothing(server, word):
    client = server.client("alice", PASSWORD + "x")
    try:
        assert Rest(client, "").call("GET", f"/v1/search?q={word}").status == 401
    finally:
        client.close()


def test_strange_texts_find_nothing(dtr):
    for text in ("%25", "_", "%27", "x" * 3000, "%F4%8F%BF%BF", "..", "/"):
        assert dtr.call("GET", f"/index/dockersearch?q={text}").status == 200
    assert dtr.call("GET", "/index/dockersearch?q=%FF").status == 400
    assert dtr.get("/index/dockersearch?q=%25")["results"] == []
