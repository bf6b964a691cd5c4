"""Conditions in SQL."""

from datetime import date, timedelta

import duckdb
import pytest

from cleargrid_assets.warehouse.sql import in_days


@pytest.mark.parametrize("chosen", [(), (0,), (1, 2, 3), (0, 2), (5, 1, 0, 2), (6, 6, 3)])
def test_condition_takes_the_days_and_none_between(chosen: tuple[int, ...]) -> None:
    first = date(2026, 2, 26)
    days = [first + timedelta(days=number) for number in chosen]
    with duckdb.connect() as connection:
        stored = connection.sql(f"SELECT DATE '{first}' + range::INTEGER AS communicated_date FROM range(-2, 9)")
        found = stored.filter(in_days(days)).fetchall()
    assert [day for (day,) in found] == sorted(set(days))
