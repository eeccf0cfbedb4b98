"""The REST APIs, as scripts speak them: Basic on every request, JSON both ways."""

import itertools
import json
import os

from .http_client import Response
from .registry_client import RegistryClient, basic

_numbers = itertools.count(1)


def new_name(kind: str) -> str:
    """A name for an account or a repository that no other test of the run uses."""
    return f"{kind}{os.getpid()}-{next(_numbers)}"


class Rest:
    """Speaks below `prefix` as the user of a registry client (or as nobody)."""

    def __init__(self, client: RegistryClient, prefix: str = "/enzi/v0"):
        self.client = client
        self.prefix = prefix

    def call(self, method: str, path: str, body=None, *, headers=()) -> Response:
        """`body`: what becomes JSON, or bytes as they are."""
        sent = list(headers)
        if self.client.user is not None and not any(name.lower() == "authorization" for name, _ in sent):
            sent.append(("Authorization", basic(self.client.user, self.client.password)))
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.append(("Content-Type", "application/json"))
        return self.client.raw(method, self.prefix + path, headers=sent, body=body)

    def expect(self, status: int, method: str, path: str, body=None):
        """The JSON of an answer with this status; None without a body."""
        response = self.call(method, path, body)
        assert response.status == status, str(response)
        return response.json() if response.body else None

    def refused(self, status: int, code: str, method: str, path: str, body=None) -> str:
        """The message of a refusal with this status and code."""
        response = self.call(method, path, body)
        assert response.status == status, str(response)
        assert response.error_codes() == [code], str(response)
        return response.json()["errors"][0]["message"]

    def get(self, path: str):
        return self.expect(200, "GET", path)
