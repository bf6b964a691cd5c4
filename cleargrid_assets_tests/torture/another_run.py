"""Runs in processes of their own, forked from one that has imported the project, so that each begins at once.

What belongs here: what the processes do, and starting them. What does not: what must hold afterwards.
"""

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.warehouse.connection import connect, transaction
from cleargrid_assets.warehouse.ledger import differences
from cleargrid_assets.warehouse.storing import replacing
from cleargrid_assets_tests.assets.project import Project, Run
from cleargrid_assets_tests.exports.api import Api
from cleargrid_assets_tests.torture.campaign import project_of
from cleargrid_assets_tests.torture.source import DAYS

PHASES = ("fetching", "storing", "committing")
"""What a run does, in order. Committing includes the checkpoint, when the file is closed."""

_END = "end"

MAX_RUN_S = 120.0
"""Far more than a run takes, however busy the machine is."""

_PAUSE_S = 0.2

_MIXED_DAYS = f"""
SELECT communicated_date, count(DISTINCT extracted_at), count(*) - count(DISTINCT public_id)
FROM {COMMUNICATION_LOGS.name} GROUP BY ALL
HAVING count(DISTINCT extracted_at) > 1 OR count(*) > count(DISTINCT public_id)
"""


class AnotherProcess:
    """A process of its own that does something with a project, and tells about it.

    Args:
        action: What it does. It is given the project, the arguments, and what to call with each message.
        project: Its API and the folder of its database are used.
        arguments: Further arguments.
    """

    def __init__(self, action: Callable[..., None], project: Project, *arguments: Any) -> None:
        self._told, tell = _processes().Pipe(duplex=False)
        place = (project.sandbox.url, str(project.database.parent))
        self._process = _processes().Process(target=_act, args=(action, place, arguments, tell), daemon=True)
        self._process.start()
        tell.close()

    def messages(self, max_s: float = MAX_RUN_S) -> Iterator[Any]:
        """What the process tells, until it ends."""
        while self._told.poll(max_s):
            try:
                yield self._told.recv()
            except EOFError:
                break
        self._process.join(MAX_RUN_S)

    def reach(self, message: str) -> None:
        """Waits until the process tells the message."""
        assert any(told == message for told in self.messages())

    @property
    def succeeded(self) -> bool:
        """Whether the process has ended without an error."""
        return self._process.exitcode == 0

    def kill(self) -> bool:
        """Kills the process. Returns whether it was still running."""
        self._process.kill()
        self._process.join(MAX_RUN_S)
        return self._process.exitcode != 0


def run_once(project: Project, tell: Callable[[Any], None]) -> None:
    """Runs the days, and tells each phase as it begins."""
    tell(PHASES[0])
    with patch.object(replacing, "transaction", _telling(transaction, tell)):
        run = _run(project)
    tell(_END)
    assert run.success, run.failure


def run_days(url: str, folder: str) -> None:
    """Runs the days in this process."""
    run = _run(project_of(Api(url=url), Path(folder)))
    assert run.success, run.failure


def run_for(project: Project, tell: Callable[[Any], None], seconds: float, seed: int) -> None:
    """Runs random days until the time is over, and tells how often, and why runs failed."""
    luck = random.Random(seed)  # noqa: S311 - not for secrets
    until = time.monotonic() + seconds
    failures: list[str] = []
    runs = 0
    while time.monotonic() < until:
        run = _run(project, luck.choice([DAYS[:1], DAYS[1:], DAYS]))
        runs += 1
        failures += [] if run.success else [run.failure]
    tell((runs, failures))


def read_for(project: Project, tell: Callable[[Any], None], seconds: float) -> None:
    """Reads until the time is over, and tells how often, and what was wrong with what was read."""
    until = time.monotonic() + seconds
    wrong: list[str] = []
    reads = 0
    while time.monotonic() < until:
        with connect(str(project.database), read_only=True) as connection:
            wrong += map(str, connection.execute(_MIXED_DAYS).fetchall())
            wrong += map(str, differences(connection, [COMMUNICATION_LOGS]))
        reads += 1
        # Writers need a moment without readers.
        time.sleep(_PAUSE_S)
    tell((reads, wrong))


def seconds_of_phases(project: Project) -> dict[str, float]:
    """One run that nobody disturbs: how long each of its phases takes."""
    process = AnotherProcess(run_once, project)
    began = [(phase, time.monotonic()) for phase in process.messages()]
    assert process.succeeded
    return {phase: after - before for (phase, before), (_, after) in pairwise(began)}


def _act(action: Callable[..., None], place: tuple[str, str], arguments: tuple[Any, ...], told: Connection) -> None:
    url, folder = place
    action(project_of(Api(url=url), Path(folder)), told.send, *arguments)


def _run(project: Project, days: Sequence[date] = DAYS) -> Run:
    return project.materialize(days[0], days[-1], only=[COMMUNICATION_LOGS], checked=False)


def _telling(original: Callable[..., Any], tell: Callable[[Any], None]) -> Callable[..., Any]:
    @contextmanager
    def told(*args: Any, **kwargs: Any) -> Iterator[duckdb.DuckDBPyConnection]:
        tell(PHASES[1])
        with original(*args, **kwargs) as connection:
            yield connection
            tell(PHASES[2])

    return told


@cache
def _processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context
