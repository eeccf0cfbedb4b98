"""dtr.mydns.com on port 443: machines of their own, the server without root, no port in any name."""

import pytest

from conftest import PASSWORD
from harness import content, tools
from harness.container_tools import Containerd, ContainerTools
from harness.engine import Engine
from harness.holdfast import Holdfast, TemporaryFolder, binary
from harness.machines import Network
from harness.registry_client import basic
from harness.tools import wait_until

HOST = "dtr.mydns.com"
REPOSITORY = "nigelpoulton/test"


class World:
    """The server's machine, and Docker hosts that know it by name."""

    def __init__(self, folder):
        self.folder = folder
        self.network = Network(folder, {HOST: "10.99.0.1"})
        place = folder / "server"
        place.mkdir()
        program = place / "holdfast"
        program.write_bytes(binary().read_bytes())
        program.chmod(0o755)
        place.chmod(0o777)  # the server's user makes its data folder there
        unprivileged = [
            tools.tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups",
            "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service",
            "--bounding-set=-all,+net_bind_service", "--no-new-privs",
        ]
        self.server = Holdfast(
            place,
            {
                "https.listen": "10.99.0.1:443",
                "http.listen": "10.99.0.1:80",
                "http.mode": "redirect",
                "external_url": f"https://{HOST}",
                "tls.names": [HOST],
            },
            machine=self.network.gateway,
            prefix=unprivileged,
            program=program,
        )
        self.server.start()
        self.server.add_user("nigelpoulton", PASSWORD)
        self.server.add_user("mallory", PASSWORD)
        self.server.create_repository(REPOSITORY)
        self.server.create_repository("nigelpoulton/public", public=True)
        self.machine, self.address = self.network.add("docker")
        self.machine.trust(HOST, self.server.ca)
        self.engine = Engine(self.machine, folder)

    def ask(self, path: str, *headers: str) -> str:
        """A request from the Docker host's machine: the harness' own client is on another network."""
        script = (
            "import ssl,http.client,sys;"
            f"c=http.client.HTTPSConnection('{HOST}',443,"
            f"context=ssl.create_default_context(cafile='/etc/docker/certs.d/{HOST}/ca.crt'));"
            "c.request('GET',sys.argv[1],headers=dict(h.split(': ',1) for h in sys.argv[2:]));"
            "r=c.getresponse();print(r.status);print(str(r.headers),end='');sys.stdout.flush();"
            "sys.stdout.buffer.write(r.read())"
        )
        return self.machine.run(["/usr/bin/python3", "-c", script, path, *headers]).stdout

    def close(self):
        try:
            if hasattr(self, "engine"):
                self.engine.close()
            if hasattr(self, "server"):
                self.server.stop()
        finally:
            if hasattr(self, "server"):
                self.server.kill()
            self.network.close()


@pytest.fixture(scope="module")
def world():
    with TemporaryFolder() as folder:
        world = World.__new__(World)
        try:
            world.__init__(folder)
            yield world
        finally:
            world.close()


@pytest.fixture(scope="module")
def image(world, busybox):
    reference = f"{HOST}/{REPOSITORY}:v1"
    identity = world.engine.build(reference, [{"bin/busybox": busybox}, {"etc/hello": b"hello"}])
    return reference, identity


@pytest.fixture(scope="module")
def owner(world):
    config = world.engine.new_account()
    result = world.engine.login(HOST, "nigelpoulton", PASSWORD, config=config)
    assert "Login Succeeded" in result.stdout
    return config


@pytest.fixture(scope="module")
def pushed(world, image, owner):
    """digest and size as docker prints them"""
    return world.engine.push(image[0], config=owner)


def test_the_server_has_no_root(world):
    status = world.network.gateway.run(["/bin/cat", f"/proc/{world.server.ready['pid']}/status"]).stdout
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == ["65534"] * 4
    assert int(lines["CapEff"], 16) == 1 << 10, "the capability to bind, and no other"


def test_the_challenge_has_no_port(world):
    answer = world.ask("/v2/")
    assert answer.startswith("401\n")
    assert f'realm="https://{HOST}/auth/token",service="{HOST}"' in answer


def test_push(world, image, pushed, owner):
    digest, size = pushed
    answer = world.ask(
        f"/v2/{REPOSITORY}/manifests/v1",
        "Authorization: " + basic("nigelpoulton", PASSWORD),
    )
    head, _, body = answer.partition("\n\n")
    assert head.startswith("200\n"), head
    assert f"Docker-Content-Digest: {digest}" in head
    assert len(body.encode()) == size
    assert content.digest_of(body.encode()) == digest


def test_pull_back_as_the_same_user(world, image, pushed, owner):
    reference, identity = image
    world.engine.forget_everything()
    assert world.engine.pull(reference, config=owner) == pushed[0]
    assert world.engine.image_id(reference) == identity


def test_a_user_outside_is_refused_in_dockers_words(world, image, pushed):
    reference, identity = image
    other = world.engine.new_account()
    world.engine.login(HOST, "mallory", PASSWORD, config=other)
    pull = world.engine.docker("pull", reference, config=other, expect=1).stderr
    assert f"pull access denied for {HOST}/{REPOSITORY}" in pull, pull
    world.engine.docker("tag", identity, reference)
    push = world.engine.docker("push", reference, config=other, expect=1).stderr
    assert "denied" in push, push


def test_anonymous(world, image, pushed, owner):
    reference, identity = image
    nobody = world.engine.new_account()
    refused = world.engine.docker("pull", reference, config=nobody, expect=1).stderr
    assert "denied" in refused or "unauthorized" in refused, refused
    public = f"{HOST}/nigelpoulton/public:v1"
    world.engine.docker("tag", identity, public)
    digest, _ = world.engine.push(public, config=owner)
    world.engine.forget_everything()
    assert world.engine.pull(public, config=nobody) == digest


def test_a_repository_that_does_not_exist(world, image, pushed, owner):
    """denied, with a sentence that says who can create it."""
    reference, identity = image
    world.engine.pull(reference, config=owner)
    world.engine.docker("tag", identity, f"{HOST}/nigelpoulton/none:v1")
    result = world.engine.docker("push", f"{HOST}/nigelpoulton/none:v1", config=owner, expect=1)
    assert "denied" in result.stderr, result.stderr
    assert "creat" in result.stderr, result.stderr


def test_without_the_ca_docker_refuses(world, image, busybox):
    machine, _ = world.network.add("stranger")
    folder = world.folder / "stranger"
    folder.mkdir()
    engine = Engine(machine, folder)
    try:
        result = engine.login(HOST, "nigelpoulton", PASSWORD, expect=1)
        assert "x509" in result.stderr, result.stderr
    finally:
        engine.close()


def test_the_clients_address_is_in_the_log(world, pushed):
    def lines():
        return [
            line for line in world.server.log_lines()
            if "/manifests/v1" in str(line.get("path", "")) and world.address in line.values()
        ]

    wait_until(lines, "the Docker host's address in the access log", timeout=10)


def test_plain_http_redirects_to_the_name(world):
    script = (
        "import http.client;c=http.client.HTTPConnection('dtr.mydns.com',80);c.request('GET','/v2/');"
        "r=c.getresponse();print(r.status,r.headers['Location'])"
    )
    output = world.machine.run(["/usr/bin/python3", "-c", script]).stdout.split()
    assert output[0] in ("301", "307", "308")
    assert output[1] == f"https://{HOST}/v2/"


def test_skopeo_and_podman_with_the_same_name(world, image, pushed):
    tool = ContainerTools(world.machine, world.folder)
    tool.podman("login", "--username", "nigelpoulton", "--password-stdin", HOST, stdin=PASSWORD)
    output = tool.skopeo("inspect", f"docker://{HOST}/{REPOSITORY}:v1").stdout
    assert pushed[0] in output
    tool.podman("pull", f"{HOST}/{REPOSITORY}:v1")
    digest = tool.podman("image", "inspect", "--format", "{{.Digest}}", f"{HOST}/{REPOSITORY}:v1").stdout
    assert digest.strip() == pushed[0]


def test_containerd_with_the_same_name(world, image, pushed):
    daemon = Containerd(world.machine, world.folder)
    try:
        ca = f"/etc/docker/certs.d/{HOST}/ca.crt"
        login = f"nigelpoulton:{PASSWORD}"
        reference = f"{HOST}/{REPOSITORY}:v1"
        daemon.ctr(
            "images", "pull", "--tlscacert", ca, "--user", login, "--snapshotter", "native", reference
        )
        daemon.ctr(
            "images", "push", "--tlscacert", ca, "--user", login, f"{HOST}/{REPOSITORY}:ctr", reference
        )
        assert pushed[0] in daemon.ctr("images", "ls").stdout
        refused = daemon.ctr("images", "pull", "--tlscacert", ca, reference, expect=1)
        assert refused.stderr
    finally:
        daemon.close()
