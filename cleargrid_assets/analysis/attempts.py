"""Reach by attempt: which attempt first reaches a contact, and whether one more is worth it."""

from datetime import date

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.intervals import wilson_sql
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import CHANNELS, MAX_ATTEMPT_NUMBER, REACH_BY_ATTEMPT

_NUMBER = ("communicated_date", "channel", "direction", "contact", "communicated_at", "public_id")
_REACHED = (*_NUMBER, "outcome")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("channel",),
    "attempt_number": _NUMBER,
    "contacts_attempted": _NUMBER,
    "contacts_first_reached": _REACHED,
    "cumulative_reach_rate": _REACHED,
    "window_days": (),
    "contacts_at_risk": _REACHED,
    "reach_probability": _REACHED,
    "reach_probability_low": _REACHED,
    "reach_probability_high": _REACHED,
    "km_reach_rate": _REACHED,
}
"""For each column of the table, the columns of the interactions that it is computed from."""

WINDOW_DAYS = 7
"""Length of the trailing window in days, including the day itself."""

# Each contact has one attempt per number, so counting attempts counts contacts.
_COUNTS = f"""
WITH numbered AS (
    SELECT
        channel,
        row_number() OVER in_order AS number,
        is_reached,
        count(*) FILTER (is_reached) OVER in_order AS reached,
        {{is_doubtful}} AS is_doubtful
    FROM attempts
    WINDOW in_order AS ({{in_order}} ROWS UNBOUNDED PRECEDING)
)
SELECT
    channel,
    least(number, {MAX_ATTEMPT_NUMBER}) AS attempt_number,
    count(*) FILTER (number <= {MAX_ATTEMPT_NUMBER}) AS contacts_attempted,
    count(*) FILTER (is_reached AND reached = 1) AS contacts_first_reached,
    count(*) FILTER (number <= {MAX_ATTEMPT_NUMBER} AND reached = is_reached::INTEGER) AS contacts_at_risk,
    coalesce(bool_or(is_doubtful), false) AS is_doubtful
FROM numbered
GROUP BY ALL
"""

# Sorting by hashes takes half the time. The counts are wrong if two contacts have one hash, or if the order of attempts
# at one instant matters. Both show in neighbouring rows, and then the attempts are sorted by text.
_BY_HASH = {
    "in_order": "PARTITION BY channel, hash(contact) ORDER BY communicated_at",
    "is_doubtful": """(
        lag(contact) OVER in_order <> contact
        OR (lag(communicated_at) OVER in_order = communicated_at AND lag(is_reached) OVER in_order <> is_reached)
    )""",
}
_BY_TEXT = {
    "in_order": "PARTITION BY channel, contact ORDER BY communicated_at, public_id",
    "is_doubtful": "false",
}

# As an enumeration, because it is sorted faster than text.
_CHANNEL = f"channel::ENUM ({', '.join(map(classify.literal, CHANNELS))}) AS channel"

_LOW, _HIGH = wilson_sql("contacts_first_reached", "contacts_at_risk")
_REACH_BY_ATTEMPT = f"""
SELECT
    DATE '{{day}}' AS communicated_date,
    channel,
    attempt_number,
    contacts_attempted,
    contacts_first_reached,
    sum(contacts_first_reached) OVER numbers / first_value(contacts_attempted) OVER numbers AS cumulative_reach_rate,
    {WINDOW_DAYS} AS window_days,
    contacts_at_risk,
    contacts_first_reached / nullif(contacts_at_risk, 0) AS reach_probability,
    {_LOW} AS reach_probability_low,
    {_HIGH} AS reach_probability_high,
    CASE
        WHEN contacts_at_risk > 0 THEN 1 - product(1 - contacts_first_reached / contacts_at_risk) OVER numbers
    END AS km_reach_rate
FROM (VALUES {{counts}}) AS counts (
    channel, attempt_number, contacts_attempted, contacts_first_reached, contacts_at_risk
)
WHERE channel IS NOT NULL
WINDOW numbers AS (PARTITION BY channel ORDER BY attempt_number ROWS UNBOUNDED PRECEDING)
"""


def reach_by_attempt(interactions: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Counts contacts by number of attempts, and by the attempt that first reached them, over 7 trailing days.

    The outbound attempts on a contact and channel are numbered from 1, in the order of `communicated_at`, then
    `public_id`. The last number stands for itself and all larger ones. For number k:

    - `contacts_attempted`: contacts with at least k attempts;
    - `contacts_first_reached`: contacts whose first attempt with the outcome reached or engaged has number k;
    - `cumulative_reach_rate`: contacts first reached at numbers 1 to k, over `contacts_attempted` at number 1;
    - `contacts_at_risk`: contacts with at least k attempts of which the first k - 1 reached nobody;
    - `reach_probability`: p(k) = contacts first reached / contacts at risk, with its 95% Wilson interval;
    - `km_reach_rate` = 1 - (1 - p(1)) ... (1 - p(k)).

    Where nobody is at risk, the last four rates are NULL. The last is the estimate of E. L. Kaplan and P. Meier,
    "Nonparametric estimation from incomplete observations", Journal of the American Statistical Association 53 (1958),
    with attempts as time: a contact that was not tried again is censored after its last attempt.

    Every number from 1 to the largest one that occurs has a row. Attempts without a contact take no part.

    Args:
        interactions: Interactions of each day and the 6 days before it.
        scope: The days. One window is in memory at a time.

    Returns:
        The columns of `REACH_BY_ATTEMPT`, sorted by its key.
    """
    return to_frame(REACH_BY_ATTEMPT, (_window(interactions, day) for day in scope.days))


def _window(interactions: DuckDBPyRelation, day: date) -> DuckDBPyRelation:
    window = classify.trailing_days(interactions, day, WINDOW_DAYS)
    attempts = window.filter(f"{classify.IS_ATTEMPT} AND contact IS NOT NULL").project(
        f"{_CHANNEL}, contact, communicated_at, public_id, {classify.IS_REACHED} AS is_reached"
    )
    counts = select(_COUNTS.format(**_BY_HASH), "attempts", attempts).fetchall()
    if any(is_doubtful for *_, is_doubtful in counts):
        counts = select(_COUNTS.format(**_BY_TEXT), "attempts", attempts).fetchall()
    values = ["(NULL, 0, 0, 0, 0)"]  # VALUES needs at least one row.
    values += [f"({classify.literal(channel)}, {', '.join(map(str, of))})" for channel, *of, _ in counts]
    return select(_REACH_BY_ATTEMPT.format(day=day, counts=", ".join(values)), "attempts", attempts)
