"""Pages of the REST APIs in a large installation (population.py): as administrator, as a member of three
organizations, as a stranger. The time of the slowest of a hundred, as a client on one connection sees it."""

import base64
import json
import os
import time
import urllib.parse
import urllib.request
from pathlib import Path

import load
import population
from population import EVERYBODY, organization, user
from rows import MANIFEST_TYPE, Row, manifest_of
from servers import Holdfast

HOME = "admin/many"
MEMBER = "alice"
IMAGES = 200
MOST_MS = 5


class Pages:
    GROUPS = ("pages",)

    def __init__(self, folder: Path, rounds: int, seconds: float, only: str = ""):
        self.rounds, self.seconds, self.only = rounds, seconds, only
        self.rows: list[Row] = []
        self.holdfast = Holdfast(folder / "holdfast")
        self.callers: dict[str, dict[str, str]] = {"stranger": {}}

    def start(self):
        server = self.holdfast
        server.start()
        server.log_in(HOME)
        self._push_images()
        self._call("/enzi/v0/accounts", ("admin", server.password), {"name": MEMBER, "password": server.password})
        self._call("/api/v0/repositories/admin", ("admin", server.password), {"name": "public", "visibility": "public"})
        server.stop()
        began = time.monotonic()
        population.fill(server.folder / "data", population.statements(int(time.time() * 1e6), MEMBER, HOME))
        print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
        server.start()
        for name, login in (("administrator", "admin"), ("member", MEMBER)):
            token = self._call(f"/auth/token?service=127.0.0.1:{server.port}", (login, server.password))["token"]
            self.callers[name] = {"Authorization": f"Bearer {token}"}
        self._wait_for_search()

    def _wait_for_search(self):
        """The server takes rows that it did not write itself into its index of names in the background."""
        path = "/api/v0/index/autocomplete?query=r0099999&limit=1"
        while not self._call(path, ("admin", self.holdfast.password))["repositoryResults"]:
            time.sleep(1)

    def _push_images(self):
        """Different ones: a page of tags reads what each says of itself."""
        session = load.Session(self.holdfast, HOME)
        layer = os.urandom(10_000)
        session.put(layer, load.digest_of(layer))
        for number in range(IMAGES):
            config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"number": str(number)}},
                                 "history": [{"created_by": f"RUN step {step}", "empty_layer": step > 0} for step in range(20)],
                                 "rootfs": {"type": "layers", "diff_ids": [load.digest_of(layer)]}}).encode()
            session.put(config, load.digest_of(config))
            session.manifest(manifest_of(config, [layer]), MANIFEST_TYPE, f"v{number}")

    def _call(self, path: str, login: tuple[str, str], body: dict | None = None):
        request = urllib.request.Request(self.holdfast.url(path), data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(login).encode()).decode())
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def stop(self):
        self.holdfast.stop()

    def measure(self, _group: str):
        for name, caller, path in self._pages():
            if self.only.lower() not in name.lower():
                continue
            self.holdfast.headers = self.callers[caller]
            row = Row(f"{name}, as {caller}", "ms at p99", "less", asked=[("value", MOST_MS)])
            for _ in range(self.rounds):
                row.add("holdfast", load.small(self.holdfast, path, 1, self.seconds)["p99_ms"])
            self.rows.append(row)
        memory = Row("RSS after that", "MiB", "less")
        memory.add("holdfast", self.holdfast.rss_bytes() / 2**20)
        self.rows.append(memory)

    def _pages(self):
        """(what it is, who asks, path)"""
        dtr, accounts = "/api/v0", "/enzi/v0/accounts"
        repository = f"{organization(501)}/r0000500"
        last = f"{organization(1000)}/r0099900"
        old = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 364.999 * 86_400))
        middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 180 * 86_400))
        quote = urllib.parse.quote
        for caller in ("administrator", "member", "stranger"):
            yield "repositories, first page", caller, f"{dtr}/repositories?pageSize=100"
            yield "repositories, page in the middle", caller, f"{dtr}/repositories?pageSize=100&pageStart={quote(repository)}"
            yield "repositories, last page", caller, f"{dtr}/repositories?pageSize=100&pageStart={quote(last)}"
        for caller in ("administrator", "member"):
            yield "repositories of a namespace", caller, f"{dtr}/repositories/{organization(250)}?pageSize=100"
            yield "accounts, first page", caller, f"{accounts}?limit=100"
            yield "accounts, last page", caller, f"{accounts}?limit=100&start={user(9_901)}"
            yield "organizations, last page", caller, f"{accounts}?filter=orgs&limit=100&start={organization(901)}"
            yield "accounts by a part of the name", caller, f"{accounts}?contains=0099&limit=100"
            yield "events, first page", caller, f"{dtr}/events?pageSize=100"
            yield "events, half a year ago", caller, f"{dtr}/events?pageSize=100&publishedBefore={middle}"
            yield "events, last page", caller, f"{dtr}/events?pageSize=100&publishedBefore={old}"
            yield "events of a type", caller, f"{dtr}/events?pageSize=100&eventType=DELETE"
            yield "search", caller, f"{dtr}/index/autocomplete?query=0099&limit=25"
            yield "docker search", caller, f"{dtr}/index/dockersearch?q=r00500"
            yield "search for what many descriptions say", caller, f"{dtr}/index/dockersearch?q=does"
        yield "accounts by full name, last page", "administrator", f"{accounts}?order=-fullName&limit=100"
        yield "events of a user", "administrator", f"{dtr}/events?pageSize=100&actorId=00000001-0000-4000-8000-000000000700"
        yield "events of a repository", "administrator", f"{dtr}/repositories/{repository}/events?pageSize=100"
        for what, start in (("first page", ""), ("page in the middle", "t0050000"), ("last page", "t0099901")):
            yield f"100,000 tags, {what}", "administrator", f"{dtr}/repositories/{HOME}/tags?pageSize=100&pageStart={start}"
        yield "100,000 tags, with manifests", "administrator", f"{dtr}/repositories/{HOME}/tags?pageSize=100&includeManifests=true"
        for what, start in (("first page", ""), ("last page", "00000001-0000-4000-8000-000000009901")):
            yield f"10,000 members, {what}", "administrator", f"{accounts}/{EVERYBODY}/members?limit=100&start={start}"
        yield "teams of an organization", "member", f"{accounts}/{organization(250)}/teams?limit=100"
        yield "members of a team", "member", f"{accounts}/{organization(250)}/teams/team1/members?limit=100"
        yield "teams with access to a repository", "administrator", f"{dtr}/repositories/{repository}/teamAccess?pageSize=100"
        yield "what a user may do with a repository", "administrator", f"{dtr}/accounts/{MEMBER}/repositoryAccess/{repository}"
        yield "organizations of a user", "member", f"{accounts}/{MEMBER}/organizations?limit=100"
