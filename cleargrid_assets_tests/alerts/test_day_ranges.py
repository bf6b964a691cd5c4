"""Ranges of days: read from check results, merged, and written."""

from datetime import date

import pytest

from cleargrid_assets.alerts.day_ranges import merged, parse_range, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-19", (date(2026, 5, 19), date(2026, 5, 19))),
        ("2026-05-13 to 2026-05-19", (date(2026, 5, 13), date(2026, 5, 19))),
        ("2026-05-19 to 2026-05-13", None),
        ("2026-02-30", None),
        ("no day (none is stored yet)", None),
        (3, None),
    ],
)
def test_range_is_read_where_there_is_one(text: object, expected: tuple[date, date] | None) -> None:
    assert parse_range(text) == expected


def test_days_that_follow_each_other_are_one_range() -> None:
    days = [date(2026, 5, day) for day in (3, 1, 2, 7, 9, 8, 8)]
    ranges = merged([(day, day) for day in days])
    assert shown(ranges) == "2026-05-01 to 2026-05-03, 2026-05-07 to 2026-05-09"
    assert shown([(days[0], days[0])] * 7) == ", ".join(["2026-05-03"] * 5) + " and 2 more ranges"
