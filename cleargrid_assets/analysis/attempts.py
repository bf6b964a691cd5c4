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

_LOW, _HIGH = wilson_sql("contacts_first_reached", "contacts_at_risk")

_CONTACTS = "temp.main.contact_attempts"

# Grouping by hashes takes half the time of sorting by text. It is wrong where two contacts have one hash, and where
# attempts that reached nobody have the instant of the first one that did. These contacts are marked as doubtful.
_COUNT_BY_HASH = f"""
CREATE OR REPLACE TEMP TABLE {_CONTACTS} AS
WITH hashes AS MATERIALIZED (
    SELECT
        channel,
        contact_hash,
        count(*) AS attempts,
        min(communicated_at) FILTER (is_reached) AS reached_at,
        min(contact) <> max(contact) AS is_shared
    FROM attempts
    GROUP BY channel, contact_hash
), reached AS (
    SELECT
        channel,
        contact_hash,
        count(*) FILTER (communicated_at < reached_at) + 1 AS first_reached,
        bool_or(communicated_at = reached_at AND NOT is_reached) AS is_tied
    FROM attempts
    JOIN (SELECT channel, contact_hash, reached_at FROM hashes WHERE reached_at IS NOT NULL)
        USING (channel, contact_hash)
    WHERE communicated_at <= reached_at
    GROUP BY channel, contact_hash
)
SELECT channel, contact_hash, attempts, first_reached, is_shared OR coalesce(is_tied, false) AS is_doubtful
FROM hashes
LEFT JOIN reached USING (channel, contact_hash)
"""

_BY_HASH = f"SELECT channel, attempts, first_reached FROM {_CONTACTS} WHERE NOT is_doubtful"

_DOUBTFUL_BY_TEXT = f"""
SELECT channel, max(number) AS attempts, min(number) FILTER (is_reached) AS first_reached
FROM (
    SELECT
        channel,
        contact,
        is_reached,
        row_number() OVER (PARTITION BY channel, contact ORDER BY communicated_at, public_id) AS number
    FROM attempts
    SEMI JOIN (FROM {_CONTACTS} WHERE is_doubtful) AS doubtful USING (channel, contact_hash)
)
GROUP BY channel, contact
"""

_REACH_BY_ATTEMPT = f"""
WITH alike AS (
    SELECT channel, attempts, first_reached, count(*) AS contacts FROM ({{contacts}}) GROUP BY ALL
), counted AS (
    SELECT
        channel,
        attempt_number,
        sum(contacts) AS contacts_attempted,
        coalesce(sum(contacts) FILTER (
            first_reached = attempt_number
            OR (attempt_number = {MAX_ATTEMPT_NUMBER} AND first_reached > {MAX_ATTEMPT_NUMBER})
        ), 0) AS contacts_first_reached,
        coalesce(sum(contacts) FILTER (first_reached IS NULL OR first_reached >= attempt_number), 0)
            AS contacts_at_risk
    FROM alike
    JOIN (SELECT unnest(range(1, {MAX_ATTEMPT_NUMBER + 1})) AS attempt_number) ON attempts >= attempt_number
    GROUP BY channel, attempt_number
)
SELECT
    *,
    sum(contacts_first_reached) OVER numbers / first_value(contacts_attempted) OVER numbers AS cumulative_reach_rate,
    contacts_first_reached / nullif(contacts_at_risk, 0) AS reach_probability,
    {_LOW} AS reach_probability_low,
    {_HIGH} AS reach_probability_high,
    CASE
        WHEN contacts_at_risk > 0 THEN 1 - product(1 - contacts_first_reached / contacts_at_risk) OVER numbers
    END AS km_reach_rate
FROM counted
WINDOW numbers AS (PARTITION BY channel ORDER BY attempt_number ROWS UNBOUNDED PRECEDING)
"""

# An enumeration is grouped faster than text.
_CHANNEL = f"channel::ENUM ({', '.join(map(classify.literal, CHANNELS))}) AS channel"
_CONTACT_HASH = "hash(contact)"


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
        f"{_CHANNEL}, contact, {_CONTACT_HASH} AS contact_hash, communicated_at, public_id, "
        f"{classify.IS_REACHED} AS is_reached"
    )
    attempts.query("attempts", _COUNT_BY_HASH)
    contacts = _BY_HASH
    if select(f"FROM {_CONTACTS} WHERE is_doubtful LIMIT 1", "attempts", attempts).fetchall():
        # Only then, because it reads all attempts once more.
        contacts += f" UNION ALL {_DOUBTFUL_BY_TEXT}"
    counts = select(_REACH_BY_ATTEMPT.format(contacts=contacts), "attempts", attempts)
    return counts.project(f"*, DATE '{day}' AS communicated_date, {WINDOW_DAYS} AS window_days")
