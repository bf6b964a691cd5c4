"""The assets of the analyses, one for each that is registered."""

from datetime import date
from typing import Any

import dagster as dg

from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.assets.input_days import LEFT_OUT_METADATA, read_input_days
from cleargrid_assets.assets.presenting import presentation_metadata, presentations, report_command
from cleargrid_assets.assets.table_asset import column_lineage, table_asset, without_beta_warnings
from cleargrid_assets.contracts import INTERACTIONS
from cleargrid_assets.partitions import BACKFILL, BUSINESS_ZONE
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.warehouse.io_manager import VERSION
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import ComputedFrame, StoredSlice, stored_rows
from cleargrid_assets.warehouse.sources import NotStoredError
from cleargrid_assets.warehouse.table_metadata import asset_key


def analysis_asset(analysis: Analysis) -> dg.AssetsDefinition:
    """The asset that computes, stores and presents an analysis."""

    def compute(
        context: dg.AssetExecutionContext,
        interactions: StoredSlice,
        outcomes: OutcomesResource,
        warehouse: WarehouseResource,
    ) -> dg.MaterializeResult[Any]:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        # A backfill asks for the days that look back on its days, too.
        looks_back = analysis.trailing_days - 1 if BACKFILL in context.run.tags else 0
        # One connection for all, because opening one costs more than most queries.
        with warehouse.reading() as connection:
            try:
                inputs = read_input_days(connection, analysis.table, days, looks_back)
            except NotStoredError as error:
                raise dg.Failure(str(error), allow_retries=False) from None
            scope = Scope(inputs.stored, BUSINESS_ZONE, outcomes.load())
            rows = analysis.compute(stored_rows(connection, INTERACTIONS, interactions.days), scope)
            shown = presentations(analysis, inputs.stored, rows, connection, scope.outcomes) if inputs.stored else {}
        for warning in inputs.warnings(analysis.table):
            context.log.warning(warning)
        for day, presentation in shown.items():
            command = None if day == inputs.stored[-1] else report_command(day, warehouse.database)
            metadata = presentation_metadata(presentation, command)
            context.add_asset_metadata(metadata, partition_key=day.isoformat())
        for day in inputs.left_out:
            context.add_asset_metadata(LEFT_OUT_METADATA, partition_key=day.isoformat())
        if shown:
            context.log.info(f"{analysis.table.name}: {shown[inputs.stored[-1]].headline}")
        views = {name: query(scope.outcomes) for name, query in analysis.views.items()}
        return dg.MaterializeResult(
            value=ComputedFrame(rows, inputs.stored, views),
            metadata={VERSION: analysis.version(scope.outcomes)},
        )

    return table_asset(
        analysis.table,
        compute,
        lineage=column_lineage(INTERACTIONS, analysis.sources),
        ins={"interactions": _input(analysis)},
        code_version=analysis.code_version,
    )


def _input(analysis: Analysis) -> dg.AssetIn:
    """The interactions of the trailing days that end with the day. The first days of the history have fewer."""
    with without_beta_warnings():
        mapping = dg.TimeWindowPartitionMapping(
            start_offset=1 - analysis.trailing_days, allow_nonexistent_upstream_partitions=analysis.trailing_days > 1
        )
    return dg.AssetIn(key=asset_key(INTERACTIONS), partition_mapping=mapping)


analysis_assets = [analysis_asset(analysis) for analysis in ANALYSES]
