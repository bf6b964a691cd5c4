"""Walks: every row once, in order, however the window is cut and the pages fall."""

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
def test_a_walk_gives_every_row_of_the_day_once_and_in_order(settled: Visitor, limit: int) -> None:
    walked = settled.walk(MIDNIGHT, NEXT_MIDNIGHT, limit=limit)
    assert walked == rows_of_day(settled.settings, DAY, LONG_AFTER)
    assert [position(row) for row in walked] == sorted({position(row) for row in walked})


def test_a_backward_walk_gives_the_same_rows_reversed(settled: Visitor) -> None:
    forward = settled.walk(MIDNIGHT, NEXT_MIDNIGHT)
    assert settled.walk(MIDNIGHT, NEXT_MIDNIGHT, sort="desc", limit=13) == forward[::-1]


def test_pages_are_full_short_or_empty_with_more_to_come(settled: Visitor) -> None:
    *before, last = settled.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=5)
    sizes = [len(page["rows"]) for page in before]
    assert {0, 5} < set(sizes) <= set(range(6))
    assert all(page["pagination"]["nextCursor"] and page["pagination"]["hasMore"] for page in before)
    assert last["pagination"]["hasMore"] is False


def test_no_cursor_comes_twice_in_a_walk(settled: Visitor) -> None:
    for sort in ("asc", "desc"):
        pages = settled.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=2, sort=sort)
        cursors = [page["pagination"]["nextCursor"] for page in pages]
        assert len(set(cursors)) == len(cursors)


def test_the_same_cursor_gives_the_same_page(settled: Visitor) -> None:
    for page in settled.pages(MIDNIGHT, MIDNIGHT + timedelta(hours=10), limit=6):
        cursor = page["pagination"]["nextCursor"]
        bounds = {"since": MIDNIGHT.isoformat(), "until": (MIDNIGHT + timedelta(hours=10)).isoformat()}
        assert settled.body(**bounds, cursor=cursor, limit=6) == settled.body(**bounds, cursor=cursor, limit=6)


def test_full_pages_are_all_full_but_the_last(visit: Visit) -> None:
    visitor = visit(short_pages=False).enter()
    *before, last = visitor.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=50)
    assert {len(page["rows"]) for page in before} == {50}
    assert 0 < len(last["rows"]) <= 50


def test_rows_that_share_an_instant_are_parted_by_page_boundaries(settled: Visitor) -> None:
    """Without such a boundary the other walks would prove less than they seem to."""
    pages = [page["rows"] for page in settled.pages(MIDNIGHT, NEXT_MIDNIGHT, limit=3) if page["rows"]]
    assert any(before[-1]["communicated_at"] == after[0]["communicated_at"] for before, after in pairwise(pages))


def test_windows_side_by_side_are_the_window_of_both(settled: Visitor) -> None:
    rows = settled.walk(MIDNIGHT, NEXT_MIDNIGHT)
    shared = next(a for a, b in pairwise(rows) if a["communicated_at"] == b["communicated_at"])
    at_shared = datetime.fromisoformat(shared["communicated_at"].replace("Z", "+00:00"))
    for cut in (at_shared, at_shared + timedelta(milliseconds=1), at_shared + timedelta(microseconds=1)):
        assert settled.walk(MIDNIGHT, cut, limit=9) + settled.walk(cut, NEXT_MIDNIGHT, limit=9) == rows


def test_an_empty_window_is_one_empty_page(settled: Visitor) -> None:
    for since, until in [(MIDNIGHT, MIDNIGHT), (NEXT_MIDNIGHT, MIDNIGHT), (LONG_AFTER, LONG_AFTER + timedelta(1))]:
        assert [page["rows"] for page in settled.pages(since, until)] == [[]]


def test_a_window_of_many_days_is_those_days(settled: Visitor) -> None:
    days = [DAY + timedelta(days=number) for number in range(3)]
    expected = [row for day in days for row in rows_of_day(settled.settings, day, LONG_AFTER)]
    assert settled.walk(MIDNIGHT, MIDNIGHT + timedelta(days=3)) == expected


def test_a_window_without_bounds_begins_with_the_first_row_and_ends_with_the_newest(settled: Visitor) -> None:
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


def test_a_lender_without_rows_is_an_empty_page(visit: Visit) -> None:
    visitor = visit(rows_per_day=0).enter()
    page = visitor.body(since=MIDNIGHT.isoformat(), until=NEXT_MIDNIGHT.isoformat(), includeTotal="true")
    assert (page["rows"], page["pagination"]["nextCursor"], page["pagination"]["total"]) == ([], None, 0)
