"""Hourly reach: at which hour of the business day attempts reach people."""

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.local_time import minute_of_day
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import HOURLY_REACH

_ATTEMPTS = ("communicated_date", "channel", "direction", "communicated_at")
_REACHED = (*_ATTEMPTS, "outcome")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("channel",),
    "hour": ("communicated_at",),
    "attempts": _ATTEMPTS,
    "reached_attempts": _REACHED,
    "reach_rate": _REACHED,
}
"""For each column of the table, the columns of the interactions that it is computed from."""

_HOURLY_REACH = """
WITH counted AS (
    SELECT
        communicated_date,
        channel,
        hour,
        count(*) AS attempts,
        count(*) FILTER (is_reached) AS reached_attempts
    FROM attempts
    GROUP BY ALL
), hours AS (
    SELECT communicated_date, channel, range AS hour
    FROM (SELECT DISTINCT communicated_date, channel FROM counted)
    CROSS JOIN range(24)
)
SELECT
    communicated_date,
    channel,
    hour,
    coalesce(attempts, 0) AS attempts,
    coalesce(reached_attempts, 0) AS reached_attempts,
    reached_attempts / attempts AS reach_rate
FROM hours
LEFT JOIN counted USING (communicated_date, channel, hour)
"""


def hourly_reach(interactions: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Counts outbound attempts, and those with the outcome reached or engaged, by hour in the business zone.

    `reach_rate` = reached attempts / attempts; NULL in an hour without attempts. Each day and channel with an attempt
    has a row for all 24 hours. An hour that repeats because clocks go back is one row.

    Args:
        interactions: Interactions of the days.
        scope: The business zone.

    Returns:
        The columns of `HOURLY_REACH`, sorted by its key.
    """
    hour = f"{minute_of_day(interactions, scope.zone)} // 60"
    attempts = interactions.filter(classify.IS_ATTEMPT).project(
        f"communicated_date, channel, {classify.IS_REACHED} AS is_reached, {hour} AS hour"
    )
    result = select(_HOURLY_REACH, "attempts", attempts)
    return to_frame(HOURLY_REACH, [result])
