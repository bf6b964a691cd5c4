"""The reach of each channel as an asset."""

from datetime import timedelta

import dagster as dg

from cleargrid_assets.analysis import channels
from cleargrid_assets.assets.declaration import declaration, lineage, logs_input
from cleargrid_assets.assets.presentation import AnalysisResult, between, days_of, present, with_days_before
from cleargrid_assets.contracts import CHANNEL_REACH
from cleargrid_assets.resources import OutcomesResource, WarehouseResource
from cleargrid_assets.warehouse.slices import StoredSlice

_DAYS_SHOWN = 8
_REACHED = ["communication_type", "direction", "status"]
_LINEAGE = lineage(
    {
        "communicated_date": ["communicated_date"],
        "channel": ["communication_type"],
        "attempts": ["communication_type", "direction"],
        "contacts": ["communication_type", "direction", "to"],
        "reached_contacts": [*_REACHED, "to"],
        "reach_rate": [*_REACHED, "to"],
        "reach_rate_low": [*_REACHED, "to"],
        "reach_rate_high": [*_REACHED, "to"],
        "attempts_per_reached_contact": [*_REACHED, "to"],
        "contacts_responded": ["communication_type", "direction", "from", "to", "communicated_at"],
        "median_duration": [*_REACHED, "duration"],
    }
)


@dg.asset(**declaration(CHANNEL_REACH), ins=logs_input(), code_version="1")
def channel_reach(
    context: dg.AssetExecutionContext,
    communication_logs: StoredSlice,
    outcomes: OutcomesResource,
    warehouse: WarehouseResource,
) -> AnalysisResult:
    """How many of the contacts attempted on a channel were reached on it that day, and at what cost in attempts.

    A contact is reached if at least one of the day's outbound attempts on it has the outcome reached or engaged. The
    interval around the rate is Wilson's at 95%: with few contacts it is wide, and two channels whose intervals overlap
    may not differ at all. A contact has responded if something inbound came from it on the same channel, on the same
    day, after the day's first outbound attempt on it.
    """
    from cleargrid_assets.pictures import channels as picture  # noqa: PLC0415

    with communication_logs.open() as logs:
        rows = channels.channel_reach(logs, outcomes.load())
    days = days_of(context)
    history = with_days_before(warehouse, CHANNEL_REACH, rows, days, _DAYS_SHOWN)
    for day in days:
        today = between(rows, day, day)
        previous = between(history, day - timedelta(days=_DAYS_SHOWN - 1), day - timedelta(days=1))
        present(
            context,
            day,
            summary=picture.summary(today, previous, day),
            picture=picture.picture(today, previous, day),
            headline=picture.headline(today, day),
            numbers={
                f"{row.channel}_{name}": getattr(row, name)
                for row in today.itertuples()
                for name in ("reach_rate", "contacts", "attempts_per_reached_contact")
            },
        )
    return dg.MaterializeResult(value=rows, metadata=_LINEAGE)
