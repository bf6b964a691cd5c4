"""The project's analyses behind a log whose rows a test writes: as definitions that a Dagster web server can load.

The folder of the rows is in the variable `LINEAGE_ROWS`.
"""

import os
from datetime import date, datetime, timezone
from pathlib import Path

import dagster as dg

from cleargrid_assets.assets.table_asset import table_asset
from cleargrid_assets.contracts import CHANNEL_REACH, COMMUNICATION_LOGS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice, StoredSlice
from cleargrid_assets.warehouse.table_metadata import asset_key


def rows_file(day: date) -> Path:
    """Where a test writes the rows of a day."""
    return Path(os.environ["LINEAGE_ROWS"]) / f"{day}.ndjson"


def _rows_of_the_files(context: dg.AssetExecutionContext) -> SpooledSlice:
    days = [date.fromisoformat(key) for key in context.partition_keys]
    extracted_at = datetime.now(timezone.utc)
    return SpooledSlice([SpooledPartition(day, rows_file(day), extracted_at) for day in days], discard=lambda: None)


communication_logs = table_asset(COMMUNICATION_LOGS, _rows_of_the_files)


def _reader(name: str, upstream: Table) -> dg.AssetsDefinition:
    @dg.asset(
        key=[SCHEMA, name],
        partitions_def=communication_logs.partitions_def,
        backfill_policy=communication_logs.backfill_policy,
        ins={"rows": dg.AssetIn(key=asset_key(upstream))},
        code_version="1",
    )
    def reader(rows: StoredSlice) -> None:
        assert rows.days

    return reader


def _build() -> dg.Definitions:
    project = build_defs()
    analyses = [
        assets
        for assets in project.assets or ()
        if isinstance(assets, dg.AssetsDefinition) and assets.keys and communication_logs.key not in assets.keys
    ]
    return dg.Definitions(
        assets=[
            communication_logs,
            _reader("log_reader", COMMUNICATION_LOGS),
            _reader("analysis_reader", CHANNEL_REACH),
            *analyses,
        ],
        resources=project.resources,
        executor=dg.in_process_executor,
    )


defs = _build()
