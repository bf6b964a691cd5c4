"""The job that drops days older than `CLEARGRID_KEEP_DAYS`, and the sensor that starts it.

It follows the daily run, so that a day is dropped only when a new one has been stored.
"""

from datetime import datetime, timezone

import dagster as dg

from cleargrid_assets.automation import daily_job
from cleargrid_assets.catch_up.requests import CATCH_UP
from cleargrid_assets.partitions import BACKFILL, first_kept_day
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.retention import drop_days_before
from cleargrid_assets.wording import counted


@dg.op(out=dg.Out(dg.Nothing), description="Drops days older than `CLEARGRID_KEEP_DAYS` from every table.")
def drop_days(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
    """Drops the days. Which ones is metadata of the output."""
    first = first_kept_day(datetime.now(timezone.utc))
    if first is None:
        raise dg.Failure("CLEARGRID_KEEP_DAYS is not set, so no day is dropped.", allow_retries=False)
    try:
        days = drop_days_before(warehouse.database, first, warehouse.lock_timeout_s)
    except WarehouseError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(f"Days before {first} are not kept. Dropped: {counted(len(days), 'day')}.")
    context.add_output_metadata(
        {"first_kept_day": str(first), "days": len(days), "dropped_days": [str(day) for day in days]}
    )


@dg.job(description="Drops days older than `CLEARGRID_KEEP_DAYS` from every table, in one transaction.")
def drop_old_days() -> None:
    """The job."""
    drop_days()


def why_not_followed(run: dg.DagsterRun) -> str | None:
    """Why no further job follows a daily run; None if one does."""
    if CATCH_UP in run.tags or BACKFILL in run.tags:
        return "The run belongs to a catch-up or a backfill, of which there may be many."
    return None


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[daily_job],
    request_job=drop_old_days,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the job `drop_old_days` when a run of `daily_outreach` has succeeded, if `CLEARGRID_KEEP_DAYS` "
    "is set.",
)
def drop_after_daily_run(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Requests a run for each daily run that succeeded."""
    if Settings.from_environment().keep_days is None:
        return dg.SkipReason("CLEARGRID_KEEP_DAYS is not set.")
    if reason := why_not_followed(context.dagster_run):
        return dg.SkipReason(reason)
    return dg.RunRequest(run_key=context.dagster_run.run_id)
