"""The dlt pipeline through dagster-dlt: `@dlt_assets`, partitioned by day."""

import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource, dlt_assets  # type: ignore[import-not-found,unused-ignore]

from benchmarks.programs.dlt_source import LOADER_FILE_FORMAT, exports, pipeline
from benchmarks.programs.login import Access, log_in


@dlt_assets(  # type: ignore[untyped-decorator,unused-ignore]
    # Dagster reads only the resource names of this source. Each run makes its own source.
    dlt_source=exports(Access(os.environ["CLEARGRID_BASE_URL"], ""), date(1970, 1, 1)),
    dlt_pipeline=pipeline(os.environ["CLEARGRID_DUCKDB"]),
    partitions_def=dg.DailyPartitionsDefinition(os.environ["CLEARGRID_START_DATE"]),
)
def cleargrid(context: dg.AssetExecutionContext, dlt_resource: DagsterDltResource) -> Iterator[Any]:
    """Loads one day."""
    source = exports(log_in(), date.fromisoformat(context.partition_key))
    yield from dlt_resource.run(context=context, dlt_source=source, loader_file_format=LOADER_FILE_FORMAT)


defs = dg.Definitions(
    assets=[cleargrid], resources={"dlt_resource": DagsterDltResource()}, executor=dg.in_process_executor
)
