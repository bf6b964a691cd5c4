"""The check that the outcomes file lists all statuses and types of the log."""

from collections import Counter
from datetime import date

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis.outcomes import Outcomes, toml_lines_for
from cleargrid_assets.analysis.unmapped import unmapped
from cleargrid_assets.assets.table_asset import asset_key
from cleargrid_assets.checks.scope import format_days, verdict
from cleargrid_assets.contracts import COMMUNICATION_LOGS, OTHER_CHANNEL
from cleargrid_assets.wording import counted

MAPPED = dg.AssetCheckSpec(
    "statuses_and_types_are_mapped",
    asset=asset_key(COMMUNICATION_LOGS),
    description="The outcomes file lists every status and every communication type. An unmapped status counts as "
    f"attempted only, an unmapped type as channel `{OTHER_CHANNEL}`.",
)


def find_unmapped(rows: DuckDBPyRelation, outcomes: Outcomes, days: list[date]) -> dg.AssetCheckResult:
    """Checks that all statuses and types of the stored rows are mapped.

    If not, the metadata has the lines to add to the outcomes file.
    """
    totals: Counter[tuple[str, str]] = Counter()
    for each in unmapped(rows, outcomes):
        totals[each.kind, each.value] += each.communications
    statuses = [value for kind, value in totals if kind == "status"]
    types = [value for kind, value in totals if kind == "communication_type"]
    return verdict(
        MAPPED,
        passed=not totals,
        good=f"All statuses and types of {format_days(days)} are mapped.",
        bad=f"{counted(len(statuses), 'status')} and {counted(len(types), 'type')} on {format_days(days)} have no "
        f"mapping: {', '.join(map(repr, [*statuses, *types]))}. Copy the lines below to your outcomes file, correct "
        "the words after `=`, and name the file in CLEARGRID_OUTCOMES.",
        metadata={
            "unmapped": {f"{kind} {value}": count for (kind, value), count in totals.items()},
            "lines_to_add": dg.MetadataValue.md(f"```toml\n{toml_lines_for(statuses, types)}\n```"),
        }
        if totals
        else {},
    )
