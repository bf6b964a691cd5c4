"""Hourly reach: at what hour of the business day attempts reach people.

What belongs here: the definition of `hourly_reach`. What does not: what a status means (`outcomes`) and how a row is
read (`classify`).
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.contracts import HOURLY_REACH

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation

COLUMNS = ("communicated_date", "communication_type", "direction", "status", "communicated_at")
"""The columns of the communication logs that are read."""

_CLOCKS_CHANGE_ON_S = 900
"""A zone's offset changes on a quarter of an hour, seen in UTC."""

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


def hourly_reach(logs: DuckDBPyRelation, outcomes: Outcomes, zone: tzinfo) -> pd.DataFrame:
    """Counts outbound attempts, and those of outcome reached or engaged, by the hour on the business zone's clock.

    `reach_rate` = reached attempts / attempts, from 0 to 1; NULL in an hour without attempts. Each day and channel
    with an attempt has all 24 hours. Where the clock is set back, both passes of the repeated hour count as one;
    where it is set forward, the hour that is skipped has no attempts.

    Args:
        logs: The slice; at least `COLUMNS`.
        outcomes: The meaning of statuses and types.
        zone: The business zone.

    Returns:
        The columns of `HOURLY_REACH`, sorted by its key.
    """
    attempts = classify.classified(logs.filter(classify.OUTBOUND), outcomes).project(
        f"communicated_date, channel, {classify.IS_REACHED} AS is_reached, {_local_hour(logs, zone)} AS hour"
    )
    result = select(_HOURLY_REACH, "attempts", attempts)
    return to_frame(HOURLY_REACH, [result], order=HOURLY_REACH.key)


def _local_hour(logs: DuckDBPyRelation, zone: tzinfo) -> str:
    """The hour on the zone's clock, in SQL.

    The zone's rules are read here, as they are for the bounds of a day: DuckDB has its own, which are as old as it is,
    and where the two differ a day's hours would not be those of the day.
    """
    seconds = "epoch_us(communicated_at) // 1000000"
    [(first, last)] = logs.aggregate(f"min({seconds}), max({seconds})").fetchall()
    if first is None:
        return "0"
    offsets: list[tuple[int, int]] = []
    for instant in range(first - first % _CLOCKS_CHANGE_ON_S, last + 1, _CLOCKS_CHANGE_ON_S):
        offset = datetime.fromtimestamp(instant, zone).utcoffset() or timedelta()
        if not offsets or offset.total_seconds() != offsets[-1][1]:
            offsets.append((instant, round(offset.total_seconds())))
    since = " ".join(f"WHEN {seconds} >= {instant} THEN {offset}" for instant, offset in reversed(offsets))
    return f"({seconds} + CASE {since} END) // 3600 % 24"
