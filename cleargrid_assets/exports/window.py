"""The half-open window in time, `[since, until)`, and how one is cut into several."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise

MINIMUM_WIDTH = timedelta(seconds=1)
"""No window is cut narrower than this."""


def iso(instant: datetime) -> str:
    """The instant as the API writes it: UTC, milliseconds or finer, `Z`."""
    utc = instant.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond % 1000 == 0 else "microseconds") + "Z"


def position_before(instant: datetime) -> datetime:
    """The last whole second before the instant.

    Where a walk that has seen `instant` may begin again without losing a row, however the server rounds the finer
    digits of the rows that it shows, or of the bounds that it is given.
    """
    return (instant - timedelta(microseconds=1)).replace(microsecond=0)


@dataclass(frozen=True)
class Window:
    """`[since, until)`; both are aware datetimes in UTC."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"[{iso(self.since)}, {iso(self.until)})"

    @property
    def width(self) -> timedelta:
        """From since to until."""
        return self.until - self.since

    def cut(self, after: timedelta) -> "tuple[Window, Window] | None":
        """Cuts the window in two at the whole second so far after its beginning; None where that leaves no room."""
        at = self.since + max(timedelta(seconds=int(after.total_seconds())), MINIMUM_WIDTH)
        return (Window(self.since, at), Window(at, self.until)) if self.until - at >= MINIMUM_WIDTH else None

    def split(self, parts: int) -> "Sequence[Window]":
        """Cuts the window into at most `parts` windows of about equal width, which together are the window.

        Cuts lie on whole seconds where the width allows it. A window too narrow to cut comes back alone.
        """
        parts = min(parts, int(self.width / MINIMUM_WIDTH))
        if parts < 2:  # noqa: PLR2004
            return [self]
        seconds = int(self.width.total_seconds())
        cuts = [self.since + timedelta(seconds=seconds * part // parts) for part in range(1, parts)]
        edges = [self.since, *cuts, self.until]
        return [Window(since, until) for since, until in pairwise(edges)]
