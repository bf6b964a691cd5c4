"""Runs of the real project against a source that changes and a server that fails, and what must hold after each.

What belongs here: running. What does not: the faults (`kinds`), what must hold (`oracle`), and which faults are tried.
"""

import random
import re
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.http.transport import Timeouts
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings
from cleargrid_assets_tests.assets.project import Project, Run
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api
from cleargrid_assets_tests.torture.oracle import Oracle, Rows
from cleargrid_assets_tests.torture.source import DAYS, PREFIX, SURNAME, Source

# A number is no part of a hash, which Dagster stores many of.
PERSONAL = re.compile(
    f"{SURNAME}|(?<![1-9a-f]){re.escape(PREFIX.lstrip('+'))}\\d{{7}}(?![0-9a-f])|{re.escape(PASSWORD)}"
)


def project_of(api: Api, folder: Path) -> Project:
    """The real project, pointed at an API of the tests, with small pages."""
    settings = SandboxSettings(lender=LENDER, email=EMAIL, password=PASSWORD)
    return Project.pointed_at(RunningSandbox(api.url, settings), folder).given(
        CLEARGRID_PAGE_SIZE="20", CLEARGRID_START_DATE=str(DAYS[0])
    )


@contextmanager
def hurried(timeouts: Timeouts | None = None) -> Iterator[None]:
    """Runs whose waits between retries pass on their clock alone, with these timeouts or the usual ones."""
    waits: list[float] = []
    client = partial(ExportsClient, wait=waits.append, timeouts=timeouts, clock=lambda: time.monotonic() + sum(waits))
    with patch("cleargrid_assets.exports.client.ExportsClient", client):
        yield


@cache
def _history(*, inside: bool) -> dg.DagsterInstance:
    """The Dagster history of all campaigns, and another one for runs inside others. Making one takes long."""
    return dg.DagsterInstance.ephemeral()


class Campaign:
    """Attempts to store the source's days, one after the other.

    Args:
        project: What is run.
        source: What should be stored.
        luck: Decides about the faults.
        logged: What libraries log.
        stored: What the table holds.

    Attributes:
        broken: What was wrong after runs inside others.
    """

    def __init__(
        self,
        project: Project,
        source: Source,
        luck: random.Random,
        logged: pytest.LogCaptureFixture,
        stored: Rows = (),
    ) -> None:
        self.source = source
        self.luck = luck
        self.broken: list[str] = []
        self._project = project
        self._logged = logged
        self._oracle = Oracle(project, source, stored)
        self._turn = threading.RLock()
        self._is_open = False

    @property
    def stored(self) -> Rows:
        """The table after the last run that stored the days, without the times of extraction."""
        return self._oracle.stored

    def attempt(self) -> str:
        """One run of the days, after which the table must be exact, or as it was.

        Returns:
            Why the run failed; an empty text if it succeeded.
        """
        project = replace(self._project, instance=_history(inside=self._is_open))
        started = self._oracle.start()
        self._is_open = True
        # Drawn, because runs that overlap would not take back each other's patch of the pictures.
        run = project.materialize(DAYS[0], DAYS[-1], only=[COMMUNICATION_LOGS], checked=False, drawn=True)
        with self._turn:
            self._is_open = False
            if run.success:
                self._oracle.check_success(started, DAYS)
            else:
                assert run.failure
                self._oracle.check_failure(started)
            self._check_nothing_personal_is_told(project.instance, run)
        return run.failure

    def attempt_inside(self) -> None:
        """Another run of the days, while one is in progress. It runs in a thread of the server."""
        with self._turn:
            if self._is_open:
                try:
                    self.attempt()
                except AssertionError:
                    self.broken.append(traceback.format_exc())
                self._is_open = True

    def damage_spools(self) -> None:
        """Cuts off the ends of what is spooled, as a power cut does."""
        for path in [*self._project.spools, *self._project.database.parent.rglob("journal.ndjson")]:
            content = path.read_bytes()
            path.write_bytes(content[: len(content) - self.luck.randint(0, min(len(content), 1000))])

    def _check_nothing_personal_is_told(self, instance: dg.DagsterInstance, run: Run) -> None:
        told = [dg.serialize_value(entry) for entry in instance.all_logs(run.result.run_id)]
        assert [found for text in (*told, self._logged.text) if (found := PERSONAL.search(text))] == []
        self._logged.clear()
