"""Whether the outcomes file knows what the log says."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from cleargrid_assets.analysis.outcomes import Outcomes, toml_lines_for
from cleargrid_assets.analysis.unmapped import unmapped
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import format_days
from cleargrid_assets.contracts import COMMUNICATION_LOGS

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

MAPPED = dg.AssetCheckSpec(
    "statuses_and_types_are_mapped",
    asset=asset_key(COMMUNICATION_LOGS),
    description="Every status has an outcome and every communication type a channel. An unmapped status counts as "
    "attempted and no further, an unmapped type as channel `other`.",
)


def find_unmapped(rows: DuckDBPyRelation, outcomes: Outcomes, days: list[date]) -> dg.AssetCheckResult:
    """Whether the outcomes know all statuses and types, with the lines to add where they do not.

    Args:
        rows: Of the days, in the stored table.
        outcomes: The meaning of statuses and types.
        days: What they are the rows of.
    """
    found = unmapped(rows, outcomes)
    totals: Counter[tuple[str, str]] = Counter()
    for each in found:
        totals[each.kind, each.value] += each.communications
    statuses = [value for kind, value in totals if kind == "status"]
    types = [value for kind, value in totals if kind == "communication_type"]
    metadata: dict[str, Any] = {
        "unmapped": {f"{kind} {value}": count for (kind, value), count in totals.items()},
        "lines_to_add": dg.MetadataValue.md(f"```toml\n{toml_lines_for(statuses, types)}\n```"),
    }
    return dg.AssetCheckResult(
        check_name=MAPPED.name,
        asset_key=MAPPED.asset_key,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"All statuses and types of {format_days(days)} are mapped."
        if not found
        else f"Not mapped are, of {format_days(days)}, {len(statuses)} of the statuses and {len(types)} of the types: "
        f"{', '.join(map(repr, [*statuses, *types]))}. Add the lines below to a file of yours, correct the words after "
        "`=`, and name the file in CLEARGRID_OUTCOMES.",
        metadata=metadata if found else {},
    )
