"""Every zone and every day of four years: days cover every instant once, and the daily tick asks for each in time."""

from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import dagster as dg
import pytest

from cleargrid_assets.exports.window import day_window
from cleargrid_assets_tests.daily_ticks import check_daily_ticks, clock_changes
from cleargrid_assets_tests.torture.conftest import Torture

FIRST, LAST = date(2023, 1, 1), date(2026, 12, 31)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


@pytest.mark.torture
def test_days_of_every_zone_cover_every_instant_once(torture: Torture) -> None:
    zones = sorted(available_timezones())
    for zone in torture.watched("zones", zones):
        windows = [day_window(day, ZoneInfo(zone)) for day in DAYS]
        assert all(window.since < window.until == next_.since for window, next_ in pairwise(windows)), zone
        for day, window in zip(DAYS, windows, strict=True):
            first, last = window.since, window.until - timedelta(microseconds=1)
            assert first.astimezone(ZoneInfo(zone)).date() == day == last.astimezone(ZoneInfo(zone)).date(), zone
    torture.figure("zones", f"{len(zones)} zones, {len(DAYS):,} days each")


@pytest.mark.torture
def test_dagster_closes_the_days_of_every_zone_at_their_end(torture: Torture) -> None:
    for zone in torture.watched("zones of partitions", sorted(available_timezones())):
        daily = dg.DailyPartitionsDefinition(FIRST.isoformat(), timezone=zone)
        end = day_window(LAST, ZoneInfo(zone)).until
        assert daily.get_partition_keys(current_time=end) == [str(day) for day in DAYS], zone
        before = daily.get_partition_keys(current_time=end - timedelta(microseconds=1))
        assert before == [str(day) for day in DAYS[:-1]], zone


@pytest.mark.torture
def test_daily_tick_of_every_zone_skips_no_day_and_asks_for_none_early(torture: Torture) -> None:
    # Zones with the same midnights and the same changes of clocks have the same ticks.
    zones = {
        (clock_changes(zone, FIRST, LAST), *(day_window(day, ZoneInfo(zone)).since for day in DAYS)): zone
        for zone in sorted(available_timezones())
    }
    # By month, because Dagster lists all days since the first at each tick.
    months = [day for day in [*DAYS, LAST + timedelta(days=1)] if day.day == 1]
    for zone in torture.watched("zones of ticks", zones.values()):
        for first, next_ in pairwise(months):
            check_daily_ticks(zone, first, next_)
    torture.figure("daily ticks", f"{len(zones)} zones with clocks of their own, {len(DAYS):,} days each")
