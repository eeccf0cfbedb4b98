"""A client of /v2 and of the token endpoint, thin enough that a test sees every response."""

import base64
import itertools
import re
import threading
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import openapi
from .content import Manifest, digest_of
from .http_client import Connection, ConnectionClosed, Response

# The longest name: one may itself hold "blobs" or "manifests". What is no proper path falls back to
# the first of these words.
_PROPER = re.compile(
    r"^/v2/(.+)/(?:blobs/uploads(?:/[^/?]*)?|(?:blobs|manifests|referrers)/[^/?]+|tags/list)(?:\?.*)?$"
)
_REPOSITORY = re.compile(r"^/v2/(.+?)/(?:blobs|manifests|tags|referrers)/")


_addresses = itertools.count(1)


def own_address() -> str:
    """A loopback address that no other test of the process comes from: failed logins count by address."""
    number = next(_addresses)
    return f"127.9.{number // 250}.{number % 250 + 1}"


def parse_challenge(value: str) -> tuple[str, dict[str, str]]:
    """A WWW-Authenticate value: scheme and parameters. Strict: quoted values only."""
    scheme, _, rest = value.partition(" ")
    parameters: dict[str, str] = {}
    position = 0
    pattern = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*(,|$)')
    while position < len(rest):
        match = pattern.match(rest, position)
        assert match, f"challenge {value!r} is malformed at {rest[position:]!r}"
        assert match[1] not in parameters, f"challenge {value!r} repeats {match[1]}"
        parameters[match[1]] = match[2]
        position = match.end()
    return scheme, parameters


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def quote(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def link_target(response: Response) -> str | None:
    """The path and query of a Link header with rel="next", or None."""
    value = response.header("Link")
    if value is None:
        return None
    match = re.fullmatch(r'<([^>]+)>; rel="next"', value)
    assert match, f"Link {value!r}"
    parts = urllib.parse.urlsplit(match[1])
    return parts.path + ("?" + parts.query if parts.query else "")


@dataclass
class Origin:
    """Where a server listens, and how it is trusted. ca None means plain HTTP."""

    address: tuple[str, int]
    ca: Path | None = None
    server_name: str | None = None

    @property
    def url(self) -> str:
        scheme = "https" if self.ca else "http"
        default = 443 if self.ca else 80
        name = self.server_name or self.address[0]
        return f"{scheme}://{name}" + ("" if self.address[1] == default else f":{self.address[1]}")

    @property
    def authority(self) -> str:
        return self.url.split("://", 1)[1]


class Session:
    """An upload session as the client sees it: the newest Location, and every one before."""

    def __init__(self, client: "RegistryClient", repository: str, response: Response):
        self.client = client
        self.repository = repository
        self.locations = [client.target(response)]

    @property
    def location(self) -> str:
        return self.locations[-1]

    def _note(self, response: Response) -> Response:
        if response.status == 202:
            self.locations.append(self.client.target(response))
        return response

    def patch(self, body, content_range: str | None = None, *, at: str | None = None, headers=()):
        headers = list(headers)
        if content_range is not None:
            headers.append(("Content-Range", content_range))
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/octet-stream"))
        return self._note(
            self.client.request("PATCH", at or self.location, body=body, headers=headers)
        )

    def put(self, digest: str, body: bytes | None = None, content_range: str | None = None, *, at=None):
        headers = [("Content-Type", "application/octet-stream")] if body else []
        if content_range is not None:
            headers.append(("Content-Range", content_range))
        location = at or self.location
        separator = "&" if "?" in location else "?"
        target = f"{location}{separator}digest={quote(digest)}"
        return self.client.request("PUT", target, body=body, headers=headers)

    def status(self, *, at: str | None = None) -> Response:
        return self.client.request("GET", at or self.location)

    def delete(self) -> Response:
        return self.client.request("DELETE", self.location)


class RegistryClient:
    """Speaks as one user (or anonymously). Keeps one connection a thread, tokens by repository.

    It asks for a token before the first request on a repository and never repeats a request: what
    the server says is what the test gets.
    """

    def __init__(
        self,
        origin: Origin,
        user: str | None = None,
        password: str | None = None,
        *,
        source: str | None = None,
        forwarded: Iterable[tuple[str, str]] = (),
    ):
        self.origin = origin
        self.user = user
        self.password = password
        self.source = source
        self.forwarded = list(forwarded)
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._tokens: dict[str, str] = {}
        self._challenge: dict[str, str] | None = None
        self._asked = False

    # --- plumbing
    def connect(self, timeout: float = 30) -> Connection:
        """A new connection of the caller's own."""
        return Connection(
            self.origin.address,
            ca=self.origin.ca,
            server_name=self.origin.server_name,
            source=self.source,
            timeout=timeout,
        )

    def _connection(self) -> Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connect()
            self._connections.append(connection)
        return connection

    def _drop(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._connections.remove(connection)
            self._local.connection = None

    def close(self):
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

    def raw(self, method: str, target: str, *, headers=(), body=None) -> Response:
        """A request without any authentication of our own. The answer is held against openapi/."""
        headers = [("Host", self.origin.authority), *self.forwarded, *headers]
        fresh = getattr(self._local, "connection", None) is None
        try:
            response = self._connection().request(method, target, headers=headers, body=body)
        except (ConnectionClosed, ConnectionError):
            # An idle connection may be closed at any time (RFC 9112 section 9.5): once more, on a new one.
            self._drop()
            if fresh or not (body is None or isinstance(body, bytes)):
                raise
            response = self._connection().request(method, target, headers=headers, body=body)
        except BaseException:
            self._drop()
            raise
        if (response.header("Connection") or "").lower() == "close":
            self._drop()
        openapi.check(method, target, response)
        return response

    def request(self, method: str, target: str, *, headers=(), body=None) -> Response:
        """A request with this client's token for the repository in the path."""
        headers = list(headers)
        if not any(name.lower() == "authorization" for name, _ in headers):
            match = _PROPER.match(target) or _REPOSITORY.match(target)
            scope = f"repository:{match[1]}:pull,push,delete" if match else None
            if target.startswith("/v2/_catalog"):
                scope = "registry:catalog:*"
            extra = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query).get("from", [])
            scopes = ([scope] if scope else []) + [f"repository:{name}:pull" for name in extra]
            token = self.token_for(scopes)
            if token is not None:
                headers.insert(0, ("Authorization", f"Bearer {token}"))
        return self.raw(method, target, headers=headers, body=body)

    # --- tokens
    def challenge(self) -> dict[str, str] | None:
        """The parameters of the server's Bearer challenge on /v2/; None when it asks for nothing."""
        if not self._asked:
            response = self.raw("GET", "/v2/")
            if response.status == 401:
                values = [v for v in response.headers("WWW-Authenticate") if v.startswith("Bearer ")]
                assert values, f"{response}: no Bearer challenge"
                self._challenge = parse_challenge(values[0])[1]
            self._asked = True
        return self._challenge

    def token_target(self) -> str:
        challenge = self.challenge()
        assert challenge is not None, "the server asks for no token"
        return urllib.parse.urlsplit(challenge["realm"]).path

    def get_token(self, scopes: Iterable[str] = (), *, headers=None, **parameters) -> Response:
        """GET on the token endpoint, with this client's password unless `headers` say otherwise."""
        challenge = self.challenge()
        assert challenge is not None, "the server asks for no token"
        query = [("service", challenge["service"])]
        query += [("scope", scope) for scope in scopes]
        query += list(parameters.items())
        if headers is None:
            headers = []
            if self.user is not None:
                headers = [("Authorization", basic(self.user, self.password or ""))]
        target = f"{self.token_target()}?{urllib.parse.urlencode(query)}"
        return self.raw("GET", target, headers=headers)

    def post_token(self, fields: Iterable[tuple[str, str]], *, chunked: bool = False, headers=()):
        body: bytes | list[bytes] = urllib.parse.urlencode(list(fields)).encode()
        if chunked:
            body = [body[:7], body[7:]]
        headers = [("Content-Type", "application/x-www-form-urlencoded"), *headers]
        return self.raw("POST", self.token_target(), headers=headers, body=body)

    def token_for(self, scopes: list[str]) -> str | None:
        if self.challenge() is None:
            return None
        key = " ".join(scopes)
        if key not in self._tokens:
            response = self.get_token(scopes)
            assert response.status == 200, str(response)
            self._tokens[key] = response.json()["token"]
        return self._tokens[key]

    def forget_tokens(self):
        self._tokens.clear()

    # --- /v2
    def target(self, response: Response) -> str:
        """Path and query of a Location; an absolute one must name the origin we asked."""
        location = response.header("Location")
        assert location, f"{response}: no Location"
        if not location.startswith("/"):
            parts = urllib.parse.urlsplit(location)
            assert f"{parts.scheme}://{parts.netloc}" == self.origin.url, f"{response}: foreign Location"
            location = parts.path + ("?" + parts.query if parts.query else "")
        assert not location.startswith("//"), str(response)
        return location

    def begin(self, repository: str, query: str = "") -> Session:
        response = self.request("POST", f"/v2/{repository}/blobs/uploads/{query}")
        assert response.status == 202, str(response)
        return Session(self, repository, response)

    def push_blob(self, repository: str, data: bytes, algorithm: str = "sha256") -> str:
        digest = digest_of(data, algorithm)
        response = self.begin(repository).put(digest, data)
        assert response.status == 201, str(response)
        return digest

    def put_manifest(
        self, repository: str, reference: str, body: bytes, media_type: str | None, query: str = ""
    ) -> Response:
        headers = [("Content-Type", media_type)] if media_type is not None else []
        return self.request(
            "PUT", f"/v2/{repository}/manifests/{reference}{query}", headers=headers, body=body
        )

    def push(self, repository: str, manifest: Manifest, *references: str) -> Manifest:
        """Pushes blobs and manifest, under each reference (by digest when none is given)."""
        for data in manifest.blobs:
            self.push_blob(repository, data, manifest.algorithm)
        for reference in references or (manifest.digest,):
            response = self.put_manifest(repository, reference, manifest.body, manifest.media_type)
            assert response.status == 201, str(response)
        return manifest

    def manifest(self, repository: str, reference: str, *, method="GET", headers=()) -> Response:
        return self.request(method, f"/v2/{repository}/manifests/{reference}", headers=headers)

    def blob(self, repository: str, digest: str, *, method="GET", headers=()) -> Response:
        return self.request(method, f"/v2/{repository}/blobs/{digest}", headers=headers)

    def tags(self, repository: str, query: str = "") -> Response:
        return self.request("GET", f"/v2/{repository}/tags/list{query}")

    def referrers(self, repository: str, digest: str, query: str = "") -> Response:
        return self.request("GET", f"/v2/{repository}/referrers/{digest}{query}")

    def delete_manifest(self, repository: str, reference: str) -> Response:
        return self.request("DELETE", f"/v2/{repository}/manifests/{reference}")

    def pages(self, target: str) -> list[Response]:
        """Follows Link headers to the end."""
        result = []
        seen = set()
        next_target: str | None = target
        while next_target is not None:
            assert next_target not in seen, f"Link goes in a circle: {next_target}"
            seen.add(next_target)
            response = self.request("GET", next_target)
            assert response.status == 200, str(response)
            result.append(response)
            next_target = link_target(response)
        return result
