"""The ticks of the daily schedule around the clock changes of every zone."""

from datetime import date, datetime, timedelta
from zoneinfo import available_timezones

import pytest

from cleargrid_assets_tests.daily_ticks import check_daily_ticks, clock_changes, daily_ticks

FIRST, LAST = date(2023, 1, 1), date(2026, 12, 31)


def ticks_between(zone: str, first: date, last: date) -> list[tuple[str, list[str]]]:
    return [(f"{at:%m-%d %H:%M}", [f"{day:%m-%d}" for day in days]) for at, days in daily_ticks(zone, first, last)]


def test_two_hours_skipped_at_the_daily_tick_skip_no_day() -> None:
    # At 01:00 the clocks go forward to 03:00. Dagster takes 01:00 for an hour before midnight.
    assert ticks_between("Antarctica/Troll", date(2026, 3, 26), date(2026, 3, 31)) == [
        ("03-27 01:00", ["03-26"]),
        ("03-28 01:00", ["03-27"]),
        ("03-28 23:00", ["03-27"]),
        ("03-29 23:00", ["03-28", "03-29"]),
        ("03-30 23:00", ["03-30"]),
    ]


def test_two_hours_repeated_at_the_daily_tick_run_each_day_once() -> None:
    # At 03:00 the clocks go back to 01:00.
    assert ticks_between("Antarctica/Troll", date(2026, 10, 23), date(2026, 10, 27)) == [
        ("10-23 23:00", ["10-23"]),
        ("10-25 01:00", ["10-24"]),
        ("10-26 01:00", ["10-25"]),
        ("10-27 01:00", ["10-26"]),
    ]


def test_clock_changes_of_every_zone_skip_no_day_and_ask_for_none_early() -> None:
    # Zones whose clocks change at the same instants are tried once.
    zones: dict[tuple[tuple[datetime, timedelta], ...], str] = {
        clock_changes(zone, FIRST, LAST): zone for zone in sorted(available_timezones())
    }
    assert len(zones) > 30
    for changes, zone in zones.items():
        for at, _ in changes:
            check_daily_ticks(zone, at.date() - timedelta(days=3), at.date() + timedelta(days=4))


def test_day_asked_for_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cleargrid_assets_tests.daily_ticks.just_closed", lambda at, _daily: [f"{at:%Y-%m-%d}"])
    with pytest.raises(AssertionError, match="Antarctica/Troll"):
        check_daily_ticks("Antarctica/Troll", date(2026, 3, 26), date(2026, 3, 31))
