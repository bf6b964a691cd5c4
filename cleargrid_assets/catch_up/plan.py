"""Decides which days are requested besides the usual ones. Everything it needs is passed to it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS, TABLES
from cleargrid_assets.partitions import DAYS_PER_RUN
from cleargrid_assets.warehouse.ledger import LedgerEntry

DAYS_PER_TICK = 30
"""Max days that one tick requests, and that are queued or running for the catch-up at a time."""

MAX_FAILURES = 2
"""A day whose runs failed this often is not requested again."""

_EXPORTS = tuple(table.name for table in TABLES if table.is_export)
_LOGS, _INTERACTIONS = COMMUNICATION_LOGS.name, INTERACTIONS.name
_TRAILING_DAYS = {analysis.table.name: analysis.trailing_days for analysis in ANALYSES}

_LONGEST_COMPUTATION = timedelta(hours=1)
"""Max time from reading interactions to storing what was computed from them."""

TableDay = tuple[str, date]
"""The name of a table, and a day."""

Ledgers = Mapping[str, Mapping[date, LedgerEntry]]
"""The entries of each table, by its name."""


@dataclass(frozen=True)
class Runs:
    """The runs so far.

    Attributes:
        in_progress: What queued and running runs cover.
        failed_at: When runs that cover a day of a table failed or were cancelled.
        materialized_at: When a day of an export was last stored, as Dagster knows. Needed only for days that the ledger
            lacks and whose runs failed.
        backfilling: Whether a run of a backfill is queued or running.
        started_at: When runs started. Needed only for `CatchUp.concurrent_runs`.
    """

    in_progress: Collection[TableDay] = frozenset()
    failed_at: Mapping[TableDay, Sequence[datetime]] = field(default_factory=dict)
    materialized_at: Mapping[TableDay, datetime] = field(default_factory=dict)
    backfilling: bool = False
    started_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One run to request.

    Attributes:
        first: The first day.
        last: The last day.
        tables: The derived tables to recompute; empty to fetch the days and compute every table.
        failures: How many runs of the day have failed.
    """

    first: date
    last: date
    tables: frozenset[str] = frozenset()
    failures: int = 0


@dataclass(frozen=True)
class _Due:
    """A day to request, with the fields of `Request`."""

    day: date
    in_progress: bool
    failures: int
    tables: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CatchUp:
    """What is missing or outdated, and what to do about it.

    Attributes:
        ledgers: What is stored.
        closed: All closed days that are kept, in order.
        runs: The runs so far.
        usual: The days that the tick requests anyway.
        dropped: The days that were dropped from every table because of their age.
        days_per_run: Max days in one request.
    """

    ledgers: Ledgers
    closed: Sequence[date]
    runs: Runs = Runs()
    usual: Collection[date] = frozenset()
    dropped: Collection[date] = frozenset()
    days_per_run: int = DAYS_PER_RUN

    @cached_property
    def missing(self) -> list[TableDay]:
        """Closed days that an export lacks. Days before its first stored one, and dropped ones, do not count."""
        found = []
        for name in _EXPORTS:
            entries = self.ledgers.get(name, {})
            first = min(entries, default=None)
            found += [
                (name, day)
                for day in self.closed
                if first and day > first and day not in entries and day not in self.dropped
            ]
        return sorted(found, key=lambda cell: cell[1])

    @cached_property
    def outdated(self) -> list[TableDay]:
        """Days of derived tables that are missing or older than rows they are computed from, by day.

        Interactions are computed from the log of their day, and analyses from interactions. A day of an analysis needs
        the interactions of its own day. Those of the days before it may be missing. An analysis of outdated
        interactions is outdated, too.
        """
        days = sorted(self._entries(_LOGS).keys() & set(self.closed))
        return [
            (name, day) for day in days for name in (_INTERACTIONS, *_TRAILING_DAYS) if self._is_outdated(name, day)
        ]

    @property
    def concurrent_runs(self) -> set[str]:
        """Runs of analyses that another run may have overtaken: it stored interactions after these runs had read them.

        Interactions cannot be overtaken, because they are read and stored in one transaction.
        """
        return {
            entry.run_id
            for name in _TRAILING_DAYS
            for day, entry in self._entries(name).items()
            if entry.run_id
            for each in self._read_by(name, day)
            if each.run_id != entry.run_id
            and entry.stored_at - _LONGEST_COMPUTATION < each.stored_at <= entry.stored_at
        }

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the usual days can be missing or outdated, whatever the runs were."""
        return not self.concurrent_runs and all(day in self.usual for _, day in [*self.missing, *self.outdated])

    def given_up(self) -> dict[TableDay, int]:
        """The missing and outdated days that are not requested any more, with the number of their failed runs."""
        return {
            cell: self._failures(cell)
            for cell in [*self.missing, *self.outdated]
            if self._failures(cell) >= MAX_FAILURES
        }

    def requests(self) -> list[Request]:
        """The runs to request, of missing days first, then by day."""
        missing = list(self._due_missing())[:DAYS_PER_TICK]
        room = DAYS_PER_TICK - len(missing)
        # The newest first, because people look at them first.
        outdated = list(self._due_outdated())[-room:] if room else []
        return [*_ranges(missing, self.days_per_run), *_ranges(outdated, self.days_per_run)]

    def _due_missing(self) -> Iterator[_Due]:
        for day, tables in _by_day(self.missing).items():
            failures = max(self._failures((name, day)) for name in tables)
            if day not in self.usual and failures < MAX_FAILURES:
                yield _Due(day, any((name, day) in self.runs.in_progress for name in tables), failures)

    def _due_outdated(self) -> Iterator[_Due]:
        if self.runs.backfilling:
            # A backfill recomputes later days itself, in runs that are not queued yet.
            return
        todo = [cell for cell in self.outdated if self._failures(cell) < MAX_FAILURES]
        for day, of_day in _by_day(todo).items():
            if any(self._changing.intersection(_window(name, day)) for name in of_day):
                continue
            tables = [name for name in of_day if not self._waits_for_interactions(name, day)]
            if not tables:
                continue
            yield _Due(
                day,
                any((name, day) in self.runs.in_progress for name in tables),
                max(self._failures((name, day)) for name in tables),
                frozenset(tables),
            )

    def _is_outdated(self, name: str, day: date) -> bool:
        entry = self._entries(name).get(day)
        if name == _INTERACTIONS:
            return entry is None or self._entries(_LOGS)[day].stored_at > entry.stored_at
        if not self._interactions_to_compute.isdisjoint(_window(name, day)):
            return True
        if entry is None:
            return day in self._entries(_INTERACTIONS)
        return any(self._is_newer(each, entry) for each in self._read_by(name, day))

    @cached_property
    def _interactions_to_compute(self) -> set[date]:
        """The closed days whose interactions are outdated, unless they are given up."""
        return {
            day
            for day in self._entries(_LOGS).keys() & set(self.closed)
            if self._is_outdated(_INTERACTIONS, day) and self._failures((_INTERACTIONS, day)) < MAX_FAILURES
        }

    def _waits_for_interactions(self, name: str, day: date) -> bool:
        """Whether other runs compute interactions that the day of an analysis reads, or are to compute them.

        Those of its own day are computed in the same run.
        """
        before = _window(name, day)[1:]
        return not self._interactions_to_compute.isdisjoint(before) or any(
            (_INTERACTIONS, each) in self.runs.in_progress for each in before
        )

    @cached_property
    def _changing(self) -> set[date]:
        """The days whose rows are about to change, so that figures computed now would be outdated soon."""
        missing = {day for name, day in self.missing if name == _LOGS and self._failures((name, day)) < MAX_FAILURES}
        return missing | {day for name, day in self.runs.in_progress if name == _LOGS} | set(self.usual)

    def _failures(self, cell: TableDay) -> int:
        """The number of failed runs since the day of an export, or the inputs of a derived day, were last stored."""
        name, day = cell
        since = (
            self.runs.materialized_at.get(cell)
            if name in _EXPORTS
            else max(
                entries[each].stored_at
                for entries in (self._entries(_LOGS), self._entries(_INTERACTIONS) if name != _INTERACTIONS else {})
                for each in _window(name, day)
                if each in entries
            )
        )
        return sum(since is None or at > since for at in self.runs.failed_at.get(cell, ()))

    def _entries(self, name: str) -> Mapping[date, LedgerEntry]:
        return self.ledgers.get(name, {})

    def _read_by(self, name: str, day: date) -> list[LedgerEntry]:
        """The stored days of interactions that the day of an analysis is computed from."""
        interactions = self._entries(_INTERACTIONS)
        return [interactions[each] for each in _window(name, day) if each in interactions]

    def _is_newer(self, interactions: LedgerEntry, derived: LedgerEntry) -> bool:
        """Whether interactions were stored after they were read for the day of an analysis, or may have been."""
        if interactions.run_id == derived.run_id or derived.run_id is None:
            return interactions.stored_at > derived.stored_at
        return interactions.stored_at > self.runs.started_at.get(derived.run_id, derived.stored_at)


def _window(name: str, day: date) -> list[date]:
    """The days that a day of a derived table is computed from, the day itself first."""
    return [day - timedelta(days=back) for back in range(_TRAILING_DAYS.get(name, 1))]


def _by_day(cells: Sequence[TableDay]) -> dict[date, list[str]]:
    tables: dict[date, list[str]] = {}
    for name, day in cells:
        tables.setdefault(day, []).append(name)
    return tables


def _ranges(due: Sequence[_Due], days_per_run: int) -> Iterator[Request]:
    """Requests for the days that are not in progress. Days that failed are alone, so that they fail no other day."""
    waiting: list[_Due] = []
    for each in [day for day in due if not day.in_progress]:
        if len(waiting) == days_per_run or (waiting and not _continues(waiting[-1], each)):
            yield _request(waiting)
            waiting = []
        waiting.append(each)
    if waiting:
        yield _request(waiting)


def _continues(last: _Due, next_: _Due) -> bool:
    return (
        next_.day - last.day == timedelta(days=1)
        and next_.tables == last.tables
        and next_.failures == last.failures == 0
    )


def _request(days: Sequence[_Due]) -> Request:
    return Request(days[0].day, days[-1].day, days[0].tables, days[0].failures)
