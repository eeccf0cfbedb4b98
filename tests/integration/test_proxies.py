"""Behind nginx and HAProxy: realm, Location and the client's address are right."""

import os
import re

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.content import stored
from harness.engine import Engine
from harness.holdfast import Holdfast, TemporaryFolder
from harness.machines import Machine
from harness.proxies import Haproxy, Nginx, free_port
from harness.registry_client import Origin, RegistryClient, parse_challenge
from harness.tools import wait_until

# The real client's address, as the proxy sees it: another one than the proxy's own.
CLIENT = "127.0.0.77"


def certificate(folder):
    """A certificate of the proxy's own, and key and certificate in one file for HAProxy."""
    crt, key, both = folder / "proxy.crt", folder / "proxy.key", folder / "proxy.pem"
    tools.run(
        [tools.tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", crt, "-days", "30", "-subj", "/CN=proxy",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    )
    both.write_bytes(crt.read_bytes() + key.read_bytes())
    return crt, key, both


NGINX_COMMON = """
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
"""


def nginx_plain(folder, server, port, crt, key, both):
    """TLS ends at nginx, plain HTTP behind it."""
    host, upstream = server.http.address
    return Nginx(folder, port, f"""
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {crt};
    ssl_certificate_key {key};
    {NGINX_COMMON}
    location / {{ proxy_pass http://{host}:{upstream}; }}
  }}""")


def nginx_reencrypting(folder, server, port, crt, key, both):
    """TLS ends at nginx and begins anew, verified against the built-in CA."""
    host, upstream = server.https.address
    return Nginx(folder, port, f"""
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {crt};
    ssl_certificate_key {key};
    {NGINX_COMMON}
    proxy_ssl_trusted_certificate {server.ca};
    proxy_ssl_verify on;
    proxy_ssl_name localhost;
    location / {{ proxy_pass https://{host}:{upstream}; }}
  }}""")


def haproxy_http(folder, server, port, crt, key, both):
    """HAProxy as an HTTP proxy with X-Forwarded-*."""
    host, upstream = server.http.address
    return Haproxy(folder, [port], f"""
frontend registry
  mode http
  bind 127.0.0.1:{port} ssl crt {both}
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend holdfast
backend holdfast
  mode http
  server one {host}:{upstream}
""")


def haproxy_protocol(version):
    def make(folder, server, port, crt, key, both):
        """TLS ends at HAProxy; a PROXY header and plain HTTP go on."""
        host, upstream = server.http.address
        send = "send-proxy" if version == 1 else "send-proxy-v2"
        return Haproxy(folder, [port], f"""
frontend registry
  mode tcp
  bind 127.0.0.1:{port} ssl crt {both}
  default_backend holdfast
backend holdfast
  mode tcp
  server one {host}:{upstream} {send}
""")

    return make


def haproxy_passthrough(folder, server, port, crt, key, both):
    """TLS goes through; only the PROXY header tells the address."""
    host, upstream = server.https.address
    return Haproxy(folder, [port], f"""
frontend registry
  mode tcp
  bind 127.0.0.1:{port}
  default_backend holdfast
backend holdfast
  mode tcp
  server one {host}:{upstream} send-proxy-v2
""")


WAYS = {
    "nginx-plain": (nginx_plain, {}),
    "nginx-reencrypting": (nginx_reencrypting, {}),
    "haproxy-http": (haproxy_http, {}),
    "haproxy-proxy-v1": (haproxy_protocol(1), {"http.proxy_protocol": True}),
    "haproxy-proxy-v2": (haproxy_protocol(2), {"http.proxy_protocol": True}),
    "haproxy-passthrough": (haproxy_passthrough, {"https.proxy_protocol": True}),
}


class Setup:
    def __init__(self, folder, way):
        make, settings = WAYS[way]
        self.folder = folder
        port = free_port()
        crt, key, both = certificate(folder)
        place = folder / "server"
        place.mkdir()
        self.url = f"https://127.0.0.1:{port}"
        self.server = Holdfast(
            place,
            {
                "trusted_proxies": ["127.0.0.1/32"],
                "create_repository_on_push": True,
                "external_url": self.url,
                **settings,
            },
        )
        self.proxy = self.machine = self.engine = None
        self.server.start()
        self.server.add_user("alice", PASSWORD)
        self.proxy = make(folder, self.server, port, crt, key, both)
        ca = self.server.ca if make is haproxy_passthrough else crt
        self.origin = Origin(("127.0.0.1", port), ca)
        self.machine = Machine(folder, "client")
        self.machine.trust(self.origin.authority, ca)
        self.engine = Engine(self.machine, folder)

    def client(self, user=None):
        return RegistryClient(self.origin, user, PASSWORD if user else None, source=CLIENT)

    def close(self):
        try:
            if getattr(self, "engine", None):
                self.engine.close()
            if getattr(self, "proxy", None):
                self.proxy.close()
            if getattr(self, "server", None):
                self.server.stop()
        finally:
            if getattr(self, "server", None):
                self.server.kill()
            if getattr(self, "machine", None):
                self.machine.close()


@pytest.fixture(scope="module", params=WAYS)
def setup(request):
    with TemporaryFolder() as folder:
        setup = Setup.__new__(Setup)
        try:
            setup.__init__(folder, request.param)
            yield setup
        finally:
            setup.close()


def test_the_realm_is_what_clients_use(setup):
    response = setup.client().raw("GET", "/v2/")
    assert response.status == 401, str(response)
    parameters = parse_challenge(response.header("WWW-Authenticate"))[1]
    assert parameters["realm"] == f"{setup.url}/auth/token"
    assert parameters["service"] == setup.origin.authority


def test_locations_lead_back_to_the_proxy(setup):
    """RegistryClient.target fails when a Location names another origin; a whole push goes through."""
    alice = setup.client("alice")
    image = alice.push("alice/app", content.image(), "v1")
    large = content.random_blob(9 << 20)
    alice.push_blob("alice/app", large)
    assert alice.manifest("alice/app", "v1").body == image.body
    assert alice.blob("alice/app", content.digest_of(large)).body == large
    session = alice.begin("alice/app")
    assert session.patch([b"abc", b"def"]).status == 202
    assert session.put(content.digest_of(b"abcdef")).status == 201
    alice.close()


def test_the_address_in_the_log_is_the_clients(setup):
    client = setup.client()
    client.raw("GET", "/v2/alice/from-afar/tags/list")
    client.close()

    def find():
        return [line for line in setup.server.log_lines() if "from-afar" in str(line.get("path", ""))]

    line = wait_until(find, "the line of the request", timeout=10)[0]
    assert CLIENT in line.values(), line
    assert "127.0.0.1" not in line.values(), line


def test_the_address_in_the_events_is_the_clients(setup):
    alice = setup.client("alice")
    image = alice.push("alice/events", content.image(), "v1")
    assert alice.manifest("alice/events", "v1").status == 200
    alice.close()
    statement = (
        "SELECT address, actor_name, digest FROM events "
        "WHERE type = 'tag_pushed' AND repository = 'alice/events'"
    )
    rows = wait_until(lambda: setup.server.sql(statement), "the event of the push", timeout=10)
    assert rows == [(CLIENT, "alice", image.digest)]


def test_failed_logins_are_counted_by_the_clients_address(setup):
    """Guessing from one address slows that address, not everybody behind the proxy."""
    guesser = RegistryClient(setup.origin, "guess", "wrong wrong", source="127.0.0.66")
    slowed = False
    for number in range(80):
        guesser.user = f"guess{number}"
        response = guesser.get_token([])
        if response.status == 429:
            slowed = True
            break
        assert response.status == 401, str(response)
    guesser.close()
    assert slowed
    alice = setup.client("alice")
    assert alice.get_token([]).status == 200
    alice.close()


def test_docker(setup, busybox):
    engine, host = setup.engine, setup.origin.authority
    engine.login(host, "alice", PASSWORD)
    reference = f"{host}/alice/docker:v1"
    identity = engine.build(reference, [{"bin/busybox": busybox}, {"data": os.urandom(3 << 20)}])
    digest, size = engine.push(reference)
    alice = setup.client("alice")
    response = stored(alice, "alice/docker", "v1")
    alice.close()
    assert (response.header("Docker-Content-Digest"), len(response.body)) == (digest, size)
    engine.forget_everything()
    assert engine.pull(reference) == digest
    assert engine.image_id(reference) == identity


def test_what_a_client_forges_does_not_pass(setup):
    """A proxy appends to X-Forwarded-For; what the client wrote before is not believed."""
    client = setup.client()
    client.raw("GET", "/v2/alice/forged/tags/list", headers=[("X-Forwarded-For", "6.6.6.6")])
    client.close()

    def find():
        return [line for line in setup.server.log_lines() if "/forged/" in str(line.get("path", ""))]

    line = wait_until(find, "the line of the request", timeout=10)[0]
    assert "6.6.6.6" not in line.values(), line
    assert not re.search(r"6\.6\.6\.6", str(line)), line
