"""Collection of garbage: how long it takes beside unlinking as many files, what it costs pushes beside it, and
its memory with 1,000,000 blobs."""

import base64
import concurrent.futures
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
import urllib.request
from pathlib import Path

import load
from population import numbers
from rows import EMPTY_CONFIG, MANIFEST_TYPE, Row, manifest_of
from servers import PATH, Holdfast, need

HOME, STORM = "admin/garbage", "admin/storm"
IMAGES, LAYERS = 500, 100  # 50,000 blobs
BLOB_BYTES = 4096
STORM_BLOBS = 2_000
ROWS = 1_000_000
LONG_AGO = "- 30 * 86400000000"


class Collection:
    GROUPS = ("collection",)

    def __init__(self, folder: Path, rounds: int, seconds: float, only: str = ""):
        self.folder, self.rounds = folder, rounds
        self.rows: list[Row] = []
        self.holdfast = Holdfast(folder / "holdfast")

    def start(self):
        self.holdfast.start()
        self.holdfast.log_in(HOME, STORM)
        self._api("DELETE", "/crons/onlinegc", 204)

    def stop(self):
        self.holdfast.stop()

    # --- what the server is asked
    def _api(self, method: str, path: str, expect: int, body: dict | None = None):
        request = urllib.request.Request(self.holdfast.url(f"/api/v0{path}"), method=method,
                                         data=json.dumps(body).encode() if body else None)
        login = f"admin:{self.holdfast.password}"
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        with urllib.request.urlopen(request) as answer:
            assert answer.status == expect, f"{method} {path}: {answer.status}"
            return json.loads(answer.read() or b"null")

    def _collect(self) -> float:
        """The seconds that a run takes."""
        began = time.monotonic()
        job = self._api("POST", "/jobs", 202, {"action": "onlinegc"})["id"]
        while (status := self._api("GET", f"/jobs/{job}", 200)["status"]) in ("waiting", "running"):
            time.sleep(0.01)
        assert status == "done", self._api("GET", f"/jobs/{job}/logs", 200)
        return time.monotonic() - began

    def _sql(self, *statements: str) -> str:
        if url := os.environ.get("BENCH_DATABASE_URL"):
            return subprocess.run([need("psql", "postgresql-client"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                                   "-c", ";".join(statements), url],
                                  check=True, capture_output=True, text=True, env={"PATH": PATH}).stdout.strip()
        with contextlib.closing(sqlite3.connect(self.holdfast.folder / "data/holdfast.db", timeout=60)) as database, database:
            return str([row for statement in statements for row in database.execute(statement)])

    def _files(self) -> list[Path]:
        return [path for path in (self.holdfast.folder / "data/blobs").rglob("*") if path.is_file()]

    def _make_garbage(self):
        """50,000 blobs, of which half are in no need and have been for long."""
        images = []

        def push(worker: int):
            session = load.Session(self.holdfast, HOME)
            session.put(EMPTY_CONFIG, load.digest_of(EMPTY_CONFIG))
            for number in range(worker, IMAGES, 8):
                layers = [os.urandom(BLOB_BYTES) for _ in range(LAYERS)]
                for layer in layers:
                    session.put(layer, load.digest_of(layer))
                body = manifest_of(EMPTY_CONFIG, layers)
                session.manifest(body, MANIFEST_TYPE, f"v{number}")
                images.append(load.digest_of(body))

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(push, range(8)))
        session = load.Session(self.holdfast, HOME)
        for digest in images[: IMAGES // 2]:
            session.ask("DELETE", f"/v2/{HOME}/manifests/{digest}", 202)
        self._sql(f"UPDATE repository_blobs SET linked_at = linked_at {LONG_AGO}")

    def _storm(self) -> float:
        """Blobs a second that eight clients push."""
        blobs = [os.urandom(BLOB_BYTES) for _ in range(STORM_BLOBS)]
        return load.push_many(self.holdfast, STORM, blobs, 8)["per_second"]

    # --- the rows
    def measure(self, _group: str):
        time_row = Row("half of 50,000 blobs freed", "s", "less", asked=[("unlink", 0.5)])
        push_row = Row("pushes of 4 KiB beside it", "blobs/s", "more", asked=[("nothing beside", 0.9)])
        for _ in range(self.rounds):
            self._make_garbage()
            before = self._files()
            beside = self.folder / "beside"
            shutil.copytree(self.holdfast.folder / "data/blobs", beside)
            copies = [beside / path.relative_to(self.holdfast.folder / "data/blobs") for path in before]
            os.sync()
            time.sleep(3)  # a run gives way to pushes that were just made
            time_row.add("holdfast", self._collect())
            gone = len(before) - len(self._files())
            assert gone >= IMAGES * LAYERS // 2, f"{gone} of {len(before)} files went"
            os.sync()
            began = time.monotonic()
            for path in copies[:gone]:
                path.unlink()
            os.sync()
            time_row.add("unlink", time.monotonic() - began)
            shutil.rmtree(beside)
            # The other half goes beside pushes.
            push_row.add("nothing beside", self._storm())
            self._delete_all()
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                run = pool.submit(self._collect)
                push_row.add("holdfast", self._storm())
                run.result()
        self.rows += [time_row, push_row, self._memory()]

    def _delete_all(self):
        session = load.Session(self.holdfast, HOME)
        tags = json.loads(self._text(f"/v2/{HOME}/tags/list?n=10000"))["tags"] or []
        for tag in tags:
            session.ask("DELETE", f"/v2/{HOME}/manifests/{tag}", 202)
        self._sql(f"UPDATE loose_manifests SET since = since {LONG_AGO}",
                  f"UPDATE repository_blobs SET linked_at = linked_at {LONG_AGO} WHERE repository_id = "
                  f"(SELECT id FROM repositories WHERE full_name = '{HOME}')")

    def _text(self, path: str) -> bytes:
        request = urllib.request.Request(self.holdfast.url(path), headers=self.holdfast.headers)
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def _memory(self) -> Row:
        """Rows straight into the database: half with a link that nothing needs, half kept by a manifest."""
        session = load.Session(self.holdfast, HOME)
        session.put(EMPTY_CONFIG, load.digest_of(EMPTY_CONFIG))
        session.manifest(manifest_of(EMPTY_CONFIG, []), MANIFEST_TYPE, "kept")
        self.holdfast.stop()
        # Behind those that were collected before: links are looked at in the order of their times.
        linked_at = int((time.time() - 30 * 86400) * 1e6)
        self._sql(
            numbers(ROWS) + "INSERT INTO blobs (id, digest, key, size, created_at) "
            f"SELECT 10000000 + i, 'sha256:{'0' * 54}' || substr(CAST(10000000000 + i AS TEXT), 2), 'none-' || i, 1000, 0 FROM n",
            numbers(ROWS) + "INSERT INTO repository_blobs (repository_id, blob_id, linked_at) "
            f"SELECT (SELECT id FROM repositories WHERE full_name = '{HOME}'), 10000000 + i, {linked_at} + i FROM n",
            numbers(ROWS // 2) + "INSERT INTO manifest_blobs (manifest_id, blob_id) "
            "SELECT (SELECT max(id) FROM manifests), 10000000 + 2 * i FROM n")
        self.holdfast.start()
        self.holdfast.forget_peak()
        self._collect()
        left = self._sql("SELECT count(*) FROM blobs WHERE id > 10000000")
        assert str(ROWS // 2) in left, f"{left} blobs are left"
        row = Row("peak RSS, 1,000,000 blobs of which half go", "MiB", "less", asked=[("value", 128)])
        row.add("holdfast", self.holdfast.peak_bytes() / 2**20)
        return row
