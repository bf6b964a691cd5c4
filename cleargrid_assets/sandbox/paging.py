"""Windows, cursors, pages of varying size, and counts.

Rows are ordered by (cursor field, key). A cursor is a position in that order.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cleargrid_assets.sandbox.days import Day, Rows
from cleargrid_assets.sandbox.instants import SECOND_MS, day_bounds_ms
from cleargrid_assets.sandbox.outreach import FIRST_DAY
from cleargrid_assets.sandbox.settings import SandboxSettings

EMPTY_PAGES = 0.04
"""Share of pages without rows."""
SHORT_PAGES = 0.3
"""Share of pages with fewer rows than the limit."""
MIN_FILL = 0.6
"""Smallest size of a short page, as a share of the limit."""
EMPTY_LAST_PAGES = 0.5
"""Share of walks whose last row comes with a cursor, which leads to one more page without rows."""


class CorruptCursor(ValueError):  # noqa: N818
    """This server did not issue the cursor."""


class Position(NamedTuple):
    """A place in the order of rows.

    Attributes:
        at: The cursor field of a row, in milliseconds since 1970.
        included: Whether the next page starts with this row, or with the row after it.
        key: The row's key.
    """

    at: int
    included: bool
    key: bytes


class Window(NamedTuple):
    """`[since, until)` in milliseconds since 1970; `since` None means no lower bound."""

    since: int | None
    until: int


class Query(NamedTuple):
    """A request for one page.

    Attributes:
        window: The window of the rows.
        start: Where the previous page ended; None for the first page.
        limit: Maximum number of rows, at least 1.
        descending: Whether to walk backwards.
    """

    window: Window
    start: Position | None
    limit: int
    descending: bool


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        rows: The JSON of each row.
        end: Where the next page starts; None at the end of the walk.
    """

    rows: list[bytes]
    end: Position | None


def encode_cursor(position: Position) -> str:
    """Encodes a position as an opaque text for a URL."""
    plain = b"%d.%d.%s" % position
    return urlsafe_b64encode(b"%s.%08x" % (plain, zlib.crc32(plain))).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Position:
    """Decodes the position of a cursor.

    Raises:
        CorruptCursor: `encode_cursor` did not make this cursor.
    """
    try:
        at, included, rest = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).split(b".", 2)
        position = Position(int(at), bool(int(included)), rest.rpartition(b".")[0])
    except ValueError as error:
        raise CorruptCursor from error
    if encode_cursor(position) != cursor:
        raise CorruptCursor
    return position


def read_page(rows: Rows, settings: SandboxSettings, query: Query, now: int) -> Page:
    """The page of a query. The same arguments give the same page."""
    seed = f"{settings.seed} {query.window.since} {query.start} {query.limit}"
    size = _page_size(seed, query) if settings.short_pages else query.limit
    found = _next_rows(rows, query, size + 1, now)
    texts = [day.texts[index] for day, index in found[:size]]
    if len(found) <= size:
        has_empty_last_page = settings.short_pages and bool(texts) and _chance(f"end {seed}") < EMPTY_LAST_PAGES
        return Page(texts, _position(*found[-1]) if has_empty_last_page else None)
    if not texts:
        return Page(texts, _position(*found[0], included=True))
    return Page(texts, _position(*found[size - 1]))


def count_rows(rows: Rows, window: Window, now: int) -> int:
    """The number of rows in the window now (milliseconds since 1970)."""
    total = 0
    for day in _days(window, now, rows.zone):
        begin, end = day_bounds_ms(day, rows.zone)
        if (window.since is None or window.since <= begin) and end <= window.until:
            total += rows.count(day, now)
        else:
            stored = rows.on(day, now)
            total += stored.count(*_range(stored, window), now)
    return total


def _chance(text: str) -> float:
    """A number from 0 to 1, always the same for the same text."""
    return zlib.crc32(text.encode()) / 2**32


def _page_size(seed: str, query: Query) -> int:
    drawn = _chance(f"size {seed}")
    follows_an_empty_page = query.start is not None and query.start.included
    if drawn < EMPTY_PAGES and not follows_an_empty_page:
        return 0
    if drawn < EMPTY_PAGES + SHORT_PAGES:
        return max(1, round(query.limit * (MIN_FILL + (1 - MIN_FILL) * _chance(f"short {seed}"))))
    return query.limit


def _next_rows(rows: Rows, query: Query, max_rows: int, now: int) -> list[tuple[Day, int]]:
    """The first rows from the query's start on that the API shows now, as indices into their days."""
    window, start, descending = query.window, query.start, query.descending
    ahead = window
    if start is not None:  # days before the cursor need not be generated
        since = start.at if window.since is None else max(window.since, start.at)
        ahead = Window(window.since, min(window.until, start.at + 1)) if descending else Window(since, window.until)
    days = _days(ahead, now, rows.zone)
    found: list[tuple[Day, int]] = []
    for day in reversed(days) if descending else days:
        stored = rows.on(day, now)
        low, high = _range(stored, window)
        if start is not None and descending:
            high = min(high, stored.index(start.at, start.key, "right" if start.included else "left"))
        elif start is not None:
            low = max(low, stored.index(start.at, start.key, "left" if start.included else "right"))
        indices = stored.shown(low, high, now, max_rows - len(found), descending=descending)
        found += [(stored, index) for index in indices]
        if len(found) == max_rows:
            break
    return found


def _days(window: Window, now: int, zone: ZoneInfo) -> list[date]:
    """The business days that the window touches, from the lender's first day to today."""
    begin = day_bounds_ms(FIRST_DAY, zone)[0]
    since = begin if window.since is None else max(begin, window.since)
    last = min(window.until - 1, now)
    if last < since:
        return []
    first_day, last_day = (datetime.fromtimestamp(at / SECOND_MS, zone).date() for at in (since, last))
    return [first_day + timedelta(days=number) for number in range((last_day - first_day).days + 1)]


def _range(day: Day, window: Window) -> tuple[int, int]:
    return 0 if window.since is None else day.index(window.since), day.index(window.until)


def _position(day: Day, index: int, *, included: bool = False) -> Position:
    return Position(int(day.at[index]), included, bytes(day.key[index]))
