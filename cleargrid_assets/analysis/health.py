"""Operational health: volumes, failures, unmapped statuses, missing durations and lags, by communication type."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import UNMAPPED
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import OPERATIONAL_HEALTH

_VOLUME = ("communicated_date", "communication_type")
_LOGGING_LAG = (*_VOLUME, "communicated_at", "created_at")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "communication_type": ("communication_type",),
    "communications": _VOLUME,
    "failed": (*_VOLUME, "status"),
    "failure_rate": (*_VOLUME, "status"),
    "unmapped": (*_VOLUME, "status"),
    "answered_without_duration": (*_VOLUME, "status", "duration"),
    "logging_lag_p50_s": _LOGGING_LAG,
    "logging_lag_p95_s": _LOGGING_LAG,
    "logging_lag_max_s": _LOGGING_LAG,
    "update_lag_p95_s": (*_VOLUME, "created_at", "updated_at"),
    "first_at": (*_VOLUME, "communicated_at"),
    "last_at": (*_VOLUME, "communicated_at"),
    "baseline_communications": _VOLUME,
    "volume_ratio": _VOLUME,
    "is_anomalous": _VOLUME,
}
"""For each column of the table, the columns of the communication logs that it is computed from."""

BASELINE_DAYS = 7
"""Number of days before a day that its baseline is computed from."""

MIN_BASELINE_DAYS = 4
"""With fewer days that have rows, the day is not judged."""

_MAX_MADS = 3.0
"""A volume further from the baseline than this many scaled MADs is anomalous."""

_SCALE = 1.4826
"""Scales the MAD (median absolute deviation) of normally distributed values to their standard deviation."""

_MIN_MAD = 0.05
"""The MAD is taken as at least this share of the median."""

_OPERATIONAL_HEALTH = f"""
WITH usual (communication_type, baseline_communications, tolerance) AS (
    VALUES {{usual}}
), today AS (
    SELECT
        communicated_date,
        communication_type,
        count(*) AS communications,
        count(*) FILTER (outcome = 'failed') AS failed,
        count(*) FILTER (outcome = '{UNMAPPED}') AS unmapped,
        count(*) FILTER ({classify.IS_PHONE} AND {classify.IS_REACHED} AND duration IS NULL)
            AS answered_without_duration,
        quantile_cont(logging_lag, [0.5, 0.95, 1]) AS logging_lags,
        quantile_cont(update_lag, 0.95) AS update_lag_p95_s,
        min(communicated_at) AS first_at,
        max(communicated_at) AS last_at
    FROM communications
    GROUP BY communicated_date, communication_type
)
SELECT
    *,
    failed / communications AS failure_rate,
    logging_lags[1] AS logging_lag_p50_s,
    logging_lags[2] AS logging_lag_p95_s,
    logging_lags[3] AS logging_lag_max_s,
    communications / baseline_communications AS volume_ratio,
    abs(communications - baseline_communications) > tolerance AS is_anomalous
FROM today
LEFT JOIN usual USING (communication_type)
"""


@dataclass(frozen=True)
class UsualVolume:
    """The volume that is usual for a communication type on a day.

    Attributes:
        baseline: The median volume of the days before.
        tolerance: Max distance from the baseline that is still usual; None if there are too few days to judge.
    """

    baseline: float
    tolerance: float | None


def usual_volume(before: Sequence[float]) -> UsualVolume | None:
    """The usual volume of a day; None if no day before it has rows.

    Args:
        before: The volumes of the `BASELINE_DAYS` days before, without the days that have no rows.
    """
    if not before:
        return None
    baseline = float(median(before))
    if len(before) < MIN_BASELINE_DAYS:
        return UsualVolume(baseline, None)
    mad = float(median([abs(volume - baseline) for volume in before]))
    return UsualVolume(baseline, _MAX_MADS * (_SCALE * max(mad, _MIN_MAD * baseline)))


def operational_health(logs: DuckDBPyRelation, scope: Scope) -> pd.DataFrame:
    """Describes the communications of both directions, for each day and communication type.

    - `failure_rate` = failed / communications.
    - `answered_without_duration`: phone communications with the outcome reached or engaged and without a duration.
    - `logging_lag_*_s` = `created_at` - `communicated_at` and `update_lag_p95_s` = `updated_at` - `created_at`, in
      seconds with fractions; they may be negative. Quantiles interpolate linearly.
    - `baseline_communications`: the median m of the type's communications on the 7 days before, without days that
      have no rows of the type; NULL if there are none. `volume_ratio` = communications / m.
    - `is_anomalous`: |communications - m| > 3 * 1.4826 * max(MAD, 0.05 m), where MAD is the median absolute
      deviation of those days from m; NULL with fewer than 4 such days. The factor 1.4826: P. J. Rousseeuw and
      C. Croux, "Alternatives to the median absolute deviation", Journal of the American Statistical Association 88
      (1993).

    A type without communications on a day has no row.

    Args:
        logs: Communication logs of each day and the 7 days before it.
        scope: The days, and the meaning of statuses and types. One day is in memory at a time.
    """
    volumes = _volumes(logs)
    return to_frame(OPERATIONAL_HEALTH, (_day(logs, scope, day, volumes) for day in scope.days))


def _volumes(logs: DuckDBPyRelation) -> Mapping[str, Mapping[date, int]]:
    """The communications of each type and day."""
    # Grouped before types are normalised, because a day has many rows and few types.
    by_word = logs.aggregate("communicated_date, communication_type, count(*) AS communications")
    volumes: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for name, day, communications in by_word.project(f"{classify.TYPE}, communicated_date, communications").fetchall():
        volumes[name][day] += communications
    return volumes


def _day(
    logs: DuckDBPyRelation, scope: Scope, day: date, volumes: Mapping[str, Mapping[date, int]]
) -> DuckDBPyRelation:
    days_before = [day - timedelta(days=back) for back in range(1, BASELINE_DAYS + 1)]
    usual = ["(NULL::VARCHAR, NULL::DOUBLE, NULL::DOUBLE)"]  # Joins nothing. VALUES needs at least one row.
    for name, by_day in volumes.items():
        if expected := usual_volume([by_day[before] for before in days_before if before in by_day]):
            tolerance = "NULL" if expected.tolerance is None else f"'{expected.tolerance!r}'::DOUBLE"
            usual.append(f"({classify.literal(name)}, '{expected.baseline!r}'::DOUBLE, {tolerance})")
    communications = classify.classified(classify.trailing_days(logs, day, 1), scope.outcomes).project(
        "communicated_date, communication_type, channel, outcome, duration, communicated_at, "
        "(epoch_us(created_at) - epoch_us(communicated_at)) / 1e6 AS logging_lag, "
        "(epoch_us(updated_at) - epoch_us(created_at)) / 1e6 AS update_lag"
    )
    return select(_OPERATIONAL_HEALTH.format(usual=", ".join(usual)), "communications", communications)
