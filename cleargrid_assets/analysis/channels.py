"""Channel reach: how many contacts each channel reached, and how many responded."""

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.intervals import wilson_sql
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import CHANNEL_REACH

_ATTEMPTS = ("communicated_date", "channel", "direction")
_CONTACTS = (*_ATTEMPTS, "contact")
_REACHED = (*_CONTACTS, "outcome")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("channel",),
    "attempts": _ATTEMPTS,
    "contacts": _CONTACTS,
    "reached_contacts": _REACHED,
    "reach_rate": _REACHED,
    "reach_rate_low": _REACHED,
    "reach_rate_high": _REACHED,
    "attempts_per_reached_contact": _REACHED,
    "contacts_responded": (*_CONTACTS, "communicated_at"),
    "median_duration": (*_ATTEMPTS, "outcome", "duration"),
}
"""For each column of the table, the columns of the interactions that it is computed from."""

_LOW, _HIGH = wilson_sql("reached_contacts", "contacts")

# A contact has responded if the last inbound communication is later than the first outbound one. Communications without
# a contact form one group a channel, which is no contact.
_CHANNEL_REACH = f"""
WITH by_contact AS (
    SELECT
        communicated_date,
        channel,
        contact,
        count(*) FILTER (is_outbound) AS attempts,
        bool_or(is_outbound AND is_reached) AS is_reached,
        max(communicated_at) FILTER (NOT is_outbound)
            > min(communicated_at) FILTER (is_outbound) AS has_responded
    FROM communications
    GROUP BY communicated_date, channel, contact
    HAVING attempts > 0
), by_channel AS (
    SELECT
        communicated_date,
        channel,
        sum(attempts) AS attempts,
        count(contact) AS contacts,
        count(contact) FILTER (is_reached) AS reached_contacts,
        count(contact) FILTER (has_responded) AS contacts_responded
    FROM by_contact
    GROUP BY communicated_date, channel
), durations AS (
    SELECT communicated_date, channel, quantile_cont(duration, 0.5) AS median_duration
    FROM communications
    WHERE is_outbound AND is_reached
    GROUP BY communicated_date, channel
)
SELECT
    *,
    reached_contacts / nullif(contacts, 0) AS reach_rate,
    {_LOW} AS reach_rate_low,
    {_HIGH} AS reach_rate_high,
    attempts / nullif(reached_contacts, 0) AS attempts_per_reached_contact
FROM by_channel
LEFT JOIN durations USING (communicated_date, channel)
"""


def channel_reach(interactions: DuckDBPyRelation, _scope: Scope) -> pd.DataFrame:
    """Counts outbound attempts, and the contacts attempted, reached and responding, for each day and channel.

    - `reach_rate` = reached contacts / contacts; NULL without contacts. A contact is reached if an attempt has the
      outcome reached or engaged.
    - `reach_rate_low` and `reach_rate_high`: the 95% Wilson score interval of the rate.
    - `attempts_per_reached_contact` = attempts / reached contacts; NULL if nobody was reached.
    - `contacts_responded`: contacts that sent something on the channel after the day's first outbound attempt on them.
    - `median_duration`: in seconds, of the reached attempts that have a duration, interpolated linearly.

    A channel without outbound attempts has no row. Attempts on withheld addresses are attempts, but on no contact.

    Args:
        interactions: Interactions of the days.
        _scope: Not needed.

    Returns:
        The columns of `CHANNEL_REACH`, sorted by its key.
    """
    communications = interactions.filter(f"{classify.IS_ATTEMPT} OR {classify.IS_RESPONSE}").project(
        f"communicated_date, channel, contact, {classify.IS_ATTEMPT} AS is_outbound, "
        f"{classify.IS_REACHED} AS is_reached, duration, communicated_at"
    )
    return to_frame(CHANNEL_REACH, [select(_CHANNEL_REACH, "communications", communications)])
