"""A simulated project: an injected clock, ticks, runs that take their time, a ledger, and what was really computed.

The planner sees the ledger and the runs. The versions of the logs that figures were computed from say whether they are
right. The planner does not see these.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from itertools import count

from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.catch_up.plan import CatchUp, Request, Runs, TableDay
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS, TABLES
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets_tests.assets.project import days_between

LOGS, MEANT = COMMUNICATION_LOGS.name, INTERACTIONS.name
TRAILING = {analysis.table.name: analysis.trailing_days for analysis in ANALYSES}
DERIVED = frozenset({MEANT, *TRAILING})
START = date(2026, 1, 1)
RESYNC_DAYS = 3


def entry(table: str, day: date, stored_at: datetime, run_id: str | None = None) -> LedgerEntry:
    """An entry of the ledger."""
    return LedgerEntry(table, day, 1, "", None, stored_at, run_id, None)


def midnight(day: date) -> datetime:
    """The instant at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


class Fails(Enum):
    """When a run fails."""

    NEVER, BEFORE_STORING, AFTER_STORING = range(3)


@dataclass
class Run:
    """A run: fetches the days unless it has derived tables only, then computes its tables."""

    run_id: str
    days: list[date]
    tables: frozenset[str]
    fetches: bool
    takes: timedelta
    fails: Fails

    @property
    def computes(self) -> timedelta:
        """How long it takes from reading interactions to storing what is computed from them."""
        return min(self.takes / 2, timedelta(minutes=50))

    def covered(self) -> set[TableDay]:
        names = self.tables | ({LOGS} if self.fetches else set())
        return {(name, day) for name in names for day in self.days}


@dataclass
class World:
    """The simulation.

    Attributes:
        fails: When a run of these days fails that begins now.
        takes: How long a run that begins now takes.
        loses: Which of the stored days loses a row to the days that are being stored, if one does.
        now: The injected clock.
        requested: Every request of the catch-up, with the time of its tick.
    """

    fails: Callable[[datetime, list[date]], Fails] = lambda _now, _days: Fails.NEVER
    takes: Callable[[], timedelta] = lambda: timedelta(minutes=20)
    loses: Callable[[list[date]], date | None] = lambda _stored: None
    now: datetime = field(default_factory=lambda: midnight(START))
    ledgers: dict[str, dict[date, LedgerEntry]] = field(default_factory=lambda: {table.name: {} for table in TABLES})
    running: list[Run] = field(default_factory=list)
    failed_at: dict[TableDay, list[datetime]] = field(default_factory=dict)
    started_at: dict[str, datetime] = field(default_factory=dict)
    requested: list[tuple[datetime, Request]] = field(default_factory=list)
    _versions: dict[date, int] = field(default_factory=dict)
    _computed: dict[TableDay, dict[date, int]] = field(default_factory=dict)
    _events: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def tick(self, usual: list[date]) -> list[Request]:
        """A tick: starts a run of the usual days, and what the planner requests."""
        requests = self.planned(usual).requests()
        assert sum((each.last - each.first).days + 1 for each in requests) <= 30
        if usual:
            self.begin(usual)
        for each in requests:
            days = days_between(each.first, each.last)
            assert len(days) <= 10
            run = self.begin(days, each.tables)
            others = [other.covered() for other in self.running if other is not run]
            assert not any(run.covered() & cells for cells in others), "requested while it is running"
        self.requested += [(self.now, each) for each in requests]
        return requests

    def planned(self, usual: Iterable[date] = ()) -> CatchUp:
        """What the planner makes of the state now."""
        closed = days_between(START, self.now.date() - timedelta(days=1))
        in_progress = {cell for run in self.running for cell in run.covered()}
        unasked = CatchUp(self.ledgers, closed)
        started_at = {run_id: self.started_at[run_id] for run_id in unasked.concurrent_runs}
        return CatchUp(self.ledgers, closed, Runs(in_progress, self.failed_at, started_at=started_at), frozenset(usual))

    def begin(self, days: list[date], tables: frozenset[str] = frozenset()) -> Run:
        """Starts a run: of every table, or of some derived ones."""
        run_id = str(next(self._numbers))
        run = Run(run_id, days, tables or DERIVED, not tables, self.takes(), self.fails(self.now, days))
        self.running.append(run)
        self.started_at[run_id] = self.now
        if run.fetches and run.fails is not Fails.BEFORE_STORING:
            self._at(run.takes / 4, lambda: self._fetch(run))
        if run.fails is Fails.NEVER:
            self._at(run.takes - run.computes, lambda: self._read(run))
        else:
            self._at(run.takes, lambda: self._fail(run))
        return run

    def forget(self, name: str) -> None:
        """Drops a derived table, as a database of an earlier version lacks it."""
        self.ledgers[name].clear()
        self._computed = {cell: made for cell, made in self._computed.items() if cell[0] != name}

    def until(self, end: datetime) -> None:
        """Lets time pass."""
        while self._events and self._events[0][0] <= end:
            self.now, _, happens = heapq.heappop(self._events)
            happens()
        self.now = end

    def days_pass(self, number: int, *, down: Callable[[date], bool] = lambda _day: False) -> None:
        """Runs the daily and the resync tick of each of the next days, except of those on which the daemon is down."""
        for _ in range(number):
            self.until(midnight(self.now.date() + timedelta(days=1)))
            today = self.now
            yesterday = today.date() - timedelta(days=1)
            if not down(today.date()):
                self.until(today + timedelta(hours=1))
                self.tick([yesterday])
                self.until(today + timedelta(hours=4))
                recent = days_between(max(START, yesterday - timedelta(days=RESYNC_DAYS - 1)), yesterday)
                self.tick(recent)
        self.until(self.now + timedelta(hours=12))

    @property
    def stored(self) -> list[date]:
        """The stored days of the logs."""
        return sorted(self.ledgers[LOGS])

    def wrong(self) -> list[TableDay]:
        """The days of derived tables that are missing, or computed from other rows than are stored now."""
        return [
            (name, day)
            for day in self.stored
            for name in DERIVED
            if self._computed.get((name, day)) != self._window(name, day, self._versions)
        ]

    def _fetch(self, run: Run) -> None:
        loser = self.loses(self.stored)
        for day in {*run.days, *([loser] if loser else [])}:
            self._versions[day] = self._versions.get(day, 0) + 1
            self.ledgers[LOGS][day] = entry(LOGS, day, self.now, run.run_id)

    def _read(self, run: Run) -> None:
        # Interactions are read and stored at once.
        for day in run.days if MEANT in run.tables else ():
            self._computed[MEANT, day] = self._window(MEANT, day, self._versions)
            self.ledgers[MEANT][day] = entry(MEANT, day, self.now, run.run_id)
        meant = {day: made[day] for (name, day), made in self._computed.items() if name == MEANT and day in made}
        read = {(name, day): self._window(name, day, meant) for name in run.tables - {MEANT} for day in run.days}
        self._at(run.computes, lambda: self._compute(run, read))

    def _compute(self, run: Run, read: dict[TableDay, dict[date, int]]) -> None:
        self._computed |= read
        for name, day in read:
            self.ledgers[name][day] = entry(name, day, self.now, run.run_id)
        self.running.remove(run)

    def _fail(self, run: Run) -> None:
        for cell in run.covered():
            self.failed_at.setdefault(cell, []).append(self.now)
        self.running.remove(run)

    def _window(self, name: str, day: date, versions: Mapping[date, int]) -> dict[date, int]:
        days = days_between(day - timedelta(days=TRAILING.get(name, 1) - 1), day)
        return {each: versions[each] for each in days if each in versions}

    def _at(self, after: timedelta, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + after, next(self._numbers), happens))
