"""Detects endless pagination, also if every page looks new."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.window import iso

_MAX_EMPTY_PAGES = 5000
"""High, because the API may filter millions of rows of other lenders, and then sends hundreds of empty pages."""

_MAX_SAME_PAGES = 10
"""More than 1, because a source that has rows twice can send the same page twice."""

_MAX_PAGES_WITHOUT_NEW_ROWS = 100
"""A source may have many versions of a row, and pages may be small."""

_KEYS_REMEMBERED = 10_000

_ADVANCE = timedelta(minutes=1)
"""Less is no progress: rows that are a microsecond apart could fill endless pages within a minute."""

_MAX_PAGES_IN_A_MINUTE = 5000
"""At the full page size. With pages of 1,000 rows, that is 5,000,000 rows in one minute of a day."""

_PAGES_TO_COMPARE, _ROWS_TO_COMPARE = 200, 100_000
"""More pages in one minute, or more rows in all, are compared with the server's count."""

_MAX_TIMES_THE_COUNT = 10
"""More than 1, because a source may count rows once that it sends several times."""


class EndlessPagesError(ExportsError):
    """Pagination does not end. The rows that it has brought so far may never have been at the source."""


class RepeatGuard:
    """Watches the pages of one sequence of cursors.

    Args:
        max_empty_pages: Max consecutive empty pages.
    """

    def __init__(self, max_empty_pages: int = _MAX_EMPTY_PAGES) -> None:
        self._max_empty_pages = max_empty_pages
        self._pages = 0
        self._rows = 0
        self._empty_pages = 0
        self._cursors: set[int] = set()
        self._same_pages: Counter[int] = Counter()
        self._keys: set[str] = set()
        self._pages_without_new_rows = 0
        self._rest_begins: datetime | None = None
        self._rows_here = 0
        self._pages_here = 0
        self._full_pages_here = 0.0

    def check(self, page: Page, *, fullness: float = 1.0, counted: int | None = None) -> int:
        """Notes a page.

        Args:
            page: The page.
            fullness: The rows asked for, as a share of the full page size.
            counted: The server's exact count of the day, if it is known.

        Returns:
            How many of its rows came before in this sequence, as far as their keys are remembered.

        Raises:
            ExportsError: A cursor came twice, the same rows came too often, too many pages in a row were empty, or too
                many rows came without an advance in time.
        """
        self._pages += 1
        self._rows += page.rows
        self._empty_pages = 0 if page.rows else self._empty_pages + 1
        repeated = self._note_keys(page.keys)
        self._note_position(page, fullness)
        if page.next_cursor is not None:
            self._refuse_repetition(page)
            self._refuse_standstill(counted)
        return repeated

    def _note_keys(self, keys: Sequence[str]) -> int:
        new = set(keys)
        new -= self._keys
        if keys:
            self._pages_without_new_rows = 0 if new else self._pages_without_new_rows + 1
        if len(self._keys) + len(new) > _KEYS_REMEMBERED:
            self._keys = set(keys)
        else:
            self._keys |= new
        return len(keys) - len(new)

    def _note_position(self, page: Page, fullness: float) -> None:
        if page.first_at is None or page.last_at is None:
            return
        furthest = max(page.first_at, page.last_at)
        if self._rest_begins is None or furthest >= self._rest_begins:
            self._rest_begins = furthest + _ADVANCE
            self._rows_here, self._pages_here, self._full_pages_here = 0, 0, 0.0
        self._rows_here += page.rows
        self._pages_here += 1
        self._full_pages_here += fullness

    def _refuse_repetition(self, page: Page) -> None:
        # Hashes, because cursors may be long.
        cursor = hash(page.next_cursor)
        if cursor in self._cursors:
            raise self._endless("the same cursor 2 times")
        self._cursors.add(cursor)
        if page.rows:
            # Cursors alone are not enough: an encrypted cursor is new each time.
            content = hash(page.lines)
            self._same_pages[content] += 1
            if self._same_pages[content] > _MAX_SAME_PAGES:
                raise self._endless(f"the same page {self._same_pages[content]} times")
        if self._pages_without_new_rows > _MAX_PAGES_WITHOUT_NEW_ROWS:
            raise self._endless(f"{self._pages_without_new_rows} pages in a row without a new row")
        if self._empty_pages > self._max_empty_pages:
            raise EndlessPagesError(
                f"the server sent {self._empty_pages:,} empty pages in a row, each with a cursor to the next",
                advice="Pagination may never end. Report it to ClearGrid.",
            )

    def _refuse_standstill(self, counted: int | None) -> None:
        """Refuses many times the rows that the server counts.

        A minute may have many rows, such as a campaign that is logged with one instant, and a count may be too low.
        Without a count, only a limit is left that no honest server reaches.
        """
        if self._rest_begins is None:
            return
        seen = f"{self._rows_here:,} rows in {self._pages_here:,} pages before {iso(self._rest_begins)}"
        if counted is None:
            if self._full_pages_here > _MAX_PAGES_IN_A_MINUTE:
                raise self._endless(seen)
            return
        most = _MAX_TIMES_THE_COUNT * counted
        if self._pages_here > _PAGES_TO_COMPARE and self._rows_here > most:
            raise self._endless(f"{seen}, but counts only {counted:,} rows of the whole day")
        if self._rows > _ROWS_TO_COMPARE and self._rows > most:
            raise self._endless(f"{self._rows:,} rows, but counts only {counted:,} rows of the whole day")

    def _endless(self, what: str) -> EndlessPagesError:
        return EndlessPagesError(
            f"the server sent {what}, up to page {self._pages} of the window",
            advice="Pagination would never end. Report it to ClearGrid.",
        )
