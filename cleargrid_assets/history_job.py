"""The job that removes old runs from Dagster's history.

A run that stored what a partition holds now is kept, however old it is: without it, the UI would show the partition as
missing.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import dagster as dg

from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.wording import counted

_BATCH = 500
"""Max records of one query. SQLite limits the number of parameters."""

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class PruneConfig(dg.Config):
    """What the job removes.

    Attributes:
        older_than_days: Age of the runs, in days.
    """

    older_than_days: int = 90


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Removes runs older than 90 days with their events and output, except runs that stored what a "
    "partition holds now.",
)
def remove_old_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    """Removes the runs. How many is metadata of the output."""
    removed = remove_runs_before(context.instance, datetime.now(timezone.utc) - timedelta(days=config.older_than_days))
    context.log.info(f"Removed from Dagster's history: {counted(removed, 'run')}.")
    context.add_output_metadata({"removed_runs": removed})


@dg.job(description="Removes runs older than 90 days from Dagster's history. The tables are not touched.")
def prune_history() -> None:
    """The job."""
    remove_old_runs()


prune_history_schedule = dg.ScheduleDefinition(
    name="prune_history_schedule",
    job=prune_history,
    cron_schedule="0 12 * * 0",
    execution_timezone=BUSINESS_ZONE.key,
    description="Every Sunday at noon in the business zone. Off, until you turn it on.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)


def remove_runs_before(instance: dg.DagsterInstance, before: datetime) -> int:
    """Removes the runs that were created before an instant and have ended, of all code locations.

    Args:
        instance: The Dagster instance.
        before: The instant.

    Returns:
        How many were removed.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=_ENDED, created_before=before))
    needed = set(_runs_of_latest_materializations(instance)) if records else set()
    removed = 0
    for record in records:
        run_id = record.dagster_run.run_id
        if run_id not in needed:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.delete_run(run_id)
            removed += 1
    return removed


def _runs_of_latest_materializations(instance: dg.DagsterInstance) -> Iterator[str]:
    for key in instance.get_asset_keys():
        if latest := instance.get_latest_materialization_event(key):
            yield latest.run_id
        ids = sorted(
            instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION).values()
        )
        for begin in range(0, len(ids), _BATCH):
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(key, storage_ids=ids[begin : begin + _BATCH]), limit=_BATCH
            ).records
            yield from (record.run_id for record in records)
