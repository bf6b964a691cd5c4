"""Hourly reach: at which hour of the business day attempts reach people."""

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.local_time import microsecond_of_day
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import HOURLY_REACH

_REACHED = ("communication_type", "direction", "status", "communicated_at")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "channel": ("communication_type",),
    "hour": ("communicated_at",),
    "attempts": ("communication_type", "direction", "communicated_at"),
    "reached_attempts": _REACHED,
    "reach_rate": _REACHED,
}
"""For each column of the table, the columns of the communication logs that it is computed from."""

_HOUR_US = 3_600_000_000

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


def hourly_reach(logs: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Counts outbound attempts, and those with the outcome reached or engaged, by hour in the business zone.

    `reach_rate` = reached attempts / attempts; NULL in an hour without attempts. Each day and channel with an attempt
    has a row for all 24 hours. An hour that repeats because clocks go back is one row.

    Args:
        logs: Communication logs of the days.
        scope: The business zone, and the meaning of statuses and types.

    Returns:
        The columns of `HOURLY_REACH`, sorted by its key.
    """
    hour = f"{microsecond_of_day(logs, scope.zone)} // {_HOUR_US}"
    attempts = classify.classified(logs.filter(classify.OUTBOUND), scope.outcomes).project(
        f"communicated_date, channel, {classify.IS_REACHED} AS is_reached, {hour} AS hour"
    )
    result = select(_HOURLY_REACH, "attempts", attempts)
    return to_frame(HOURLY_REACH, [result])
