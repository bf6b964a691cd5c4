"""The attempt funnel as an asset."""

import dagster as dg

from cleargrid_assets.analysis import funnel
from cleargrid_assets.analysis.unmapped import unmapped
from cleargrid_assets.assets.declaration import declaration, lineage, logs_input
from cleargrid_assets.assets.presentation import AnalysisResult, between, days_of, present
from cleargrid_assets.contracts import ATTEMPT_FUNNEL
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.warehouse.slices import StoredSlice

_STAGED = ["communication_type", "direction", "status", "duration"]
_LINEAGE = lineage(
    {
        "communicated_date": ["communicated_date"],
        "communication_type": ["communication_type"],
        "stage": _STAGED,
        "stage_order": _STAGED,
        "attempts": _STAGED,
        "contacts": [*_STAGED, "to"],
        "attempt_rate": _STAGED,
        "contact_rate": [*_STAGED, "to"],
        "step_rate": [*_STAGED, "to"],
    }
)


@dg.asset(**declaration(ATTEMPT_FUNNEL), ins=logs_input(), code_version="1")
def attempt_funnel(
    context: dg.AssetExecutionContext, communication_logs: StoredSlice, outcomes: OutcomesResource
) -> AnalysisResult:
    """How far the day's outbound attempts got, by communication type and for all types together.

    Four stages, each containing the next: *attempted* (every outbound attempt), *delivered* (it got out), *reached* (a
    person took it), *engaged* (they acted on it, or talked for 30 seconds or more). A contact counts in a stage if at
    least one of the day's attempts on it got there; `ALL` counts a contact once, however many types reached it. A
    contact is an address, so one person's phone and e-mail are two contacts. An attempt whose status is not mapped to
    an outcome counts as attempted and no further.
    """
    from cleargrid_assets.pictures import funnel as picture  # noqa: PLC0415

    meanings = outcomes.load()
    with communication_logs.open() as logs:
        rows = funnel.attempt_funnel(logs, meanings)
        unknown = unmapped(logs, meanings)
    for day in days_of(context):
        today = between(rows, day, day)
        unknown_today = [each for each in unknown if each.communicated_date == day]
        all_types = today[today["communication_type"] == "ALL"].set_index("stage")
        present(
            context,
            day,
            summary=picture.summary(
                today, day, unmapped=sum(each.communications for each in unknown_today if each.kind == "status")
            ),
            picture=picture.picture(today, day),
            headline=picture.headline(today, day),
            numbers={
                "attempts": all_types["attempts"].get("attempted", 0),
                "contacts": all_types["contacts"].get("attempted", 0),
                "reach_rate": all_types["contact_rate"].get("reached"),
                "engagement_rate": all_types["contact_rate"].get("engaged"),
            },
        )
        named = {f"{each.kind} {each.value}": each.communications for each in unknown_today}
        context.add_asset_metadata({"unmapped": named}, partition_key=day.isoformat())
    return dg.MaterializeResult(value=rows, metadata=_LINEAGE)
