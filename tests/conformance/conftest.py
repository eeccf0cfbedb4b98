"""Callers of the REST APIs; and at the end of a whole run: was each status that an operation lists seen?"""

import pytest

from harness import openapi
from harness.rest import Rest

# What a healthy server with a certificate of its own never answers.
NOT_HERE = {("get", "/_ping", "503"), ("get", "/health", "503"), ("get", "/load_balancer_status", "503"),
            ("get", "/ca", "404")}
_unseen = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """A worker of a parallel run has ended."""
    openapi.seen.update(tuple(one) for one in getattr(node, "workeroutput", {}).get("seen", []))


def pytest_sessionfinish(session, exitstatus):
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["seen"] = [list(one) for one in openapi.seen]
        return
    options = session.config.option
    whole = session.config.args == ["tests/conformance"] and not options.keyword and not options.markexpr
    if whole and exitstatus == 0:
        _unseen.extend(" ".join(one) for one in openapi.unseen() if one not in NOT_HERE)
        if _unseen:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if _unseen:
        terminalreporter.section("answers that openapi/ describes and no test saw", red=True)
        for one in _unseen:
            terminalreporter.line(one)


@pytest.fixture
def boss(admin):
    """The administrator, with whole paths."""
    return Rest(admin, "")


@pytest.fixture
def nobody(anonymous):
    return Rest(anonymous, "")
