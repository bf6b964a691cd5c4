"""Pages as the reader returns them, for tests of what follows."""

from collections.abc import Sequence
from datetime import timedelta

from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets_tests.exports.driving import MIDNIGHT


def page_at(*seconds: float, cursor: str | None = "next", keys: Sequence[str] = ()) -> Page:
    """A page with one row at each of the seconds after midnight.

    Args:
        seconds: Of the rows.
        cursor: Of the next page.
        keys: Of the rows; unknown by default.
    """
    instants = [MIDNIGHT + timedelta(seconds=second) for second in seconds]
    return Page(
        lines=repr((seconds, keys)).encode(),
        rows=len(seconds),
        first_at=instants[0] if instants else None,
        last_at=instants[-1] if instants else None,
        ordered=instants == sorted(instants),
        next_cursor=cursor,
        total=None,
        total_note=None,
        keys=keys,
    )
