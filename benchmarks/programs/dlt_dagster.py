"""The same pipeline through dagster-dlt: the assets of a dlt source, partitioned by day, run by its resource."""

import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource, dlt_assets  # type: ignore[import-not-found,unused-ignore]

from benchmarks.programs.dlt_source import LOADER_FILE_FORMAT, exports, pipeline
from benchmarks.programs.login import Access, log_in


@dlt_assets(  # type: ignore[untyped-decorator,unused-ignore]
    # Only the names of its resources matter here; each run makes its own.
    dlt_source=exports(Access(os.environ["CLEARGRID_BASE_URL"], ""), date(1970, 1, 1)),
    dlt_pipeline=pipeline(os.environ["CLEARGRID_DUCKDB"]),
    partitions_def=dg.DailyPartitionsDefinition(os.environ["CLEARGRID_START_DATE"]),
)
def cleargrid(context: dg.AssetExecutionContext, dlt_resource: DagsterDltResource) -> Iterator[Any]:
    """One day."""
    source = exports(log_in(), date.fromisoformat(context.partition_key))
    yield from dlt_resource.run(context=context, dlt_source=source, loader_file_format=LOADER_FILE_FORMAT)


defs = dg.Definitions(
    assets=[cleargrid], resources={"dlt_resource": DagsterDltResource()}, executor=dg.in_process_executor
)
