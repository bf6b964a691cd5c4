"""Runs of the real project against a source that changes and a server that fails, and what must hold after each.

What belongs here: the oracle. What does not: the faults (`kinds`), and which of them are tried (`test_matrix`).
"""

import random
import re
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.transport import Timeouts
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings
from cleargrid_assets_tests.assets.project import Project, Run
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api
from cleargrid_assets_tests.exports.driving import no_wait
from cleargrid_assets_tests.rows import Row
from cleargrid_assets_tests.torture.source import DAYS, PREFIX, SURNAME, Source, day_of, stored_form

PERSONAL = re.compile(f"{SURNAME}|{re.escape(PREFIX.lstrip('+'))}\\d{{7}}|{re.escape(PASSWORD)}")

Rows = Sequence[tuple[Any, ...]]


def project_of(api: Api, folder: Path) -> Project:
    """The real project, pointed at an API of the tests, with small pages."""
    settings = SandboxSettings(lender=LENDER, email=EMAIL, password=PASSWORD)
    return Project.pointed_at(RunningSandbox(api.url, settings), folder).given(
        CLEARGRID_PAGE_SIZE="20", CLEARGRID_START_DATE=str(DAYS[0])
    )


@contextmanager
def hurried(timeouts: Timeouts | None = None) -> Iterator[None]:
    """Runs that wait for nothing between retries, with these timeouts or the usual ones."""
    client = partial(ExportsClient, wait=no_wait, timeouts=timeouts)
    with patch("cleargrid_assets.exports.client.ExportsClient", client):
        yield


@dataclass
class Campaign:
    """Attempts to store the source's days, one after the other.

    Attributes:
        project: What is run.
        source: What should be stored.
        logged: What libraries log.
        stored: The table after the last success, without the times of extraction.
        broken: What was wrong after runs inside others.
    """

    project: Project
    source: Source
    luck: random.Random
    logged: pytest.LogCaptureFixture
    stored: Rows = ()
    broken: list[str] = field(default_factory=list)
    _turn: threading.RLock = field(default_factory=threading.RLock)
    _is_open: bool = False
    _successes: int = 0
    _oldest_state: int | None = None

    def attempt(self, days: Sequence[date] = DAYS) -> str:
        """One run of the days, after which the table must be exact, or as it was.

        Returns:
            Why the run failed; an empty text if it succeeded.
        """
        # A failed run leaves pages that the next one may use, unless a run that began later has stored the days.
        oldest_state = self._oldest_state if self._oldest_state is not None else len(self.source.states) - 1
        successes = self._successes
        # A history of its own, because an attempt may be made inside another.
        project = replace(self.project, instance=dg.DagsterInstance.ephemeral())
        self._is_open = True
        run = project.materialize(days[0], days[-1], only=[COMMUNICATION_LOGS], checked=False)
        with self._turn:
            self._is_open = False
            self._check(run, days, oldest_state, superseded=self._successes > successes)
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

    def table(self) -> Rows:
        """The table, without the times of extraction."""
        if not self.project.database.exists():
            return ()
        return [row[:-1] for row in self.project.rows(COMMUNICATION_LOGS)]

    def damage_spools(self) -> None:
        """Cuts off the ends of what is spooled, as a power cut does."""
        for path in [*self.project.spools, *self.project.database.parent.rglob("journal.ndjson")]:
            content = path.read_bytes()
            path.write_bytes(content[: len(content) - self.luck.randint(0, min(len(content), 1000))])

    def _check(self, run: Run, days: Sequence[date], oldest_state: int, *, superseded: bool) -> None:
        table = self.table()
        if run.success and not superseded:
            self._check_stored(table, days, self.source.states[oldest_state:])
            self.stored, self._oldest_state = table, None
            self._successes += 1
            return
        assert table == self.stored
        assert run.success or run.failure
        if not run.success:
            self._oldest_state = None if superseded else oldest_state

    def _check_stored(self, table: Rows, days: Sequence[date], states: Sequence[Mapping[str, Row]]) -> None:
        """Holds the table against what the source held while the days were fetched.

        If that changed meanwhile, each row must have been there, and each row that was there all the time, at the same
        instant, must be stored.
        """
        stored = {row[0]: row for row in table}
        assert len(stored) == len(table)
        others = {row[0]: row for row in self.stored if row[-1] not in days}
        for key, row in stored.items():
            if row[-1] in days:
                assert any(key in state and stored_form(state[key]) == row for state in states), key
            else:
                assert others[key] == row
        steady = {
            key
            for key, row in states[0].items()
            if day_of(row) in days
            and all(key in state and state[key]["communicated_at"] == row["communicated_at"] for state in states)
        }
        assert steady <= {key for key, row in stored.items() if row[-1] in days}
        if len(states) == 1:
            [state] = states
            assert {key for key in others if key not in state or day_of(state[key]) not in days} <= stored.keys()

    def _check_nothing_personal_is_told(self, instance: dg.DagsterInstance, run: Run) -> None:
        told = [dg.serialize_value(entry) for entry in instance.all_logs(run.result.run_id)]
        assert [found for text in (*told, self.logged.text) if (found := PERSONAL.search(text))] == []
        self.logged.clear()
