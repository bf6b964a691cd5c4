"""Windows in time, and how they are cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise

MINIMUM_WIDTH = timedelta(seconds=1)
"""Windows are not cut into narrower ones."""


def iso(instant: datetime) -> str:
    """The instant as the API writes it: in UTC, with milliseconds or microseconds, and `Z`."""
    utc = instant.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond % 1000 == 0 else "microseconds") + "Z"


def position_before(instant: datetime) -> datetime:
    """The last whole second before the instant.

    A fetch that has seen all rows before `instant` can continue from here. It loses no row, even if the server rounds
    `since` or the times of rows to seconds.
    """
    return (instant - timedelta(microseconds=1)).replace(microsecond=0)


@dataclass(frozen=True)
class Window:
    """The half-open interval `[since, until)`, in UTC."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"[{iso(self.since)}, {iso(self.until)})"

    @property
    def width(self) -> timedelta:
        """`until` minus `since`."""
        return self.until - self.since

    @property
    def seconds(self) -> int:
        """The width in whole seconds."""
        return int(self.width.total_seconds())

    def cut(self, after: timedelta) -> "tuple[Window, Window] | None":
        """Cuts the window in two at a whole second after its start; None if either part would be too narrow."""
        at = self.since + max(timedelta(seconds=int(after.total_seconds())), MINIMUM_WIDTH)
        return (Window(self.since, at), Window(at, self.until)) if self.until - at >= MINIMUM_WIDTH else None

    def cut_after(self, seconds: int) -> "tuple[Window, Window | None]":
        """The first seconds of the window and its rest, or the whole window and None if there is nothing to cut."""
        return self.cut(timedelta(seconds=seconds)) or (self, None)

    def split(self, parts: int) -> "Sequence[Window]":
        """Cuts the window into at most `parts` windows of about equal width, at whole seconds after the start."""
        parts = min(parts, int(self.width / MINIMUM_WIDTH))
        if parts < 2:  # noqa: PLR2004
            return [self]
        cuts = [self.since + timedelta(seconds=self.seconds * part // parts) for part in range(1, parts)]
        edges = [self.since, *cuts, self.until]
        return [Window(since, until) for since, until in pairwise(edges)]


def day_window(day: date, zone: tzinfo) -> Window:
    """The window of a business day. It has 23 or 25 hours when clocks change.

    If clocks skip midnight, the day begins at the change. If midnight comes twice, it begins at the first one.
    """
    return Window(_first_instant(day, zone), _first_instant(day + timedelta(days=1), zone))


def _first_instant(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(timezone.utc)
