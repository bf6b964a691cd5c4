"""Operational health: volumes, failures, unmapped statuses, missing durations and lags, by communication type."""

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import UNMAPPED
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import ALL_TYPES, OPERATIONAL_HEALTH

_VOLUME = ("communicated_date", "communication_type")
_FAILURES = (*_VOLUME, "outcome")
_LOGGING_LAG = (*_VOLUME, "logging_lag_s")
_TIMES = (*_VOLUME, "communicated_at")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "communication_type": ("communication_type",),
    "communications": _VOLUME,
    "failed": _FAILURES,
    "failure_rate": _FAILURES,
    "unmapped": _FAILURES,
    "withheld": (*_VOLUME, "direction", "contact"),
    "answered_without_duration": (*_FAILURES, "channel", "duration"),
    "logging_lag_p50_s": _LOGGING_LAG,
    "logging_lag_p95_s": _LOGGING_LAG,
    "logging_lag_max_s": _LOGGING_LAG,
    "update_lag_p95_s": (*_VOLUME, "update_lag_s"),
    "first_at": _TIMES,
    "last_at": _TIMES,
}
"""For each column of the table, the columns of the interactions that it is computed from."""

_OPERATIONAL_HEALTH = f"""
WITH facts AS (
    SELECT
        communicated_date,
        CASE WHEN grouping(communication_type) = 1 THEN '{ALL_TYPES}' ELSE communication_type END AS communication_type,
        count(*) AS communications,
        count(*) FILTER (outcome = 'failed') AS failed,
        count(*) FILTER (outcome = '{UNMAPPED}') AS unmapped,
        count(*) FILTER (contact IS NULL AND ({classify.IS_ATTEMPT} OR {classify.IS_RESPONSE})) AS withheld,
        count(*) FILTER ({classify.IS_PHONE} AND {classify.IS_REACHED} AND duration IS NULL)
            AS answered_without_duration,
        quantile_cont(logging_lag_s, [0.5, 0.95, 1]) AS logging_lags,
        quantile_cont(update_lag_s, 0.95) AS update_lag_p95_s,
        min(communicated_at) AS first_at,
        max(communicated_at) AS last_at
    FROM communications
    GROUP BY GROUPING SETS ((communicated_date, communication_type), (communicated_date))
    HAVING grouping(communication_type) = 1 OR communication_type <> '{ALL_TYPES}'
)
SELECT
    *,
    failed / communications AS failure_rate,
    logging_lags[1] AS logging_lag_p50_s,
    logging_lags[2] AS logging_lag_p95_s,
    logging_lags[3] AS logging_lag_max_s
FROM facts
"""


def operational_health(interactions: DuckDBPyRelation, _scope: Scope) -> pd.DataFrame:
    """Describes the communications of both directions, for each day and communication type, and for `ALL`.

    - `failure_rate` = failed / communications.
    - `withheld`: inbound and outbound communications without a contact.
    - `answered_without_duration`: phone communications with the outcome reached or engaged and without a duration.
    - Lags are in seconds with fractions; they may be negative. Quantiles interpolate linearly.

    A type without communications on a day has no row. Rows whose own type is `ALL` are counted only there.

    Args:
        interactions: Interactions of the days.
        _scope: Not needed.

    Returns:
        The columns of `OPERATIONAL_HEALTH`, sorted by its key.
    """
    return to_frame(OPERATIONAL_HEALTH, [select(_OPERATIONAL_HEALTH, "communications", interactions)])
