"""Starting and stopping: a sandbox has its own port, and leaves no thread behind."""

import threading

import pytest
import requests

from cleargrid_assets.sandbox import SandboxSettings, running_sandbox


def _sandboxes() -> set[threading.Thread]:
    """All sandbox threads of this process, those of other tests included."""
    return {thread for thread in threading.enumerate() if thread.name == "cleargrid-sandbox"}


def test_sandbox_listens_only_while_its_context_lasts() -> None:
    others = _sandboxes()
    with running_sandbox(SandboxSettings()) as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert requests.get(f"{sandbox.url}/nothing", timeout=60).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=60)
    assert _sandboxes() == others


def test_sandbox_stops_on_failure_with_open_connections() -> None:
    others = _sandboxes()
    session = requests.Session()

    def visit_and_fail() -> None:
        with running_sandbox(SandboxSettings()) as sandbox:
            session.get(f"{sandbox.url}/nothing", timeout=60)
            raise KeyError

    with pytest.raises(KeyError):
        visit_and_fail()
    assert _sandboxes() == others


def test_unused_sandbox_stops_at_once() -> None:
    others = _sandboxes()
    with running_sandbox(SandboxSettings()):
        pass
    assert _sandboxes() == others
