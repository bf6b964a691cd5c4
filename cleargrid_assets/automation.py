"""Jobs and schedules: what runs by itself, when, in the business zone."""

import dagster as dg

from cleargrid_assets.checks.history import HISTORY_SPECS
from cleargrid_assets.contracts import SCHEMA
from cleargrid_assets.partitions import BUSINESS_ZONE, FRESH_BY, RANGE_END, RANGE_START, closed_days
from cleargrid_assets.settings import DAILY_RUN_AT, Settings

_ALL = dg.AssetSelection.key_prefixes(SCHEMA)

daily_job = dg.define_asset_job(
    "daily_outreach",
    selection=_ALL,
    description="One day: the communication logs, every analysis of them, and the checks.",
)

resync_job = dg.define_asset_job(
    "resync_recent_days",
    selection=_ALL,
    description="The last closed days again, for rows that came late or were edited, and every analysis of them.",
)

daily_schedule = dg.build_schedule_from_partitioned_job(
    daily_job,
    name="daily_outreach_schedule",
    hour_of_day=DAILY_RUN_AT.hour,
    minute_of_hour=DAILY_RUN_AT.minute,
    description="Every day at 01:00 in the business zone: the day that has just closed.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.schedule(
    job=resync_job,
    cron_schedule="0 4 * * *",
    execution_timezone=BUSINESS_ZONE.key,
    description="Every day at 04:00 in the business zone: the last `CLEARGRID_RESYNC_DAYS` closed days, as one run.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def resync_recent_days_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Requests a run over the last closed days.

    The analyses of the same days are computed anew in that run. Whatever looks back at a changed day from a later one
    lies between that day and yesterday, so nothing downstream of a change is left out.
    """
    keys = closed_days(context.scheduled_execution_time)
    recent = keys[-Settings.from_environment().resync_days :]
    if not recent:
        return dg.SkipReason("No day has closed since CLEARGRID_START_DATE.")
    return dg.RunRequest(run_key=recent[-1], tags={RANGE_START: recent[0], RANGE_END: recent[-1]})


freshness_job = dg.define_asset_job(
    "freshness",
    selection=dg.AssetSelection.checks(*(spec.key for spec in HISTORY_SPECS)),
    description="Is the last closed day there, is any day missing, is the source alive: asked at the deadline.",
)

freshness_schedule = dg.ScheduleDefinition(
    name="freshness_schedule",
    job=freshness_job,
    cron_schedule=f"{FRESH_BY.minute} {FRESH_BY.hour} * * *",
    execution_timezone=BUSINESS_ZONE.key,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at `CLEARGRID_FRESH_BY` in the business zone, whether or not anything was materialized.",
)

JOBS = (daily_job, resync_job, freshness_job)
SCHEDULES = (daily_schedule, resync_recent_days_schedule, freshness_schedule)
