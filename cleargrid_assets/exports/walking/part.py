"""A part of a day: what to request next, and how to cut it. Immutable values and pure functions only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.walking.guard import RepeatGuard
from cleargrid_assets.exports.window import MINIMUM_WIDTH, Window, position_before

_MIN_ROWS_TO_TRUST_ORDER = 10
"""After this many ordered rows, trust the documented order. A random order passes with probability 1/10!.

Pages that are sorted, but in the wrong order, can pass too. Rows may be missing then, and the count does not agree.
"""

_MIN_PAGES_TO_CUT = 0.5
"""A part with fewer pages to come is not cut, because that would not save time."""


@dataclass(frozen=True)
class Part:
    """A sequence of pages through a window, and how far it has been fetched.

    A part that is cut or halved restarts at the last row that it has seen, with a new window and without a cursor. Rows
    are ordered by the cursor field, so no earlier row is missing. Rows that come twice are stored once, by their key.

    Attributes:
        day: Key of the day.
        window: `since` and `until` of its requests.
        remaining: What is left to fetch. It ends before the window if another part took over the end.
        cursor: Cursor of the next page; None before the first page.
        rows: Rows seen so far.
        last_at: Cursor field of the latest row.
        pages_per_second: Pages per second of the window, estimated from the latest page; None while unknown.
        last_tries: Consecutive timeouts of a request that could not ask for less.
        trusts_order: Whether rows are expected in order. If not, the part is never cut.
        guard: Detects endless pagination.
        alternative_to: The failure because of which this is requested; None for other parts, and after a page.
    """

    day: str
    window: Window
    remaining: Window
    cursor: str | None = None
    rows: int = 0
    last_at: datetime | None = None
    pages_per_second: float | None = None
    last_tries: int = 0
    trusts_order: bool = True
    guard: RepeatGuard = field(default_factory=RepeatGuard, compare=False, repr=False)
    alternative_to: ExportsError | None = field(default=None, compare=False, repr=False)

    @classmethod
    def start(cls, day: str, window: Window, *, trusts_order: bool = True) -> "Part":
        """A part before its first page."""
        return cls(day, window, window, trusts_order=trusts_order)

    @property
    def pages_to_come(self) -> float:
        """Estimated pages after the next one."""
        if self.pages_per_second is None:
            return 0.0
        return self.pages_per_second * self.remaining.width.total_seconds() - 1

    def restarted(self, window: Window) -> "Part":
        """The same part from the start of a narrower window."""
        return replace(
            Part.start(self.day, window, trusts_order=self.trusts_order),
            pages_per_second=self.pages_per_second,
            alternative_to=self.alternative_to,
        )

    def is_in_order(self, page: Page) -> bool:
        """Whether the page's rows ascend, and follow the rows seen before."""
        return page.ordered and not (self.last_at and page.first_at and page.first_at < self.last_at)

    def without_order(self) -> "Part":
        """The same sequence of pages through its whole window, without trust in their order."""
        return replace(self, remaining=self.window, pages_per_second=None, trusts_order=False)

    def after(self, page: Page) -> "Part | None":
        """What is left after the page; None if nothing is."""
        part = replace(self._past_rows(page), last_tries=0, alternative_to=None)
        if page.next_cursor is None:
            return None
        if part.remaining.until == part.window.until:
            return replace(part, cursor=page.next_cursor)
        return part.restarted(part.remaining) if part.remaining.width > timedelta(0) else None

    def _past_rows(self, page: Page) -> "Part":
        if page.first_at is None or page.last_at is None:
            return self
        part = replace(self, rows=self.rows + page.rows, last_at=page.last_at)
        if not self.trusts_order or part.rows < _MIN_ROWS_TO_TRUST_ORDER:
            return part
        since = max(position_before(page.last_at), self.window.since)
        # From the latest page, because traffic differs from hour to hour. A page that covers less than the minimum
        # width is a burst, and says nothing about the time after it.
        width = page.last_at - page.first_at
        pages_per_second = 1 / width.total_seconds() if width >= MINIMUM_WIDTH else self.pages_per_second
        return replace(part, remaining=Window(since, self.remaining.until), pages_per_second=pages_per_second)

    def narrowed(self, seconds: int) -> "tuple[Part, Part] | None":
        """A part before its first page, cut after so many seconds; None if the rest would be too narrow."""
        cut = self.window.cut(timedelta(seconds=seconds))
        return (self.restarted(cut[0]), replace(self.restarted(cut[1]), alternative_to=None)) if cut else None

    def halved(self) -> "Sequence[Part]":
        """The halves of what remains, or all of it if it is too narrow. Empty if that is the whole window already."""
        halves = self.remaining.split(2)
        return [self.restarted(half) for half in halves] if halves[0] != self.window else []

    def shared(self, helpers: int) -> "tuple[Part, Sequence[Part]] | None":
        """Gives an equal share of the pages after the next one to each of the helpers.

        Returns:
            The part that is kept and the parts that are given away; None if too few pages are to come.
        """
        if self.pages_to_come <= _MIN_PAGES_TO_CUT:
            return None
        helpers = min(helpers, math.ceil(self.pages_to_come))
        # This part keeps the page in flight and its own share.
        kept_pages = 1 + self.pages_to_come / (helpers + 1)
        cut = self.remaining.cut(self.remaining.width * (kept_pages / (1 + self.pages_to_come)))
        if cut is None:
            return None
        return replace(self, remaining=cut[0]), [self.restarted(window) for window in cut[1].split(helpers)]
