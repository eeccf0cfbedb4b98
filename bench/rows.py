"""The rows of the table: what is done, and what is asked of it."""

import hashlib
import json
import os
import re
import selectors
import shutil
import socket
import ssl
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import load
from servers import Holdfast, Nginx, Peer, Server

REPOSITORY = "admin/bench"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
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

    def __init__(self, folder: Path, rounds: int, seconds: float):
        self.folder, self.rounds, self.seconds = folder, rounds, seconds
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
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        self.manifest = manifest_of(config, [self.blob64])
        for server in (self.holdfast, self.peer):
            session = load.Session(server, REPOSITORY)
            for data in (config, self.blob64):
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
            ("TLS manifest GET, 64 connections", "manifest", "GET", 64, True, 18, 0.6),
        ]
        for name, kind, method, connections, tls, peer, nginx in cases:
            rate = self.row(name, "req/s", asked=[("docker-registry", peer), ("nginx", nginx)])
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
        self.make_big()
        for server in (self.holdfast, self.peer):
            session = load.Session(server, REPOSITORY)
            with self.big.open("rb") as data:
                session.connection.request("PUT", load.with_digest(session.begin(), self.big_digest), data,
                                           {**server.headers, "Content-Length": str(GIB),
                                            "Content-Type": "application/octet-stream"})
                assert session.connection.getresponse().status == 201
        shutil.copyfile(self.big, self.nginx.folder / "html" / "big")
        for name, streams, tls, peer, nginx in (
            ("pull 1 GiB, 1 stream", 1, False, 1.2, 1.0),
            ("pull 1 GiB, 8 streams", 8, False, 1.15, 1.0),
            ("TLS pull 1 GiB", 1, True, 1.05, 1.3),
        ):
            speed = self.row(name, "GB/s", asked=[("docker-registry", peer), ("nginx", nginx)])
            cpu = self.row(f"{name}: server CPU", "s/GiB", "less",
                           asked=[("docker-registry", 1 / 0.85)] if tls else [])
            for round_ in range(self.rounds + 1):
                for server in (self.peer, self.nginx, self.holdfast):
                    got = load.pull(server, self.path(server, "big"), GIB, streams, tls=tls)
                    if round_ > 0:  # the first fills the page cache
                        speed.add(server.name, got["gb_per_second"])
                        cpu.add(server.name, got["cpu_s_per_gib"])
        for server in (self.holdfast, self.peer):
            load.Session(server, REPOSITORY).delete(self.big_digest)
        (self.nginx.folder / "html" / "big").unlink()

    def pushes(self):
        self.make_big()
        reference = self.row("SHA-256 by one thread", "GB/s", note="openssl speed")
        done = subprocess.run(["openssl", "speed", "-seconds", "1", "-bytes", "1048576", "-evp", "sha256"],
                              capture_output=True, text=True)
        hashing = float(re.search(r"(?m)^\S*sha256\s+([0-9.]+)k", done.stdout, re.IGNORECASE).group(1)) / 1e6
        reference.add("holdfast", hashing)
        for how, name in (("monolithic", "push 1 GiB"), ("streamed", "push 1 GiB streamed as dockerd does"),
                          ("chunks", "push 1 GiB in 8 MiB chunks")):
            asked = [("docker-registry", 3.5)]
            if how == "monolithic":
                asked.append(("value", 0.5 * hashing))
            speed = self.row(name, "GB/s", asked=asked)
            for _ in range(self.rounds):
                for server in (self.peer, self.holdfast):
                    got = load.push_file(server, REPOSITORY, self.big, self.big_digest, how)
                    speed.add(server.name, got["gb_per_second"])
        small = self.row("200 blobs of 10 KiB, 16 connections", "blobs/s", asked=[("docker-registry", 4)])
        image = self.row("image of 20 x 20 MiB, 4 connections", "GB/s", asked=[("docker-registry", 2.2)])
        for _ in range(self.rounds):
            for server in (self.peer, self.holdfast):
                blobs = [os.urandom(10240) for _ in range(200)]
                small.add(server.name, load.push_many(server, REPOSITORY, blobs, 16)["per_second"])
            for server in (self.peer, self.holdfast):
                layers = [os.urandom(20 * 2**20) for _ in range(20)]
                image.add(server.name, load.push_many(server, REPOSITORY, layers, 4)["gb_per_second"])

    def lists(self):
        for server in (self.holdfast, self.peer):
            session = load.Session(server, "admin/many")
            session.put(self.blob64, load.digest_of(self.blob64))
            config = json.dumps({"architecture": "amd64", "os": "linux",
                                 "rootfs": {"type": "layers", "diff_ids": []}}).encode()
            session.put(config, load.digest_of(config))
            for number in range(10_000):
                session.manifest(self.manifest, MANIFEST_TYPE, f"t{number:05}")
        for number in range(2000):
            if number % 50 == 0:  # a token names each repository, and a request's line has its limit
                self.holdfast.log_in(*(f"admin/r{n:04}" for n in range(number, number + 50)))
            session = load.Session(self.holdfast, f"admin/r{number:04}")
            session.ask("DELETE", session.begin(), 204)
        self.holdfast.log_in(REPOSITORY, "admin/many")
        tags = self.row("tags/list of 10,000", "ms", "less", asked=[("docker-registry", 5)])
        page = self.row("tags/list, a page of 100", "ms", "less", asked=[("value", 0.3)])
        catalog = self.row("_catalog, a page of 100 of 2,000", "ms", "less", asked=[("value", 0.5)])
        for _ in range(self.rounds):
            for server in (self.peer, self.holdfast):
                got = load.small(server, "/v2/admin/many/tags/list?n=10000" if server is self.holdfast else
                                 "/v2/admin/many/tags/list", 1, self.seconds)
                tags.add(server.name, got["median_ms"])
            got = load.small(self.holdfast, "/v2/admin/many/tags/list?n=100&last=t05000", 1, self.seconds)
            page.add("holdfast", got["median_ms"])
            got = load.small(self.holdfast, "/v2/_catalog?n=100&last=admin/r1000", 1, self.seconds)
            catalog.add("holdfast", got["median_ms"])

    def latency_under_push(self):
        """p99 of manifest GETs at 2,000 requests a second, alone and beside a push of 1 GiB."""
        self.make_big()
        alone = self.row("manifest GET p99 at 2,000 req/s, alone", "ms", "less")
        beside = self.row("the same beside a push of 1 GiB", "ms", "less")
        moved = self.row("how far the push moves it", "ms", "less", asked=[("value", 2)])
        path = self.path(self.holdfast, "manifest")
        for _ in range(self.rounds):
            quiet = load.small(self.holdfast, path, 20, self.seconds, per_second=2000)["p99_ms"]
            session = load.Session(self.holdfast, REPOSITORY)
            command = load.curl(self.holdfast, "-T", self.big, "-H", "Expect:", "-o", "/dev/null", "--limit-rate", "400M",
                                self.holdfast.url(load.with_digest(session.begin(), self.big_digest)))
            push = subprocess.Popen(command)
            busy = load.small(self.holdfast, path, 20, 2, per_second=2000)["p99_ms"]
            assert push.wait() == 0
            load.Session(self.holdfast, REPOSITORY).delete(self.big_digest)
            alone.add("holdfast", quiet)
            beside.add("holdfast", busy)
            moved.add("holdfast", max(0.0, busy - quiet))

    def memory(self):
        """Each on servers that were just started."""
        mib = 2**20
        start = self.row("start to the first answer, 10,000 tags stored", "ms", "less", asked=[("value", 40)])
        idle = self.row("idle RSS", "MiB", "less", asked=[("value", 32)])
        for server in (self.holdfast, self.nginx, self.peer):
            server.stop()
            start.add(server.name, server.start() * 1000)
            time.sleep(1)
            idle.add(server.name, server.rss_bytes() / mib)
        for tls, bound in ((False, 64), (True, 200)):
            row = self.row(f"10,000 idle connections, {'TLS' if tls else 'plain'}: RSS", "MiB", "less",
                           asked=[("value", bound)])
            for server in (self.nginx, self.holdfast):
                server.stop()
                server.start()
                row.add(server.name, idle_connections(server, 10_000, tls) / mib)
        slow_down = self.row("200 slow downloads: RSS", "MiB", "less", asked=[("value", 64)])
        slow_up = self.row("200 slow uploads: RSS", "MiB", "less", asked=[("value", 64)])
        self.nginx.put("/big", b"\0" * 8 * mib)
        self.holdfast.stop()
        self.holdfast.start()
        data = os.urandom(8 * mib)
        load.Session(self.holdfast, REPOSITORY).put(data, load.digest_of(data))
        slow_down.add("holdfast", slow_downloads(self.holdfast, f"/v2/{REPOSITORY}/blobs/{load.digest_of(data)}") / mib)
        slow_down.add("nginx", slow_downloads(self.nginx, "/big") / mib)
        self.holdfast.stop()
        self.holdfast.start()
        slow_up.add("holdfast", slow_uploads(self.holdfast) / mib)

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


def idle_connections(server: Server, count: int, tls: bool) -> int:
    """RSS with that many connections that had one answer each and say nothing more."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    held = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.tls_port if tls else server.port))
            if tls:
                connection = context.wrap_socket(connection)
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            held.append(connection)
        for connection in held:
            assert connection.recv(4096).startswith(b"HTTP/1.1")
        time.sleep(1)
        return server.rss_bytes()
    finally:
        for connection in held:
            connection.close()


def _head(server: Server, method: str, path: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in server.headers.items()), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def slow_downloads(server: Server, path: str, count: int = 200, seconds: int = 5) -> int:
    """Peak RSS while clients read 16 KiB ten times a second."""
    held = []
    peak = 0
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        connection.sendall(_head(server, "GET", path))
        held.append(connection)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for connection in held:
            connection.recv(16384)
        peak = max(peak, server.rss_bytes())
        time.sleep(0.1)
    for connection in held:
        connection.close()
    return peak


def slow_uploads(server: Server, count: int = 200, seconds: int = 5) -> int:
    """Peak RSS while clients send 16 KiB ten times a second."""
    session = load.Session(server, REPOSITORY)
    held = []
    peak = 0
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(_head(server, "PATCH", session.begin(), "Content-Length: 8388608",
                                 "Content-Type: application/octet-stream"))
        held.append(connection)
    until = time.monotonic() + seconds
    part = os.urandom(16384)
    while time.monotonic() < until:
        for connection in held:
            connection.sendall(part)
        peak = max(peak, server.rss_bytes())
        time.sleep(0.1)
    for connection in held:
        connection.close()
    return peak
