"""The one daily partitions definition, which days are closed, and the exact window of a day.

A partition is a business day, from midnight to midnight in `CLEARGRID_TIMEZONE`. It exists once the day is closed.
"""

from datetime import date, datetime, timedelta, timezone, tzinfo

import dagster as dg

from cleargrid_assets.exports.window import Window
from cleargrid_assets.settings import Settings

_SETTINGS = Settings.from_environment()

BUSINESS_ZONE = _SETTINGS.timezone
FRESH_BY = _SETTINGS.fresh_by
"""Time in the business zone by which the last closed day is due."""

START_DATE = _SETTINGS.start_date

DAILY = dg.DailyPartitionsDefinition(
    start_date=START_DATE.isoformat(),
    timezone=BUSINESS_ZONE.key,
)

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Tags of a run that materializes several days."""


def closed_days(now: datetime) -> list[str]:
    """The keys of all days that are over, from the first partition on."""
    return list(DAILY.get_partition_keys(current_time=now))


def day_window(day: date, zone: tzinfo) -> Window:
    """From the day's first instant in the zone to the next day's: 23 or 25 hours when clocks change.

    If the clocks skip midnight, the day begins at the change. If midnight comes twice, the day begins at the first.
    """
    return Window(_first_instant(day, zone), _first_instant(day + timedelta(days=1), zone))


def _first_instant(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(timezone.utc)
