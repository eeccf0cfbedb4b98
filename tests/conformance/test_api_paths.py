"""Every path of DTR's, eNZi's and UCP's APIs: answered, or refused with a sentence."""

import json
import pathlib
import re
import subprocess

import pytest

from harness.rest import Rest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATHS = json.loads((ROOT / "tests/conformance/data/api_paths.json").read_text())["paths"]


def cases(state: str) -> list:
    return [(method.upper(), entry["path"]) for entry in PATHS
            for method, given in entry["methods"].items()
            if given == state]


@pytest.fixture
def api(admin):
    return Rest(admin, "")


def call(api, method: str, path: str):
    """With names that nothing has, so that nothing changes."""
    body = {} if method in ("POST", "PUT", "PATCH") else None
    path = re.sub(r"\{[^}]*\}", "nobody-has-this", path)
    if path.endswith("/stream"):
        path += "?eventType=nobody-has-this"  # an answer that ends
    return api.call(method, path, body)


@pytest.mark.parametrize("method, path", cases("done"))
def test_what_is_done_has_a_route(api, method, path):
    response = call(api, method, path)
    assert response.status not in (405, 501), str(response)
    assert response.status < 500, str(response)
    if response.status == 404:
        assert response.error_codes() != ["NOT_FOUND"], str(response)


@pytest.mark.parametrize("method, path", cases("501"))
def test_what_is_not_built_says_so(api, anonymous, method, path):
    response = call(api, method, path)
    assert response.status == 501, str(response)
    [error] = response.json()["errors"]
    assert error["code"] == "NOT_IMPLEMENTED"
    assert len(error["message"].split()) > 4, error
    assert call(Rest(anonymous, ""), method, path).status == 401


def test_no_path_is_missing_in_the_list():
    """Whatever a route names in the source stands in the list, under one of its prefixes."""
    listed = {re.sub(r"\{[^}]*\}", "{}", entry["path"].rstrip("/")) for entry in PATHS}
    missing = []
    for module, prefixes in {"dtr": ["/api/v0", "/v1"], "enzi": ["/enzi/v0", ""], "ucp": [""]}.items():
        for source in sorted((ROOT / "src/api" / module).glob("*.cpp")):
            if source.name in ("dtr.cpp", "enzi.cpp") or source.name.endswith("_test.cpp"):
                continue
            for pattern in re.findall(r'"(/[A-Za-z_{][A-Za-z0-9_/{}]*)"', source.read_text()):
                bare = re.sub(r"\{[^}]*\}", "{}", pattern)
                if not any(prefix + bare in listed for prefix in prefixes):
                    missing.append(f"{source.name}: {pattern}")
    assert missing == []


def test_the_page_is_made_from_the_list():
    subprocess.run([ROOT / "tools/api_paths", "--check"], check=True)
