"""Blobs and manifests made on the spot: layers, configs, images of every type."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass, field

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"

EMPTY_JSON = b"{}"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def random_blob(size: int) -> bytes:
    return os.urandom(size)


def layer(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """A layer: (gzip bytes, tar bytes)."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(data))
    tar = raw.getvalue()
    return gzip.compress(tar, compresslevel=1, mtime=0), tar


def descriptor(media_type: str, data: bytes, algorithm: str = "sha256", **extra) -> dict:
    return {
        "mediaType": media_type,
        "digest": digest_of(data, algorithm),
        "size": len(data),
        **extra,
    }


def encode(document) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


@dataclass
class Manifest:
    """Bytes to push, their type, and the blobs they need."""

    media_type: str
    body: bytes
    blobs: list[bytes] = field(default_factory=list)
    algorithm: str = "sha256"

    @property
    def digest(self) -> str:
        return digest_of(self.body, self.algorithm)

    @property
    def size(self) -> int:
        return len(self.body)

    @property
    def document(self) -> dict:
        return json.loads(self.body)

    def descriptor(self, **extra) -> dict:
        return descriptor(self.media_type, self.body, self.algorithm, **extra)


def image(
    kind: str = "oci",
    *,
    layers: list[bytes] | None = None,
    subject: dict | None = None,
    annotations: dict | None = None,
    architecture: str = "amd64",
    algorithm: str = "sha256",
    padding: int = 0,
    unique: str | None = None,
) -> Manifest:
    """A whole image: kind "oci" or "docker". Layers are made when none are given."""
    tars = []
    if layers is None:
        packed, tar = layer({"etc/unique": (unique or os.urandom(16).hex()).encode()})
        layers, tars = [packed], [tar]
    else:
        tars = layers
    config = encode(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
            "history": [{"created_by": f"layer {number}"} for number in range(len(layers))],
        }
    )
    if kind == "docker":
        media_type, config_type, layer_type = DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER
    else:
        media_type, config_type, layer_type = OCI_MANIFEST, OCI_CONFIG, OCI_LAYER
    document: dict = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config_type, config, algorithm),
        "layers": [descriptor(layer_type, data, algorithm) for data in layers],
    }
    if subject is not None:
        document["subject"] = subject
    if annotations is not None:
        document["annotations"] = annotations
    if padding:
        document.setdefault("annotations", {})["padding"] = "x" * padding
    return Manifest(media_type, encode(document), [config, *layers], algorithm)


def index(
    children: list[Manifest] | None = None,
    kind: str = "oci",
    *,
    subject: dict | None = None,
    annotations: dict | None = None,
    artifact_type: str | None = None,
    algorithm: str = "sha256",
) -> Manifest:
    """An OCI index or a Docker manifest list over `children` (which are pushed first)."""
    media_type = DOCKER_LIST if kind == "docker" else OCI_INDEX
    architectures = ["amd64", "arm64", "ppc64le", "s390x"]
    document: dict = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            child.descriptor(
                platform={"os": "linux", "architecture": architectures[number % len(architectures)]}
            )
            for number, child in enumerate(children or [])
        ],
    }
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    if subject is not None:
        document["subject"] = subject
    if annotations is not None:
        document["annotations"] = annotations
    return Manifest(media_type, encode(document), [], algorithm)


def artifact(
    *,
    subject: dict | None = None,
    artifact_type: str | None = "application/vnd.example.thing.v1",
    config_type: str = OCI_EMPTY,
    config: bytes = EMPTY_JSON,
    annotations: dict | None = None,
    data: bytes | None = None,
) -> Manifest:
    """An OCI artifact: an image manifest with an artifactType and an empty config."""
    data = data if data is not None else os.urandom(32)
    document: dict = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config_type, config),
        "layers": [descriptor("application/octet-stream", data)],
    }
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    if subject is not None:
        document["subject"] = subject
    if annotations is not None:
        document["annotations"] = annotations
    return Manifest(OCI_MANIFEST, encode(document), [config, data])


def stored(client, repository: str, reference: str):
    """The manifest that a registry has, with every blob that it names read and compared."""
    accept = [("Accept", kind) for kind in (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX)]
    response = client.manifest(repository, reference, headers=accept)
    assert response.status == 200, str(response)
    assert response.header("Docker-Content-Digest") == digest_of(response.body)
    document = response.json()
    for entry in [document.get("config"), *(document.get("layers") or [])]:
        if entry is None:
            continue
        data = client.blob(repository, entry["digest"]).body
        assert digest_of(data) == entry["digest"]
        assert len(data) == entry["size"], "the size in the manifest is the size of the blob"
    return response
