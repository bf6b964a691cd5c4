"""Contact frequency: how often contacts are attempted, and whether that keeps to the lender's limits."""

from datetime import date

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.local_time import minute_of_day
from cleargrid_assets.analysis.outcome_entries import NO_DAYS_OFF, Limits
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import CONTACT_FREQUENCY

_COUNTS = ("communicated_date", "channel", "direction", "contact")
_ATTEMPTS = ("communicated_date", "channel", "direction")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("channel",),
    "contacts": _COUNTS,
    "most_attempts": _COUNTS,
    "contacts_1": _COUNTS,
    "contacts_2": _COUNTS,
    "contacts_3_4": _COUNTS,
    "contacts_5_7": _COUNTS,
    "contacts_8_up": _COUNTS,
    "contacts_over_limit": _COUNTS,
    "attempts_outside_hours": (*_ATTEMPTS, "communicated_at"),
    "attempts_on_days_off": _ATTEMPTS,
}
"""For each column of the table, the columns of the interactions that it is computed from."""

WINDOW_DAYS = 7
"""Length of the trailing window in days, including the day itself."""

# Attempts without a contact form one group a channel, which is no contact.
_CONTACT_FREQUENCY = """
WITH by_contact AS (
    SELECT
        channel,
        contact,
        count(*) AS attempts,
        count(*) FILTER (communicated_date = {day}) AS attempts_of_day,
        count(*) FILTER (communicated_date = {day} AND ({outside_hours})) AS attempts_outside_hours
    FROM attempts
    GROUP BY channel, contact
)
SELECT
    {day} AS communicated_date,
    channel,
    count(contact) AS contacts,
    coalesce(max(attempts) FILTER (contact IS NOT NULL), 0) AS most_attempts,
    count(contact) FILTER (attempts = 1) AS contacts_1,
    count(contact) FILTER (attempts = 2) AS contacts_2,
    count(contact) FILTER (attempts BETWEEN 3 AND 4) AS contacts_3_4,
    count(contact) FILTER (attempts BETWEEN 5 AND 7) AS contacts_5_7,
    count(contact) FILTER (attempts >= 8) AS contacts_8_up,
    {over_limit} AS contacts_over_limit,
    {outside} AS attempts_outside_hours,
    {on_days_off} AS attempts_on_days_off
FROM by_contact
GROUP BY channel
"""


def contact_frequency(interactions: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Counts contacts by their outbound attempts in 7 trailing days, and the attempts that cross the lender's limits.

    - `contacts`, `most_attempts` and `contacts_*`: contacts attempted in the 7 days that end with the day, by their
      number of attempts on the channel.
    - `contacts_over_limit`: those with more attempts than `attempts_per_week`.
    - `attempts_outside_hours`: attempts of the day alone, before `earliest` or from `latest` on, in the business zone.
    - `attempts_on_days_off`: attempts of the day alone, if it is a day off; otherwise 0.

    Each day and channel with an outbound attempt in the 7 days has a row. A limit that is not set gives NULL.

    Args:
        interactions: Interactions of each day and the 6 days before it.
        scope: The days, the business zone, and the limits. One window is in memory at a time.

    Returns:
        The columns of `CONTACT_FREQUENCY`, sorted by its key.
    """
    return to_frame(CONTACT_FREQUENCY, (_window(interactions, scope, day) for day in scope.days))


def _window(interactions: DuckDBPyRelation, scope: Scope, day: date) -> DuckDBPyRelation:
    limits, days_off = scope.outcomes.limits, scope.outcomes.days_off
    attempts = classify.trailing_days(interactions, day, WINDOW_DAYS).filter(classify.IS_ATTEMPT)
    outside_hours = _outside_hours(limits, attempts, scope)
    per_week = limits.attempts_per_week
    sql = _CONTACT_FREQUENCY.format(
        day=f"DATE '{day}'",
        outside_hours=outside_hours or "false",
        over_limit="NULL" if per_week is None else f"count(contact) FILTER (attempts > {per_week})",
        outside="sum(attempts_outside_hours)" if outside_hours else "NULL",
        on_days_off=("sum(attempts_of_day)" if days_off.includes(day) else "0") if days_off != NO_DAYS_OFF else "NULL",
    )
    return select(sql, "attempts", attempts)


def _outside_hours(limits: Limits, attempts: DuckDBPyRelation, scope: Scope) -> str:
    """Whether an attempt is outside the hours of the limits, in SQL; empty if they set none."""
    bounds = [
        f"{comparison} {bound.hour * 60 + bound.minute}"
        for comparison, bound in (("<", limits.earliest), (">=", limits.latest))
        if bound is not None
    ]
    if not bounds:
        return ""
    minute = minute_of_day(attempts, scope.zone)
    return " OR ".join(f"{minute} {bound}" for bound in bounds)
