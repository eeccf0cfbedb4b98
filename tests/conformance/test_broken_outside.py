"""What a server stands on changes under it: stored bytes, the database, the clock."""

import calendar
import struct
import time
from pathlib import Path

import pytest

from harness import content, tools
from harness.postgres import Cluster
from harness.tools import wait_until

PUSHING = {"create_repository_on_push": True}
CLOCK = Path(__file__).resolve().parents[1] / "harness/clock.cpp"


def file_of(server, digest: str):
    found = list((server.data / "blobs").glob(f"*/*/{digest.split(':')[1]}.*"))
    assert len(found) == 1, found
    return found[0]


def verify(server, expect: int) -> str:
    flags = ["--database.url", url] if (url := server.extra_environment.get("HOLDFAST_DATABASE_URL")) else []
    return server.cli("verify", "--data-dir", str(server.data), *flags, expect=expect).stdout


@pytest.mark.parametrize("running", [True, False])
def test_verify_finds_what_is_spoiled(holdfast, running):
    server = holdfast(PUSHING)
    admin = server.admin_client()
    image = admin.push("admin/app", content.image(layers=[b"first" * 1000, b"second"]), "v1")
    if not running:
        server.stop()
    assert "3 blobs and 1 manifests" in verify(server, 0)
    flipped, missing = (content.digest_of(data) for data in image.blobs[1:])
    file = file_of(server, flipped)
    data = bytearray(file.read_bytes())
    data[1234] ^= 0x10
    file.write_bytes(data)
    file_of(server, missing).unlink()
    output = verify(server, 1)
    assert f"blob {flipped}" in output and content.digest_of(bytes(data)) in output, output
    assert f"blob {missing}" in output and output.count("admin/app") == 2, output
    assert "2 spoiled" in output


@pytest.mark.sqlite
def test_verify_reads_manifests_too(holdfast):
    server = holdfast(PUSHING)
    image = server.admin_client().push("admin/app", content.image(), "v1")
    server.sql("UPDATE manifests SET content = CAST('{}' AS BLOB)")
    assert f"manifest {image.digest}" in verify(server, 1)


@pytest.mark.sqlite
def test_the_database_goes_and_comes_back(holdfast):
    """Without it: 503 in the protocol's shape. With it again: all goes on, without a restart."""
    cluster = Cluster()
    try:
        server = holdfast(
            {**PUSHING, "database.deadline": "2s"},
            environment={"HOLDFAST_DATABASE_URL": cluster.create_database()},
        )
        admin = server.admin_client()
        image = admin.push("admin/app", content.image(), "v1")
        session = admin.begin("admin/app")
        cluster.stop()
        refused = admin.put_manifest("admin/app", "v2", image.body, image.media_type)
        assert refused.status == 503 and refused.error_codes(), str(refused)
        assert session.put(image.digest, b"x").status in (400, 503)
        assert admin.raw("GET", "/health").status == 503
        cluster.start()
        wait_until(lambda: admin.raw("GET", "/health").status == 200, "health", timeout=30)
        assert admin.put_manifest("admin/app", "v2", image.body, image.media_type).status == 201
        assert admin.manifest("admin/app", "v1").body == image.body
        assert admin.tags("admin/app").json()["tags"] == ["v1", "v2"]
        server.close()
    finally:
        cluster.close()


def test_the_clock_is_set_back_by_an_hour(holdfast, folder):
    """Old tokens are refused or honoured, new ones are given; nothing is lost, nothing hangs."""
    shim, clock = folder / "clock.so", folder / "clock"
    tools.run(["clang++-19", "-std=c++23", "-O2", "-shared", "-fPIC", CLOCK, "-o", shim])
    clock.write_bytes(bytes(8))
    server = holdfast(
        PUSHING,
        environment={
            "LD_PRELOAD": str(shim),
            "CLOCK_OFFSET": str(clock),
        },
    )
    admin = server.admin_client()
    before = admin.push("admin/app", content.image(), "v1")
    session = admin.begin("admin/app")
    with clock.open("r+b") as offset:
        offset.write(struct.pack("<q", -3600))

    def set_back():
        date = admin.raw("GET", "/v2/").header("Date")
        return calendar.timegm(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) < time.time() - 3500

    wait_until(set_back, "the server's clock to be set back", timeout=20)
    assert admin.manifest("admin/app", "v1").status in (200, 401)
    fresh = server.admin_client()
    assert fresh.manifest("admin/app", "v1").body == before.body
    after = fresh.push("admin/app", content.image(), "v2")
    assert fresh.tags("admin/app").json()["tags"] == ["v1", "v2"]
    session.client = fresh
    assert session.put(content.digest_of(b"late"), b"late").status == 201
    server.restart()
    again = server.admin_client()
    assert again.manifest("admin/app", "v1").body == before.body
    assert again.manifest("admin/app", "v2").body == after.body
