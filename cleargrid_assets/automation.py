"""Jobs and schedules. All times are in the business zone."""

import dagster as dg

from cleargrid_assets import checks
from cleargrid_assets.checks.history import HISTORY_CHECKS
from cleargrid_assets.partitions import BUSINESS_ZONE, FRESH_BY, RANGE_END, RANGE_START, closed_days
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.settings import DAILY_RUN_AT, Settings

_ALL_TABLES = dg.AssetSelection.key_prefixes(SCHEMA)

daily_job = dg.define_asset_job(
    "daily_outreach",
    selection=_ALL_TABLES,
    description="Fetches one day, computes every analysis of it and runs all checks.",
)

resync_job = dg.define_asset_job(
    "resync_recent_days",
    selection=_ALL_TABLES,
    description="Fetches the last closed days again, for late and edited rows, and recomputes their analyses.",
)

daily_schedule = dg.build_schedule_from_partitioned_job(
    daily_job,
    name="daily_outreach_schedule",
    hour_of_day=DAILY_RUN_AT.hour,
    minute_of_hour=DAILY_RUN_AT.minute,
    description="Every day at 01:00 in the business zone: fetches the day that has just closed.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.schedule(
    job=resync_job,
    cron_schedule="0 4 * * *",
    execution_timezone=BUSINESS_ZONE.key,
    description="Every day at 04:00 in the business zone: fetches the last `CLEARGRID_RESYNC_DAYS` days again.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def resync_recent_days_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Requests one run of the last closed days.

    Later days whose trailing windows include a changed day are in the same run, because it extends to yesterday.
    """
    keys = closed_days(context.scheduled_execution_time)
    recent = keys[-Settings.from_environment().resync_days :]
    if not recent:
        return dg.SkipReason("No day has closed since CLEARGRID_START_DATE.")
    return dg.RunRequest(run_key=recent[-1], tags={RANGE_START: recent[0], RANGE_END: recent[-1]})


freshness_job = dg.define_asset_job(
    "freshness",
    selection=dg.AssetSelection.checks(
        *(
            key
            for definition in dg.load_asset_checks_from_package_module(checks)
            for key in definition.check_keys
            if key.name in HISTORY_CHECKS
        )
    ),
    description="Checks that the last closed day is stored, that no day is missing and that the source is alive.",
)

freshness_schedule = dg.ScheduleDefinition(
    name="freshness_schedule",
    job=freshness_job,
    cron_schedule=f"{FRESH_BY.minute} {FRESH_BY.hour} * * *",
    execution_timezone=BUSINESS_ZONE.key,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at `CLEARGRID_FRESH_BY` in the business zone, also if no run has started that day.",
)

JOBS = (daily_job, resync_job, freshness_job)
SCHEDULES = (daily_schedule, resync_recent_days_schedule, freshness_schedule)
