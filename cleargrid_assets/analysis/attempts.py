"""Reach by attempt: which attempt first reaches a contact."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import MAX_ATTEMPT_NUMBER, REACH_BY_ATTEMPT

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation

_NUMBER = ("communication_type", "direction", "to", "communicated_at", "public_id")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("communication_type",),
    "attempt_number": _NUMBER,
    "contacts_attempted": _NUMBER,
    "contacts_first_reached": (*_NUMBER, "status"),
    "cumulative_reach_rate": (*_NUMBER, "status"),
    "window_days": (),
}
"""The columns of the communication logs that each column is computed from."""

WINDOW_DAYS = 7
"""Length in days of the trailing window, the day itself included."""

# A contact has at most one attempt of each number and one first reached attempt, so counting attempts counts contacts.
_REACH_BY_ATTEMPT = f"""
WITH numbered AS (
    SELECT
        channel,
        row_number() OVER in_order AS number,
        is_reached AND count(*) FILTER (is_reached) OVER in_order = 1 AS is_first_reached
    FROM attempts
    WINDOW in_order AS (PARTITION BY channel, contact ORDER BY communicated_at, public_id ROWS UNBOUNDED PRECEDING)
), counted AS (
    SELECT
        channel,
        least(number, {MAX_ATTEMPT_NUMBER}) AS attempt_number,
        count(*) FILTER (number <= {MAX_ATTEMPT_NUMBER}) AS contacts_attempted,
        count(*) FILTER (is_first_reached) AS contacts_first_reached
    FROM numbered
    GROUP BY ALL
)
SELECT
    channel,
    attempt_number,
    contacts_attempted,
    contacts_first_reached,
    sum(contacts_first_reached) OVER numbers / first_value(contacts_attempted) OVER numbers AS cumulative_reach_rate
FROM counted
WINDOW numbers AS (PARTITION BY channel ORDER BY attempt_number ROWS UNBOUNDED PRECEDING)
"""


def reach_by_attempt(logs: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Counts contacts by number of attempts, and by the attempt that first reached them, over trailing windows.

    A window is the 7 days ending with the day. Within it and a channel, the outbound attempts on a contact are
    numbered from 1 in the order of `communicated_at`, then `public_id`; 10 stands for "10 or more". For number k:

    - `contacts_attempted`: contacts with at least k attempts;
    - `contacts_first_reached`: contacts whose first attempt of outcome reached or engaged has number k;
    - `cumulative_reach_rate`: first reached at numbers 1 to k, over `contacts_attempted` at 1; from 0 to 1.

    Every number from 1 to the largest one seen has a row. At the start of the history the window holds fewer days;
    `window_days` is its length by definition, 7.

    Args:
        logs: Communication logs of each day and the 6 days before it.
        scope: The days, one of whose windows is in memory at a time, and the meaning of statuses and types.

    Returns:
        The columns of `REACH_BY_ATTEMPT`, sorted by its key.
    """
    return to_frame(REACH_BY_ATTEMPT, (_window(logs, scope, day) for day in scope.days))


def _window(logs: DuckDBPyRelation, scope: Scope, day: date) -> DuckDBPyRelation:
    window = classify.trailing_days(logs, day, WINDOW_DAYS)
    attempts = classify.classified(window.filter(classify.OUTBOUND), scope.outcomes).project(
        f"channel, {classify.RECIPIENT} AS contact, communicated_at, public_id, {classify.IS_REACHED} AS is_reached"
    )
    counts = select(_REACH_BY_ATTEMPT, "attempts", attempts)
    return counts.project(f"*, DATE '{day}' AS communicated_date, {WINDOW_DAYS} AS window_days")
