"""The day: its window in any zone, and Dagster's idea of it."""

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from cleargrid_assets.exports.window import day_window
from cleargrid_assets.partitions import DAILY

ZONES = (
    "UTC",
    "Asia/Dubai",
    "Asia/Kathmandu",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    # Where midnight itself is skipped or comes twice.
    "Africa/Cairo",
    "America/Havana",
    "Asia/Beirut",
    "America/Asuncion",
    "Atlantic/Azores",
)
FIRST, LAST = date(2023, 1, 1), date(2026, 12, 31)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


@pytest.mark.parametrize(
    ("zone", "day", "since", "until"),
    [
        ("UTC", "2026-05-19", "2026-05-19 00:00", "2026-05-20 00:00"),
        ("Asia/Dubai", "2026-05-19", "2026-05-18 20:00", "2026-05-19 20:00"),
        ("Europe/London", "2026-03-29", "2026-03-29 00:00", "2026-03-29 23:00"),
        ("Europe/London", "2026-10-25", "2026-10-24 23:00", "2026-10-26 00:00"),
        ("America/New_York", "2026-03-08", "2026-03-08 05:00", "2026-03-09 04:00"),
        # Midnight is skipped: the day begins at 01:00, which is the same instant.
        ("Africa/Cairo", "2026-04-24", "2026-04-23 22:00", "2026-04-24 21:00"),
        # Midnight is gone back from: the hour before it comes twice, and is part of the day that ends.
        ("Africa/Cairo", "2026-10-29", "2026-10-28 21:00", "2026-10-29 22:00"),
        # Midnight comes twice: the day begins with the first.
        ("America/Havana", "2026-11-01", "2026-11-01 04:00", "2026-11-02 05:00"),
        ("Atlantic/Azores", "2026-10-25", "2026-10-25 00:00", "2026-10-26 01:00"),
    ],
)
def test_day_runs_from_midnight_to_midnight_in_its_zone(zone: str, day: str, since: str, until: str) -> None:
    window = day_window(date.fromisoformat(day), ZoneInfo(zone))
    assert (f"{window.since:%Y-%m-%d %H:%M}", f"{window.until:%Y-%m-%d %H:%M}") == (since, until)


@pytest.mark.parametrize("zone", ZONES)
def test_consecutive_days_meet_and_match_the_clock(zone: str) -> None:
    windows = {day: day_window(day, ZoneInfo(zone)) for day in DAYS}
    assert all(one.until == next_.since for one, next_ in pairwise(windows.values()))
    for day, window in windows.items():
        assert timedelta(hours=23) <= window.width <= timedelta(hours=25)
        first, last = window.since.astimezone(ZoneInfo(zone)), window.until - timedelta(microseconds=1)
        assert first.date() == last.astimezone(ZoneInfo(zone)).date() == day


@pytest.mark.parametrize("zone", ZONES)
def test_dagster_has_the_same_windows_and_closes_days_at_the_same_time(zone: str) -> None:
    daily = dg.DailyPartitionsDefinition(start_date=str(FIRST), timezone=zone)
    windows = {day: day_window(day, ZoneInfo(zone)) for day in DAYS}
    ends = max(window.until for window in windows.values())
    assert daily.get_partition_keys(current_time=ends) == [str(day) for day in DAYS]
    # Around the changes, and anywhere else.
    odd = {day for day, window in windows.items() if window.width != timedelta(days=1)}
    for day in sorted(odd | set(DAYS[::30])):
        theirs = daily.time_window_for_partition_key(str(day))
        assert (theirs.start.astimezone(timezone.utc), theirs.end.astimezone(timezone.utc)) == (
            windows[day].since,
            windows[day].until,
        )


def test_day_is_a_partition_once_it_is_closed() -> None:
    midnight = datetime(2026, 3, 1, tzinfo=timezone.utc)
    assert DAILY.get_partition_keys(current_time=midnight)[-1] == "2026-02-28"
    assert DAILY.get_partition_keys(current_time=midnight - timedelta(seconds=1))[-1] == "2026-02-27"
    assert DAILY.get_partition_keys(current_time=datetime(2026, 1, 1, 12, tzinfo=timezone.utc)) == []
