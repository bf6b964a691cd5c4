"""Checks that the trailing windows of an analysis are whole: a figure over missing days looks like any other."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from cleargrid_assets.analysis.attempts import WINDOW_DAYS
from cleargrid_assets.analysis.health import BASELINE_DAYS
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import days_in_scope, first_few, format_days, materialized_days
from cleargrid_assets.contracts import COMMUNICATION_LOGS, OPERATIONAL_HEALTH, REACH_BY_ATTEMPT, Table
from cleargrid_assets.partitions import START_DATE

_DAYS_BEFORE = {REACH_BY_ATTEMPT: WINDOW_DAYS - 1, OPERATIONAL_HEALTH: BASELINE_DAYS}
_NAME = "trailing_days_are_there"
_SHOWN = 7


@dg.multi_asset_check(
    name="window_checks",
    specs=[
        dg.AssetCheckSpec(
            _NAME,
            asset=asset_key(table),
            additional_deps=[asset_key(COMMUNICATION_LOGS)],
            description=f"The communication logs of the {days} days before are there too, as far as the history goes.",
        )
        for table, days in _DAYS_BEFORE.items()
    ],
    can_subset=True,
)
def window_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Whether what looks back has something to look at."""
    there = materialized_days(context.instance, COMMUNICATION_LOGS)
    for table, before in _DAYS_BEFORE.items():
        if dg.AssetCheckKey(asset_key(table), _NAME) in context.selected_asset_check_keys:
            yield _examined(table, days_in_scope(context, table), before, there)


def _examined(table: Table, days: list[date], before: int, there: set[str]) -> dg.AssetCheckResult:
    window = {day - timedelta(days=back) for day in days for back in range(before + 1)}
    missing = sorted(day for day in window if day >= START_DATE and day.isoformat() not in there)
    return dg.AssetCheckResult(
        check_name=_NAME,
        asset_key=asset_key(table),
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Every day that {format_days(days)} looks back at is there."
        if not missing
        else f"{format_days(days)} was computed without the communication logs of {first_few(missing, _SHOWN)}. "
        f"Materialize those, then {table.name} from "
        f"{missing[0]} to {days[-1]}.",
        metadata={"missing_days": len(missing)},
    )
