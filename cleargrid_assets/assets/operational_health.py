"""The health of operations as an asset."""

from datetime import timedelta

import dagster as dg

from cleargrid_assets.analysis import health
from cleargrid_assets.assets.declaration import declaration, lineage, logs_input
from cleargrid_assets.assets.presentation import AnalysisResult, between, days_of, present, with_days_before
from cleargrid_assets.contracts import OPERATIONAL_HEALTH
from cleargrid_assets.resources import OutcomesResource, WarehouseResource
from cleargrid_assets.warehouse.slices import StoredSlice

_DAYS_SHOWN = 28
_COUNTED = ["communicated_date", "communication_type"]
_LINEAGE = lineage(
    {
        "communicated_date": ["communicated_date"],
        "communication_type": ["communication_type"],
        "communications": _COUNTED,
        "failed": [*_COUNTED, "status"],
        "failure_rate": [*_COUNTED, "status"],
        "unmapped": [*_COUNTED, "status"],
        "answered_without_duration": [*_COUNTED, "status", "duration"],
        "logging_lag_p50_s": [*_COUNTED, "communicated_at", "created_at"],
        "logging_lag_p95_s": [*_COUNTED, "communicated_at", "created_at"],
        "logging_lag_max_s": [*_COUNTED, "communicated_at", "created_at"],
        "update_lag_p95_s": [*_COUNTED, "created_at", "updated_at"],
        "first_at": [*_COUNTED, "communicated_at"],
        "last_at": [*_COUNTED, "communicated_at"],
        "baseline_communications": _COUNTED,
        "volume_ratio": _COUNTED,
        "is_anomalous": _COUNTED,
    }
)


@dg.asset(**declaration(OPERATIONAL_HEALTH), ins=logs_input(health.BASELINE_DAYS + 1), code_version="1")
def operational_health(
    context: dg.AssetExecutionContext,
    communication_logs: StoredSlice,
    outcomes: OutcomesResource,
    warehouse: WarehouseResource,
) -> AnalysisResult:
    """Whether the day looks healthy, by communication type and in both directions.

    Failures are communications that never got out. Logging lag is the time from a communication to its row, update lag
    from the row to its last change: rows that come later than the resync window are missed. The baseline is the median
    of the 7 days before, days without rows left out. A day is anomalous if its volume lies more than 3 scaled MADs
    from the baseline, the MAD (median absolute deviation) taken as at least 5% of it; with fewer than 4 days before
    that have rows, nothing is said. Weekends count like any day, so a quiet Saturday after five working days can be
    anomalous.
    """
    from cleargrid_assets.pictures import health as picture  # noqa: PLC0415

    days = days_of(context)
    with communication_logs.open() as logs:
        rows = health.operational_health(logs, outcomes.load(), days)
    history = with_days_before(warehouse, OPERATIONAL_HEALTH, rows, days, _DAYS_SHOWN)
    for day in days:
        today = between(rows, day, day)
        month = between(history, day - timedelta(days=_DAYS_SHOWN - 1), day)
        communications = today["communications"].sum()
        present(
            context,
            day,
            summary=picture.summary(month, day),
            picture=picture.picture(month, day),
            headline=picture.headline(month, day),
            numbers={
                "communications": communications,
                "failure_rate": today["failed"].sum() / communications if communications else None,
                "unmapped": today["unmapped"].sum(),
                "logging_lag_p95_s": today["logging_lag_p95_s"].max(),
                "anomalous_types": (today["is_anomalous"] == True).sum(),  # noqa: E712 - None is neither
            },
        )
    return dg.MaterializeResult(value=rows, metadata=_LINEAGE)
