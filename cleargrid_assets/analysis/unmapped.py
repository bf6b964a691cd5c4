"""The statuses and communication types in the rows that the outcomes file does not list."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation


@dataclass(frozen=True, order=True)
class Unmapped:
    """A status or communication type that the outcomes file does not list.

    Attributes:
        communicated_date: Business day.
        kind: `status` or `communication_type`.
        value: The word, normalised: in capitals with `_` for `-` and space.
        communications: How many communications of both directions have it.
    """

    communicated_date: date
    kind: str
    value: str
    communications: int


def unmapped(logs: DuckDBPyRelation, outcomes: Outcomes) -> list[Unmapped]:
    """Counts the communications of both directions whose status or type the outcomes file does not list.

    NULL is not counted, because no file could map it; the table does not allow it.

    Args:
        logs: Communication logs.
        outcomes: The meaning of statuses and types.

    Returns:
        The unmapped words of each day, sorted.
    """
    found: Counter[tuple[date, str, str]] = Counter()
    # Grouped before words are normalised, because a day has many rows and few words.
    by_word = logs.aggregate("communicated_date, communication_type, status, count(*) AS communications")
    # Normalised by DuckDB, as in the analyses: Python's capitals differ for some letters.
    compared = by_word.project(f"communicated_date, {classify.TYPE}, {classify.STATUS}, communications")
    for day, kind, status, communications in compared.fetchall():
        if status is not None and status not in outcomes.statuses:
            found[day, "status", status] += communications
        if kind is not None and kind not in outcomes.channels:
            found[day, "communication_type", kind] += communications
    return sorted(Unmapped(*what, communications) for what, communications in found.items())
