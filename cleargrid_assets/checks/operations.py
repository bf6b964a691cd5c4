"""The check that volumes, failures and lags of a day are as usual."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from cleargrid_assets.analysis.baselines import baselines_sql
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.checks.scope import MAX_NAMED, days_in_scope, format_days, verdict
from cleargrid_assets.contracts import ALL_TYPES, DAYS, OPERATIONAL_HEALTH
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.foreign import presentable_code
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.pictures.unusual import findings, most_unusual_first, why_not_judged
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import first_of

_SPEC = dg.AssetCheckSpec(
    "operations_are_usual",
    asset=asset_key(OPERATIONAL_HEALTH),
    description="Volume, failure rate and logging lag of the day, of each type and of all types together, are in "
    "their usual range: that of the same weekday in the six weeks before, by the view `operational_baselines`. An "
    "error if a type is silent that usually has 10 communications or more.",
)


@dg.multi_asset_check(name="operations_checks", specs=[_SPEC])
def operations_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, outcomes: OutcomesResource
) -> dg.AssetCheckResult:
    """Checks the days of the run against their baselines."""
    days = days_in_scope(context, OPERATIONAL_HEALTH, warehouse)
    return _examined(days, _judged(warehouse, outcomes.load(), days))


def _judged(warehouse: WarehouseResource, outcomes: Outcomes, days: Sequence[date]) -> pd.DataFrame:
    """The baselines of the days, the latest day first. Days that are not stored have none."""
    listed = ", ".join(f"'{day}'" for day in days) or "NULL"
    query = f"SELECT * FROM ({baselines_sql(outcomes)}) WHERE {PARTITION_COLUMN} IN ({listed})"
    found = warehouse.query(query, [OPERATIONAL_HEALTH, DAYS])
    judged = tidy(pd.DataFrame() if found is None else found, OPERATIONAL_BASELINES)
    return most_unusual_first(judged)


def _examined(days: Sequence[date], judged: pd.DataFrame) -> dg.AssetCheckResult:
    unusual = [finding for _, row in judged.iterrows() for finding in findings(row, _named(row, days))]
    silent = int((judged["is_silent"] == 1).sum())
    return verdict(
        _SPEC,
        passed=not unusual,
        good=_good(days, judged),
        bad=f"{first_of(unusual, MAX_NAMED, 'unusual figure', '; ')}. {_remedy(silent)}",
        found={"unusual_figures": len(unusual), "silent_types": silent},
        days=days,
        severity=dg.AssetCheckSeverity.ERROR if silent else dg.AssetCheckSeverity.WARN,
    )


def _named(row: "pd.Series[Any]", days: Sequence[date]) -> str:
    kind = row["communication_type"]
    name = "All types" if kind == ALL_TYPES else presentable_code(kind)
    return f"{name} on {row[PARTITION_COLUMN]}" if len(days) > 1 else name


def _good(days: Sequence[date], judged: pd.DataFrame) -> str:
    totals = judged[judged["communication_type"] == ALL_TYPES].set_index(PARTITION_COLUMN)
    left_out = [
        f"{day} is {why_not_judged(day, is_day_off=row['is_day_off'] == 1)}"
        for day, row in totals[totals["is_unusual"].isna()].sort_index().iterrows()
    ]
    usual = [day for day in days if day in totals.index and totals.loc[day, "is_unusual"] == 0]
    if not left_out:
        return "Operations are as usual."
    sentences = [f"Operations of {format_days(usual)} are as usual."] if usual else []
    return " ".join([*sentences, f"{first_of(left_out, MAX_NAMED, 'day', '; ')}."])


def _remedy(silent: int) -> str:
    cause = (
        "Ask ClearGrid whether these communications were stopped. If their rows come late, materialize the day again."
        if silent
        else "The picture of operational_health shows since when. Ask ClearGrid for the reason."
    )
    return (
        f"{cause} If nobody works on such a day, add it to `[calendar] days_off` of the outcomes file, which "
        "CLEARGRID_OUTCOMES names."
    )
