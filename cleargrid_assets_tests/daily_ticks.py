"""The ticks of the daily schedule in any zone, without a process of its own."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from cleargrid_assets.automation import daily_schedule
from cleargrid_assets.exports.window import day_window
from cleargrid_assets.partitions import just_closed


def daily_ticks(zone: str, first: date, last: date) -> Iterator[tuple[datetime, list[date]]]:
    """The instants of the ticks from one day to another, and the days that each requests.

    Args:
        zone: The business zone.
        first: The day after which the first tick comes. It is the first partition, too.
        last: The day before which the last tick comes.
    """
    daily = dg.DailyPartitionsDefinition(first.isoformat(), timezone=zone)
    since, until = (day_window(day, ZoneInfo(zone)).until for day in (first, last))
    for at in schedule_execution_time_iterator(since.timestamp(), str(daily_schedule.cron_schedule), zone):
        tick = at.astimezone(timezone.utc)
        if tick >= until:
            return
        yield tick, [date.fromisoformat(key) for key in just_closed(tick, daily)]


def check_daily_ticks(zone: str, first: date, last: date) -> None:
    """Asserts that every day is requested, in order, and none before it is closed."""
    requested: list[date] = []
    for tick, days in daily_ticks(zone, first, last):
        assert all(day_window(day, ZoneInfo(zone)).until <= tick for day in days), f"{zone}: {days} at {tick}"
        requested += days
    expected = [first + timedelta(days=number) for number in range((last - first).days)]
    assert sorted(set(requested)) == expected, f"{zone}: {sorted(set(expected) - set(requested))} not requested"
    assert requested == sorted(requested), zone


def clock_changes(zone: str, first: date, last: date) -> tuple[tuple[datetime, timedelta], ...]:
    """When the clocks of a zone change, to the half-hour, and their offset from then on."""
    step, changes = timedelta(days=7), []
    at = datetime(first.year, first.month, first.day, tzinfo=timezone.utc)
    while at.date() < last:
        if _offset(zone, at) != _offset(zone, at + step):
            change = next(
                at + timedelta(minutes=30 * number)
                for number in range(1, 7 * 48 + 1)
                if _offset(zone, at + timedelta(minutes=30 * number)) != _offset(zone, at)
            )
            changes.append((change, _offset(zone, change)))
        at += step
    return tuple(changes)


def _offset(zone: str, at: datetime) -> timedelta:
    return at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
