"""The checks of the communication logs that a run stores, as one step over one connection."""

from collections.abc import Iterator

import dagster as dg

from cleargrid_assets.checks import log_rows, source
from cleargrid_assets.checks.outcomes import MAPPED, find_unmapped
from cleargrid_assets.checks.scope import days_in_scope, latest_said, rows_by_day
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.resources import ExportsResource, OutcomesResource, WarehouseResource

_AGREES, _NO_NEW_FIELDS = source.agrees(COMMUNICATION_LOGS), source.no_new_fields(COMMUNICATION_LOGS)


@dg.multi_asset_check(
    name="communication_logs_checks",
    specs=[*log_rows.SPECS, _AGREES, _NO_NEW_FIELDS, MAPPED],
    can_subset=True,
)
def communication_logs_checks(
    context: dg.AssetCheckExecutionContext,
    exports: ExportsResource,
    warehouse: WarehouseResource,
    outcomes: OutcomesResource,
) -> Iterator[dg.AssetCheckResult]:
    """Whether the days of the run are what the source says, and what the analyses expect."""
    selected = {key.name for key in context.selected_asset_check_keys}
    days = days_in_scope(context, COMMUNICATION_LOGS)
    with warehouse.slice(COMMUNICATION_LOGS, days).open() as rows:
        results = [*log_rows.examine_rows(rows, days), find_unmapped(rows, outcomes.load(), days)]
        stored = rows_by_day(rows, days)
    said = {day: latest_said(context.instance, COMMUNICATION_LOGS, day) for day in days}
    results.append(source.find_new_fields(_NO_NEW_FIELDS, said))
    if _AGREES.name in selected:
        run_id = context.run.run_id
        results.append(source.compare_counts(_AGREES, exports, D21, stored=stored, last=said, run_id=run_id))
    yield from (result for result in results if result.check_name in selected)
