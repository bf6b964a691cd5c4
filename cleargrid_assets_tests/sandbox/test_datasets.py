"""Datasets given by the caller are served like communication logs."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cleargrid_assets.sandbox import ServedDataset
from cleargrid_assets_tests.sandbox.conftest import DAY, LONG_AFTER, MIDNIGHT, NEXT_MIDNIGHT, Clock, Visitor

Visit = Callable[..., Visitor]
Rows = list[dict[str, Any]]


def rows_at(*minutes: int) -> Rows:
    """One row at each of the minutes after midnight, with keys that are no hexadecimal numbers."""
    return [
        {"key": f"row.{number}é", "seen_at": (MIDNIGHT + timedelta(minutes=minute)).isoformat()}
        for number, minute in enumerate(minutes)
    ]


def dataset(rows: Any) -> ServedDataset:
    return ServedDataset("S1", "D01", "seen_at", rows, key="key")


def walk(visitor: Visitor, since: datetime = MIDNIGHT, until: datetime = NEXT_MIDNIGHT, **query: Any) -> Rows:
    return visitor.walk(since, until, dataset="S1/D01", **query)


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_walk_returns_every_given_row_once_and_in_order(visit: Visit, limit: int) -> None:
    rows = rows_at(*range(0, 1440, 60), 60, 60, 60)
    visitor = visit(datasets=(dataset(rows[::-1]),)).enter()
    expected = sorted(rows, key=lambda row: (row["seen_at"], row["key"]))
    assert walk(visitor, limit=limit) == expected
    assert walk(visitor, limit=limit, sort="desc") == expected[::-1]


def test_rows_outside_the_window_are_not_returned(visit: Visit) -> None:
    visitor = visit(datasets=(dataset(rows_at(-1, 0, 1439, 1440)),)).enter()
    assert [row["key"] for row in walk(visitor)] == ["row.1é", "row.2é"]


def test_changed_list_is_served_at_the_next_request(visit: Visit) -> None:
    rows = rows_at(1, 2)
    visitor = visit(datasets=(dataset(rows),)).enter()
    assert len(walk(visitor)) == 2
    del rows[0]
    assert walk(visitor) == rows


def test_function_is_called_with_the_day_and_the_present(visit: Visit, clock: Clock) -> None:
    calls: list[tuple[date, datetime]] = []

    def rows(day: date, now: datetime) -> Rows:
        calls.append((day, now))
        return rows_at(1, 1441) if day == DAY else []

    visitor = visit(datasets=(dataset(rows),)).enter()
    # The second row is outside the day that the function was asked for.
    assert walk(visitor, until=NEXT_MIDNIGHT + timedelta(hours=1)) == rows_at(1)
    assert set(calls) == {(DAY, LONG_AFTER), (DAY + timedelta(days=1), LONG_AFTER)}


def test_totals_limits_and_refusals_apply_to_given_rows(visit: Visit) -> None:
    visitor = visit(datasets=(dataset(rows_at(*range(10))),), max_window_rows=8, total_cap=3)
    bounds = {"dataset": "S1/D01", "since": MIDNIGHT.isoformat()}
    visitor.enter()
    assert visitor.get(**bounds, until=NEXT_MIDNIGHT.isoformat()).status_code == 504
    page = visitor.body(**bounds, until=(MIDNIGHT + timedelta(minutes=5)).isoformat(), includeTotal="true")
    assert (page["pagination"]["total"], page["pagination"]["totalNote"]) == (3, "capped")
    assert page["meta"]["cursorField"] == "seen_at"
    assert visitor.get("S1/D02").status_code == 404
    visitor.session.headers["Authorization"] = "Bearer other"
    assert visitor.get("S1/D01").status_code == 401


def test_communication_logs_are_served_beside_given_datasets(visit: Visit) -> None:
    visitor = visit(datasets=(dataset(rows_at(1)),)).enter()
    assert len(visitor.walk(MIDNIGHT, NEXT_MIDNIGHT)) > 300
