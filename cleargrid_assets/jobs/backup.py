"""The job that makes a backup, and the sensor that starts it.

A sensor and not a schedule: a backup is worth keeping once the daily run has stored its day, however long that takes,
and not after a run that failed.
"""

from datetime import datetime, timezone

import dagster as dg

from cleargrid_assets.automation import daily_job
from cleargrid_assets.jobs.retention import drop_old_days, why_not_followed
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.backups.backup import back_up
from cleargrid_assets.warehouse.connection import file_of
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.resource import WarehouseResource


@dg.op(out=dg.Out(dg.Nothing), description="Copies the database file, and compares the copy with its ledger.")
def back_up_database(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
    """Makes a backup. Its size and how long it took are metadata of the output."""
    keep = Settings.from_environment().backups
    try:
        backup = back_up(warehouse.database, keep, datetime.now(timezone.utc), warehouse.lock_timeout_s)
    except WarehouseError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.add_output_metadata(
        {"file": backup.file.name, "size_bytes": backup.size_bytes, "seconds": round(backup.seconds, 3)}
    )


@dg.job(description="Makes a verified backup of the database file, and keeps the last `CLEARGRID_BACKUPS`.")
def backup() -> None:
    """The job."""
    back_up_database()


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[daily_job, drop_old_days],
    request_job=backup,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the job `backup` when a run of `daily_outreach` has succeeded; with `CLEARGRID_KEEP_DAYS`, "
    "when the run of `drop_old_days` after it has succeeded.",
)
def backup_after_daily_run(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Requests a backup for each daily run that succeeded. Those of one morning must not push out all earlier ones."""
    settings = Settings.from_environment()
    if settings.backups == 0:
        return dg.SkipReason("CLEARGRID_BACKUPS is 0.")
    if file_of(settings.database) is None:
        return dg.SkipReason("The database is no file.")
    if reason := why_not_followed(context.dagster_run):
        return dg.SkipReason(reason)
    if settings.keep_days is not None and context.dagster_run.job_name == daily_job.name:
        return dg.SkipReason("The backup is made when old days have been dropped.")
    return dg.RunRequest(run_key=context.dagster_run.run_id)
