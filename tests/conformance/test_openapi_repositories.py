"""The description of repositories, their tags, access, search and pruning: each answer that it lists is given."""

import re
import urllib.parse

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.test_openapi import Checked, user  # noqa: F401 (a fixture)
from conformance.test_openapi_hostile import TEXTS, bodies, check
from conftest import PASSWORD
from harness import content, openapi
from harness.rest import Rest, new_name

TAGS = ("repositories", "tags", "repository access", "search", "pruning")
API = "/api/v0"
NAMESPACE = f"{API}/repositories/{{namespace}}"
REPOSITORY = f"{NAMESPACE}/{{repository}}"
NOBODY = "nobody-of-that-name"


@pytest.fixture
def names(user):
    """A public repository of the user's with two tags on an image; as the path names it."""
    names = {"namespace": user.client.user, "repository": new_name("described")}
    user.expect(201, "POST", f"{API}/repositories/{user.client.user}",
                {"name": names["repository"], "visibility": "public", "shortDescription": "Of words."})
    user.client.push("/".join(names.values()), content.image(), "v1", "v2")
    return names


@pytest.fixture
def organization(boss, user):
    """An organization that the user owns, with the team "developers"."""
    name = new_name("describedorg")
    boss.expect(201, "POST", "/enzi/v0/accounts", {"name": name, "isOrg": True})
    boss.expect(200, "PUT", f"/enzi/v0/accounts/{name}/members/{user.client.user}", {"isAdmin": True})
    boss.expect(201, "POST", f"/enzi/v0/accounts/{name}/teams", {"name": "developers"})
    return name


checked = Checked()


def counted(rest: Rest, path: str, number: int, **names):
    """A list of so many gives a page of one, and the next one."""
    answer = checked.call(rest, 200, "get", path, query="?pageSize=1&count=true", **names)
    assert answer.header("X-Resource-Count") == str(number)
    start = answer.header("X-Next-Page-Start")
    assert start or number < 2
    last = checked.call(rest, 200, "get", path, query=f"?pageSize=1000&pageStart={start or ''}", **names)
    assert last.header("X-Next-Page-Start") is None


def test_repositories_are_as_written(user, boss, nobody, names, organization):
    who, named = user.client.user, "/".join(names.values())
    made = checked.call(user, 201, "post", NAMESPACE, {
        "name": "deep/er", "shortDescription": None, "longDescription": "# Words", "visibility": "private",
        "scanOnPush": False, "immutableTags": True, "enableManifestLists": None, "tagLimit": 7}, namespace=who).json()
    assert made["name"] == "deep/er" and made["longDescription"] == "# Words"
    deep = {"namespace": who, "repository": "deep%2Fer"}
    checked.call(user, 400, "post", NAMESPACE, {"name": "deep/er"}, namespace=who)
    checked.call(user, 403, "post", NAMESPACE, {"name": "app"}, namespace="admin")
    checked.call(user, 404, "post", NAMESPACE, {"name": "app"}, namespace=NOBODY)
    checked.call(nobody, 401, "post", NAMESPACE, {"name": "app"}, namespace=who)
    counted(user, NAMESPACE, 2, namespace=who)
    counted(nobody, NAMESPACE, 1, namespace=who)
    checked.call(user, 404, "get", NAMESPACE, namespace=NOBODY)
    checked.call(boss, 200, "get", f"{API}/repositories", query="?pageSize=2&count=true")
    checked.call(nobody, 200, "get", f"{API}/repositories", query="?pageSize=100000")
    checked.call(user, 400, "get", f"{API}/repositories", query="?pageSize=0")
    checked.call(nobody, 200, "get", REPOSITORY, **names)
    assert checked.call(user, 200, "get", REPOSITORY, **deep).json() == made
    checked.call(nobody, 404, "get", REPOSITORY, **deep)
    changed = checked.call(user, 200, "patch", REPOSITORY, {"scanOnPush": None, "tagLimit": 0}, **deep).json()
    assert changed == made | {"tagLimit": 0}
    checked.call(user, 400, "patch", REPOSITORY, {"visibility": "secret"}, **deep)
    checked.call(nobody, 401, "patch", REPOSITORY, {}, **names)
    checked.call(user, 403, "post", f"{API}/repositories/scan/toggle", {"scanOnPush": False})
    assert checked.call(boss, 200, "post", f"{API}/repositories/scan/toggle", {"scanOnPush": False}).json() == {}
    events(user, nobody, named, **names)
    checked.call(user, 204, "delete", REPOSITORY, **deep)
    for method in ("get", "patch", "delete"):
        checked.call(user, 404, method, REPOSITORY, **deep)
    accounts(user, boss, organization)
    assert openapi.unseen("repositories") == []


def events(user, nobody, named, **names):
    path = REPOSITORY + "/events"
    policy = {"enabled": False, "rules": [{"field": "tag", "operator": "eq", "values": ["x"]}]}
    user.expect(201, "POST", f"{API}/repositories/{named}/pruningPolicies", policy)
    user.client.manifest(named, "v1")
    full = checked.call(user, 200, "get", path, query="?pageSize=20000&count=true", **names)
    told = {event["event"] for event in full.json()["events"]}
    assert {"repository_created", "manifest_pushed", "tag_pushed", "pruning_policy_created"} <= told
    assert all("address" in event for event in full.json()["events"])
    brief = checked.call(nobody, 200, "get", path, query="?excludePull=true", **names).json()["events"]
    assert brief and not any("address" in event or "actorId" in event for event in brief)
    who = user.client.user
    query = (f"?eventType=create&objectType=Tag&actorId={who}"
             "&publishedAfter=2020-01-01T00:00:00Z&publishedBefore=2999-01-01T00:00:00%2B02:00")
    found = checked.call(user, 200, "get", path, query=query, **names).json()["events"]
    assert {(event["type"], event["object"]["type"], event["object"]["name"]) for event in found} == {
        ("CREATE", "TAG", "v1"), ("CREATE", "TAG", "v2")}
    assert checked.call(user, 200, "get", path, query=f"?actorId={NOBODY}", **names).json() == {"events": []}
    lines = checked.call(user, 200, "get", path, headers=[("Accept", "application/x-ndjson")], **names)
    assert lines.header("Content-Type") == "application/x-ndjson"
    # The pull may be written down meanwhile.
    assert len(lines.body.splitlines()) - len(full.json()["events"]) in (0, 1)
    for wrong in ("eventType=odd", "objectType=odd", "publishedAfter=yesterday"):
        checked.call(user, 400, "get", path, query="?" + wrong, **names)
    checked.call(user, 404, "get", path, namespace=names["namespace"], repository=NOBODY)


def accounts(user, boss, organization):
    account, repositories = f"{API}/accounts/{{account}}", f"{API}/accounts/{{account}}/repositories"
    for name in ("one", "two"):
        user.expect(201, "POST", f"{API}/repositories/{organization}", {"name": name})
    for path in (account, repositories):
        checked.call(user, 403, "delete", path, account=organization)
        checked.call(boss, 404, "delete", path, account=NOBODY)
    checked.call(boss, 409, "delete", account, account="admin")
    checked.call(boss, 204, "delete", repositories, account=organization)
    assert user.get(f"{API}/repositories/{organization}") == {"repositories": []}
    user.expect(201, "POST", f"{API}/repositories/{organization}", {"name": "three"})
    checked.call(boss, 204, "delete", account, account=organization)


def test_tags_are_as_written(user, nobody, names):
    named = "/".join(names.values())
    tags, tag = REPOSITORY + "/tags", REPOSITORY + "/tags/{reference}"
    manifests, manifest = REPOSITORY + "/manifests", REPOSITORY + "/manifests/{reference}"
    images = [content.image(architecture=one) for one in ("amd64", "arm64")]
    for image in images:
        user.client.push(named, image)
    index = user.client.push(named, content.index(images), "multi")
    for who in (user, nobody):
        counted(who, tags, 3, **names)
        counted(who, manifests, 4, **names)
    checked.call(user, 200, "get", tags, query="?includeManifests=true", **names)
    [only] = checked.call(user, 200, "get", tag, query="?os=linux&arch=arm64", reference="multi", **names).json()
    assert only["manifest"]["digest"] == images[1].digest and only["digest"] == index.digest
    digest = checked.call(nobody, 200, "get", tag, reference="v1", **names).json()[0]["digest"]
    on_it = checked.call(user, 200, "get", tag, reference=digest, **names).json()
    assert [one["name"] for one in on_it] == ["v1", "v2"]
    for method, path in (("get", tag), ("delete", tag), ("delete", manifest)):
        checked.call(user, 404, method, path, reference="missing", **names)
        checked.call(user, 400, method, path, reference="-", **names)
        checked.call(user, 400, method, path, reference="sha256:0", **names)
    checked.call(nobody, 401, "delete", tag, reference="v1", **names)
    checked.call(user, 204, "delete", tag, reference="v1", **names)
    checked.call(user, 204, "delete", manifest, reference=digest, **names)
    assert [one["name"] for one in user.get(f"{API}/repositories/{named}/tags")] == ["multi"]
    for path in (tags, manifests):
        checked.call(user, 404, "get", path, namespace=names["namespace"], repository=NOBODY)
    assert openapi.unseen("tags") == []


def test_access_is_as_written(user, boss, nobody, names, organization):
    user.expect(201, "POST", f"{API}/repositories/{organization}", {"name": "app"})
    in_organization = {"namespace": organization, "repository": "app"}
    of_repository, of_namespace = REPOSITORY + "/teamAccess", f"{API}/repositoryNamespaces/{{namespace}}/teamAccess"
    for path, where, own in ((of_repository, in_organization, names),
                             (of_namespace, {"namespace": organization}, {"namespace": names["namespace"]})):
        one = path + "/{team}"
        methods = ["put", "delete", "get"] if path == of_namespace else ["put", "delete"]
        given = checked.call(user, 200, "put", one, {"accessLevel": "read-write"}, team="developers", **where).json()
        checked.call(user, 200, "put", one, {"accessLevel": "admin"}, team="id:" + given["team"]["id"], **where)
        counted(user, path, 1, **where)
        if "get" in methods:
            checked.call(user, 200, "get", one, team="developers", **where)
        for method in methods:
            body = {"accessLevel": "admin"} if method == "put" else None
            checked.call(user, 404, method, one, body, team=NOBODY, **where)
            checked.call(user, 400, method, one, body, team="developers", **own)
            checked.call(nobody, 401 if path == of_namespace else 404, method, one, body, team="developers", **where)
        checked.call(user, 400, "put", one, {"accessLevel": "owner"}, team="developers", **where)
    checked.call(user, 404, "get", of_repository, namespace=organization, repository=NOBODY)
    checked.call(user, 404, "get", of_namespace, namespace=NOBODY)
    of_team = f"{API}/accounts/{{organization}}/teams/{{team}}/repositoryAccess"
    [listed] = checked.call(user, 200, "get", of_team, organization=organization, team="developers",
                            query="?pageSize=1").json()["repositoryAccessList"]
    assert (listed["accessLevel"], listed["repository"]["name"]) == ("admin", "app")
    checked.call(user, 404, "get", of_team, organization=organization, team=NOBODY)
    of_user = f"{API}/accounts/{{user}}/repositoryAccess/{{namespace}}/{{repository}}"
    mine = {"user": user.client.user}
    assert checked.call(user, 200, "get", of_user, **mine, **in_organization).json()["accessLevel"] == "admin"
    checked.call(user, 403, "get", of_user, user="admin", **in_organization)
    for missing in (NOBODY, "No%20Name"):
        checked.call(user, 404, "get", of_user, **mine, namespace=organization, repository=missing)
    for path, where in ((of_repository, in_organization), (of_namespace, {"namespace": organization})):
        checked.call(user, 204, "delete", path + "/{team}", team="developers", **where)
    assert openapi.unseen("repository access") == []


def test_search_is_as_written(user, nobody, names):
    named = "/".join(names.values())
    for path in (f"{API}/index/dockersearch", "/v1/search"):
        found = checked.call(nobody, 200, "get", path, query="?n=100&q=" + urllib.parse.quote(named)).json()
        assert [(one["name"], one["description"]) for one in found["results"]] == [(named, "Of words.")]
        checked.call(nobody, 200, "get", path)
        checked.call(nobody, 400, "get", path, query="?n=101")
    path = f"{API}/index/autocomplete"
    found = checked.call(user, 200, "get", path, query=f"?query={names['namespace']}&limit=5").json()
    assert [one["name"] for one in found["accountResults"]][0] == names["namespace"]
    assert names["repository"] in [one["name"] for one in found["repositoryResults"]]
    assert checked.call(nobody, 200, "get", path, query="?query=d").json()["accountResults"] == []
    nothing = f"?query=d&includeAccounts=false&includeRepositories=false&namespace={NOBODY}"
    assert checked.call(user, 200, "get", path, query=nothing).json() == {"accountResults": [], "repositoryResults": []}
    checked.call(user, 400, "get", path, query="?limit=0")
    ping = checked.call(nobody, 200, "get", "/v1/_ping")
    assert ping.header("X-Docker-Registry-Version") == "0.6.0"
    assert ping.header("X-Docker-Registry-Standalone") == "false"
    checked.call(nobody, 400, "get", "/v1/_ping", query="?a=%")
    assert openapi.unseen("search") == []


RULES = [("tag", "sw", "pr-"), ("license.name", "oo", "MIT"), ("component.name", "noo", "zlib"),
         ("vulnerability_all", "gte", "1"), ("vulnerability_critical", "neq", "0"), ("vulnerability_major", "lt", "9"),
         ("vulnerability_minor", "eq", "2"), ("updated_at", "af", "2026-01-01T00:00:00Z"),
         ("updated_at_duration", "bf", "720h")]


def test_pruning_is_as_written(user, nobody, names):
    many, one, dry = (REPOSITORY + "/pruningPolicies" + rest for rest in ("", "/{policy}", "/test"))
    every = [{"field": field, "operator": operator, "values": [value]} for field, operator, value in RULES]
    harmless = {"enabled": True, "rules": [{"field": "tag", "operator": "oo", "values": ["a", "b"]}]}
    made = checked.call(user, 201, "post", many, {"enabled": False, "rules": every}, **names).json()
    assert made["rules"] == every
    later = checked.call(user, 201, "post", many, harmless, query="?initialEvaluation=false", **names).json()
    counted(user, many, 2, **names)
    assert checked.call(user, 200, "get", one, policy=made["id"], **names).json() == made
    checked.call(user, 200, "put", one, {"rules": harmless["rules"], "enabled": None}, policy=made["id"], **names)
    tags = {"rules": [{"field": "tag", "operator": "sw", "values": ["v"]}]}
    found = checked.call(user, 200, "post", dry, tags, query="?count=true&pageSize=1", **names)
    assert [tag["name"] for tag in found.json()] == ["v1"] and found.header("X-Next-Page-Start") == "v2"
    assert found.header("X-Resource-Count") == "2"
    for method, path, body in (("post", many, {"enabled": True}), ("post", dry, {"rules": []}),
                               ("put", one, {"rules": [{}]}), ("get", one, None)):
        checked.call(user, 404, method, path, body, policy=later["id"] if method == "put" else NOBODY, **names)
    checked.call(user, 400, "post", many, harmless, query="?initialEvaluation=odd", **names)
    checked.call(nobody, 401, "get", many, **names)
    for _ in range(48):
        checked.call(user, 201, "post", many, {**harmless, "enabled": False}, **names)
    checked.call(user, 409, "post", many, harmless, **names)
    for _ in range(2):
        checked.call(user, 204, "delete", one, policy=made["id"], **names)
    elsewhere = {"namespace": names["namespace"], "repository": NOBODY}
    checked.call(user, 404, "get", many, **elsewhere)
    checked.call(user, 404, "delete", one, policy=made["id"], **elsewhere)
    assert openapi.unseen("pruning") == []


@pytest.mark.parametrize("tag", TAGS)
def test_every_request_has_an_example_that_is_one(tag):
    for (method, path), operation in openapi.operations().items():
        if tag not in operation["tags"] or "requestBody" not in operation:
            continue
        given = openapi.resolved(operation["requestBody"])["content"]["application/json"]
        schema = {**given["schema"], "components": openapi.document()["components"]}
        jsonschema.Draft202012Validator(schema).validate(given["example"])


# Not /repositories/scan/toggle, which is of all repositories, and nothing that takes away what is asked for next.
TRIED = sorted((method, path) for (method, path), operation in openapi.operations().items()
               if {*TAGS} & {*operation["tags"]} and "{namespace}" in path and method != "delete")


@st.composite
def broken(draw):
    """A request with names in braces, which are those of something that is there."""
    method, path = draw(st.sampled_from(TRIED))
    operation = openapi.operations()[method, path]
    query = {openapi.resolved(one)["name"]: draw(TEXTS) for one in operation["parameters"]
             if openapi.resolved(one)["in"] == "query" and draw(st.booleans())}
    return method, path, "?" + urllib.parse.urlencode(query), None if method == "get" else draw(bodies(operation))


def test_broken_requests_to_what_is_there_are_refused_as_written(user, organization):
    names = {"namespace": organization, "repository": "app", "team": "developers", "user": user.client.user,
             "reference": "v1"}
    repository = f"{API}/repositories/{organization}"
    user.expect(201, "POST", repository, {"name": "app"})
    user.client.push(f"{organization}/app", content.image(), "v1")
    policy = {"enabled": False, "rules": [{"field": "tag", "operator": "eq", "values": ["x"]}]}
    names["policy"] = user.expect(201, "POST", f"{repository}/app/pruningPolicies", policy)["id"]

    @settings(max_examples=800, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(broken())
    def run(request):
        method, path, query, body = request
        target = re.sub(r"\{([^}]*)\}", lambda found: names[found.group(1)], path) + query
        check(user, (method, path, target, body))

    run()
    assert user.get(f"{repository}/app")["name"] == "app"
