"""The reach by hour as an asset."""

from datetime import timedelta

import dagster as dg

from cleargrid_assets.analysis import hours
from cleargrid_assets.assets.declaration import declaration, lineage, logs_input
from cleargrid_assets.assets.presentation import AnalysisResult, between, days_of, present, with_days_before
from cleargrid_assets.contracts import HOURLY_REACH
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.resources import OutcomesResource, WarehouseResource
from cleargrid_assets.warehouse.slices import StoredSlice

_DAYS_SHOWN = 7
_REACHED = ["communication_type", "direction", "status", "communicated_at"]
_LINEAGE = lineage(
    {
        "communicated_date": ["communicated_date"],
        "channel": ["communication_type"],
        "hour": ["communicated_at"],
        "attempts": ["communication_type", "direction", "communicated_at"],
        "reached_attempts": _REACHED,
        "reach_rate": _REACHED,
    }
)


@dg.asset(**declaration(HOURLY_REACH), ins=logs_input(), code_version="1")
def hourly_reach(
    context: dg.AssetExecutionContext,
    communication_logs: StoredSlice,
    outcomes: OutcomesResource,
    warehouse: WarehouseResource,
) -> AnalysisResult:
    """At which hours of the day the outbound attempts on a channel reach people.

    Hours are those of a wall clock in the business zone. Where clocks go back, the hour that comes twice is one; where
    they go forward, the skipped hour has no attempts. The rate is of attempts, not of contacts: an attempt is reached
    if its outcome is reached or engaged.
    """
    from cleargrid_assets.pictures import hours as picture  # noqa: PLC0415

    with communication_logs.open() as logs:
        rows = hours.hourly_reach(logs, outcomes.load(), BUSINESS_ZONE)
    days = days_of(context)
    history = with_days_before(warehouse, HOURLY_REACH, rows, days, _DAYS_SHOWN)
    for day in days:
        week = between(history, day - timedelta(days=_DAYS_SHOWN - 1), day)
        today = between(rows, day, day)
        attempts = today["attempts"].sum()
        present(
            context,
            day,
            summary=picture.summary(week, day),
            picture=picture.picture(week, day),
            headline=picture.headline(week, day),
            numbers={
                "attempts": attempts,
                "reach_rate": today["reached_attempts"].sum() / attempts if attempts else None,
            },
        )
    return dg.MaterializeResult(value=rows, metadata=_LINEAGE)
