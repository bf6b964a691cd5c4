"""Operational health: volumes, failures, unmapped statuses, missing durations and lags, by communication type.

What belongs here: the definition of `operational_health`. What does not: what a status means (`outcomes`), how a row
is read (`classify`), and what to do about an anomaly.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.contracts import OPERATIONAL_HEALTH

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation

COLUMNS = (
    "communicated_date",
    "communication_type",
    "status",
    "duration",
    "communicated_at",
    "created_at",
    "updated_at",
)
"""The columns of the communication logs that are read."""

BASELINE_DAYS = 7
"""How many days before a day make its baseline."""

LEAST_BASELINE_DAYS = 4
"""With fewer of them, no day is called anomalous."""

MADS = 3.0
"""How many scaled MADs from the baseline are anomalous."""

SCALE = 1.4826
"""Turns the median absolute deviation of normally distributed values into their standard deviation."""

LEAST_MAD = 0.05
"""The MAD is taken as at least this share of the median."""

# `mad` is the median absolute deviation from the median, not scaled.
_OPERATIONAL_HEALTH = f"""
WITH volumes AS (
    SELECT communication_type, count(*) AS communications
    FROM communications
    WHERE NOT is_today
    GROUP BY communicated_date, communication_type
), baselines AS (
    SELECT
        communication_type,
        count(*) AS days,
        median(communications) AS baseline_communications,
        {SCALE} * greatest(mad(communications), {LEAST_MAD} * median(communications)) AS spread
    FROM (SELECT communication_type, CAST(communications AS DOUBLE) AS communications FROM volumes)
    GROUP BY communication_type
), today AS (
    SELECT
        communicated_date,
        communication_type,
        count(*) AS communications,
        count(*) FILTER (outcome = 'failed') AS failed,
        count(*) FILTER (outcome = 'unmapped') AS unmapped,
        count(*) FILTER (channel = 'phone' AND {classify.IS_REACHED} AND duration IS NULL)
            AS answered_without_duration,
        quantile_cont(logging_lag, [0.5, 0.95, 1]) AS logging_lags,
        quantile_cont(update_lag, 0.95) AS update_lag_p95_s,
        min(communicated_at) AS first_at,
        max(communicated_at) AS last_at
    FROM communications
    WHERE is_today
    GROUP BY communicated_date, communication_type
)
SELECT
    *,
    failed / communications AS failure_rate,
    logging_lags[1] AS logging_lag_p50_s,
    logging_lags[2] AS logging_lag_p95_s,
    logging_lags[3] AS logging_lag_max_s,
    communications / baseline_communications AS volume_ratio,
    CASE
        WHEN days >= {LEAST_BASELINE_DAYS} THEN abs(communications - baseline_communications) > {MADS} * spread
    END AS is_anomalous
FROM today
LEFT JOIN baselines USING (communication_type)
"""


def operational_health(logs: DuckDBPyRelation, outcomes: Outcomes, days: Sequence[date]) -> pd.DataFrame:
    """Describes the communications of both directions, for each day and communication type.

    - `failure_rate` = failed / communications, from 0 to 1; `unmapped` counts statuses that are not known.
    - `answered_without_duration`: phone, outcome reached or engaged, no duration.
    - `logging_lag_*_s` = `created_at` - `communicated_at` and `update_lag_p95_s` = `updated_at` - `created_at`, in
      seconds with fractions, negative ones kept; quantiles interpolate linearly.
    - `baseline_communications`: the median m of the type's communications on the 7 days before, days without rows
      of the type left out; `volume_ratio` = communications / m. NULL where no day before has rows.
    - `is_anomalous`: |communications - m| > 3 * 1.4826 * max(MAD, 0.05 m), where MAD is the median absolute
      deviation of those days from m; NULL with fewer than 4 such days. The factor makes the MAD estimate the
      standard deviation of a normal distribution: P. J. Rousseeuw and C. Croux, "Alternatives to the median
      absolute deviation", Journal of the American Statistical Association 88 (1993).

    A day on which a type has no rows has no row for it: a silent type is seen by its absence.

    Args:
        logs: At least `COLUMNS`, and at least the rows of each day and the 7 before it.
        outcomes: The meaning of statuses and types.
        days: The business days to compute; one day's lags are in memory at a time.

    Returns:
        The columns of `OPERATIONAL_HEALTH`, sorted by its key.
    """
    results = (_day(logs, outcomes, day) for day in days)
    return to_frame(OPERATIONAL_HEALTH, results, order=OPERATIONAL_HEALTH.key)


def _day(logs: DuckDBPyRelation, outcomes: Outcomes, day: date) -> DuckDBPyRelation:
    window = classify.trailing_days(logs, day, BASELINE_DAYS + 1)
    communications = classify.classified(window, outcomes).project(
        f"communicated_date, communicated_date = DATE '{day}' AS is_today, "
        "communication_type, channel, outcome, duration, communicated_at, "
        "(epoch_us(created_at) - epoch_us(communicated_at)) / 1e6 AS logging_lag, "
        "(epoch_us(updated_at) - epoch_us(created_at)) / 1e6 AS update_lag"
    )
    return select(_OPERATIONAL_HEALTH, "communications", communications)
