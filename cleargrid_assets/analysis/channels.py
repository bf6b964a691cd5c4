"""Channel reach: how many contacts each channel reached, and how many responded."""

from statistics import NormalDist

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import CHANNEL_REACH

_ATTEMPTS = ("communication_type", "direction")
_REACHED = (*_ATTEMPTS, "status")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("communication_type",),
    "attempts": _ATTEMPTS,
    "contacts": (*_ATTEMPTS, "to"),
    "reached_contacts": (*_REACHED, "to"),
    "reach_rate": (*_REACHED, "to"),
    "reach_rate_low": (*_REACHED, "to"),
    "reach_rate_high": (*_REACHED, "to"),
    "attempts_per_reached_contact": (*_REACHED, "to"),
    "contacts_responded": (*_ATTEMPTS, "from", "to", "communicated_at"),
    "median_duration": (*_REACHED, "duration"),
}
"""For each column of the table, the columns of the communication logs that it is computed from."""

_Z = NormalDist().inv_cdf(0.975)

# A contact has responded if the last inbound communication is later than the first outbound one.
_CHANNEL_REACH = """
WITH by_contact AS (
    SELECT
        communicated_date,
        channel,
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
        count(*) AS contacts,
        count(*) FILTER (is_reached) AS reached_contacts,
        count(*) FILTER (has_responded) AS contacts_responded
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
    reached_contacts / contacts AS reach_rate,
    attempts / nullif(reached_contacts, 0) AS attempts_per_reached_contact
FROM by_channel
LEFT JOIN durations USING (communicated_date, channel)
"""


def channel_reach(logs: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Counts outbound attempts, and the contacts attempted, reached and responding, for each day and channel.

    - `reach_rate` = reached contacts / contacts. A contact is reached if an attempt has the outcome reached or engaged.
    - `reach_rate_low` and `reach_rate_high`: the 95% Wilson score interval of the rate.
    - `attempts_per_reached_contact` = attempts / reached contacts; NULL if nobody was reached.
    - `contacts_responded`: contacts that sent something on the channel after the day's first outbound attempt on them.
    - `median_duration`: in seconds, of the reached attempts that have a duration, interpolated linearly.

    A channel without outbound attempts has no row.

    The interval for p = k / n is (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), where z is the
    97.5% quantile of the normal distribution: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927).

    Args:
        logs: Communication logs of the days.
        scope: The meaning of statuses and types.

    Returns:
        The columns of `CHANNEL_REACH`, sorted by its key.
    """
    either_way = logs.filter(f"{classify.OUTBOUND} OR {classify.INBOUND}")
    communications = classify.classified(either_way, scope.outcomes).project(
        f"communicated_date, channel, {classify.OUTBOUND} AS is_outbound, "
        f"CASE WHEN {classify.OUTBOUND} THEN {classify.RECIPIENT} ELSE {classify.SENDER} END AS contact, "
        f"{classify.IS_REACHED} AS is_reached, duration, communicated_at"
    )
    counts = select(_CHANNEL_REACH, "communications", communications)
    centre = f"reach_rate + {_Z**2} / (2 * contacts)"
    half_width = f"{_Z} * sqrt(reach_rate * (1 - reach_rate) / contacts + {_Z**2} / (4.0 * contacts * contacts))"
    scale = f"(1 + {_Z**2} / contacts)"
    # Because of rounding, the interval could exclude a rate of 0 or 1, or exceed the range 0 to 1.
    result = counts.project(
        f"*, greatest(0, least(reach_rate, ({centre} - {half_width}) / {scale})) AS reach_rate_low, "
        f"least(1, greatest(reach_rate, ({centre} + {half_width}) / {scale})) AS reach_rate_high"
    )
    return to_frame(CHANNEL_REACH, [result])
