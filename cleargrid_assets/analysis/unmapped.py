"""What the outcomes do not know: the statuses and communication types of the slice that they leave out.

What belongs here: counting them. What does not: what to add to the outcomes file, which `outcomes` says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

COLUMNS = ("communicated_date", "communication_type", "status")
"""The columns of the communication logs that are read."""


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

    A NULL, which the table does not allow, is no word that a file could map.

    Args:
        logs: The slice; at least `COLUMNS`.
        outcomes: The meaning of statuses and types.

    Returns:
        What is not known on each day, in order; empty if all is known.
    """
    found: Counter[tuple[date, str, str]] = Counter()
    # A day has many communications and few words.
    by_word = logs.aggregate(f"{', '.join(COLUMNS)}, count(*) AS communications")
    # Compared by the very expressions of the analyses: Python's capitals differ from DuckDB's for some letters.
    compared = by_word.project(f"communicated_date, {classify.TYPE}, {classify.STATUS}, communications")
    for day, kind, status, communications in compared.fetchall():
        if status is not None and status not in outcomes.statuses:
            found[day, "status", status] += communications
        if kind is not None and kind not in outcomes.channels:
            found[day, "communication_type", kind] += communications
    return sorted(Unmapped(*what, communications) for what, communications in found.items())
