"""The server's own count of the rows of a window, to compare with the rows that were fetched."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets.exports.walking.adaptive import Adaptive
from cleargrid_assets.exports.window import Window

if TYPE_CHECKING:  # loads an HTTP library that definitions do not need
    from cleargrid_assets.exports.client import ExportsClient

_MAX_TIMEOUTS = 8
"""Windows of a day are counted down to 11 minutes, so at most 128 are answered. Each timeout may take a minute, and the
count is only a check."""


@dataclass(frozen=True)
class Count:
    """The server's count.

    Attributes:
        rows: Rows of the window; None if the server did not count them.
        note: Why there is no count, or why it is not exact; None for an exact count.
    """

    rows: int | None
    note: str | None = None

    @property
    def exact_rows(self) -> int | None:
        """Rows of the window; None if the server did not count all of them."""
        return self.rows if self.note is None else None

    @property
    def is_exact(self) -> bool:
        """Whether the server counted all rows."""
        return self.exact_rows is not None


def count_rows(client: "ExportsClient", window: Window, stats: RequestStats | None = None) -> Count:
    """Asks the server to count the rows of a window.

    If the query times out, the same request is sent without the count. If that works, counting is too slow. If not,
    the window is counted in halves, in quarters and so on.

    Args:
        client: Sends the requests.
        window: What to count.
        stats: Counts to add the requests to.

    Returns:
        The count, or None with the reason. Errors are a reason too, because the rows do not depend on the count.
    """
    try:
        return _count(client, window, stats)
    except QueryTimeoutError:
        return Count(None, "timeout")
    except ExportsError as error:
        return Count(None, str(error))


def _count(client: "ExportsClient", window: Window, stats: RequestStats | None) -> Count:
    widths = Adaptive(window.seconds)
    counted = Count(0)
    timeouts = 0
    rest: Window | None = window
    while rest is not None:
        part, following = rest.cut_after(widths.next())
        try:
            page = client.page(part, limit=1, include_total=True, stats=stats)
        except QueryTimeoutError:
            if part == window and _is_answered_without_count(client, window, stats):
                return Count(None, "too slow to count")
            timeouts += 1
            if timeouts == _MAX_TIMEOUTS:
                raise
            widths.refused(part.seconds)
            continue
        if page.total is None:
            return Count(None, page.total_note or "not given")
        widths.answered(part.seconds, proves_it=True)
        counted = Count((counted.rows or 0) + page.total, counted.note or page.total_note)
        rest = following
    return counted


def _is_answered_without_count(client: "ExportsClient", window: Window, stats: RequestStats | None) -> bool:
    try:
        client.page(window, limit=1, stats=stats)
    except QueryTimeoutError:
        return False
    return True
