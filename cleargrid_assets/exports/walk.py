"""Fetches days: follows cursors through windows, and keeps every connection busy while rows remain.

A day begins as one window and one request. While a connection is idle and a walk has more pages to come, what remains
of the longest walk is cut, and the connection takes the later part. A window whose query outruns the server is halved.
Either way the walk that is cut begins again at the last row it has seen: rows come in order of the cursor field, as
documented, so nothing before it is missing, and rows that come twice are the same rows by their key. Before the first
is halved, it is asked for once without the server's count; one that cannot be narrower is asked for without it, then in
smaller pages, then a few times more. After some timeouts in a row, walks pause before they ask again: a gateway that is
out for a moment says the same as one whose query takes too long. A walk whose rows prove not to be in order begins
again from its start, and is not cut. A walk ends at `nextCursor: null`, or where its rows, in order, have reached the
part of its window that another walk has taken over; nowhere else.

What belongs here: which page to ask for next. What does not: requests (`client`), files (`spool`).
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cleargrid_assets.exports.effort import Effort
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError
from cleargrid_assets.exports.limits import Limits
from cleargrid_assets.exports.spool import Entry, OpenWindow, Spool
from cleargrid_assets.exports.widths import Widths
from cleargrid_assets.exports.window import MINIMUM_WIDTH, Window, position_before

if TYPE_CHECKING:  # brings an HTTP library, which definitions need not load
    from cleargrid_assets.exports.client import ExportsClient
    from cleargrid_assets.exports.rows import Page

_PROGRESS_EVERY_S = 5.0
_PROOF_OF_ORDER = 10
"""So many rows that came in order tell that the others will, as documented: of rows in no order at all they would once
in 3.6 million times. Of pages that are each in order, but not among themselves, rows can be missed; the count tells."""

_MOST_EMPTY_PAGES = 5000
"""So many empty pages in a row, each with a cursor to the next, are followed and no more: they might never end. A small
lender among millions of rows of others may well meet hundreds."""

_MOST_SAME_PAGES = 10
"""So often the same rows may fill a page, as where a source holds rows twice. Where it is stuck, they always do."""

_WORTH_A_REQUEST = 0.5
"""A walk with no more than this many pages to come is not cut."""

_TIMEOUTS_BEFORE_PAUSE = 3
"""Without a pause, a window is halved so often."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 2.0
"""Short, because at most 16 halvings follow and each timeout has taken its time already."""

_LAST_TRIES = 6
"""So often in a row a single row of the narrowest window is asked for again."""


@dataclass
class DayReport:
    """How one day was fetched.

    Attributes:
        rows: Rows that arrived; those that came twice count twice.
        pages: Pages that arrived, those of earlier processes included.
        resumed_pages: Pages that earlier processes had left.
        source_rows: The server's own count of the day, or None.
        source_note: Why there is none, or why it is not exact.
        unknown_fields: Fields outside the declaration, with the number of rows that have them.
        seconds: From the first request to the last page.
        effort: Requests, retries and refreshes.
    """

    rows: int = 0
    pages: int = 0
    resumed_pages: int = 0
    source_rows: int | None = 0
    source_note: str | None = None
    unknown_fields: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    effort: Effort = field(default_factory=Effort)

    def add(self, entry: Entry) -> None:
        """Adds a page."""
        self.pages += 1
        self.rows += entry.rows
        self.unknown_fields.update(entry.unknown_fields)
        if entry.counted:
            self.source_note = self.source_note or entry.total_note
            if entry.total is None or self.source_rows is None:
                self.source_rows = None
                self.source_note = self.source_note or "not given"
            else:
                self.source_rows += entry.total


@dataclass(eq=False)
class _Walk:
    """One way through one window, a page at a time.

    Attributes:
        day: Key of the day that the window is part of.
        window: What its requests ask for.
        counted: Whether its first request asks for the server's count.
        since: Where its part begins: before `window.since` once the walk has begun again.
        until: Where its part ends: before `window.until` once the rest was given away.
        pages_per_second: Pages by seconds of window, from a page seen; None while nothing is known.
        timeouts: Times in a row that its queries, and those it was cut from, outran the server. While it waits for its
            turn, any other's answer ends the row.
        limit: What its latest request asks for in rows.
        without_count: Whether its first request is sent again without asking for the count.
        last_tries: Times in a row that its query, which could not ask for less, outran the server.
        cursor: Of its next page; None before the first.
        seen: How often each cursor and each page's hash came.
        position: Before it no row of the window is missing; None while nothing is known.
        last_at: Cursor field of the latest row.
        pages: Of the window, so far.
        rows: Likewise.
        empty_pages: In a row.
        in_order: Whether all rows so far came in order.
        effort: Of the latest request.
    """

    day: str
    window: Window
    counted: bool
    pages_per_second: float | None = None
    timeouts: int = 0

    def __post_init__(self) -> None:
        self.since, self.until = self.window.since, self.window.until
        self.cursor: str | None = None
        self.seen: Counter[str | int] = Counter()
        self.position: datetime | None = None
        self.last_at: datetime | None = None
        self.limit = 0
        self.without_count = False
        self.last_tries = 0
        self.pages = self.rows = self.empty_pages = 0
        self.in_order = True
        self.effort = Effort()

    @property
    def remaining(self) -> Window:
        """The part of the window of which rows may be missing."""
        return Window(self.position or self.window.since, self.until)

    @property
    def pages_to_come(self) -> float:
        """Estimate of the pages after the one in flight."""
        if self.pages_per_second is None or not self.in_order:
            return 0.0
        return self.pages_per_second * self.remaining.width.total_seconds() - 1

    @property
    def pause(self) -> float:
        """Seconds to wait before the next request."""
        if self.last_tries:
            return _LONGEST_PAUSE_S
        pauses = self.timeouts - _TIMEOUTS_BEFORE_PAUSE
        return min(_FIRST_PAUSE_S * 2 ** (pauses - 1), _LONGEST_PAUSE_S) if pauses > 0 else 0.0

    def begin(self, window: Window) -> None:
        """Goes on with a fresh walk through `window`."""
        self.window, self.until = window, window.until
        self.cursor = self.position = self.last_at = None
        self.pages = self.rows = 0
        self.seen.clear()

    def take(self, page: "Page") -> bool:
        """Moves on past a page; says whether more are to come.

        Raises:
            ExportsError: The server sent a cursor for the second time, or the same rows or none without end.
        """
        self.pages += 1
        self.timeouts = self.last_tries = 0
        self.empty_pages = 0 if page.rows else self.empty_pages + 1
        self.counted = False
        if page.first_at and page.last_at:
            if not page.ordered or (self.last_at and page.first_at < self.last_at):
                # Not in order after all: what was seen says nothing of what is missing, so do not cut here.
                self.in_order, self.position = False, None
            self.last_at = page.last_at
            self.rows += page.rows
            if self.in_order and self.rows >= _PROOF_OF_ORDER:
                self.position = max(position_before(page.last_at), self.window.since)
                width = page.last_at - page.first_at
                # By the latest page, because the next ones are more like it than like those of another hour; but from a
                # burst in less than any window's width nothing follows for the time after it.
                if width >= MINIMUM_WIDTH:
                    self.pages_per_second = 1 / width.total_seconds()
        if not self.in_order and self.window.since > self.since:
            # Nor does what was seen before the walk began again.
            self.begin(Window(self.since, self.until))
            return True
        if page.next_cursor is None:
            return False
        self._note("the same cursor", page.next_cursor, most=1)
        if page.rows:
            # Rows too, because a cursor may look new each time where the server is stuck.
            self._note("the same page", hash(page.lines), most=_MOST_SAME_PAGES)
        if self.empty_pages > _MOST_EMPTY_PAGES:
            raise ExportsError(
                f"the server sent {self.empty_pages:,} empty pages in a row, each with a cursor to the next",
                advice="Following them might not end. Report it to ClearGrid.",
            )
        self.cursor = page.next_cursor
        if self.until == self.window.until:
            return True
        if self.remaining.width <= timedelta(0):
            return False
        self.begin(self.remaining)
        return True

    def _note(self, what: str, mark: str | int, most: int) -> None:
        self.seen[mark] += 1
        if self.seen[mark] > most:
            raise ExportsError(
                f"the server sent {what} {self.seen[mark]} times, up to page {self.pages} of the window",
                advice="Following it would not end. Report it to ClearGrid.",
            )


def fetch_days(
    client: "ExportsClient",
    days: Mapping[str, Window],
    spools: Mapping[str, Spool],
    *,
    concurrency: int,
    on_progress: Callable[[str, DayReport], None],
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, DayReport]:
    """Fetches every row of the days into their spools.

    Args:
        client: Fetches a page.
        days: The window of each day, by the day's key.
        spools: Where its rows go, by the same key.
        concurrency: Requests in flight at once.
        on_progress: Told of a day when it is complete, and every few seconds before.
        clock: Seconds that only grow.

    Returns:
        A report for each day.

    Raises:
        ExportsError: A day could not be fetched whole; names the day and the window. The spools hold what arrived.
    """
    fetch = _Fetch(client, days, spools, on_progress, clock)
    executor = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="exports")
    try:
        fetch.run(executor, concurrency)
    finally:
        # Without waiting: a request in flight may take a minute, and its page would not be kept.
        executor.shutdown(wait=False, cancel_futures=True)
    return fetch.reports


class _Fetch:
    """The state of `fetch_days`; only its calling thread changes it."""

    def __init__(
        self,
        client: "ExportsClient",
        days: Mapping[str, Window],
        spools: Mapping[str, Spool],
        on_progress: Callable[[str, DayReport], None],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._spools = spools
        self._on_progress = on_progress
        self._clock = clock
        self._began: dict[str, float] = {}
        self._told = clock()
        self._widths = Widths()
        self._limits = Limits(client.page_size)
        self._counts_are_slow: bool | None = None
        self._ready: deque[_Walk] = deque()
        self._in_flight: dict[Future[Page], _Walk] = {}
        self.reports: dict[str, DayReport] = {}
        for day, window in days.items():
            self._open_day(day, window, spools[day])

    def _open_day(self, day: str, window: Window, spool: Spool) -> None:
        report = self.reports[day] = DayReport(resumed_pages=len(spool.entries))
        for entry in spool.entries:
            report.add(entry)
        remaining = spool.entries[-1].open if spool.entries else [OpenWindow(window.since, window.until, counted=True)]
        self._ready.extend(_Walk(day, part.window, part.counted) for part in remaining)
        if not remaining:
            self._on_progress(day, report)

    def run(self, executor: ThreadPoolExecutor, concurrency: int) -> None:
        while self._ready or self._in_flight:
            self._occupy(executor, concurrency)
            done, _ = wait(self._in_flight, return_when=FIRST_COMPLETED)
            for future in done:
                walk = self._in_flight.pop(future)
                counted = walk.counted and walk.cursor is None
                page = self._move_on(walk, future)
                # First, so that no connection waits for the disk.
                self._occupy(executor, concurrency)
                if page is not None:
                    # Before any other walk moves on: the journal must not say that it is past rows not written yet.
                    self._keep(walk.day, page, counted=counted)

    def _occupy(self, executor: ThreadPoolExecutor, concurrency: int) -> None:
        """Gives every connection a walk, as long as rows remain."""
        while len(self._in_flight) < concurrency and (self._ready or self._cut_longest(concurrency)):
            self._start(self._ready.popleft(), executor)

    def _start(self, walk: _Walk, executor: ThreadPoolExecutor) -> None:
        cut = self._widths.fit(walk.window) if walk.cursor is None else None
        if cut is not None:
            # The rest stays in one piece until its turn: the journal lists every open window with every page.
            first, rest = cut
            walk.begin(first)
            self._ready.appendleft(_Walk(walk.day, rest, walk.counted))
        self._began.setdefault(walk.day, self._clock())
        walk.effort = Effort()
        walk.limit = self._limits.next()
        future = executor.submit(
            self._client.page,
            walk.window,
            cursor=walk.cursor,
            limit=walk.limit,
            include_total=self._asks_for_count(walk),
            pause=walk.pause,
            effort=walk.effort,
        )
        self._in_flight[future] = walk

    def _move_on(self, walk: _Walk, future: "Future[Page]") -> "Page | None":
        """Moves a walk past the page that has arrived, or cuts it if it was too wide for one."""
        self.reports[walk.day].effort.add(walk.effort)
        asked, first_page = walk.window, walk.cursor is None
        try:
            page = future.result()
            self._limits.answered(walk.limit)
            if first_page:
                self._widths.answered(asked)
                if walk.without_count and self._counts_are_slow is None:
                    self._counts_are_slow = True
            for other in self._ready:
                other.timeouts = 0
            if walk.take(page):
                self._ready.appendleft(walk)
        except QueryTimeoutError as error:
            walk.timeouts += 1
            # A limit that was only tried is at fault, if any: then the same again, with the one that works.
            if not self._limits.refused_trial(walk.limit):
                self._narrow(walk, error)
            self._ready.appendleft(walk)
            self._tell_now_and_then(walk.day)
            return None
        except ExportsError as error:
            error.day, error.window = walk.day, asked
            raise
        return page

    def _asks_for_count(self, walk: _Walk) -> bool:
        return walk.counted and walk.cursor is None and not walk.without_count and not self._counts_are_slow

    def _narrow(self, walk: _Walk, error: QueryTimeoutError) -> None:
        """Has a walk whose query outran the server ask for less: no count, half of what remains, or smaller pages."""
        first, *rest = walk.remaining.split(2)
        is_counted = self._asks_for_count(walk)
        if is_counted and self._counts_are_slow is None:
            # The count is a second query, and can be what takes so long, whatever the width.
            walk.without_count = True
        elif first != walk.window:
            if walk.without_count and self._counts_are_slow is None:
                self._counts_are_slow = False
            walk.without_count = False
            if walk.cursor is None:
                self._widths.refused(walk.window)
            walk.begin(first)
            self._ready.extendleft(
                _Walk(walk.day, part, walk.counted, walk.pages_per_second, walk.timeouts) for part in rest
            )
        elif is_counted:
            self._counts_are_slow, self._widths = True, Widths()
        elif not self._limits.lower():
            walk.last_tries += 1
            if walk.last_tries <= _LAST_TRIES:
                return
            error.day, error.window = walk.day, walk.remaining
            error.advice = (
                f"Even a row at a time in a window of {MINIMUM_WIDTH.total_seconds():.0f} s was too much. Try again "
                "later, and report it to ClearGrid if it persists."
            )
            raise error

    def _cut_longest(self, concurrency: int) -> bool:
        """Cuts the walk in flight with most pages to come, for the connections that are idle; says whether it did."""
        walk = max(self._in_flight.values(), key=lambda walk: walk.pages_to_come, default=None)
        if walk is None or walk.pages_to_come <= _WORTH_A_REQUEST:
            return False
        helpers = min(concurrency - len(self._in_flight), math.ceil(walk.pages_to_come))
        # The page in flight and an equal share of the rest stay with the walk.
        own = 1 + walk.pages_to_come / (helpers + 1)
        cut = walk.remaining.cut(walk.remaining.width * (own / (1 + walk.pages_to_come)))
        if cut is None:
            return False
        mine, rest = cut
        walk.until = mine.until
        self._ready.extend(_Walk(walk.day, part, False, walk.pages_per_second) for part in rest.split(helpers))
        return True

    def _keep(self, day: str, page: "Page", *, counted: bool) -> None:
        walks = [walk for walk in (*self._ready, *self._in_flight.values()) if walk.day == day]
        still_open = [OpenWindow(walk.remaining.since, walk.remaining.until, walk.counted) for walk in walks]
        note = page.total_note
        if counted and page.total is None and self._counts_are_slow:
            note = note or "too slow to count"
        entry = Entry(page.rows, still_open, page.total, note, counted, page.unknown_fields)
        self._spools[day].append(page.lines, entry)
        self.reports[day].add(entry)
        if not still_open:
            self._tell(day)
        else:
            self._tell_now_and_then(day)

    def _tell_now_and_then(self, day: str) -> None:
        if self._clock() - self._told > _PROGRESS_EVERY_S:
            self._told = self._clock()
            self._tell(day)

    def _tell(self, day: str) -> None:
        report = self.reports[day]
        report.seconds = self._clock() - self._began[day]
        self._on_progress(day, report)
