"""What holds for every test: no network but this machine's, and no silent skips where all must run.

Fixtures belong to the folders that use them, databases (`tests/fixtures.py`) to all.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

from tests.support import logs

pytest_plugins = ["tests.fixtures"]

REQUIRE_ALL = os.environ.get("SAMPAN_REQUIRE_ALL") == "1"

# An example's time on the wall says how busy the machine is; where time matters tests count it.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

_unguarded = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}


def is_local(family: int, address: object) -> bool:
    """Whether an address stays on this machine: a Unix socket, 127.0.0.0/8, ::1 or localhost."""
    if family == getattr(socket, "AF_UNIX", None):
        return True
    if not isinstance(address, tuple) or not address:
        return False
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _guarded(name: str) -> Any:  # noqa: ANN401  # stands in for a method of whatever shape
    def connect(sock: socket.socket, address: object) -> object:
        if not is_local(sock.family, address):
            sock.close()  # callers clean up after an OSError, which this must not look like
            pytest.fail(f"a test tried to reach {address!r}; only this machine may be reached")
        return _unguarded[name](sock, address)

    return connect


def pytest_configure() -> None:
    """Put the guard before every outgoing connection, and write logs plainly."""
    for name in _unguarded:
        setattr(socket.socket, name, _guarded(name))
    logs.plain()


def pytest_unconfigure() -> None:
    """Take the guard away again."""
    for name, method in _unguarded.items():
        setattr(socket.socket, name, method)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip, but not an expected failure, into a failure when everything must run."""
    if REQUIRE_ALL and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, where SAMPAN_REQUIRE_ALL lets nothing be skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Apply the rule about skips to tests."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Apply the rule about skips to modules that are skipped whole."""
    report = yield
    _refuse_skip(report)
    return report
