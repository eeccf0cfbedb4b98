"""The description of the REST APIs (openapi/), held against every answer that a test gets.

`check` is called for each answer of a RegistryClient: one to a described operation that is not as described fails
the test that got it. What was seen is gathered over a run; tests/conformance/conftest.py asks at the end of a whole
one whether every status that an operation lists was.
"""

import functools
import json
import pathlib
import re
import subprocess

import jsonschema

from .http_client import Response

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("get", "put", "post", "delete", "patch")
# Refusals that every operation shares: tools/openapi adds them, and they need not be seen for each.
SHARED = {"400", "401", "403", "405", "413", "429", "503"}
# What the server says of a request before any operation has it.
NOT_OF_AN_OPERATION = {408, 411, 414, 417, 431}
LARGE_BYTES = 1 << 20  # more than this is not held against its schema: it would take seconds

seen: set[tuple[str, str, str]] = set()  # (method, path as described, status)


@functools.cache
def document() -> dict:
    made = subprocess.run([ROOT / "tools/openapi"], check=True, capture_output=True)
    return json.loads(made.stdout)


@functools.cache
def operations() -> dict[tuple[str, str], dict]:
    """By method and path; the parameters of the path are among the operation's."""
    return {(method, path): {**operation, "parameters": entry.get("parameters", []) + operation.get("parameters", [])}
            for path, entry in document()["paths"].items()
            for method, operation in entry.items() if method in METHODS}


def resolved(part: dict) -> dict:
    """What a reference leads to; anything else as it is."""
    while "$ref" in part:
        found = document()
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


@functools.cache
def _validator(method: str, path: str, status: str, kind: str):
    content = resolved(operations()[method, path]["responses"][status])["content"][kind]
    # The whole document is the root, so that references inside are found.
    return jsonschema.Draft202012Validator({**content["schema"], "components": document()["components"]})


def broken(method: str, path: str, response: Response) -> str:
    """What an answer breaks of what is written; empty: nothing."""
    status = str(response.status)
    written = operations()[method, path]["responses"].get(status)
    if written is None:
        return f"the status {status} is not documented"
    if not response.body:
        return ""
    kind = (response.header("Content-Type") or "").partition(";")[0]
    if kind not in resolved(written).get("content", {}):
        return f"the type {kind!r} is not documented"
    if kind != "application/json" or len(response.body) > LARGE_BYTES:
        return ""
    found = _validator(method, path, status, kind).iter_errors(response.json())
    return "; ".join(f"{list(error.path)}: {error.message}" for error in found)


@functools.cache
def _templates() -> list[tuple[re.Pattern, str]]:
    """Those with the fewest names first: /repositories/scan/toggle is not a repository."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path.rstrip("/"))) + "/?"), path) for path in paths]


def described(method: str, target: str) -> tuple[str, str] | None:
    """The operation that a request means: (method, path). A HEAD is told of by its GET."""
    method = method.lower().replace("head", "get")
    bare = target.partition("?")[0]
    for pattern, path in _templates():
        if pattern.fullmatch(bare):
            return (method, path) if (method, path) in operations() else None
    return None


def check(method: str, target: str, response: Response) -> None:
    """Fails when the answer to a described operation is not as described."""
    operation = None if target.startswith("/v2/") else described(method, target)
    if operation is None or response.status in NOT_OF_AN_OPERATION:
        return
    found = broken(*operation, response)
    assert not found, f"not as openapi/ describes {operation}: {found}\n{response}"
    seen.add((*operation, str(response.status)))


def unseen(tag: str | None = None) -> list[tuple[str, str, str]]:
    """The statuses that the operations with this tag list, or all of them, and that no answer had so far."""
    listed = {(method, path, status) for (method, path), operation in operations().items()
              if tag in (None, *operation["tags"])
              for status in operation["responses"] if status not in SHARED}
    assert listed, f"no operation has the tag {tag}"
    return sorted(listed - seen)
