"""The checks of the communication logs: those of every export, and those of this table alone."""

import dagster as dg

from cleargrid_assets.analysis import classify
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.checks.export import export_checks
from cleargrid_assets.checks.outcomes import MAPPED, find_unmapped
from cleargrid_assets.checks.row_rules import RowRule
from cleargrid_assets.checks.scope import days_in_scope
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.warehouse.resource import WarehouseResource

SPECIAL_RULES = {
    "direction_is_known": RowRule(
        "Every `direction` is inbound or outbound, the only documented values.",
        broken_by=f"NOT ({classify.OUTBOUND} OR {classify.INBOUND})",
        blocking=False,
        advice="No analysis counts rows with another direction. Ask ClearGrid what it means.",
    ),
    "duration_is_not_negative": RowRule(
        "No `duration` is negative.",
        broken_by="duration < 0",
        blocking=False,
        advice="Medians of the duration may be wrong. Report the rows to ClearGrid by their public_id.",
    ),
}

communication_logs_checks = export_checks(
    D21,
    COMMUNICATION_LOGS,
    derived=[INTERACTIONS, *(analysis.table for analysis in ANALYSES)],
    special_rules=SPECIAL_RULES,
)


@dg.multi_asset_check(name="communication_logs_words", specs=[MAPPED])
def statuses_and_types_are_mapped(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, outcomes: OutcomesResource
) -> dg.AssetCheckResult:
    """Checks that the outcomes file lists all statuses and communication types of the days of the run."""
    days = days_in_scope(context, COMMUNICATION_LOGS, warehouse)
    with warehouse.slice(COMMUNICATION_LOGS, days).open() as rows:
        return find_unmapped(rows, outcomes.load(), days)
