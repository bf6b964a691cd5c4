"""Baselines of operational health: what is usual for a day, and what is not. The one definition, in SQL."""

from collections.abc import Collection
from datetime import date

import duckdb
import pandas as pd

from cleargrid_assets.analysis.outcome_entries import DaysOff
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import to_frame
from cleargrid_assets.contracts import ALL_TYPES, DAYS, LATEST_ENTRIES, OPERATIONAL_HEALTH
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.schema import PARTITION_COLUMN

PAST_WEEKS = 6
"""A day is compared with the same weekday of this many weeks before it."""

PAST_DAYS = 7 * PAST_WEEKS
"""Days before a day that its baselines are computed from."""

MIN_PAST_DAYS = 3
"""With fewer past days, a day is not judged."""

_SCALE = 1.4826
"""Scales the MAD (median absolute deviation) of normally distributed values to their standard deviation.

Source: P. J. Rousseeuw and C. Croux, "Alternatives to the median absolute deviation", Journal of the American
Statistical Association 88 (1993).
"""

_WEEKS_LATER = ", ".join(f"({7 * week})" for week in range(1, PAST_WEEKS + 1))

_BASELINES = f"""
WITH stored AS (
    SELECT communicated_date, {{is_day_off}} AS is_day_off, row_count > 0 AND NOT is_day_off AS is_usable
    FROM {LATEST_ENTRIES}
    WHERE table_name = '{OPERATIONAL_HEALTH.name}'
), facts AS (
    SELECT * FROM {OPERATIONAL_HEALTH.name} SEMI JOIN stored USING (communicated_date)
), seen AS (
    SELECT communicated_date, '{ALL_TYPES}' AS communication_type FROM stored
    UNION
    SELECT communicated_date + days_later, communication_type
    FROM facts
    CROSS JOIN (SELECT unnest(range({PAST_DAYS + 1}))::INTEGER AS days_later)
    SEMI JOIN stored ON stored.communicated_date = facts.communicated_date + days_later
), past_days AS (
    SELECT communicated_date AS past_day, communicated_date + days_later AS communicated_date
    FROM stored
    CROSS JOIN (VALUES {_WEEKS_LATER}) AS weeks (days_later)
    WHERE is_usable
), past AS (
    SELECT
        seen.communicated_date,
        seen.communication_type,
        coalesce(communications, 0)::DOUBLE AS communications,
        coalesce(failed, 0) AS failed,
        failure_rate,
        logging_lag_p95_s
    FROM seen
    JOIN stored USING (communicated_date)
    JOIN past_days USING (communicated_date)
    LEFT JOIN facts ON facts.communicated_date = past_day AND facts.communication_type = seen.communication_type
    WHERE NOT is_day_off
), usual AS (
    SELECT
        communicated_date,
        communication_type,
        median(communications) AS volume,
        greatest({_SCALE} * mad(communications), 0.07 * volume, sqrt(greatest(volume, 1))) AS volume_spread,
        CASE communication_type WHEN '{ALL_TYPES}' THEN 3 ELSE 4 END * volume_spread AS volume_tolerance,
        greatest(volume - volume_tolerance, 0) AS volume_low,
        sum(failed) / nullif(sum(communications), 0) AS failures,
        {_SCALE} * mad(failure_rate) AS failures_deviation,
        median(logging_lag_p95_s) AS lag,
        CASE WHEN lag IS NOT NULL THEN greatest({_SCALE} * mad(logging_lag_p95_s), 0.2 * lag, 1) END AS lag_spread
    FROM past
    GROUP BY communicated_date, communication_type
    HAVING count(*) >= {MIN_PAST_DAYS}
), compared AS (
    SELECT
        communicated_date,
        communication_type,
        coalesce(communications, 0) AS communications,
        failure_rate,
        logging_lag_p95_s,
        is_day_off,
        usual.* EXCLUDE (communicated_date, communication_type),
        CASE WHEN communications > 0 THEN greatest(
            sqrt(failures * (1 - failures) / communications + (0.1 * failures) ** 2), failures_deviation
        ) END AS failures_spread
    FROM seen
    JOIN stored USING (communicated_date)
    LEFT JOIN facts USING (communicated_date, communication_type)
    LEFT JOIN usual USING (communicated_date, communication_type)
)
SELECT
    communicated_date,
    communication_type,
    communications,
    failure_rate,
    logging_lag_p95_s,
    is_day_off,
    volume AS baseline_communications,
    volume_spread AS communications_spread,
    volume_low AS communications_low,
    volume + volume_tolerance AS communications_high,
    communications / nullif(volume, 0) AS volume_ratio,
    abs(communications - volume) > volume_tolerance AS volume_is_unusual,
    CASE WHEN volume IS NOT NULL THEN communications = 0 AND volume >= 10 END AS is_silent,
    failures AS baseline_failure_rate,
    failures_spread AS failure_rate_spread,
    CASE WHEN failures_spread IS NOT NULL THEN least(failures + 4 * failures_spread, 1) END AS failure_rate_high,
    failure_rate - failures > 4 * failures_spread AS failure_is_unusual,
    lag AS baseline_logging_lag_p95_s,
    lag_spread,
    lag + 4 * lag_spread AS lag_high_s,
    logging_lag_p95_s - lag > 4 * lag_spread AS lag_is_unusual,
    CASE WHEN volume IS NOT NULL THEN
        coalesce(volume_is_unusual OR is_silent OR failure_is_unusual OR lag_is_unusual, false)
    END AS is_unusual
FROM compared
"""


def baselines_sql(outcomes: Outcomes) -> str:
    """The query for the columns of `OPERATIONAL_BASELINES`. It reads `operational_health` and `days` by bare names.

    Args:
        outcomes: Has the days off, which are neither judged nor compared with.
    """
    return _BASELINES.format(is_day_off=_is_one_of(outcomes.days_off))


def baselines(rows: pd.DataFrame, stored: Collection[date], outcomes: Outcomes) -> pd.DataFrame:
    """The baselines of days that are not in the database yet, or of which the rows are at hand.

    Args:
        rows: Rows of `operational_health`, of the days and of the `PAST_DAYS` before them.
        stored: The days that are stored, or will be. Those without rows have had no communications.
        outcomes: Has the days off.

    Returns:
        The columns of `OPERATIONAL_BASELINES`, sorted by its key.
    """
    days = sorted(stored)
    sizes = rows.groupby(PARTITION_COLUMN).size()
    ledger = pd.DataFrame(
        {
            "table_name": OPERATIONAL_HEALTH.name,
            PARTITION_COLUMN: pd.Series(days, dtype="object"),
            "row_count": [sizes.get(day, 0) for day in days],
        }
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, frame in ((OPERATIONAL_HEALTH.name, rows), (DAYS.name, ledger)):
            connection.register("frame", frame.astype({PARTITION_COLUMN: "datetime64[us]"}))
            connection.execute(
                f"CREATE TABLE {name} AS "
                f"SELECT * REPLACE (CAST({PARTITION_COLUMN} AS DATE) AS {PARTITION_COLUMN}) FROM frame"
            )
        return to_frame(OPERATIONAL_BASELINES, [connection.sql(baselines_sql(outcomes))])


def _is_one_of(days_off: DaysOff) -> str:
    dates = [f"DATE '{day.isoformat()}'" for day in days_off.dates]
    of_dates = f"communicated_date IN ({', '.join(dates)})" if dates else "false"
    weekdays = ", ".join(map(str, days_off.weekdays))
    of_weekdays = f"isodow(communicated_date) IN ({weekdays})" if weekdays else "false"
    return f"({of_dates} OR {of_weekdays})"
