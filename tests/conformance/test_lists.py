"""tags/list and _catalog: order, paging, rights."""

import pytest

from harness import content
from harness.registry_client import link_target


@pytest.fixture
def tagged(alice, repository):
    """A repository with tags whose byte order is not the order of people."""
    tags = ["0", "10", "2", "A", "Z", "_x", "a", "a-b", "a.b", "a_b", "aa", "v1", "v1.0", "v10", "v2"]
    image = alice.push(repository, content.image())
    for tag in reversed(tags):
        assert alice.put_manifest(repository, tag, image.body, image.media_type).status == 201
    return repository, sorted(tags, key=str.encode)


def test_all_tags_in_byte_order(alice, tagged):
    repository, tags = tagged
    response = alice.tags(repository)
    assert response.status == 200, str(response)
    assert response.header("Content-Type").split(";")[0] == "application/json"
    assert response.json() == {"name": repository, "tags": tags}
    assert response.header("Link") is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 14, 15, 16, 1000])
def test_pages_by_link(alice, tagged, size):
    repository, tags = tagged
    pages = alice.pages(f"/v2/{repository}/tags/list?n={size}")
    walked = [page.json()["tags"] for page in pages]
    assert [tag for page in walked for tag in page] == tags
    assert all(len(page) == size for page in walked[:-1])
    assert walked[-1], "the last page must not be empty: no Link without more"
    assert all(page.json()["name"] == repository for page in pages)


@pytest.mark.parametrize("last", ["0", "a", "a_", "Zz", "v1", "v2", "zzz", "!", "v1.", "%C3%A4", ""])
def test_last_need_not_exist(alice, tagged, last):
    repository, tags = tagged
    decoded = "ä" if last.startswith("%") else last
    expected = [tag for tag in tags if tag.encode() > decoded.encode()]
    response = alice.tags(repository, f"?last={last}")
    assert response.status == 200, str(response)
    assert response.json()["tags"] == expected
    response = alice.tags(repository, f"?n=2&last={last}")
    assert response.json()["tags"] == expected[:2]
    assert (link_target(response) is not None) == (len(expected) > 2)


def test_n_zero(alice, tagged):
    repository, _ = tagged
    response = alice.tags(repository, "?n=0")
    assert response.status == 200, str(response)
    assert response.json()["tags"] == []
    assert response.header("Link") is None


BAD_NUMBERS = ["-1", "a", "1.5", "1e3", "0x1", "%20", "1%00", "--1", "99999999999999999999999999x", "+5"]


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_n_that_is_no_number(alice, tagged, number):
    repository, _ = tagged
    response = alice.tags(repository, f"?n={number}")
    assert response.status == 400, str(response)
    assert response.error_codes() == ["PAGINATION_NUMBER_INVALID"]
    catalog = alice.request("GET", f"/v2/_catalog?n={number}")
    assert catalog.status == 400, str(catalog)
    assert catalog.error_codes() == ["PAGINATION_NUMBER_INVALID"]


def test_a_huge_n_is_clamped(alice, tagged):
    repository, tags = tagged
    for number in ("100000", "4294967297", "9223372036854775807"):
        response = alice.tags(repository, f"?n={number}")
        assert response.status == 200, str(response)
        assert response.json()["tags"] == tags


def test_many_tags(alice, repository):
    """More than any page: the walk finds each once, whatever n is asked for."""
    image = alice.push(repository, content.image())
    tags = [f"t{number:05}" for number in range(2500)]
    for start in range(0, len(tags), 100):
        query = "?" + "&".join(f"tag={tag}" for tag in tags[start : start + 100])
        response = alice.put_manifest(repository, image.digest, image.body, image.media_type, query)
        assert response.status == 201, str(response)
    for query in ("", "?n=999", "?n=100000"):
        pages = alice.pages(f"/v2/{repository}/tags/list{query}")
        assert [tag for page in pages for tag in page.json()["tags"]] == tags


def test_an_unknown_repository(alice):
    response = alice.tags("alice/no-such-repository")
    assert response.status == 404, str(response)
    assert response.error_codes() == ["NAME_UNKNOWN"]


def test_a_repository_without_tags(server, alice, public_repository):
    response = alice.tags(public_repository)
    assert response.status == 200, str(response)
    assert response.json() == {"name": public_repository, "tags": []}


# --- the catalog, on a server of its own since it lists everything
@pytest.fixture(scope="module")
def catalog_server():
    from conftest import PASSWORD
    from harness.holdfast import Holdfast, TemporaryFolder

    with TemporaryFolder() as path:
        server = Holdfast(path)
        try:
            server.start()
            server.add_user("alice", PASSWORD)
            server.add_user("bob", PASSWORD)
            for name in ("alice/b", "alice/a", "alice/a/deep", "alice/a-b", "bob/x", "bob/y"):
                server.create_repository(name)
            server.create_repository("alice/public", public=True)
            server.create_repository("bob/public", public=True)
            yield server
            server.stop()
        finally:
            server.kill()


ALL = sorted(
    ["alice/b", "alice/a", "alice/a/deep", "alice/a-b", "bob/x", "bob/y", "alice/public", "bob/public"],
    key=str.encode,
)
VISIBLE = {
    "admin": ALL,
    "alice": [name for name in ALL if name.startswith("alice/") or name.endswith("/public")],
    "bob": [name for name in ALL if name.startswith("bob/") or name.endswith("/public")],
}


def client_of(server, who):
    from conftest import PASSWORD

    return server.admin_client() if who == "admin" else server.client(who, PASSWORD)


@pytest.mark.parametrize("who", ["admin", "alice", "bob"])
@pytest.mark.parametrize("size", [None, 1, 2, 3, 100])
def test_the_catalog_shows_what_the_caller_may_see(catalog_server, who, size):
    client = client_of(catalog_server, who)
    query = f"?n={size}" if size else ""
    pages = client.pages(f"/v2/_catalog{query}")
    walked = [page.json()["repositories"] for page in pages]
    assert [name for page in walked for name in page] == VISIBLE[who]
    if size:
        assert all(len(page) == size for page in walked[:-1])
        assert walked[-1]


def test_the_catalog_behind_a_name(catalog_server):
    client = client_of(catalog_server, "admin")
    response = client.request("GET", "/v2/_catalog?last=alice/a&n=2")
    assert response.json()["repositories"] == [name for name in ALL if name > "alice/a"][:2]
    response = client.request("GET", "/v2/_catalog?last=zzz")
    assert response.json()["repositories"] == []


def test_the_catalog_with_n_zero(catalog_server):
    response = client_of(catalog_server, "admin").request("GET", "/v2/_catalog?n=0")
    assert response.status == 200, str(response)
    assert response.json()["repositories"] == []


def test_the_catalog_needs_its_scope(catalog_server):
    client = client_of(catalog_server, "alice")
    token = client.get_token(["repository:alice/a:pull"]).json()["token"]
    response = client.raw("GET", "/v2/_catalog", headers=[("Authorization", f"Bearer {token}")])
    assert response.status == 401, str(response)
    assert 'scope="registry:catalog:*"' in response.header("WWW-Authenticate")


def test_the_catalog_challenges_a_stranger(catalog_server):
    response = catalog_server.client().raw("GET", "/v2/_catalog")
    assert response.status == 401, str(response)
