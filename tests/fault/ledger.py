"""What a client was promised, and the check of a server against it."""

import itertools
import time
from dataclasses import dataclass, field

from harness import content
from harness.holdfast import Holdfast
from harness.registry_client import RegistryClient

GONE = None
_numbers = itertools.count(1)


@dataclass
class Entry:
    value: object
    began_ns: int
    acked_ns: int | None = None


@dataclass
class Ledger:
    """For each key ("blob", digest), ("manifest", digest), ("tag", name): what was asked, when, and
    when the server said that it is done. Times are CLOCK_MONOTONIC, as the journal's."""

    # Of its own, so that what an earlier one left is not in its way.
    repository: str = field(default_factory=lambda: f"admin/fault{next(_numbers)}")
    entries: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    sessions: list[tuple[str, bytes]] = field(default_factory=list)  # (location, whole blob)
    ca: bytes = b""
    started_ns: int = 0

    def asked(self, kind: str, name: str, value) -> Entry:
        entry = Entry(value, time.monotonic_ns())
        self.entries.setdefault((kind, name), []).append(entry)
        return entry

    def allowed(self, key, when_ns: int | None) -> set:
        """What the key may be when the lights went out at `when_ns`: what was last promised, and
        whatever was asked for since."""
        result = {GONE}
        for entry in self.entries[key]:
            if when_ns is not None and entry.began_ns > when_ns:
                break
            if entry.acked_ns is not None and (when_ns is None or entry.acked_ns <= when_ns):
                result = {entry.value}
            else:
                result.add(entry.value)
        return result


def acked(*entries: Entry):
    for entry in entries:
        entry.acked_ns = time.monotonic_ns()


def check(server: Holdfast, ledger: Ledger, when_ns: int | None = None):
    """Everything promised is there and whole, nothing is half there, and the server works on.

    Raises AssertionError with what is wrong. `when_ns`: of the power cut; None: nothing is pending.
    """
    if ledger.ca and (when_ns is None or ledger.started_ns <= when_ns):
        assert server.ca.read_bytes() == ledger.ca, "the CA that clients trust is another one"
    client = server.admin_client()
    for (kind, name), _ in ledger.entries.items():
        allowed = ledger.allowed((kind, name), when_ns)
        if kind == "blob":
            got = _body(client.blob(ledger.repository, name), ledger, name)
        elif kind == "manifest":
            got = _body(client.manifest(ledger.repository, name), ledger, name)
        else:
            response = client.manifest(ledger.repository, name)
            got = GONE if response.status == 404 else response.header("Docker-Content-Digest")
            if got is not GONE:
                _body(response, ledger, got)
        assert got in allowed, f"{kind} {name} is {got}, expected one of {allowed}"
    _check_tags(client, ledger)
    for location, data in ledger.sessions:
        _check_session(client, ledger.repository, location, data)
    _check_it_works_on(client, ledger.repository)


def _body(response, ledger: Ledger, digest: str):
    if response.status == 404:
        return GONE
    assert response.status == 200, str(response)
    assert content.digest_of(response.body) == digest, f"{digest} has other bytes"
    assert response.body == ledger.bodies[digest]
    return digest


def _check_tags(client: RegistryClient, ledger: Ledger):
    listed = client.tags(ledger.repository)
    assert listed.status in (200, 404), str(listed)
    for tag in listed.json().get("tags") or [] if listed.status == 200 else []:
        manifest = client.manifest(ledger.repository, tag)
        assert manifest.status == 200, f"tag {tag}: {manifest}"
        document = manifest.json()
        for descriptor in [document["config"], *document["layers"]]:
            blob = client.blob(ledger.repository, descriptor["digest"])
            assert blob.status == 200, f"tag {tag} lacks its blob: {blob}"
            assert content.digest_of(blob.body) == descriptor["digest"], f"a blob of {tag} is spoiled"


def _check_session(client: RegistryClient, repository: str, location: str, data: bytes):
    """An upload that was on its way is gone, or goes on, or is refused for what it lost."""
    status = client.request("GET", location)
    if status.status == 404:
        return
    assert status.status == 204, str(status)
    last = int(status.header("Range").removeprefix("0-"))
    have = 0 if last == 0 else last + 1
    assert have <= len(data), str(status)
    digest = content.digest_of(data)
    done = client.request("PUT", f"{location}?digest={digest}", body=data[have:],
                          headers=[("Content-Type", "application/octet-stream")])  # fmt: skip
    assert done.status in (201, 400), str(done)
    if done.status == 201:
        assert client.blob(repository, digest).body == data
    else:
        assert done.json()["errors"][0]["code"] == "DIGEST_INVALID", str(done)
        assert client.request("DELETE", location).status == 204


def _check_it_works_on(client: RegistryClient, repository: str):
    image = content.image()
    client.push(repository, image, "afterwards")
    assert client.manifest(repository, "afterwards").body == image.body
    assert client.delete_manifest(repository, image.digest).status == 202
