"""What the outcomes do not know: the statuses and communication types of the slice that they leave out.

What belongs here: counting them. What does not: what to add to the outcomes file, which `outcomes` says.
"""

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.contracts import Column, Table

COLUMNS = ("communicated_date", "communication_type", "status")
"""The columns of the communication logs that are read."""

UNMAPPED = Table(
    name="unmapped",
    columns=(
        Column("communicated_date", "DATE", "Business day."),
        Column("kind", "VARCHAR", "`status` or `communication_type`."),
        Column("value", "VARCHAR", "What is not known, in capitals with `_` for `-` and space."),
        Column("communications", "BIGINT", "Communications of both directions that have it."),
    ),
    key=("communicated_date", "kind", "value"),
)
"""The columns of the result, which is not stored."""

_UNMAPPED = """
WITH counted AS (
    SELECT *, count(*) AS communications
    FROM communications
    GROUP BY ALL
)
SELECT communicated_date, 'status' AS kind, status AS value, sum(communications) AS communications
FROM counted
WHERE NOT is_known_status
GROUP BY ALL
UNION ALL
SELECT communicated_date, 'communication_type', communication_type, sum(communications)
FROM counted
WHERE NOT is_known_type
GROUP BY ALL
"""


def unmapped(logs: DuckDBPyRelation, outcomes: Outcomes) -> pd.DataFrame:
    """Counts the communications, of both directions, whose status or type the outcomes do not know.

    Args:
        logs: The slice; at least `COLUMNS`.
        outcomes: The meaning of statuses and types.

    Returns:
        The columns of `UNMAPPED`, sorted by its key; empty if all is known.
    """
    communications = classify.classified(logs, outcomes).project(
        "communicated_date, status, communication_type, outcome <> 'unmapped' AS is_known_status, is_known_type"
    )
    return to_frame(UNMAPPED, [select(_UNMAPPED, "communications", communications)], order=UNMAPPED.key)
