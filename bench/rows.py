"""The rows of the table: what is done, and what is asked of it."""

import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import holding
import load
from servers import Holdfast, Nginx, Peer, Server

REPOSITORY = "admin/bench"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY_CONFIG = json.dumps({"architecture": "amd64", "os": "linux",
                           "rootfs": {"type": "layers", "diff_ids": []}}).encode()
GIB = 2**30


@dataclass
class Row:
    """A measured figure of each server; `asked` are bounds on it or on ratios."""

    name: str
    unit: str
    better: str = "more"  # or "less"
    values: dict[str, list[float]] = field(default_factory=dict)
    asked: list[tuple[str, float]] = field(default_factory=list)  # (of what, bound)
    note: str = ""

    def add(self, server: str, value: float):
        self.values.setdefault(server, []).append(value)

    def median(self, server: str) -> float | None:
        found = self.values.get(server)
        return statistics.median(found) if found else None

    def checks(self) -> list[tuple[str, float, float, bool]]:
        """(of what, bound, got, met). `server`: ours over theirs; "value": ours itself."""
        result = []
        ours = self.median("holdfast")
        for what, bound in self.asked:
            other = 1.0 if what == "value" else self.median(what)
            if ours is None or not other:
                continue
            got = ours / other
            if what != "value" and self.better == "less":
                got = other / ours
            met = got <= bound if what == "value" and self.better == "less" else got >= bound
            result.append((what, bound, got, met))
        return result


class Bench:
    """The servers, filled alike, and the groups of rows."""

    def __init__(self, folder: Path, rounds: int, seconds: float, only: str = ""):
        """`only`: part of the names of the rows that are wanted, or all."""
        self.folder, self.rounds, self.seconds, self.only = folder, rounds, seconds, only
        self.rows: list[Row] = []
        self.holdfast = Holdfast(folder / "holdfast")
        self.peer = Peer(folder / "peer")
        self.nginx = Nginx(folder / "nginx")
        self.big = folder / "big"
        self.big_digest = ""
        self.blob64 = os.urandom(65536)
        self.manifest = b""

    # --- set-up
    def start(self):
        for server in (self.holdfast, self.peer, self.nginx):
            server.start()
        self.holdfast.log_in(REPOSITORY, "admin/many")
        for server in (self.holdfast, self.peer, self.nginx):
            server.headers["Accept"] = MANIFEST_TYPE
        self.manifest = manifest_of(EMPTY_CONFIG, [self.blob64])
        for server in (self.holdfast, self.peer):
            session = load.Session(server, REPOSITORY)
            for data in (EMPTY_CONFIG, self.blob64):
                session.put(data, load.digest_of(data))
            session.manifest(self.manifest, MANIFEST_TYPE, "v1")
        self.nginx.put("/manifest", self.manifest)
        self.nginx.put("/blob64", self.blob64)

    def make_big(self):
        """1 GiB that no one can compress or guess."""
        if self.big_digest:
            return
        state = hashlib.sha256()
        with self.big.open("wb") as out:
            for _ in range(256):
                part = os.urandom(4 * 2**20)
                state.update(part)
                out.write(part)
        self.big_digest = "sha256:" + state.hexdigest()

    def stop(self):
        for server in (self.holdfast, self.peer, self.nginx):
            server.stop()

    def wants(self, name: str) -> bool:
        return self.only.lower() in name.lower()

    def measure(self, group: str):
        """All wanted rows of a group, and what memory they took at most."""
        self.rows = []
        servers = (self.holdfast, self.peer, self.nginx)
        for server in servers:
            server.forget_peak()
        getattr(self, group)()
        if group != "memory" and self.rows:
            peak = self.row(f"peak memory in {group.replace('_', ' ')}", "MiB", "less")
            for server in servers:
                if any(row.values.get(server.name) for row in self.rows):
                    peak.add(server.name, server.peak_bytes() / 2**20)

    def row(self, name, unit, better="more", asked=(), note="") -> Row:
        made = Row(name, unit, better, asked=list(asked), note=note)
        self.rows.append(made)
        return made

    def path(self, server: Server, kind: str) -> str:
        if server is self.nginx:
            return {"manifest": "/manifest", "blob64": "/blob64", "big": "/big"}[kind]
        digest = load.digest_of(self.blob64) if kind == "blob64" else self.big_digest
        return f"/v2/{REPOSITORY}/" + ("manifests/v1" if kind == "manifest" else f"blobs/{digest}")

    # --- groups
    def requests(self):
        cases = [
            ("manifest GET, 1 connection", "manifest", "GET", 1, False, 8, 0.9),
            ("manifest GET, 64 connections", "manifest", "GET", 64, False, 30, 0.8),
            ("HEAD manifest, 64 connections", "manifest", "HEAD", 64, False, 30, 0.7),
            ("HEAD blob, 64 connections", "blob64", "HEAD", 64, False, 25, 0.7),
            ("64 KiB blobs, 64 connections", "blob64", "GET", 64, False, 18, 0.9),
            ("TLS manifest GET, 1 connection", "manifest", "GET", 1, True, None, None),
            ("TLS manifest GET, 64 connections", "manifest", "GET", 64, True, 18, 0.6),
            ("TLS 64 KiB blobs, 64 connections", "blob64", "GET", 64, True, None, None),
        ]
        for name, kind, method, connections, tls, peer, nginx in cases:
            if not self.wants(name):
                continue
            asked = [("docker-registry", peer), ("nginx", nginx)] if peer else []
            rate = self.row(name, "req/s", asked=asked)
            cpu = self.row(f"{name}: server CPU", "µs/req", "less",
                           asked=[("value", 22)] if name == "manifest GET, 64 connections" else [])
            p99 = self.row(f"{name}: p99", "ms", "less", asked=[("value", 10)] if connections == 64 and not tls else [])
            for _ in range(self.rounds):
                for server in (self.peer, self.nginx, self.holdfast):
                    path = self.path(server, kind)
                    got = (load.heads(server, path, connections, self.seconds) if method == "HEAD" else
                           load.small(server, path, connections, self.seconds, tls=tls))
                    rate.add(server.name, got["per_second"])
                    cpu.add(server.name, got["cpu_us"])
                    p99.add(server.name, got["p99_ms"])

    def pulls(self):
        cases = [case for case in (
            ("pull 1 GiB, 1 stream", 1, False, 1.2, 1.0),
            ("pull 1 GiB, 8 streams", 8, False, 1.15, 1.0),
            ("TLS pull 1 GiB, 1 stream", 1, True, 1.05, 1.3),
            ("TLS pull 1 GiB, 8 streams", 8, True, None, None),
        ) if self.wants(case[0])]
        if not cases:
            return
        self.make_big()
        for server in (self.holdfast, self.peer):
            load.push_file(server, REPOSITORY, self.big, self.big_digest, "monolithic", keep=True)
        shutil.copyfile(self.big, self.nginx.folder / "html" / "big")
        for server in (self.peer, self.nginx, self.holdfast):  # fills the page cache
            load.pull(server, self.path(server, "big"), GIB, 1)
        for name, streams, tls, peer, nginx in cases:
            speed = self.row(name, "GB/s", asked=[("docker-registry", peer), ("nginx", nginx)] if peer else [])
            cpu = self.row(f"{name}: server CPU", "s/GiB", "less",
                           asked=[("docker-registry", 1 / 0.85)] if tls and peer else [])
            for _ in range(self.rounds):
                for server in (self.peer, self.nginx, self.holdfast):
                    got = load.pull(server, self.path(server, "big"), GIB, streams, tls=tls)
                    speed.add(server.name, got["gb_per_second"])
                    cpu.add(server.name, got["cpu_s_per_gib"])
        for server in (self.holdfast, self.peer):
            load.Session(server, REPOSITORY).delete(self.big_digest)
        (self.nginx.folder / "html" / "big").unlink()

    def pushes(self):
        hashing = self.hashing_gb_per_second()
        for how, tls, name in (
            ("monolithic", False, "push 1 GiB"),
            ("streamed", False, "push 1 GiB streamed as dockerd does"),
            ("chunks", False, "push 1 GiB in 8 MiB chunks"),
            ("monolithic", True, "TLS push 1 GiB"),
            ("streamed", True, "TLS push 1 GiB streamed as dockerd does"),
        ):
            if not self.wants(name):
                continue
            self.make_big()
            asked = [] if tls else [("docker-registry", 3.5)]
            if name == "push 1 GiB":
                asked.append(("value", 0.5 * hashing))
            speed = self.row(name, "GB/s", asked=asked)
            cpu = self.row(f"{name}: server CPU", "s/GiB", "less")
            for _ in range(self.rounds):
                for server in (self.peer, self.holdfast):
                    got = load.push_file(server, REPOSITORY, self.big, self.big_digest, how, tls=tls)
                    speed.add(server.name, got["gb_per_second"])
                    cpu.add(server.name, got["cpu_s_per_gib"])
        for name, unit, count, size, connections, peer in (
            ("200 blobs of 10 KiB, 16 connections", "blobs/s", 200, 10240, 16, 4),
            ("image of 20 x 20 MiB, 4 connections", "GB/s", 20, 20 * 2**20, 4, 2.2),
        ):
            if not self.wants(name):
                continue
            speed = self.row(name, unit, asked=[("docker-registry", peer)])
            for _ in range(self.rounds):
                for server in (self.peer, self.holdfast):
                    blobs = [os.urandom(size) for _ in range(count)]
                    got = load.push_many(server, REPOSITORY, blobs, connections)
                    speed.add(server.name, got["per_second" if unit == "blobs/s" else "gb_per_second"])

    def hashing_gb_per_second(self) -> float:
        """What one thread can hash: the bound of every push."""
        done = subprocess.run(["openssl", "speed", "-seconds", "1", "-bytes", "1048576", "-evp", "sha256"],
                              capture_output=True, text=True)
        hashing = float(re.search(r"(?m)^\S*sha256\s+([0-9.]+)k", done.stdout, re.IGNORECASE).group(1)) / 1e6
        if self.wants("SHA-256 by one thread"):
            self.row("SHA-256 by one thread", "GB/s", note="openssl speed").add("holdfast", hashing)
        return hashing

    def lists(self):
        cases = [case for case in (
            ("tags/list of 10,000", "/v2/admin/many/tags/list?n=10000", [("docker-registry", 5), ("value", 2)]),
            ("tags/list, a page of 100", "/v2/admin/many/tags/list?n=100&last=t05000", [("value", 0.3)]),
            ("_catalog, a page of 100 of 2,000", "/v2/_catalog?n=100&last=admin/r1000", [("value", 0.5)]),
        ) if self.wants(case[0])]
        if not cases:
            return
        self.fill_lists()
        for name, path, asked in cases:
            row = self.row(name, "ms", "less", asked=asked)
            cpu = self.row(f"{name}: server CPU", "µs/req", "less")
            beside = [self.peer, self.holdfast] if name == "tags/list of 10,000" else [self.holdfast]
            for _ in range(self.rounds):
                for server in beside:
                    # docker-registry 2.8 knows no pages of tags.
                    got = load.small(server, path if server is self.holdfast else path.split("?")[0], 1, self.seconds)
                    row.add(server.name, got["median_ms"])
                    cpu.add(server.name, got["cpu_us"])

    def fill_lists(self):
        """10,000 tags in one repository, 2,000 repositories beside it."""
        for server in (self.holdfast, self.peer):
            session = load.Session(server, "admin/many")
            session.put(self.blob64, load.digest_of(self.blob64))
            session.put(EMPTY_CONFIG, load.digest_of(EMPTY_CONFIG))
            for number in range(10_000):
                session.manifest(self.manifest, MANIFEST_TYPE, f"t{number:05}")
        for number in range(2000):
            if number % 50 == 0:  # a token names each repository, and a request's line has its limit
                self.holdfast.log_in(*(f"admin/r{n:04}" for n in range(number, number + 50)))
            session = load.Session(self.holdfast, f"admin/r{number:04}")
            session.ask("DELETE", session.begin(), 204)
        self.holdfast.log_in(REPOSITORY, "admin/many")

    def latency_under_push(self):
        """p99 of manifest GETs at 2,000 requests a second, alone and beside a push of 1 GiB."""
        name = "manifest GET p99 at 2,000 req/s"
        if not self.wants(name):
            return
        self.make_big()
        alone = self.row(f"{name}, alone", "ms", "less")
        beside = self.row(f"{name}, beside a push of 1 GiB", "ms", "less")
        moved = self.row("how far the push moves it", "ms", "less", asked=[("value", 2)])
        offered = self.row("requests that were answered meanwhile", "req/s")
        path = self.path(self.holdfast, "manifest")
        for _ in range(self.rounds):
            quiet = load.small(self.holdfast, path, 20, self.seconds, per_second=2000)["p99_ms"]
            session = load.Session(self.holdfast, REPOSITORY)
            command = load.curl(self.holdfast, "-T", self.big, "-H", "Expect:", "-o", "/dev/null", "--limit-rate", "400M",
                                self.holdfast.url(load.with_digest(session.begin(), self.big_digest)))
            push = subprocess.Popen(command)
            busy = load.small(self.holdfast, path, 20, 2, per_second=2000)
            assert push.wait() == 0
            load.Session(self.holdfast, REPOSITORY).delete(self.big_digest)
            alone.add("holdfast", quiet)
            beside.add("holdfast", busy["p99_ms"])
            offered.add("holdfast", busy["per_second"])
            moved.add("holdfast", max(0.0, busy["p99_ms"] - quiet))

    def memory(self):
        """Each on servers that were just started."""
        mib = 2**20

        def afresh(*servers: Server):
            for server in servers:
                server.stop()
                server.start()

        if self.wants(start_name := "start to the first answer") or self.wants("idle RSS"):
            start = self.row(start_name, "ms", "less", asked=[("value", 40)])
            idle = self.row("idle RSS", "MiB", "less", asked=[("value", 32)])
            for _ in range(self.rounds):
                for server in (self.holdfast, self.nginx, self.peer):
                    server.stop()
                    start.add(server.name, server.start() * 1000)
            time.sleep(1)
            for server in (self.holdfast, self.nginx, self.peer):
                idle.add(server.name, server.rss_bytes() / mib)
        for name, tls, bound in (("10,000 idle connections: RSS", False, 64),
                                 ("TLS 10,000 idle connections: RSS", True, 200)):
            if not self.wants(name):
                continue
            row = self.row(name, "MiB", "less", asked=[("value", bound)])
            for server in (self.nginx, self.holdfast):
                afresh(server)
                row.add(server.name, holding.idle_connections(server, 10_000, tls) / mib)
        data = os.urandom(8 * mib)
        self.nginx.put("/big", data)
        for name, tls in (("200 slow downloads: peak RSS", False), ("TLS 200 slow downloads: peak RSS", True)):
            if not self.wants(name):
                continue
            row = self.row(name, "MiB", "less", asked=[("value", 64)])
            afresh(*(servers := (self.holdfast, self.peer, self.nginx)))
            for server in servers[:2]:
                load.Session(server, REPOSITORY).put(data, load.digest_of(data))
            for server in servers:
                path = "/big" if server is self.nginx else f"/v2/{REPOSITORY}/blobs/{load.digest_of(data)}"
                row.add(server.name, holding.slow_downloads(server, path, tls) / mib)
        for name, tls in (("200 slow uploads: peak RSS", False), ("TLS 200 slow uploads: peak RSS", True)):
            if not self.wants(name):
                continue
            row = self.row(name, "MiB", "less", asked=[("value", 64)])
            for server in (self.holdfast, self.peer):
                afresh(server)
                row.add(server.name, holding.slow_uploads(server, REPOSITORY, tls) / mib)

    GROUPS = ("requests", "pulls", "pushes", "lists", "latency_under_push", "memory")


def manifest_of(config: bytes, layers: list[bytes]) -> bytes:
    def descriptor(data, type_):
        return {"mediaType": type_, "digest": load.digest_of(data), "size": len(data)}

    return json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(data, "application/vnd.oci.image.layer.v1.tar+gzip") for data in layers],
    }).encode()
