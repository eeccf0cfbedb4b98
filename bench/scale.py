"""Lists in a large registry: 100,000 repositories, 100,000 tags in one of them, 1,000,000 blobs.

The rows come straight into the database, by SQL that both engines speak; all the rest is as ever.
"""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import load
from population import numbers
from rows import EMPTY_CONFIG, MANIFEST_TYPE, Row, manifest_of
from servers import PATH, Holdfast, need

REPOSITORIES, TAGS, BLOBS = 100_000, 100_000, 1_000_000
HOME = "admin/many"

def _padded(digits: int) -> str:
    return f"substr(CAST({10**digits} + i AS TEXT), 2)"


FILL = [
    numbers(REPOSITORIES)
    + "INSERT INTO repositories (id, uuid, namespace_id, full_name, visibility, created_at) "
    f"SELECT 1000000 + i, 'scale-' || i, (SELECT min(namespace_id) FROM repositories), 'admin/s' || {_padded(7)}, 0, 0 FROM n",
    numbers(TAGS)
    + "INSERT INTO tags (repository_id, name, manifest_id, pushed_by, pushed_at) "
    f"SELECT m.repository_id, 't' || {_padded(7)}, m.id, m.pushed_by, m.pushed_at FROM n, manifests m",
    numbers(BLOBS)
    + "INSERT INTO blobs (id, digest, key, size, created_at) "
    f"SELECT 1000000 + i, 'sha256:{'0' * 54}' || {_padded(10)}, 'none', 1000, 0 FROM n",
    numbers(BLOBS)
    + "INSERT INTO repository_blobs (repository_id, blob_id, linked_at) "
    f"SELECT 1000001 + i % {REPOSITORIES}, 1000000 + i, 0 FROM n",
]


class Scale:
    GROUPS = ("scale",)

    def __init__(self, folder: Path, rounds: int, seconds: float, only: str = ""):
        self.rounds, self.seconds, self.only = rounds, seconds, only
        self.rows: list[Row] = []
        self.holdfast = Holdfast(folder / "holdfast")

    def start(self):
        server = self.holdfast
        server.start()
        server.log_in(HOME)
        session = load.Session(server, HOME)
        layer = os.urandom(10_000)
        for data in (EMPTY_CONFIG, layer):
            session.put(data, load.digest_of(data))
        self.manifest = manifest_of(EMPTY_CONFIG, [layer])
        session.manifest(self.manifest, MANIFEST_TYPE, "v1")
        server.stop()
        self._fill()
        self.started_ms = []
        for _ in range(self.rounds):
            self.started_ms.append(server.start() * 1000)
            server.stop()
        server.start()
        server.log_in(HOME)
        server.headers["Accept"] = MANIFEST_TYPE

    def _fill(self):
        if url := os.environ.get("BENCH_DATABASE_URL"):
            statements = ";".join([*FILL, "ANALYZE"])
            subprocess.run([need("psql", "postgresql-client"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statements, url],
                           check=True, env={"PATH": PATH})
            return
        with contextlib.closing(sqlite3.connect(self.holdfast.folder / "data/holdfast.db")) as database, database:
            for statement in FILL:
                database.execute(statement)

    def stop(self):
        self.holdfast.stop()

    def measure(self, _group: str):
        start = Row("start to the first answer", "ms", "less", asked=[("value", 40)])
        for value in self.started_ms:
            start.add("holdfast", value)
        self.rows.append(start)
        tags, catalog = f"/v2/{HOME}/tags/list", "/v2/_catalog"
        digest = load.digest_of(self.manifest)
        for name, path, bound in (
            ("tags/list, the first page of 100", f"{tags}?n=100", 0.3),
            ("tags/list, a page of 100 in the middle", f"{tags}?n=100&last=t0050000", 0.3),
            ("tags/list, the last page of 100", f"{tags}?n=100&last=t0099900", 0.3),
            ("tags/list, a page of 10,000", f"{tags}?n=10000", 2),
            ("_catalog, the first page of 100", f"{catalog}?n=100", 0.5),
            ("_catalog, a page of 100 in the middle", f"{catalog}?n=100&last=admin/s0050000", 0.5),
            ("_catalog, the last page of 100", f"{catalog}?n=100&last=admin/s0099900", 0.5),
            ("referrers of a manifest", f"/v2/{HOME}/referrers/{digest}", 0.5),
            ("manifest by one of 100,000 tags", f"/v2/{HOME}/manifests/t0050000", 0.3),
        ):
            if self.only.lower() not in name.lower():
                continue
            row = Row(name, "ms", "less", asked=[("value", bound)])
            for _ in range(self.rounds):
                row.add("holdfast", load.small(self.holdfast, path, 1, self.seconds)["median_ms"])
            self.rows.append(row)
        memory = Row("RSS after that", "MiB", "less")
        memory.add("holdfast", self.holdfast.rss_bytes() / 2**20)
        self.rows.append(memory)
