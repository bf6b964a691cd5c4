"""Walks return every row once and in order, for any window and any page size."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cleargrid_assets.sandbox import rows_of_day
from cleargrid_assets_tests.sandbox.conftest import DAY, LONG_AFTER, MIDNIGHT, NEXT_MIDNIGHT, Clock, Visitor

Visit = Callable[..., Visitor]


def position(row: dict[str, Any]) -> tuple[str, str]:
    return row["communicated_at"], row["public_id"]


@pytest.mark.parametrize("limit", [3, 7, 64, 1000])
def test_walk_returns_every_row_once_and_in_order(settled: Visitor, limit: int) -> None:
    walked = settled.walk(MIDNIGHT, NEXT_MIDNIGHT, limit=limit)
    assert walked == rows_of_day(settled.settings, DAY, LONG_AFTER)
    assert [position(row) for row in walked] == sorted({position(row) for row in walked})


def test_descending_walk_returns_the_same_rows_reversed(settled: Visitor) -> None:
    forward = settled.walk(MIDNIGHT, NEXT_MIDNIGHT)
    assert settled.walk(MIDNIGHT, NEXT_MIDNIGHT, sort="desc", limit=13) == forward[::-1]


def test_pages_are_full_short_or_empty_with_more_to_come(settled: Visitor) -> None:
    *before, last = settled.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=5)
    sizes = [len(page["rows"]) for page in before]
    assert {0, 5} < set(sizes) <= set(range(6))
    assert all(page["pagination"]["nextCursor"] and page["pagination"]["hasMore"] for page in before)
    assert last["pagination"]["hasMore"] is False


def test_no_cursor_repeats_in_a_walk(settled: Visitor) -> None:
    for sort in ("asc", "desc"):
        pages = settled.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=2, sort=sort)
        cursors = [page["pagination"]["nextCursor"] for page in pages]
        assert len(set(cursors)) == len(cursors)


def test_same_cursor_returns_the_same_page(settled: Visitor) -> None:
    for page in settled.pages(MIDNIGHT, MIDNIGHT + timedelta(hours=10), limit=6):
        cursor = page["pagination"]["nextCursor"]
        bounds = {"since": MIDNIGHT.isoformat(), "until": (MIDNIGHT + timedelta(hours=10)).isoformat()}
        assert settled.body(**bounds, cursor=cursor, limit=6) == settled.body(**bounds, cursor=cursor, limit=6)


def test_without_short_pages_only_the_last_page_is_short(visit: Visit) -> None:
    visitor = visit(short_pages=False).enter()
    *before, last = visitor.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=50)
    assert {len(page["rows"]) for page in before} == {50}
    assert 0 < len(last["rows"]) <= 50


def test_page_boundaries_fall_between_rows_of_one_instant(settled: Visitor) -> None:
    """Without such a boundary, the other tests would not cover the key in the cursor."""
    pages = [page["rows"] for page in settled.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=3) if page["rows"]]
    assert any(before[-1]["communicated_at"] == after[0]["communicated_at"] for before, after in pairwise(pages))


def test_adjacent_windows_add_up_to_the_whole_window(settled: Visitor) -> None:
    rows = settled.walk(MIDNIGHT, NEXT_MIDNIGHT)
    shared = next(a for a, b in pairwise(rows) if a["communicated_at"] == b["communicated_at"])
    at_shared = datetime.fromisoformat(shared["communicated_at"].replace("Z", "+00:00"))
    for cut in (at_shared, at_shared + timedelta(milliseconds=1), at_shared + timedelta(microseconds=1)):
        assert settled.walk(MIDNIGHT, cut, limit=9) + settled.walk(cut, NEXT_MIDNIGHT, limit=9) == rows


def test_empty_window_is_one_empty_page(settled: Visitor) -> None:
    for since, until in [(MIDNIGHT, MIDNIGHT), (NEXT_MIDNIGHT, MIDNIGHT), (LONG_AFTER, LONG_AFTER + timedelta(1))]:
        assert [page["rows"] for page in settled.pages(since, until)] == [[]]


def test_window_of_several_days_returns_all_of_them(settled: Visitor) -> None:
    days = [DAY + timedelta(days=number) for number in range(3)]
    expected = [row for day in days for row in rows_of_day(settled.settings, day, LONG_AFTER)]
    assert settled.walk(MIDNIGHT, MIDNIGHT + timedelta(days=3)) == expected


def test_window_without_bounds_spans_first_to_newest_row(settled: Visitor) -> None:
    first = settled.body(limit=1, sort="asc")
    newest = settled.body(limit=1, sort="desc")
    assert first["meta"]["since"] is None
    assert all(row["communicated_at"].startswith("2020-01-01") for row in first["rows"])
    assert all(row["communicated_at"].startswith("2026-06-1") for row in newest["rows"])
    assert rows_of_day(settled.settings, date(2019, 12, 31), LONG_AFTER) == []
    assert first["pagination"]["nextCursor"]
    assert newest["pagination"]["nextCursor"]


def test_days_follow_the_zone_across_a_clock_change(visit: Visit, clock: Clock) -> None:
    visitor = visit(timezone="America/New_York").enter()
    zone = ZoneInfo("America/New_York")
    for day in (8, 9):  # 8 March 2026 has 23 hours
        midnight, next_midnight = (datetime(2026, 3, number, tzinfo=zone) for number in (day, day + 1))
        rows = visitor.walk(midnight.astimezone(timezone.utc), next_midnight.astimezone(timezone.utc))
        assert rows == rows_of_day(visitor.settings, midnight.date(), clock.now)


def test_lender_without_rows_gets_one_empty_page(visit: Visit) -> None:
    visitor = visit(rows_per_day=0).enter()
    page = visitor.body(since=MIDNIGHT.isoformat(), until=NEXT_MIDNIGHT.isoformat(), includeTotal="true")
    assert (page["rows"], page["pagination"]["nextCursor"], page["pagination"]["total"]) == ([], None, 0)
