"""Which rows a request gets: windows, cursors, pages of varying size, and counts.

What belongs here: selection and order. What does not: the rows themselves (`data`), and HTTP (`server`).

Rows come in the order of (`communicated_at`, `public_id`), and a cursor is the position of the last row that the
server looked at. That row may be another tenant's, which is how a page with no rows can still move on.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cleargrid_assets.sandbox.data import Day, day_at
from cleargrid_assets.sandbox.history import settled_ms
from cleargrid_assets.sandbox.outreach import FIRST_DAY, SECOND_MS, day_bounds_ms, volume
from cleargrid_assets.sandbox.settings import SandboxSettings

EMPTY_PAGES = 0.04
SHORT_PAGES = 0.3
SHORTEST = 0.6
"""Of the limit: the least that a short page holds."""
LOOSE_ENDS = 0.5
"""How many of the walks end with a page of no rows, after a last row that had a cursor."""


class CorruptCursor(ValueError):  # noqa: N818
    """The cursor is none that this server gave out."""


class Position(NamedTuple):
    """A place in the order of rows: milliseconds since 1970, and a `public_id` that need not be one of ours."""

    at: int
    public_id: bytes


class Window(NamedTuple):
    """`[since, until)` in milliseconds since 1970; `since` None is the beginning."""

    since: int | None
    until: int


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        rows: The JSON of each row.
        end: Where the next page goes on; None at the end of the walk.
    """

    rows: list[bytes]
    end: Position | None


def encode_cursor(position: Position) -> str:
    """The position as an opaque text for a URL."""
    plain = b"%d.%s" % (position.at, position.public_id)
    return urlsafe_b64encode(b"%s.%08x" % (plain, zlib.crc32(plain))).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Position:
    """The position that a cursor stands for.

    Raises:
        CorruptCursor: It is not exactly what `encode_cursor` made of some position.
    """
    try:
        at, public_id, _ = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).split(b".")
        position = Position(int(at), public_id)
    except ValueError as error:
        raise CorruptCursor from error
    if encode_cursor(position) != cursor:
        raise CorruptCursor
    return position


def read_page(
    settings: SandboxSettings, window: Window, after: Position | None, limit: int, now: int, *, descending: bool
) -> Page:
    """The next page of a walk: a function of its arguments, so the same cursor gives the same page.

    Args:
        settings: Of the sandbox.
        window: The rows asked for.
        after: Where the previous page ended; None for the first page.
        limit: The most rows to give, at least 1.
        now: The present, milliseconds since 1970.
        descending: Whether to walk backwards.
    """
    seed = f"{settings.seed} {window.since} {after} {limit}"
    size = _page_size(seed, after, limit) if settings.short_pages else limit
    found = _next_rows(settings, window, after, size + 1, now, descending=descending)
    rows = [day.texts[index] for day, index in found[:size]]
    if len(found) <= size:
        loose = settings.short_pages and bool(rows) and _chance(f"end {seed}") < LOOSE_ENDS
        return Page(rows, _position(*found[-1]) if loose else None)
    if not rows:
        return Page(rows, _just_before(_position(*found[0]), descending=descending))
    return Page(rows, _position(*found[size - 1]))


def count_rows(settings: SandboxSettings, window: Window, now: int) -> int:
    """How many rows the window holds now (milliseconds since 1970)."""
    zone = ZoneInfo(settings.timezone)
    total = 0
    for day in _days(window, now, zone):
        begin, end = day_bounds_ms(day, zone)
        whole = (window.since is None or window.since <= begin) and end <= window.until
        if whole and now >= settled_ms(day, zone):
            total += volume(settings.seed, settings.rows_per_day, day)
        else:
            stored = day_at(settings, day, now)
            total += stored.count(*_range(stored, window), now)
    return total


def _chance(text: str) -> float:
    """A number from 0 to 1, always the same for the same text."""
    return zlib.crc32(text.encode()) / 2**32


def _page_size(seed: str, after: Position | None, limit: int) -> int:
    drawn = _chance(f"size {seed}")
    ours = after is None or int(after.public_id[-1:], 16) % 2 == 0
    if drawn < EMPTY_PAGES and ours:  # one empty page at a time
        return 0
    if drawn < EMPTY_PAGES + SHORT_PAGES:
        return max(1, round(limit * (SHORTEST + (1 - SHORTEST) * _chance(f"short {seed}"))))
    return limit


def _next_rows(
    settings: SandboxSettings, window: Window, after: Position | None, most: int, now: int, *, descending: bool
) -> list[tuple[Day, int]]:
    """The first rows, at `most`, that the API holds now in the window beyond `after`, as indices into their days."""
    ahead = window
    if after is not None:  # days already walked need not be made
        since = after.at if window.since is None else max(window.since, after.at)
        ahead = Window(window.since, min(window.until, after.at + 1)) if descending else Window(since, window.until)
    days = _days(ahead, now, ZoneInfo(settings.timezone))
    found: list[tuple[Day, int]] = []
    for day in reversed(days) if descending else days:
        stored = day_at(settings, day, now)
        start, stop = _range(stored, window)
        if after is not None and descending:
            stop = min(stop, stored.index(*after, "left"))
        elif after is not None:
            start = max(start, stored.index(*after, "right"))
        indices = stored.shown(start, stop, now, most - len(found), descending=descending)
        found += [(stored, index) for index in indices]
        if len(found) == most:
            break
    return found


def _days(window: Window, now: int, zone: ZoneInfo) -> list[date]:
    """The business days that the window touches, from the lender's first to today."""
    begin = day_bounds_ms(FIRST_DAY, zone)[0]
    since = begin if window.since is None else max(begin, window.since)
    last = min(window.until - 1, now)
    if last < since:
        return []
    first_day, last_day = (datetime.fromtimestamp(at / SECOND_MS, zone).date() for at in (since, last))
    return [first_day + timedelta(days=number) for number in range((last_day - first_day).days + 1)]


def _range(day: Day, window: Window) -> tuple[int, int]:
    return 0 if window.since is None else day.index(window.since), day.index(window.until)


def _position(day: Day, index: int) -> Position:
    return Position(int(day.at[index]), bytes(day.public_id[index]))


def _just_before(position: Position, *, descending: bool) -> Position:
    """Where another tenant's row would be, next to one of ours: our identifiers are even numbers."""
    neighbour = int(position.public_id, 16) + (1 if descending else -1)
    return Position(position.at, b"%024x" % neighbour)
