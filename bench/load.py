"""The clients: wrk for many small requests, curl and threads for uploads, our own for HEAD and downloads."""

import concurrent.futures
import hashlib
import http.client
import json
import mmap
import os
import re
import subprocess
import threading
import time
from pathlib import Path

from servers import PATH, ROOT, Server, need

_SCRIPT = """
{delay}
done = function(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('JSON{"requests":%d,"seconds":%f,"median_ms":%f,"p99_ms":%f,"bad":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, bad))
end
"""


def small(server: Server, path: str, connections: int, seconds: float, *, tls=False,
          per_second: int | None = None) -> dict:
    """The same request again and again; CPU is the server's, per request."""
    script = server.folder / "wrk.lua"
    # With a rate: each connection pauses, so that together they offer it.
    pause = f"delay = function() return {1000 * connections / per_second:.0f} end" if per_second else ""
    script.write_text(_SCRIPT.replace("{delay}", pause))
    headers = [part for name, value in server.headers.items() for part in ("-H", f"{name}: {value}")]
    before = server.cpu_seconds()
    done = subprocess.run(
        [need("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script),
         *headers, server.url(path, tls)],
        capture_output=True, text=True, env={"PATH": PATH}, timeout=seconds + 30,
    )
    found = re.search(r"JSON(\{.*\})", done.stdout)
    assert found, done.stdout + done.stderr
    result = json.loads(found.group(1))
    assert result["bad"] == 0, f"{server.name} {path}: {done.stdout}"
    result["per_second"] = result["requests"] / result["seconds"]
    result["cpu_us"] = (server.cpu_seconds() - before) / max(1, result["requests"]) * 1e6
    return result


def curl(server: Server, *arguments) -> list[str]:
    headers = [part for name, value in server.headers.items() for part in ("-H", f"{name}: {value}")]
    return [need("curl", "curl"), "-sS", "-k", "--fail", *headers, *map(str, arguments)]


def _own(client: str, server: Server, request: tuple[str, str], *arguments, timeout: float) -> dict:
    """Runs a client of our own that repeats or measures one request."""
    lines = ["{} {} HTTP/1.1".format(*request), "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in server.headers.items())]
    done = subprocess.run(
        [ROOT / "build/bench" / client, *map(str, arguments)],
        input="\r\n".join(lines) + "\r\n\r\n", capture_output=True, text=True, timeout=timeout,
    )
    assert done.returncode == 0, f"{server.name} {' '.join(request)}: {done.stderr}"
    return json.loads(done.stdout)


def heads(server: Server, path: str, connections: int, seconds: float) -> dict:
    """HEAD requests again and again."""
    before = server.cpu_seconds()
    result = _own("heads", server, ("HEAD", path), server.port, connections, f"{seconds:.0f}", timeout=seconds + 30)
    assert result["bad"] == 0, f"{server.name} HEAD {path}: {result}"
    result["per_second"] = result["requests"] / result["seconds"]
    result["cpu_us"] = (server.cpu_seconds() - before) / result["requests"] * 1e6
    return result


def pull(server: Server, path: str, size: int, streams: int, *, tls=False) -> dict:
    """Bytes per second over some streams at once, by a run that is long enough to be measured."""
    times = max(1, (2 if tls else 8) // streams)
    before = server.cpu_seconds()
    result = _own("fetch", server, ("GET", path), server.tls_port if tls else server.port, streams, times,
                  "tls" if tls else "plain", timeout=120)
    assert result["bytes"] == size * streams * times, f"{server.name} GET {path}: {result}"
    return {"gb_per_second": result["bytes"] / 1e9 / result["seconds"],
            "cpu_s_per_gib": (server.cpu_seconds() - before) / (result["bytes"] / 2**30)}


class Session:
    """One connection that pushes blobs."""

    def __init__(self, server: Server, repository: str):
        self.server, self.repository = server, repository
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)

    def ask(self, method: str, target: str, expect: int, body=None, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, target, body, {**self.server.headers, **names})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == expect, f"{self.server.name} {method} {target}: {answer.status} {text[:300]}"
        return answer

    @staticmethod
    def location(answer) -> str:
        return re.sub(r"^https?://[^/]+", "", answer.getheader("Location"))

    def begin(self) -> str:
        return self.location(self.ask("POST", f"/v2/{self.repository}/blobs/uploads/", 202))

    def put(self, data: bytes, digest: str):
        self.ask("PUT", with_digest(self.begin(), digest), 201, data, Content_Type="application/octet-stream")

    def manifest(self, body: bytes, media_type: str, tag: str):
        self.ask("PUT", f"/v2/{self.repository}/manifests/{tag}", 201, body, Content_Type=media_type)

    def delete(self, digest: str):
        self.ask("DELETE", f"/v2/{self.repository}/blobs/{digest}", 202)


def with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push_file(server: Server, repository: str, file: Path, digest: str, how: str, *, tls=False, keep=False) -> dict:
    """One large blob: monolithic, streamed as dockerd does, or in chunks of 8 MiB (these without TLS)."""
    session = Session(server, repository)
    size = file.stat().st_size
    location = session.begin()
    type_ = ("-H", "Content-Type: application/octet-stream", "-H", "Expect:", "-o", "/dev/null")
    os.sync()  # what another server left to be written is not this one's
    before, began = server.cpu_seconds(), time.monotonic()
    if how == "monolithic":
        run = curl(server, "-T", file, *type_, server.url(with_digest(location, digest), tls))
        subprocess.run(run, check=True, env={"PATH": PATH})
    elif how == "streamed":
        run = curl(server, "-X", "PATCH", "-T", file, "-H", "Transfer-Encoding: chunked", *type_, "-D", "-",
                   server.url(location, tls))
        done = subprocess.run(run, check=True, capture_output=True, text=True, env={"PATH": PATH})
        location = re.sub(r"^https?://[^/]+", "", re.search(r"(?im)^location: *(\S+)", done.stdout).group(1))
        session.ask("PUT", with_digest(location, digest), 201)
    else:
        with file.open("rb") as source, mmap.mmap(source.fileno(), 0, prot=mmap.PROT_READ) as whole, memoryview(whole) as view:
            for at in range(0, size, 8 * 2**20):
                with view[at : at + 8 * 2**20] as chunk:
                    answer = session.ask("PATCH", location, 202, chunk, Content_Type="application/octet-stream",
                                         Content_Range=f"{at}-{at + len(chunk) - 1}")
                location = session.location(answer)
        session.ask("PUT", with_digest(location, digest), 201)
    seconds = time.monotonic() - began
    cpu = server.cpu_seconds() - before
    if not keep:
        session.delete(digest)
    return {"gb_per_second": size / 1e9 / seconds, "cpu_s_per_gib": cpu / (size / 2**30)}


def push_many(server: Server, repository: str, blobs: list[bytes], connections: int) -> dict:
    """Many blobs over some connections."""
    digests = [digest_of(data) for data in blobs]
    order = iter(range(len(blobs)))
    lock = threading.Lock()

    def work():
        session = Session(server, repository)
        while True:
            with lock:
                index = next(order, None)
            if index is None:
                return
            session.put(blobs[index], digests[index])

    os.sync()
    before, began = server.cpu_seconds(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        for outcome in [pool.submit(work) for _ in range(connections)]:
            outcome.result()
    seconds = time.monotonic() - began
    total = sum(map(len, blobs))
    return {"per_second": len(blobs) / seconds, "gb_per_second": total / 1e9 / seconds,
            "cpu_us": (server.cpu_seconds() - before) / len(blobs) * 1e6}
