"""The analyses: each is registered here once, and its asset is made by one factory.

To add one: its table in `contracts`, its figures in `analysis`, a picture of its own in `pictures` if it needs one, and
an entry in `ANALYSES`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from cleargrid_assets.analysis import attempts, channels, funnel, health, hours
from cleargrid_assets.analysis.classify import trailing_days
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.analysis.unmapped import Unmapped, unmapped
from cleargrid_assets.assets.declaration import asset_args, lineage, logs_input, without_beta_warnings
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, CHANNEL_REACH, HOURLY_REACH, OPERATIONAL_HEALTH, REACH_BY_ATTEMPT
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pictures import attempts as attempts_picture
from cleargrid_assets.pictures import channels as channels_picture
from cleargrid_assets.pictures import funnel as funnel_picture
from cleargrid_assets.pictures import health as health_picture
from cleargrid_assets.pictures import hours as hours_picture
from cleargrid_assets.pictures.frames import in_days, tidy
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets.pictures.table import presenter
from cleargrid_assets.resources import OutcomesResource, WarehouseResource
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.slices import StoredSlice

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation


@dataclass(frozen=True)
class Analysis:
    """One analysis of the communication logs.

    Attributes:
        table: The contract of its table, which also names and describes its asset.
        compute: Gives the rows of the table for the days of a scope.
        sources: The columns of the log that each column is computed from.
        present: Gives summary, picture and numbers of one day from the tidy rows of the shown days; None shows the
            table.
        trailing_days: Days of the log that one day is computed from, the day included.
        shown_days: Days of the table that the picture of one day shows, the day included.
        code_version: To be changed with the definition of the figures.
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
"""All analyses. Assets, column lineage, window checks, summaries, pictures and tests derive from it."""


def analysis_asset(analysis: Analysis) -> dg.AssetsDefinition:
    """The asset that computes, stores and shows an analysis."""
    present = analysis.present or presenter(analysis.table)

    def compute(
        context: dg.AssetExecutionContext,
        communication_logs: StoredSlice,
        outcomes: OutcomesResource,
        warehouse: WarehouseResource,
    ) -> dg.MaterializeResult[Any]:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        scope = Scope(days, BUSINESS_ZONE, outcomes.load())
        with communication_logs.open() as logs:
            rows = analysis.compute(logs, scope)
            unknown = unmapped(trailing_days(logs, days[-1], len(days)), scope.outcomes)
        shown = _with_stored_days(rows, analysis, days, warehouse)
        for day in days:
            presentation = present(
                in_days(shown, day - timedelta(days=analysis.shown_days - 1), day),
                day,
                [each for each in unknown if each.communicated_date == day],
            )
            _attach_metadata(context, day, presentation)
        return dg.MaterializeResult(value=rows, metadata=lineage(analysis.sources))

    with without_beta_warnings():
        asset: dg.AssetsDefinition = dg.asset(
            **asset_args(analysis.table),
            ins=logs_input(analysis.trailing_days),
            code_version=analysis.code_version,
        )(compute)
    return asset


def _with_stored_days(
    rows: "pd.DataFrame", analysis: Analysis, days: Sequence[date], warehouse: WarehouseResource
) -> "pd.DataFrame":
    """The computed rows and those of the stored days before, tidy.

    For pictures only, so this is not part of the lineage; days that are not stored are left out.
    """
    import pandas as pd  # noqa: PLC0415 - only now: it takes long to load

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
