"""The commands of docs/guide/rest-api.md, as they stand there."""

import pathlib
import re

import pytest

from conftest import PASSWORD
from harness import tools

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs/guide/rest-api.md"


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def shell(holdfast):
    """Runs lines of bash with the guide's variables; every curl takes the server's CA and fails on an error."""
    server = holdfast()
    server.add_user("carol", PASSWORD)
    begin = f"set -eo pipefail; curl() {{ command curl --silent --show-error --fail --cacert '{server.ca}' \"$@\"; }}\n"
    environment = tools.environment(HOST=server.https.authority, USER_NAME="carol", PASSWORD=PASSWORD,
                                    ADMIN=f"admin:{server.admin_password}")

    def run(lines: list[str]) -> str:
        return tools.run(["bash", "-c", begin + "\n".join(lines)], env=environment).stdout

    return run


def test_the_guide_works(shell):
    lines = commands()
    assert len(lines) == 12
    output = shell(lines)
    assert output.count('"name":"carol"') >= 2, output
    assert "x-resource-count: 1" in output.lower(), output
    assert "acme/app" in output and '"accessLevel":"read-write"' in output, output
    assert "REPOSITORY" in output.upper() and ": events" in output, output
