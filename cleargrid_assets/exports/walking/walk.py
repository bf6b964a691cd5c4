"""Fetches days: requests pages over all connections until no part of any day is left.

- A day starts as one part. While a connection is idle, the part with the most pages to come is cut, and the connection
  takes the later piece.
- After a timeout, a part is halved. If it cannot be halved, smaller pages are requested, then the same page again.
  Widths and page sizes that work are remembered for all parts (`adaptive`).
- If a page fails for good, or its cursor is refused, the same rows are requested differently, once (`alternatives`).
- A part ends at `nextCursor: null`, or where the next part begins.
- If a row is out of order, which the API's documentation rules out, the day is fetched again as one part that is never
  cut.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cleargrid_assets.exports.count import Count
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError
from cleargrid_assets.exports.pages.quarantine import check_number
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.spooling.spool import Entry, Spool
from cleargrid_assets.exports.stats import DayReport, RequestStats
from cleargrid_assets.exports.walking.adaptive import Adaptive
from cleargrid_assets.exports.walking.alternatives import alternative
from cleargrid_assets.exports.walking.futures import first_done
from cleargrid_assets.exports.walking.part import Part
from cleargrid_assets.exports.window import MINIMUM_WIDTH, Window

if TYPE_CHECKING:  # loads an HTTP library that definitions do not need
    from cleargrid_assets.exports.client import ExportsClient

_PROGRESS_EVERY_S = 5.0

_PAUSES_S = (0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 2.0)
"""Pauses before a request, by the number of timeouts in a row before it; the last one also after more of them.

The first requests do not wait, because a gateway that is down for a moment answers 504, too. Pauses are short, because
each timeout has already taken a while, and at most 16 halvings follow.
"""

_MAX_LAST_TRIES = 6
"""Retries of a request for one row in the narrowest window."""


def fetch_days(
    client: "ExportsClient",
    days: Mapping[str, Window],
    spools: Mapping[str, Spool],
    *,
    executor: Executor,
    on_progress: Callable[[str, DayReport], None],
    counts: Mapping[str, Future[Count]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, DayReport]:
    """Fetches every row of the days into their spools.

    Args:
        client: Fetches a page.
        days: The window of each day, by the day's key.
        spools: The spool of each day, by the same key.
        executor: Runs the requests.
        on_progress: Called when a day is complete, and every few seconds before.
        counts: The server's counts of the days, which tell endless pages from many.
        clock: Monotonic seconds.

    Returns:
        A report for each day.

    Raises:
        ExportsError: A day could not be fetched completely. Names the day and the window. The spools keep the pages
            that arrived.
    """
    walk = _Walk(client, days, spools, executor=executor, on_progress=on_progress, counts=counts or {}, clock=clock)
    walk.run()
    return walk.reports


@dataclass
class _Request:
    """A request for a page, in flight.

    Attributes:
        part: The part that the page belongs to; replaced if the part is cut meanwhile.
        limit: Max rows of the page.
        stats: Its counts; its thread adds to them.
        is_superseded: Whether the page is no longer needed.
    """

    part: Part
    limit: int
    stats: RequestStats = field(default_factory=RequestStats)
    is_superseded: bool = False


class _Walk:
    """The state of `fetch_days`. Only the calling thread changes it."""

    def __init__(
        self,
        client: "ExportsClient",
        days: Mapping[str, Window],
        spools: Mapping[str, Spool],
        *,
        executor: Executor,
        on_progress: Callable[[str, DayReport], None],
        counts: Mapping[str, Future[Count]],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._days = days
        self._spools = spools
        self._executor = executor
        self._on_progress = on_progress
        self._counts = counts
        self._clock = clock
        self._last_progress_at = clock()
        self._began_at: dict[str, float] = {}
        self._widths = self._any_width()
        self._limits = Adaptive(client.page_size, divisor=10)
        self._timeouts_in_a_row = 0
        self._ready: deque[Part] = deque()
        self._in_flight: dict[Future[Page], _Request] = {}
        self.reports: dict[str, DayReport] = {}

    def _any_width(self) -> Adaptive:
        return Adaptive(max((window.seconds for window in self._days.values()), default=1))

    def run(self) -> None:
        for day, window in self._days.items():
            self._open_day(day, window)
        while self._ready or self._in_flight:
            self._fill_connections()
            for future in first_done(self._in_flight):
                self._finish(self._in_flight.pop(future), future)

    def _open_day(self, day: str, window: Window) -> None:
        entries = self._spools[day].entries
        report = self.reports[day] = DayReport(resumed_pages=len(entries))
        for entry in entries:
            report.add(entry)
        remaining = entries[-1].open if entries else [window]
        self._ready.extend(Part.start(day, part) for part in remaining)
        if not remaining:
            self._on_progress(day, report)

    def _fill_connections(self) -> None:
        """Gives every idle connection a part."""
        while len(self._in_flight) < self._client.connections and (self._ready or self._cut_longest()):
            part = self._ready.popleft()
            if part.cursor is None and part.window.seconds > self._widths.allowed:
                pair = part.narrowed(self._widths.next())
                if pair is not None:
                    # The rest stays in one piece: the journal lists every open window with every page.
                    part, rest = pair
                    self._ready.appendleft(rest)
            self._send(part)

    def _cut_longest(self) -> bool:
        """Cuts the part with the most pages to come, for the idle connections. Returns whether that was possible."""
        longest = max(
            (request for request in self._in_flight.values() if not request.is_superseded),
            key=lambda request: request.part.pages_to_come,
            default=None,
        )
        shares = longest.part.shared(self._client.connections - len(self._in_flight)) if longest else None
        if longest is None or shares is None:
            return False
        longest.part, given_away = shares
        self._ready.extend(given_away)
        return True

    def _send(self, part: Part) -> None:
        self._began_at.setdefault(part.day, self._clock())
        request = _Request(part, self._limits.next())
        future = self._executor.submit(
            self._client.page,
            part.window,
            cursor=part.cursor,
            limit=request.limit,
            delay_s=_PAUSES_S[-1 if part.last_tries else min(self._timeouts_in_a_row, len(_PAUSES_S) - 1)],
            stats=request.stats,
        )
        self._in_flight[future] = request

    def _finish(self, request: _Request, future: Future[Page]) -> None:
        day = request.part.day
        self.reports[day].stats.add(request.stats)
        if request.is_superseded:
            return
        try:
            page = future.result()
            repeated_rows = self._advance(request, page)
        except QueryTimeoutError as error:
            self._timeouts_in_a_row += 1
            self._ready.extendleft(reversed(self._smaller_parts(request, error)))
            self._report_now_and_then(day)
            return
        except ExportsError as error:
            error.day, error.window = day, request.part.window
            self._ready.extendleft(reversed(alternative(request.part, error, self.reports[day].alternatives)))
            self.reports[day].alternatives += 1
            self._report_now_and_then(day)
            return
        # Before writing, so that no connection waits for the disk.
        self._fill_connections()
        # Before the next page is handled, because the journal must not skip rows that are not written yet.
        self._write(day, page, repeated_rows)

    def _advance(self, request: _Request, page: Page) -> int:
        """Moves a part past the page that has arrived. Returns how many of its rows came before."""
        part = request.part
        self._timeouts_in_a_row = 0
        self._limits.answered(request.limit)
        if part.cursor is None:
            self._widths.answered(part.window.seconds, proves_it=True)
        if part.trusts_order and not part.is_in_order(page):
            if part.window != self._days[part.day]:
                self._supersede(part.day)
                self._ready.append(Part.start(part.day, self._days[part.day], trusts_order=False))
                return 0
            # This part began at the start of the day, so it continues.
            self._supersede(part.day)
            part = part.without_order()
        fullness = request.limit / self._client.page_size
        repeated_rows = part.guard.check(page, fullness=fullness, counted=self._counted(part.day))
        rest = part.after(page)
        if rest is not None:
            self._ready.appendleft(rest)
        return repeated_rows

    def _counted(self, day: str) -> int | None:
        """The server's exact count of the day, if it is there by now."""
        counting = self._counts.get(day)
        count = counting.result() if counting and counting.done() else None
        return count.exact_rows if count else None

    def _supersede(self, day: str) -> None:
        """Drops all parts of the day."""
        self._ready = deque(part for part in self._ready if part.day != day)
        for request in self._in_flight.values():
            request.is_superseded |= request.part.day == day

    def _smaller_parts(self, request: _Request, error: QueryTimeoutError) -> list[Part]:
        """What to request after a timeout: narrower windows, smaller pages, or the same page again.

        Raises:
            QueryTimeoutError: Nothing smaller is left, and the last tries are used up.
        """
        part = request.part
        if request.limit > self._limits.allowed:
            # The larger page was a trial. The allowed limit may work with the same window.
            self._limits.refused(request.limit)
            return [part]
        if halves := part.halved():
            if part.cursor is None:
                self._widths.refused(part.window.seconds)
            return list(halves)
        # Lowered even if pages of this size were answered: those of other parts may have had few rows.
        if self._limits.lower(request.limit):
            # The page was too large, so wider windows may work again.
            self._widths = self._any_width()
            return [part]
        if part.last_tries < _MAX_LAST_TRIES:
            return [replace(part, last_tries=part.last_tries + 1)]
        error.day, error.window = part.day, part.remaining
        error.advice = (
            f"Even one row at a time in a window of {MINIMUM_WIDTH.total_seconds():.0f} s timed out. Try again later, "
            "and report it to ClearGrid if it persists."
        )
        raise error

    def _write(self, day: str, page: Page, repeated_rows: int) -> None:
        """Writes the page to the spool, and the windows that are still open to the journal."""
        in_flight = [request.part for request in self._in_flight.values() if not request.is_superseded]
        still_open = [part.remaining for part in (*self._ready, *in_flight) if part.day == day]
        entry = Entry(page.rows, still_open, page.unknown_fields, repeated_rows, page.quarantined, page.repaired_texts)
        self._spools[day].append(page.lines, entry)
        self.reports[day].add(entry)
        check_number(day, self.reports[day].quarantined, self.reports[day].rows)
        if still_open:
            self._report_now_and_then(day)
        else:
            self._report(day)

    def _report_now_and_then(self, day: str) -> None:
        if self._clock() - self._last_progress_at > _PROGRESS_EVERY_S:
            self._last_progress_at = self._clock()
            self._report(day)

    def _report(self, day: str) -> None:
        report = self.reports[day]
        report.seconds = self._clock() - self._began_at[day]
        self._on_progress(day, report)
