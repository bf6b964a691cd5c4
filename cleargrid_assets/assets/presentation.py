"""How an analysis shows a day in the UI: a summary in the overview, a picture one click away, numbers that plot.

What belongs here: metadata, and the stored days before that a picture sets the day against. What does not: drawing
(`pictures`) and what the numbers mean (`analysis`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from cleargrid_assets.contracts import PARTITION_COLUMN, Table
from cleargrid_assets.pictures.text import as_markdown
from cleargrid_assets.resources import WarehouseResource

if TYPE_CHECKING:
    import pandas as pd

AnalysisResult = dg.MaterializeResult[Any]
"""What an analysis returns, with a DataFrame of its table as value: its type would load pandas with the definitions."""


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The business days that the run materializes, in order."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def present(
    context: dg.AssetExecutionContext,
    day: date,
    *,
    summary: str,
    picture: bytes,
    headline: str,
    numbers: Mapping[str, float | None],
) -> None:
    """Puts a day's summary, picture and numbers on its materialization; a number that there is none of is left out."""
    context.add_asset_metadata(
        {
            "summary": dg.MetadataValue.md(summary),
            "picture": dg.MetadataValue.md(as_markdown(picture, headline)),
            **{
                name: float(number) for name, number in numbers.items() if number is not None and not math.isnan(number)
            },
        },
        partition_key=day.isoformat(),
    )


def with_days_before(
    warehouse: WarehouseResource, table: Table, rows: pd.DataFrame, days: Sequence[date], trailing_days: int
) -> pd.DataFrame:
    """The computed rows, and the stored ones of the trailing days that reach back before the first of the days.

    For pictures alone: outside lineage, and as far as those days are there.
    """
    import pandas as pd  # noqa: PLC0415

    before = [days[0] - timedelta(days=back) for back in range(trailing_days - 1, 0, -1)]
    stored = warehouse.slice(table, before).frame()
    return pd.concat([frame for frame in (stored, rows) if not frame.empty]) if not stored.empty else rows


def between(rows: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """The rows of the business days from first to last, both included."""
    inside: pd.DataFrame = rows[rows[PARTITION_COLUMN].between(str(first), str(last))]
    return inside
