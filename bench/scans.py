"""Scans: from a push to its findings beside inflating the layers alone, the import of advisories beside unpacking and
parsing them in Python, comparing stored images anew, and what memory the worker takes at most."""

import base64
import contextlib
import gzip
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
import zipfile
import zlib
from pathlib import Path

import advisories
import load
from rows import MANIFEST_TYPE, Row
from servers import ROOT, Holdfast, need

HOME = "admin/scanned"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MIB = 2**20
STORED = 1_000
# What a process is forked from counts as its own: it is a small one.
PEAK = """
import resource, subprocess, sys
with open(sys.argv[1], "rb") as layer:
    ended = subprocess.run([sys.argv[2], "layer"], stdin=layer, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
assert ended.returncode in (0, 10), ended.returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
OS_RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def tar(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return raw.getvalue()


def packed(files: dict[str, bytes]) -> tuple[bytes, str]:
    """(gzip bytes, diff_id)"""
    raw = tar(files)
    return gzip.compress(raw, 6), load.digest_of(raw)


def status(dice: random.Random, packages: int) -> bytes:
    lines = [f"Package: package-{dice.randrange(20_000)}\nStatus: install ok installed\nArchitecture: amd64\n"
             f"Version: {dice.randrange(9)}.{dice.randrange(20)}.{dice.randrange(20)}\n" for _ in range(packages)]
    return "\n".join(lines).encode() + b"\n"


class Watch(threading.Thread):
    """The most memory that the server and, each for itself, the workers that it starts had."""

    def __init__(self, server: Holdfast):
        super().__init__(daemon=True)
        self.server, self.done, self.worker = server, threading.Event(), 0
        self.total = 0

    def __enter__(self):
        self.server.forget_peak()
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
        self.total = self.server.peak_bytes() + self.worker

    def run(self):
        own = self.server.process.pid
        while not self.done.wait(0.005):
            for children in Path(f"/proc/{own}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    for child in children.read_text().split():
                        for line in Path(f"/proc/{child}/status").read_text().splitlines():
                            if line.startswith("VmHWM:"):
                                self.worker = max(self.worker, int(line.split()[1]) * 1024)


class Scans:
    GROUPS = ("scans",)

    def __init__(self, folder: Path, rounds: int, seconds: float, only: str = ""):
        self.folder, self.rounds, self.only = folder, rounds, only
        self.rows: list[Row] = []
        self.holdfast = Holdfast(folder / "holdfast")
        self.tags = 0

    def start(self):
        self.holdfast.start()
        self.holdfast.log_in(HOME)
        self._api("POST", "/repositories/admin", {"name": HOME.split("/")[1], "scanOnPush": True})
        self.session = load.Session(self.holdfast, HOME)
        path = self.folder / "first.tar"
        advisories.write(path, 5_000)
        self._import(path.read_bytes())

    def stop(self):
        self.holdfast.stop()

    def measure(self, _group: str):
        for name in ("push", "match_again", "import_all", "import_many", "worker_memory"):
            if self.only.lower() in name:
                getattr(self, name)()

    # --- what the server is asked
    def _api(self, method: str, path: str, body=None):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.holdfast.url(f"/api/v0{path}"), data=data, method=method)
        login = f"admin:{self.holdfast.password}"
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        request.add_header("Content-Type", "application/zip" if isinstance(body, bytes) else "application/json")
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read() or b"null")

    def _jobs(self, action: str) -> list[dict]:
        return self._api("GET", f"/jobs?action={action}&limit=1000")["jobs"]

    def _finished(self, job: str):
        while (found := self._api("GET", f"/jobs/{job}"))["status"] in ("waiting", "running"):
            time.sleep(0.02)
        assert found["status"] == "done", self._api("GET", f"/jobs/{job}/logs")

    def _import(self, upload: bytes, source: str = "all") -> float:
        began = time.monotonic()
        self._finished(self._api("PUT", f"/imagescan/scan/update?source={source}", upload)["job"])
        return time.monotonic() - began

    def _idle(self):
        while any(job["status"] in ("waiting", "running") for action in ("scan_check_all", "scan_check") for job in self._jobs(action)):
            time.sleep(0.05)

    def _upload(self, layers: list[tuple[bytes, str]]) -> bytes:
        """The blobs of an image; its manifest, which ends the push."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "created": str(time.time_ns()),
                             "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]}}).encode()
        for data in (config, *(data for data, _ in layers)):
            digest = load.digest_of(data)
            if not self._has(digest):
                self.session.put(data, digest)

        def descriptor(kind: str, data: bytes) -> dict:
            return {"mediaType": kind, "size": len(data), "digest": load.digest_of(data)}

        body = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor(CONFIG_TYPE, config),
                "layers": [descriptor(LAYER_TYPE, data) for data, _ in layers]}
        return json.dumps(body).encode()

    def _push(self, manifest: bytes) -> str:
        self.tags += 1
        self.session.manifest(manifest, MANIFEST_TYPE, f"v{self.tags}")
        return f"v{self.tags}"

    def _has(self, digest: str) -> bool:
        self.session.connection.request("HEAD", f"/v2/{HOME}/blobs/{digest}", headers=self.holdfast.headers)
        answer = self.session.connection.getresponse()
        answer.read()
        return answer.status == 200

    def _found(self, tag: str) -> dict:
        while True:
            [summary] = self._api("GET", f"/imagescan/repositories/{HOME}/{tag}?detailed=false")
            assert summary["last_scan_status"] != 0, summary
            if summary["last_scan_status"] == 6:
                return summary
            time.sleep(0.01)

    # --- the rows
    def _image(self, dice: random.Random) -> list[tuple[bytes, str]]:
        """50 MB of this machine's own libraries in three layers, with 300 packages of Debian and 300 of npm."""
        files = sorted(path for path in Path("/usr/lib/x86_64-linux-gnu").glob("*.so*") if path.is_file() and not path.is_symlink())
        dice.shuffle(files)
        layers = []
        for part, goal in enumerate((30, 14, 6)):
            inside: dict[str, bytes] = {"etc/unique": dice.randbytes(16)}
            size = 0
            for file in files[part::3]:
                data = file.read_bytes()
                weighs = len(zlib.compress(data, 6))
                if size + weighs <= goal * 10**6:
                    size += weighs
                    inside[f"usr/lib/{part}/{file.name}"] = data
            if part == 0:
                inside |= {"etc/os-release": OS_RELEASE, "var/lib/dpkg/status": status(dice, 300)}
            if part == 2:
                for _ in range(300):
                    name, version = f"package-{dice.randrange(20_000)}", f"{dice.randrange(9)}.{dice.randrange(20)}.0"
                    inside[f"srv/node_modules/{name}/package.json"] = json.dumps({"name": name, "version": version}).encode()
            layers.append(packed(inside))
        size = sum(len(data) for data, _ in layers)
        assert 45e6 < size < 52e6, f"the libraries of this machine make an image of {size} bytes"
        return layers

    def push(self):
        whole = Row("push to findings, 50 MB in three layers", "s", "less", asked=[("value", 1.5)])
        top = Row("push to findings on a known base", "s", "less", asked=[("value", 0.3)])
        bill = Row("packages of a pushed image", "s", "less", asked=[("trivy", 1)]) if shutil.which("trivy") else None
        for turn in range(self.rounds):
            layers = self._image(random.Random(turn))
            began = time.monotonic()
            for data, _ in layers:
                subprocess.run([need("gzip", "gzip"), "-dc"], input=data, stdout=subprocess.DEVNULL, check=True)
            whole.add("gzip -d", time.monotonic() - began)
            manifest = self._upload(layers)
            began = time.monotonic()
            summary = self._found(self._push(manifest))
            whole.add("holdfast", time.monotonic() - began)
            assert summary["unknown"] + summary["critical"] + summary["major"] + summary["minor"] > 0, summary
            if bill:
                bill.add("holdfast", whole.values["holdfast"][-1])
                bill.add("trivy", self._trivy(layers))
            application = packed({"srv/app/package.json": json.dumps({"name": "own", "version": f"1.0.{turn}"}).encode()})
            manifest = self._upload([*layers, application])
            began = time.monotonic()
            self._found(self._push(manifest))
            top.add("holdfast", time.monotonic() - began)
        self.rows += [whole, top, *([bill] if bill else [])]

    def _trivy(self, layers: list[tuple[bytes, str]]) -> float:
        """Its list of packages of the same layers, unpacked for it beforehand: it has no advisories without a network."""
        root = self.folder / "root"
        for data, _ in layers:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(root, filter="data")
        began = time.monotonic()
        subprocess.run(["trivy", "rootfs", "--quiet", "--offline-scan", "--format", "cyclonedx", "--output", os.devnull, root], check=True)
        taken = time.monotonic() - began
        shutil.rmtree(root)
        return taken

    def _imported(self, name: str, path: Path, seconds: float, mib: float, rounds: int):
        """Each on a server that has just started: what others filled its caches with is no memory of an import."""
        time_row = Row(f"import of {name}", "s", "less", asked=[("value", seconds)])
        memory = Row(f"import of {name}: peak RSS of server and worker", "MiB", "less", asked=[("value", mib)])
        upload = path.read_bytes()
        for _ in range(rounds):
            command = [sys.executable, "-c", "import sys, pathlib, advisories; print(advisories.parse(pathlib.Path(sys.argv[1])))", path]
            began = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parent)
            time_row.add("Python", time.monotonic() - began)
            self.holdfast.stop()
            self.holdfast.start()
            with Watch(self.holdfast) as watch:
                time_row.add("holdfast", self._import(upload))
            memory.add("holdfast", watch.total / MIB)
            self._idle()
        self.rows += [time_row, memory]

    def import_all(self):
        path = self.folder / "all.tar"
        kind = advisories.largest(path)
        self._imported(f"43,000 records {kind}", path, 5, 256, self.rounds)

    def import_many(self):
        path = self.folder / "many.tar"
        advisories.write(path, 250_000)
        self._imported("250,000 records", path, 30, 512, 1)

    def match_again(self):
        """From the end of an update to the end of the comparison."""
        row = Row("1,000 stored images compared anew", "s", "less", asked=[("value", 10)])
        dice = random.Random(1)
        base = packed({"etc/os-release": OS_RELEASE, "var/lib/dpkg/status": status(dice, 300)})
        for number in range(STORED):
            files = {f"srv/node_modules/{name}/package.json": json.dumps({"name": name, "version": f"1.{number}.0"}).encode()
                     for name in (f"package-{dice.randrange(20_000)}" for _ in range(10))}
            self._push(self._upload([base, packed(files)]))
        for number in range(1, STORED + 1):
            self._found(f"v{self.tags - STORED + number}")
        self._idle()
        for turn in range(self.rounds):
            path = self.folder / "few.tar"
            advisories.write(path, 1_000 + turn)
            known = {job["id"] for job in self._jobs("scan_check_all")}
            self._import(path.read_bytes(), "few")
            began = time.monotonic()
            while not (made := [job for job in self._jobs("scan_check_all") if job["id"] not in known]):
                time.sleep(0.005)
            self._finished(made[0]["id"])
            log = json.dumps(self._api("GET", f"/jobs/{made[0]['id']}/logs"))
            assert max(int(number) for number in re.findall(r"(\d+) images", log)) >= STORED, log
            row.add("holdfast", time.monotonic() - began)
        self.rows.append(row)

    def worker_memory(self):
        """Of the worst that tests and strangers come with."""
        row = Row("peak RSS of the worker over the worst layers", "MiB", "less", asked=[("value", 256)])
        worker, path = self.holdfast.program.with_name("holdfast-scan"), self.folder / "layer"
        for name, layer in worst():
            path.write_bytes(layer)
            peak = int(subprocess.run([sys.executable, "-c", PEAK, path, worker], stdout=subprocess.PIPE, check=True).stdout) / 1024
            row.add("holdfast", peak)
            print(f"  {name}: {peak:.0f} MiB", file=sys.stderr)
        row.values["holdfast"] = [max(row.values["holdfast"])]
        self.rows.append(row)


def jar(inside: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        for name, data in inside.items():
            archive.writestr(name, data)
    return raw.getvalue()


def worst():
    """(what is bad about it, a layer), one after the other."""
    noise = random.Random(7).randbytes(MIB)
    nested = jar({"a.txt": noise})
    for _ in range(4):
        nested = jar({"lib/a.jar": nested, "lib/b.jar": nested}, zipfile.ZIP_STORED)
    entry = "Package: {0}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {0}.1\n"
    poms = {f"META-INF/maven/g/{number}/pom.properties": f"version=1\ngroupId=g\nartifactId={number}\n".encode() for number in range(60_000)}
    databases = ("lib/apk/db/installed", "usr/lib/apk/db/installed", "var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite")
    layers = {
        "a database at its limit": lambda: {"etc/os-release": OS_RELEASE, "var/lib/dpkg/status":
                                            "\n".join(map(entry.format, range(550_000))).encode()[: 47 * MIB]},
        "several databases at their limit": lambda: {path: b"P:x\nV:1-r0\nF:" + b"a" * 40 * MIB for path in databases},
        "deep JSON": lambda: {f"srv/node_modules/{number}/package.json": b'{"a":' * 200_000 for number in range(20)},
        "wide JSON": lambda: {"srv/node_modules/a/package.json": b'{"name":"a","version":"1","b":[' + b"{}," * 300_000 + b"1]}"},
        "large programs": lambda: {f"usr/bin/{number}": b"\x7fELF" + noise * 130 for number in range(2)},
        "jars in jars": lambda: {"srv/a.jar": nested},
        "a jar of many": lambda: {"srv/a.jar": jar(poms)},
        "many names": lambda: {f"{'d' * 90}/{number}": b"" for number in range(200_000)},
        "an SBOM": lambda: {"a.spdx.json": b'{"spdxVersion":"SPDX-2.3","packages":[' + b'{"name":"a","versionInfo":"1"},' * 500_000 + b"{}]}"},
    }
    for name, files in layers.items():
        yield name, tar(files())
    command = [need("zstd", "zstd"), "--ultra", "-22", "--long=31", "-q", "-c"]
    yield "a window of 2 GiB", subprocess.run(command, input=bytes(64 * MIB), stdout=subprocess.PIPE, check=True).stdout
