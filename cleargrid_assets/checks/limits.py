"""The check that outreach keeps to the limits that the lender sets in the outcomes file."""

import dagster as dg

from cleargrid_assets.analysis.outcome_entries import NO_DAYS_OFF, NO_LIMITS, Limits
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.checks.scope import MAX_NAMED, days_in_scope, verdict
from cleargrid_assets.contracts import CONTACT_FREQUENCY
from cleargrid_assets.foreign import presentable
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, first_of

_COLUMNS = ("contacts_over_limit", "attempts_outside_hours", "attempts_on_days_off")
_KEPT = dg.AssetCheckSpec(
    "limits_are_kept",
    asset=asset_key(CONTACT_FREQUENCY),
    description="No contact has more attempts in 7 days than `attempts_per_week` in the outcomes file. No attempt of "
    "the day is before `earliest`, at or after `latest`, or on one of the `days_off`. A limit that is not set is not "
    "checked.",
)


@dg.multi_asset_check(name="limits_check", specs=[_KEPT])
def limits_are_kept(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, outcomes: OutcomesResource
) -> dg.AssetCheckResult:
    """Checks the contact frequency of the days of the run."""
    days = days_in_scope(context, CONTACT_FREQUENCY, warehouse)
    words = outcomes.load()
    with warehouse.slice(CONTACT_FREQUENCY, days).open() as rows:
        figures = ", ".join(f"coalesce({name}, 0)" for name in _COLUMNS)
        by_channel = rows.project(f"communicated_date, channel, {figures}")
        # The newest day first, because only some cases are named.
        counts = by_channel.order("communicated_date DESC, channel").fetchall()
    crossed = [
        f"{day} {presentable(channel)}: {crossings}"
        for day, channel, *numbers in counts
        if (crossings := _crossings(words, *numbers))
    ]
    return verdict(
        _KEPT,
        passed=not crossed,
        good=_kept(words),
        bad="Limits of the outcomes file were crossed. Have the outreach at ClearGrid set to these limits, or correct "
        f"them in the outcomes file. {first_of(crossed, MAX_NAMED, 'case', '; ')}.",
        found={"crossed": len(crossed)},
        days=days,
    )


def _crossings(outcomes: Outcomes, contacts: int, outside_hours: int, on_days_off: int) -> str:
    """The limits that a day and channel crossed; empty if it crossed none.

    The day may have been computed when the file had limits that it no longer has.
    """
    limits, found = outcomes.limits, []
    if contacts and limits.attempts_per_week:
        found.append(
            f"{counted(contacts, 'contact')} with more than {counted(limits.attempts_per_week, 'attempt')} in 7 days"
        )
    if outside_hours and (hours := _outside(limits)):
        found.append(f"{counted(outside_hours, 'attempt')} {hours}")
    if on_days_off and outcomes.days_off != NO_DAYS_OFF:
        found.append(f"{counted(on_days_off, 'attempt')} on a day off")
    return ", ".join(found)


def _outside(limits: Limits) -> str:
    before = f"before {limits.earliest:%H:%M}" if limits.earliest else ""
    after = f"at or after {limits.latest:%H:%M}" if limits.latest else ""
    return " or ".join(filter(None, (before, after)))


def _kept(outcomes: Outcomes) -> str:
    if outcomes.limits == NO_LIMITS and outcomes.days_off == NO_DAYS_OFF:
        return "The outcomes file sets no limits."
    return "No limit of the outcomes file was crossed."
