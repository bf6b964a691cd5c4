"""Killed after three quarters of its requests, and run again: how many requests does the second run send?"""

import time

from benchmarks.contestants import DLT_DAGSTER, OURS_4, Contestant
from benchmarks.measure import kill, start
from benchmarks.report import Section, Target
from benchmarks.serving import Server, serving
from benchmarks.session import Session, log_progress

_LATENCY_MS = 100
_KILL_AFTER_SHARE = 0.75
_ROWS_PER_PAGE = 1000
_POLL_INTERVAL_S = 0.005


def run(session: Session) -> Section:
    """Ours, and what it is compared with."""
    dataset = session.dataset(session.sizes.day)
    pages = dataset.rows // _ROWS_PER_PAGE
    again: dict[Contestant, tuple[int, int]] = {}
    for contestant in (OURS_4, DLT_DAGSTER):
        with serving(dataset, _LATENCY_MS) as server:
            again[contestant] = _killed_and_resumed(session, contestant, server, int(pages * _KILL_AFTER_SHARE))
        log_progress(f"{contestant.name}: {again[contestant][1]} requests after a kill at {again[contestant][0]}")
    allowed = round(pages * 0.3)
    return Section(
        title="Killed, and run again",
        header=("contestant", "requests for rows before kill -9", "requests after"),
        rows=[(contestant.name, str(before), str(after)) for contestant, (before, after) in again.items()],
        note=f"About {pages} requests are needed in all, at {_LATENCY_MS} ms each. Those after the kill include "
        "the login and the checks' own. What is stored in the end is checked as above.",
        targets=[Target.at_most("requests of the second run after a kill", allowed, again[OURS_4][1], "requests")],
    )


def _killed_and_resumed(session: Session, contestant: Contestant, server: Server, after: int) -> tuple[int, int]:
    """The requests that were answered before the kill, and all that came after it."""
    with session.run_folder() as folder:
        command = contestant.command(session.bin_folder(contestant.environment), server.dataset.first_day)
        process = start(command, session.variables(contestant, server, folder), folder)
        try:
            while server.counts().data_requests < after:
                if process.poll() is not None:
                    raise RuntimeError(f"{contestant.name} ended before it could be killed.")
                time.sleep(_POLL_INTERVAL_S)
        finally:
            kill(process)
        # What was on its way to the server when its client died counts as before.
        time.sleep(3 * _LATENCY_MS / 1000)
        before = server.counts()
        session.load(contestant, server, folder)
        return before.data_requests, server.counts().requests - before.requests
