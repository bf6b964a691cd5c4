"""Reach by attempt: which attempt first reaches a contact."""

from datetime import date

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import MAX_ATTEMPT_NUMBER, REACH_BY_ATTEMPT

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
"""For each column of the table, the columns of the communication logs that it is computed from."""

WINDOW_DAYS = 7
"""Length of the trailing window in days, including the day itself."""

# Each contact has one attempt per number, and at most one that reached it first. So counting attempts counts contacts.
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
    """Counts contacts by number of attempts, and by the attempt that first reached them, over 7 trailing days.

    The outbound attempts on a contact and channel are numbered from 1, in the order of `communicated_at`, then
    `public_id`. The last number stands for itself and all larger ones. For number k:

    - `contacts_attempted`: contacts with at least k attempts;
    - `contacts_first_reached`: contacts whose first attempt with the outcome reached or engaged has number k;
    - `cumulative_reach_rate`: contacts first reached at numbers 1 to k, over `contacts_attempted` at number 1.

    Every number from 1 to the largest one that occurs has a row.

    Args:
        logs: Communication logs of each day and the 6 days before it.
        scope: The days, and the meaning of statuses and types. One window is in memory at a time.

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
