"""What the outcomes do not know: the statuses and communication types of the slice that they leave out.

What belongs here: counting them. What does not: what to add to the outcomes file, which `outcomes` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

COLUMNS = ("communicated_date", "communication_type", "status")
"""The columns of the communication logs that are read."""

_UNMAPPED = """
WITH counted AS (
    SELECT *, count(*) AS communications
    FROM communications
    GROUP BY ALL
)
SELECT communicated_date, 'status' AS kind, status AS value, sum(communications)::BIGINT AS communications
FROM counted
WHERE NOT is_known_status
GROUP BY ALL
UNION ALL
SELECT communicated_date, 'communication_type', communication_type, sum(communications)::BIGINT
FROM counted
WHERE NOT is_known_type
GROUP BY ALL
"""


@dataclass(frozen=True, order=True)
class Unmapped:
    """A status or type that the outcomes do not know.

    Attributes:
        communicated_date: Business day.
        kind: `status` or `communication_type`.
        value: What is not known, in capitals with `_` for `-` and space.
        communications: Communications of both directions that have it.
    """

    communicated_date: date
    kind: str
    value: str
    communications: int


def unmapped(logs: DuckDBPyRelation, outcomes: Outcomes) -> list[Unmapped]:
    """Counts the communications, of both directions, whose status or type the outcomes do not know.

    Args:
        logs: The slice; at least `COLUMNS`.
        outcomes: The meaning of statuses and types.

    Returns:
        What is not known on each day, in order; empty if all is known.
    """
    communications = classify.classified(logs, outcomes).project(
        "communicated_date, status, communication_type, outcome <> 'unmapped' AS is_known_status, is_known_type"
    )
    return sorted(Unmapped(*row) for row in select(_UNMAPPED, "communications", communications).fetchall())
