"""Pages as the reader returns them, for tests of what follows."""

from datetime import timedelta

from cleargrid_assets.exports.rows import Page
from cleargrid_assets_tests.exports.driving import MIDNIGHT


def page_at(*seconds: float, cursor: str | None = "next") -> Page:
    """A page with one row at each of the seconds after midnight."""
    instants = [MIDNIGHT + timedelta(seconds=second) for second in seconds]
    return Page(
        lines=repr(seconds).encode(),
        rows=len(seconds),
        first_at=instants[0] if instants else None,
        last_at=instants[-1] if instants else None,
        ordered=instants == sorted(instants),
        next_cursor=cursor,
        total=None,
        total_note=None,
    )
