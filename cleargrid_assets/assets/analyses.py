"""The registry of analyses, and the factory that makes an asset of each. CONTRIBUTING.md says how to add one."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import attempts, channels, funnel, health, hours
from cleargrid_assets.analysis.classify import trailing_days
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.analysis.unmapped import Unmapped, unmapped
from cleargrid_assets.assets.table_asset import column_lineage, table_asset, without_beta_warnings
from cleargrid_assets.assets.version import made_with
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    HOURLY_REACH,
    INTERACTIONS,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
)
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pictures import attempts as attempts_picture
from cleargrid_assets.pictures import channels as channels_picture
from cleargrid_assets.pictures import funnel as funnel_picture
from cleargrid_assets.pictures import health as health_picture
from cleargrid_assets.pictures import hours as hours_picture
from cleargrid_assets.pictures.frames import in_days, tidy
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets.pictures.table import presenter
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.io_manager import VERSION
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import StoredSlice
from cleargrid_assets.warehouse.table_metadata import asset_key


@dataclass(frozen=True)
class Analysis:
    """One analysis of the interactions.

    Attributes:
        table: The contract. It also names and describes the asset.
        compute: Computes the rows of the table for the days of a scope.
        sources: For each column of the table, the columns of the interactions that it is computed from.
        present: Makes summary, picture and numbers of one day from the tidy rows of `shown_days`. None shows the rows
            as a table.
        trailing_days: Days of interactions that the figures of one day are computed from, including the day.
        shown_days: Days of the table that the picture of one day shows, including the day.
        code_version: Change it together with the definition of the figures.
    """

    table: Table
    compute: "Callable[[DuckDBPyRelation, Scope], pd.DataFrame]"
    sources: Mapping[str, Sequence[str]]
    present: "Callable[[pd.DataFrame, date, Sequence[Unmapped]], Presentation] | None" = None
    trailing_days: int = 1
    shown_days: int = 1
    code_version: str = "1"


ANALYSES: tuple[Analysis, ...] = (
    Analysis(ATTEMPT_FUNNEL, funnel.attempt_funnel, funnel.SOURCES, funnel_picture.present),
    Analysis(
        REACH_BY_ATTEMPT,
        attempts.reach_by_attempt,
        attempts.SOURCES,
        attempts_picture.present,
        trailing_days=attempts.WINDOW_DAYS,
    ),
    Analysis(
        CHANNEL_REACH,
        channels.channel_reach,
        channels.SOURCES,
        channels_picture.present,
        shown_days=channels_picture.SHOWN_DAYS,
    ),
    Analysis(
        HOURLY_REACH, hours.hourly_reach, hours.SOURCES, hours_picture.present, shown_days=hours_picture.SHOWN_DAYS
    ),
    Analysis(
        OPERATIONAL_HEALTH,
        health.operational_health,
        health.SOURCES,
        health_picture.present,
        trailing_days=health.BASELINE_DAYS + 1,
        shown_days=health_picture.SHOWN_DAYS,
    ),
)
"""Assets, column lineage, window checks, summaries, pictures and tests are made from this list."""


def analysis_asset(analysis: Analysis) -> dg.AssetsDefinition:
    """The asset that computes, stores and presents an analysis."""
    present = analysis.present or presenter(analysis.table)

    def compute(
        context: dg.AssetExecutionContext,
        interactions: StoredSlice,
        outcomes: OutcomesResource,
        warehouse: WarehouseResource,
    ) -> dg.MaterializeResult[Any]:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        scope = Scope(days, BUSINESS_ZONE, outcomes.load())
        with interactions.open() as stored:
            rows = analysis.compute(stored, scope)
            unknown = unmapped(trailing_days(stored, days[-1], len(days)), scope.outcomes)
        shown = _with_stored_days(rows, analysis, days, warehouse)
        for day in days:
            presentation = present(
                in_days(shown, day - timedelta(days=analysis.shown_days - 1), day),
                day,
                [each for each in unknown if each.communicated_date == day],
            )
            _attach_metadata(context, day, presentation)
        return dg.MaterializeResult(
            value=rows,
            metadata={
                "dagster/column_lineage": column_lineage(INTERACTIONS, analysis.sources),
                VERSION: made_with(analysis.code_version, scope.outcomes),
            },
        )

    return table_asset(
        analysis.table, compute, ins={"interactions": _input(analysis)}, code_version=analysis.code_version
    )


def _input(analysis: Analysis) -> dg.AssetIn:
    """The interactions of the trailing days that end with the day. The first days of the history have fewer."""
    with without_beta_warnings():
        mapping = dg.TimeWindowPartitionMapping(
            start_offset=1 - analysis.trailing_days, allow_nonexistent_upstream_partitions=analysis.trailing_days > 1
        )
    return dg.AssetIn(key=asset_key(INTERACTIONS), partition_mapping=mapping)


def _with_stored_days(
    rows: "pd.DataFrame", analysis: Analysis, days: Sequence[date], warehouse: WarehouseResource
) -> "pd.DataFrame":
    """The computed rows, and the stored rows of the days before them that the picture shows.

    This is not an input of the asset, because the figures do not depend on it. Days that are not stored have no rows.
    """
    computed = tidy(rows, analysis.table)
    before = [days[0] - timedelta(days=back) for back in range(analysis.shown_days - 1, 0, -1)]
    if not before:
        return computed
    stored = tidy(warehouse.slice(analysis.table, before).frame(), analysis.table)
    return pd.concat([frame for frame in (stored, computed) if not frame.empty] or [computed])


def _attach_metadata(context: dg.AssetExecutionContext, day: date, presentation: Presentation) -> None:
    numbers = {name: float(number) for name, number in presentation.numbers.items() if number is not None}
    context.add_asset_metadata(
        {
            "summary": dg.MetadataValue.md(presentation.summary),
            "picture": dg.MetadataValue.md(presentation.picture()),
            **{name: number for name, number in numbers.items() if not math.isnan(number)},
            **presentation.details,
        },
        partition_key=day.isoformat(),
    )


analysis_assets = [analysis_asset(analysis) for analysis in ANALYSES]
