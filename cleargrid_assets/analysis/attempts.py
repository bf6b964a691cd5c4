"""Reach by attempt: at which attempt on a contact a person is first reached.

What belongs here: the definition of `reach_by_attempt`. What does not: what a status means (`outcomes`) and how a
row is read (`classify`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.contracts import REACH_BY_ATTEMPT

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation

COLUMNS = ("public_id", "communicated_date", "communication_type", "direction", "status", "to", "communicated_at")
"""The columns of the communication logs that are read."""

WINDOW_DAYS = 7
"""Length in days of the trailing window, the day itself included."""

# A contact has one attempt of each number and one first reached attempt at most, so attempts count as contacts.
_REACH_BY_ATTEMPT = """
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
        least(number, 10) AS attempt_number,
        count(*) FILTER (number <= 10) AS contacts_attempted,
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


def reach_by_attempt(logs: DuckDBPyRelation, outcomes: Outcomes, days: Sequence[date]) -> pd.DataFrame:
    """Counts contacts by number of attempts, and by the attempt that first reached them, over trailing windows.

    A window is the 7 days ending with the day. Within it and a channel, the outbound attempts on a contact are
    numbered from 1 in the order of `communicated_at`, then `public_id`; 10 stands for "10 or more". For number k:

    - `contacts_attempted`: contacts with at least k attempts;
    - `contacts_first_reached`: contacts whose first attempt of outcome reached or engaged has number k;
    - `cumulative_reach_rate`: first reached at numbers 1 to k, over `contacts_attempted` at 1; from 0 to 1.

    Every number from 1 to the most seen is there. In the first days of the history the window holds fewer days
    with rows; `window_days` is the length by definition, 7.

    Args:
        logs: At least `COLUMNS`, and at least the rows of each day and the 6 before it.
        outcomes: The meaning of statuses and types.
        days: The business days to compute; one window is in memory at a time.

    Returns:
        The columns of `REACH_BY_ATTEMPT`, sorted by its key.
    """
    results = (_window(logs, outcomes, day) for day in days)
    return to_frame(REACH_BY_ATTEMPT, results, order=REACH_BY_ATTEMPT.key)


def _window(logs: DuckDBPyRelation, outcomes: Outcomes, day: date) -> DuckDBPyRelation:
    window = classify.trailing_days(logs, day, WINDOW_DAYS)
    attempts = classify.classified(window.filter(classify.OUTBOUND), outcomes).project(
        f"channel, {classify.RECIPIENT} AS contact, communicated_at, public_id, {classify.IS_REACHED} AS is_reached"
    )
    counts = select(_REACH_BY_ATTEMPT, "attempts", attempts)
    return counts.project(f"*, DATE '{day}' AS communicated_date, {WINDOW_DAYS} AS window_days")
