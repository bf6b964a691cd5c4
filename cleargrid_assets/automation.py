"""The jobs that materialize and check the tables, and their schedules. All times are in the business zone."""

from collections.abc import Sequence

import dagster as dg

from cleargrid_assets import checks
from cleargrid_assets.assets.daily_digest import DIGEST_KEY
from cleargrid_assets.catch_up.requests import catch_up_requests
from cleargrid_assets.catch_up.runs import DAILY_JOB, RESYNC_JOB
from cleargrid_assets.checks.history import FRESHNESS_JOB, HISTORY_CHECKS
from cleargrid_assets.partitions import BUSINESS_ZONE, FRESH_BY, RANGE_END, RANGE_START, closed_days, just_closed
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.setting_types import DAILY_RUN_AT
from cleargrid_assets.settings import Settings

NOTHING_CLOSED = "No day has closed since CLEARGRID_START_DATE."
_ALL_TABLES = dg.AssetSelection.key_prefixes(SCHEMA) - dg.AssetSelection.assets(DIGEST_KEY)

daily_job = dg.define_asset_job(
    DAILY_JOB,
    selection=_ALL_TABLES,
    description="Fetches one day, computes every analysis of it and runs all checks.",
)

resync_job = dg.define_asset_job(
    RESYNC_JOB,
    selection=_ALL_TABLES,
    description="Fetches the last closed days again, for late and edited rows, and recomputes their analyses.",
)


@dg.schedule(
    name="daily_outreach_schedule",
    job=daily_job,
    cron_schedule=f"{DAILY_RUN_AT.minute} {DAILY_RUN_AT.hour} * * *",
    execution_timezone=BUSINESS_ZONE.key,
    description="Every day at 01:00 in the business zone: fetches the day that has just closed.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | list[dg.RunRequest] | dg.SkipReason:
    """Requests one run of the day that has just closed, and the runs of the catch-up."""
    keys = just_closed(context.scheduled_execution_time)
    if not keys:
        return dg.SkipReason(NOTHING_CLOSED)
    one_day = dg.RunRequest(run_key=keys[-1], partition_key=keys[-1])
    return _with_catch_up(context, one_day if len(keys) == 1 else _range(keys), keys)


@dg.schedule(
    job=resync_job,
    cron_schedule="0 4 * * *",
    execution_timezone=BUSINESS_ZONE.key,
    description="Every day at 04:00 in the business zone: fetches the last `CLEARGRID_RESYNC_DAYS` days again.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def resync_recent_days_schedule(
    context: dg.ScheduleEvaluationContext,
) -> dg.RunRequest | list[dg.RunRequest] | dg.SkipReason:
    """Requests one run of the last closed days, and the runs of the catch-up.

    Later days whose trailing windows include a changed day are in the same run, because it extends to yesterday.
    """
    keys = closed_days(context.scheduled_execution_time)[-Settings.from_environment().resync_days :]
    if not keys:
        return dg.SkipReason(NOTHING_CLOSED)
    return _with_catch_up(context, _range(keys), keys)


def _range(keys: Sequence[str]) -> dg.RunRequest:
    return dg.RunRequest(run_key=keys[-1], tags={RANGE_START: keys[0], RANGE_END: keys[-1]})


def _with_catch_up(
    context: dg.ScheduleEvaluationContext, usual: dg.RunRequest, keys: Sequence[str]
) -> dg.RunRequest | list[dg.RunRequest]:
    more = catch_up_requests(context, keys)
    return [usual, *more] if more else usual


freshness_job = dg.define_asset_job(
    FRESHNESS_JOB,
    selection=dg.AssetSelection.checks(
        *(
            key
            for definition in dg.load_asset_checks_from_package_module(checks)
            for key in definition.check_keys
            if key.name in HISTORY_CHECKS
        )
    ),
    description="Checks that the last closed day is stored, that no day is missing or damaged, that all days are of "
    "one version, and that the source is alive. The run fails if a check fails as an `ERROR`.",
    # A retry would find the same.
    tags={"dagster/max_retries": "0"},
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
