"""Detects endless pagination."""

from collections import Counter

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.rows import Page

_MAX_EMPTY_PAGES = 5000
"""High, because the API may filter millions of rows of other lenders, and then sends hundreds of empty pages."""

_MAX_SAME_PAGES = 10
"""More than 1, because a source that has rows twice can send the same page twice."""


class RepeatGuard:
    """Watches the pages of one sequence of cursors.

    Args:
        max_empty_pages: Max consecutive empty pages.
    """

    def __init__(self, max_empty_pages: int = _MAX_EMPTY_PAGES) -> None:
        self._max_empty_pages = max_empty_pages
        self._pages = 0
        self._empty_pages = 0
        self._cursors: set[str] = set()
        self._same_pages: Counter[int] = Counter()

    def check(self, page: Page) -> None:
        """Notes a page.

        Raises:
            ExportsError: A cursor came twice, the same rows came too often, or too many pages in a row were empty.
        """
        self._pages += 1
        self._empty_pages = 0 if page.rows else self._empty_pages + 1
        if page.next_cursor is None:
            return
        if page.next_cursor in self._cursors:
            raise self._repeated("the same cursor", 2)
        self._cursors.add(page.next_cursor)
        if page.rows:
            # Cursors alone are not enough: an encrypted cursor is new each time.
            content = hash(page.lines)
            self._same_pages[content] += 1
            if self._same_pages[content] > _MAX_SAME_PAGES:
                raise self._repeated("the same page", self._same_pages[content])
        if self._empty_pages > self._max_empty_pages:
            raise ExportsError(
                f"the server sent {self._empty_pages:,} empty pages in a row, each with a cursor to the next",
                advice="Pagination may never end. Report it to ClearGrid.",
            )

    def _repeated(self, what: str, times: int) -> ExportsError:
        return ExportsError(
            f"the server sent {what} {times} times, up to page {self._pages} of the window",
            advice="Pagination would never end. Report it to ClearGrid.",
        )
