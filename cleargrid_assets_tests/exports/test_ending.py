"""A process whose run fails or is cancelled ends, whatever the server does with its other requests."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Answer, Api, Request, envelope

HANGING = {"silent": Answer(delay=600), "dripping": Answer(body=b"x" * 100_000, trickle=0.1)}
SOON_S = 20
"""Far less than any timeout of a request, and enough for a process to start on a busy machine."""


@contextmanager
def fetching(api: Api, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that fetches."""
    environment = os.environ | {
        "CLEARGRID_BASE_URL": api.url,
        "CLEARGRID_LENDER": LENDER,
        "CLEARGRID_EMAIL": EMAIL,
        "CLEARGRID_PASSWORD": PASSWORD,
    }
    command = [sys.executable, "-m", "cleargrid_assets_tests.exports.fetching_process", str(folder)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("hanging", HANGING.values(), ids=list(HANGING))
def test_process_of_a_failed_run_ends_while_other_requests_hang(api: Api, hanging: Answer, tmp_path: Path) -> None:
    # The counts hang; the pages are refused once a count is there.
    api.together = 2
    api.fault = lambda request, answer: (
        answer
        if request.kind != "data"
        else hanging
        if "includeTotal" in request.params
        else envelope(403, "Lender inactive")
    )
    with fetching(api, tmp_path) as process:
        _, said = process.communicate(timeout=SOON_S)
    assert process.returncode == 1
    assert "FetchError" in said
    assert "HTTP 403" in said


@pytest.mark.parametrize("hanging", HANGING.values(), ids=list(HANGING))
def test_process_of_a_cancelled_run_ends_while_requests_hang(api: Api, hanging: Answer, tmp_path: Path) -> None:
    asked = threading.Event()

    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind != "data":
            return answer
        asked.set()
        return hanging

    api.fault = fault
    with fetching(api, tmp_path) as process:
        assert asked.wait(SOON_S)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=SOON_S)
    assert process.returncode == 1
    assert "Interrupted" in said
