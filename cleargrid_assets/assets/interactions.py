"""Interactions: the log with its meaning, between the log and the analyses."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis.interactions import SOURCES, interactions, merged_by_spelling, withheld
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.unmapped import as_pairs, unmapped
from cleargrid_assets.assets.table_asset import column_lineage, table_asset
from cleargrid_assets.assets.version import made_with
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.io_manager import VERSION
from cleargrid_assets.warehouse.slices import ComputedSlice
from cleargrid_assets.warehouse.table_metadata import asset_key

CODE_VERSION = "1"
"""Change it together with the meaning of a communication."""


def _interactions(context: dg.AssetExecutionContext, outcomes: OutcomesResource) -> dg.MaterializeResult[ComputedSlice]:
    words, region = outcomes.load(), Settings.from_environment().region
    # Only with the latest day, because it is the same for all and takes as much room as all other metadata.
    context.add_asset_metadata(
        {"dagster/column_lineage": column_lineage(COMMUNICATION_LOGS, SOURCES)},
        partition_key=context.partition_keys[-1],
    )
    return dg.MaterializeResult(
        value=ComputedSlice(
            COMMUNICATION_LOGS,
            partial(interactions, outcomes=words, region=region),
            partial(_described, outcomes=words),
        ),
        metadata={VERSION: current_version(words, region)},
    )


def current_version(outcomes: Outcomes, region: str | None) -> str:
    """What a run would make the table with today."""
    return made_with(CODE_VERSION, outcomes, region=region or "none")


def _described(logs: DuckDBPyRelation, rows: DuckDBPyRelation, outcomes: Outcomes) -> Mapping[date, Mapping[str, Any]]:
    """Metadata of each day that has rows."""
    unknown, merged = unmapped(rows, outcomes), merged_by_spelling(logs)
    return {
        day: {
            "merged_by_spelling": merged.get(day, 0),
            "withheld": number,
            "unmapped": as_pairs([each for each in unknown if each.communicated_date == day]),
        }
        for day, number in withheld(rows).items()
    }


interactions_asset = table_asset(
    INTERACTIONS, _interactions, deps=[asset_key(COMMUNICATION_LOGS)], code_version=CODE_VERSION
)
