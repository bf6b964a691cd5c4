"""Running and stopping: a port of its own, and nothing left behind."""

import threading

import pytest
import requests

from cleargrid_assets.sandbox import SandboxSettings, running_sandbox


def _sandboxes() -> set[threading.Thread]:
    """Those of this process; other tests have some too."""
    return {thread for thread in threading.enumerate() if thread.name == "cleargrid-sandbox"}


def test_a_sandbox_listens_on_loopback_only_while_its_context_lasts() -> None:
    others = _sandboxes()
    with running_sandbox(SandboxSettings()) as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert requests.get(f"{sandbox.url}/nothing", timeout=10).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=10)
    assert _sandboxes() == others


def test_a_sandbox_stops_with_its_callers_failure_and_with_connections_left_open() -> None:
    others = _sandboxes()
    session = requests.Session()

    def visit_and_fail() -> None:
        with running_sandbox(SandboxSettings()) as sandbox:
            session.get(f"{sandbox.url}/nothing", timeout=10)
            raise KeyError

    with pytest.raises(KeyError):
        visit_and_fail()
    assert _sandboxes() == others


def test_a_sandbox_that_is_never_asked_stops_at_once() -> None:
    others = _sandboxes()
    with running_sandbox(SandboxSettings()):
        pass
    assert _sandboxes() == others


def test_a_port_can_be_chosen_and_used_again() -> None:
    with running_sandbox(SandboxSettings()) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), running_sandbox(SandboxSettings(), port):
            pass
        requests.get(f"{first.url}/nothing", timeout=10)
    with running_sandbox(SandboxSettings(), port) as second:
        assert second.url == first.url
        assert requests.get(f"{second.url}/nothing", timeout=10).status_code == 404
