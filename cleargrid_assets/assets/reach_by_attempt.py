"""The reach by attempt number as an asset."""

import dagster as dg

from cleargrid_assets.analysis import attempts
from cleargrid_assets.assets.declaration import declaration, lineage, logs_input
from cleargrid_assets.assets.presentation import AnalysisResult, between, days_of, present
from cleargrid_assets.contracts import REACH_BY_ATTEMPT
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.warehouse.slices import StoredSlice

_ORDERED = ["communication_type", "direction", "to", "communicated_at", "public_id"]
_LINEAGE = lineage(
    {
        "communicated_date": ["communicated_date"],
        "channel": ["communication_type"],
        "attempt_number": _ORDERED,
        "contacts_attempted": _ORDERED,
        "contacts_first_reached": [*_ORDERED, "status"],
        "cumulative_reach_rate": [*_ORDERED, "status"],
        "window_days": [],
    }
)


@dg.asset(**declaration(REACH_BY_ATTEMPT), ins=logs_input(attempts.WINDOW_DAYS), code_version="1")
def reach_by_attempt(
    context: dg.AssetExecutionContext, communication_logs: StoredSlice, outcomes: OutcomesResource
) -> AnalysisResult:
    """At which attempt people are first reached, over the 7 days that end with the day.

    A contact's outbound attempts on a channel are numbered in the order in which they were made; the tenth and later
    ones are one number. The cumulative rate says what share of all contacts attempted was reached by that attempt or
    an earlier one: where its curve goes flat, further attempts reach hardly anybody. Attempts before the window are not
    known to it, so a contact worked on for longer starts at 1 again.
    """
    from cleargrid_assets.pictures import attempts as picture  # noqa: PLC0415

    days = days_of(context)
    with communication_logs.open() as logs:
        rows = attempts.reach_by_attempt(logs, outcomes.load(), days)
    for day in days:
        today = between(rows, day, day)
        last = today.groupby("channel").last()
        present(
            context,
            day,
            summary=picture.summary(today, day),
            picture=picture.picture(today, day),
            headline=picture.headline(today, day),
            numbers={f"{channel}_reach_rate": rate for channel, rate in last["cumulative_reach_rate"].items()},
        )
    return dg.MaterializeResult(value=rows, metadata=_LINEAGE)
