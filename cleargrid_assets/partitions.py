"""The daily partitions: business days from midnight to midnight in `CLEARGRID_TIMEZONE`, once they are closed."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg

from cleargrid_assets.settings import Settings

_SETTINGS = Settings.from_environment()

BUSINESS_ZONE = _SETTINGS.timezone
FRESH_BY = _SETTINGS.fresh_by
"""Time of day in the business zone by which the last closed day is due."""

START_DATE = _SETTINGS.start_date

DAYS_PER_RUN = _SETTINGS.days_per_run
"""Max days in one run of a backfill."""

DAILY = dg.DailyPartitionsDefinition(
    start_date=START_DATE.isoformat(),
    timezone=BUSINESS_ZONE.key,
)

PARTITION = "dagster/partition"
"""Tag of a run that materializes one day."""

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Tags of a run that materializes several days."""

BACKFILL = "dagster/backfill"
"""Tag of the runs of a backfill."""


def now_in_zone() -> datetime:
    """The current time in the business zone."""
    return datetime.now(BUSINESS_ZONE)


def closed_days(now: datetime, daily: dg.DailyPartitionsDefinition = DAILY) -> list[str]:
    """The partition keys of all closed days."""
    # In UTC, because Dagster may give a tick a local time that the clocks skip.
    return list(daily.get_partition_keys(current_time=now.astimezone(timezone.utc)))


def first_kept_day(now: datetime) -> date | None:
    """The oldest day that is not older than `CLEARGRID_KEEP_DAYS`; None if all days are kept."""
    keep = Settings.from_environment().keep_days
    return None if keep is None else now.astimezone(BUSINESS_ZONE).date() - timedelta(days=keep)


def kept_days(now: datetime) -> list[str]:
    """The partition keys of the closed days that are not older than `CLEARGRID_KEEP_DAYS`."""
    first = first_kept_day(now)
    return [key for key in closed_days(now) if first is None or key >= first.isoformat()]


def just_closed(now: datetime, daily: dg.DailyPartitionsDefinition = DAILY) -> list[str]:
    """The partition keys of the days that closed in the last 24 hours; of the last closed day if there are none.

    That is one day for a daily tick, except where the clocks skip its time by more than an hour (Antarctica/Troll).
    Dagster evaluates that tick before midnight, when its day is not closed. The next tick then has two days.
    """
    closed = closed_days(now, daily)
    before = closed_days(now.astimezone(timezone.utc) - timedelta(hours=24), daily)
    return closed[len(before) :] or closed[-1:]
