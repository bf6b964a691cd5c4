"""Requests of a second run, after the first run was killed at three quarters of its requests."""

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
    """Kills and reruns this project, then dlt in Dagster."""
    dataset = session.dataset(session.sizes.day)
    pages = dataset.rows // _ROWS_PER_PAGE
    requests: dict[Contestant, tuple[int, int]] = {}
    for contestant in (OURS_4, DLT_DAGSTER):
        with serving(dataset, _LATENCY_MS) as server:
            requests[contestant] = _kill_and_rerun(session, contestant, server, int(pages * _KILL_AFTER_SHARE))
        log_progress(f"{contestant.name}: {requests[contestant][1]} requests after a kill at {requests[contestant][0]}")
    max_requests = round(pages * 0.3)
    return Section(
        title="Killed, then run again",
        header=("contestant", "requests for rows before kill -9", "requests after"),
        rows=[(contestant.name, str(before), str(after)) for contestant, (before, after) in requests.items()],
        note=f"A whole day needs about {pages} requests, at {_LATENCY_MS} ms each. Requests after the kill include the "
        "login and those of the checks. The stored rows are checked as in `fetch`.",
        targets=[Target.at_most("requests of the run after a kill", max_requests, requests[OURS_4][1], "requests")],
    )


def _kill_and_rerun(session: Session, contestant: Contestant, server: Server, kill_at: int) -> tuple[int, int]:
    """Kills a run at `kill_at` requests for rows, and runs it again.

    Returns:
        Requests for rows before the kill, and all requests after it.
    """
    with session.run_folder() as folder:
        command = contestant.command(session.bin_folder(contestant.environment), server.dataset.first_day)
        process = start(command, session.variables(contestant, server, folder), folder)
        try:
            while server.counts().data_requests < kill_at:
                if process.poll() is not None:
                    raise RuntimeError(f"{contestant.name} ended before the kill.")
                time.sleep(_POLL_INTERVAL_S)
        finally:
            kill(process)
        # Requests in flight at the kill count as before it.
        time.sleep(3 * _LATENCY_MS / 1000)
        before = server.counts()
        session.load(contestant, server, folder)
        return before.data_requests, server.counts().requests - before.requests
