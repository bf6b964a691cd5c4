"""Checks that all days of a trailing window are stored, because a figure shows no missing days."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.checks.scope import days_in_scope, format_days, verdict
from cleargrid_assets.contracts import INTERACTIONS
from cleargrid_assets.partitions import START_DATE
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, first_of

_MAX_LISTED = 7
_SPECS = {
    analysis.table.name: dg.AssetCheckSpec(
        "trailing_days_are_there",
        asset=asset_key(analysis.table),
        additional_deps=[asset_key(INTERACTIONS)],
        description=f"The interactions of the {counted(analysis.trailing_days - 1, 'day')} before the day are "
        "stored with all their rows, too. Days before `CLEARGRID_START_DATE` do not count.",
    )
    for analysis in ANALYSES
    if analysis.trailing_days > 1
}


@dg.multi_asset_check(name="window_checks", specs=list(_SPECS.values()), can_subset=True)
def window_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Checks the trailing windows of all analyses that have one."""
    stored = warehouse.stored_days([INTERACTIONS], context.instance)[INTERACTIONS.name].whole
    for analysis in ANALYSES:
        spec = _SPECS.get(analysis.table.name)
        if spec and spec.key in context.selected_asset_check_keys:
            yield _examined(spec, analysis, days_in_scope(context, analysis.table, warehouse), stored)


def _examined(spec: dg.AssetCheckSpec, analysis: Analysis, days: list[date], stored: set[date]) -> dg.AssetCheckResult:
    window = {day - timedelta(days=back) for day in days for back in range(analysis.trailing_days)}
    missing = sorted(day for day in window if day >= START_DATE and day not in stored)
    first, last = min(missing, default=None), max(days, default=None)
    return verdict(
        spec,
        passed=not missing,
        good="All days in the trailing window are stored.",
        bad=f"{format_days(days)} was computed without the interactions of "
        f"{first_of(missing, _MAX_LISTED, 'day')}. Materialize those days, then {analysis.table.name} "
        f"from {first} to {last}.",
        found={"missing_days": len(missing)},
        days=days,
    )
