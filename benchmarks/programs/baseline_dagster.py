"""The baseline as a partitioned Dagster asset without an IO manager."""

import os
from datetime import date

import dagster as dg

from benchmarks.programs.baseline import load


@dg.asset(partitions_def=dg.DailyPartitionsDefinition(os.environ["CLEARGRID_START_DATE"]))
def communication_logs(context: dg.AssetExecutionContext) -> None:
    """Loads one day."""
    load(date.fromisoformat(context.partition_key))


defs = dg.Definitions(assets=[communication_logs], executor=dg.in_process_executor)
