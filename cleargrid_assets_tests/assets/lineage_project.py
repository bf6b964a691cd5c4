"""The project's analyses behind a log whose rows a test writes: as definitions that a Dagster web server can load.

The folder of the rows is in the variable `LINEAGE_ROWS`.
"""

import os
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg

from cleargrid_assets.assets.declaration import asset_args, asset_key
from cleargrid_assets.contracts import CHANNEL_REACH, COMMUNICATION_LOGS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice, StoredSlice

_arguments: Any = asset_args(COMMUNICATION_LOGS)


def rows_file(day: date) -> Path:
    """Where a test writes the rows of a day."""
    return Path(os.environ["LINEAGE_ROWS"]) / f"{day}.ndjson"


@dg.asset(**_arguments, code_version="1")  # type: ignore[untyped-decorator]
def communication_logs(context: dg.AssetExecutionContext) -> SpooledSlice:
    days = [date.fromisoformat(key) for key in context.partition_keys]
    extracted_at = datetime.now(timezone.utc)
    return SpooledSlice([SpooledPartition(day, rows_file(day), extracted_at) for day in days], discard=lambda: None)


def _reader(name: str, upstream: Table) -> dg.AssetsDefinition:
    @dg.asset(
        key=[SCHEMA, name],
        partitions_def=_arguments["partitions_def"],
        backfill_policy=_arguments["backfill_policy"],
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
