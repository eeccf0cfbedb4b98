"""What the server is doing when the ground breaks: a push, a second one, a delete."""

import os
from pathlib import Path

from harness import content
from harness.holdfast import Holdfast
from harness.http_client import ConnectionClosed, Response
from harness.registry_client import RegistryClient

from .journal import Control
from .ledger import GONE, Ledger, acked

DROPPED = (ConnectionClosed, ConnectionError, OSError)


class Refused(Exception):
    """The server answered with an error; the ledger keeps what was asked as undecided."""

    def __init__(self, response: Response):
        super().__init__(str(response))
        self.response = response


class Watched(Holdfast):
    """A server whose file calls the shim sees. Its folder holds the journal and the control."""

    def __init__(self, folder: Path, shim: Path):
        super().__init__(folder, {"create_repository_on_push": True})
        self.journal = folder / "journal"
        self.control = Control(folder / "control")
        self.extra_environment |= {
            "LD_PRELOAD": str(shim),
            "FAULT_ROOT": str(self.data),
            "FAULT_JOURNAL": str(self.journal),
            "FAULT_CONTROL": str(folder / "control"),
        }

    def cli(self, *arguments, **more):
        watched, self.extra_environment = self.extra_environment, {
            name: value for name, value in self.extra_environment.items()
            if name == "HOLDFAST_DATABASE_URL"
        }  # fmt: skip
        try:
            return super().cli(*arguments, **more)
        finally:
            self.extra_environment = watched


def _expect(response: Response, status: int):
    if response.status != status:
        assert response.status >= 500 or response.status in (429,), f"no honest refusal: {response}"
        assert response.json()["errors"][0]["message"], str(response)
        raise Refused(response)


def push_blob(client: RegistryClient, ledger: Ledger, data: bytes, pieces: int = 0):
    """In one PUT, or in several PATCHes."""
    digest = content.digest_of(data)
    ledger.bodies[digest] = data
    entry = ledger.asked("blob", digest, digest)
    begun = client.request("POST", f"/v2/{ledger.repository}/blobs/uploads/")
    _expect(begun, 202)
    location = client.target(begun)
    ledger.sessions.append((location, data))
    rest = data
    for piece in range(pieces):
        size = len(data) // (pieces + 1)
        patched = client.request("PATCH", location, body=rest[:size],
                                 headers=[("Content-Type", "application/octet-stream")])  # fmt: skip
        _expect(patched, 202)
        location, rest = client.target(patched), rest[size:]
    done = client.request("PUT", f"{location}?digest={digest}", body=rest,
                          headers=[("Content-Type", "application/octet-stream")])  # fmt: skip
    _expect(done, 201)
    acked(entry)
    ledger.sessions.pop()


def push_image(client: RegistryClient, ledger: Ledger, tag: str, large: bool = True) -> content.Manifest:
    """Layers small, large (past the page cache) and in pieces; the manifest under a tag."""
    layers = [os.urandom(3000)]
    if large:
        layers += [os.urandom(512 * 1024), os.urandom(700_001)]
    image = content.image(layers=layers) if large else content.image(layers=layers)
    for number, data in enumerate(image.blobs):
        push_blob(client, ledger, data, pieces=2 if number == 2 else 0)
    ledger.bodies[image.digest] = image.body
    entries = [ledger.asked("manifest", image.digest, image.digest), ledger.asked("tag", tag, image.digest)]
    _expect(client.put_manifest(ledger.repository, tag, image.body, image.media_type), 201)
    acked(*entries)
    return image


def delete_image(client: RegistryClient, ledger: Ledger, image: content.Manifest, *tags: str):
    entries = [ledger.asked("manifest", image.digest, GONE), *(ledger.asked("tag", t, GONE) for t in tags)]
    _expect(client.delete_manifest(ledger.repository, image.digest), 202)
    acked(*entries)
    digest = content.digest_of(image.blobs[1])
    entry = ledger.asked("blob", digest, GONE)
    _expect(client.request("DELETE", f"/v2/{ledger.repository}/blobs/{digest}"), 202)
    acked(entry)


def work(client: RegistryClient, ledger: Ledger):
    """A push, the tag moved by another, a delete of the first, a third image."""
    first = push_image(client, ledger, "v1")
    push_image(client, ledger, "v1", large=False)
    delete_image(client, ledger, first)
    push_image(client, ledger, "v2", large=False)
