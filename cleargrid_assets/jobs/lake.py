"""The job that keeps a lake small, and its schedule. A DuckDB file has neither."""

from dataclasses import asdict
from datetime import datetime, timedelta, timezone

import dagster as dg

from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.maintenance import maintain
from cleargrid_assets.warehouse.resource import WarehouseResource

LAKE_FILES = dg.AssetSpec(
    key=["lake", "files"],
    description="What the lake holds on disk. Each run of the job `lake_maintenance` records it, and the UI plots it: "
    "`files` and `size_bytes` of the present rows, `old_files` of earlier versions, and `snapshots`, the versions that "
    "can be read.",
    group_name=SCHEMA,
)


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Removes versions older than `CLEARGRID_LAKE_KEEP_DAYS`, and files that nothing needs any more. Runs "
    "that store days wait meanwhile.",
)
def maintain_lake(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
    """Maintains the lake, and records what it did and what is left."""
    keep = timedelta(days=Settings.from_environment().lake_keep_days)
    try:
        done = maintain(warehouse.database, keep, datetime.now(timezone.utc), warehouse.lock_timeout_s)
    except WarehouseError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log_event(dg.AssetObservation(LAKE_FILES.key, metadata=asdict(done)))


@dg.job(
    description="Removes old versions of rows from the lake. Until then, rows that ClearGrid removed can still be read "
    "in earlier versions.",
)
def lake_maintenance() -> None:
    """The job."""
    maintain_lake()


lake_maintenance_schedule = dg.ScheduleDefinition(
    name="lake_maintenance_schedule",
    job=lake_maintenance,
    cron_schedule="30 5 * * *",
    execution_timezone=BUSINESS_ZONE.key,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 05:30 in the business zone: removes old versions of rows from the lake.",
)
