"""Checks of the attempt funnel against itself and against the log."""

import dagster as dg

from cleargrid_assets.analysis import classify
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import days_in_scope, spoken
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS
from cleargrid_assets.resources import WarehouseResource


@dg.asset_check(asset=asset_key(ATTEMPT_FUNNEL), name="stages_contain_each_other")
def stages_contain_each_other(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """No stage has more attempts or contacts than the one before it, and every type has all four."""
    days = days_in_scope(context, ATTEMPT_FUNNEL)
    with warehouse.slice(ATTEMPT_FUNNEL, days).open() as funnel:
        before = "OVER (PARTITION BY communicated_date, communication_type ORDER BY stage_order)"
        grows = f"attempts > lag(attempts) {before} OR contacts > lag(contacts) {before}"
        by_stage = funnel.project(f"communicated_date, communication_type, coalesce({grows}, false) AS grows")
        by_type = by_stage.aggregate(
            "communicated_date, communication_type, count(*) AS stages, bool_or(grows) AS grows"
        )
        broken = by_type.filter("stages <> 4 OR grows").project("communicated_date, communication_type").fetchall()
    return dg.AssetCheckResult(
        passed=not broken,
        description=f"The stages of {spoken(days)} contain each other."
        if not broken
        else f"In {len(broken)} funnels of {spoken(days)}, a stage is missing or larger than the one before it. "
        "Materialize the funnel of these days again; if it stays so, something other than this project writes to it.",
        metadata={"funnels": [f"{day} {kind}" for day, kind in broken]},
    )


@dg.asset_check(
    asset=asset_key(ATTEMPT_FUNNEL),
    name="attempts_are_the_outbound_rows",
    additional_deps=[asset_key(COMMUNICATION_LOGS)],
)
def attempts_are_the_outbound_rows(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """The attempts of the funnel's first stage are exactly the outbound rows of the stored log."""
    days = days_in_scope(context, ATTEMPT_FUNNEL)
    with warehouse.slice(COMMUNICATION_LOGS, days).open() as logs:
        rows = logs.filter(classify.OUTBOUND).aggregate("communicated_date, count(*)").fetchall()
    with warehouse.slice(ATTEMPT_FUNNEL, days).open() as funnel:
        first_stages = funnel.filter("communication_type = 'ALL' AND stage_order = 1")
        attempts = first_stages.select("communicated_date", "attempts").fetchall()
    outbound, attempted = dict(rows), dict(attempts)
    different = [day for day in days if outbound.get(day, 0) != attempted.get(day, 0)]
    return dg.AssetCheckResult(
        passed=not different,
        description=f"The funnel of {spoken(days)} has every outbound row."
        if not different
        else "; ".join(
            f"{day}: {attempted.get(day, 0):,} attempts, {outbound.get(day, 0):,} outbound rows" for day in different
        )
        + ". The log has changed since the funnel was computed: materialize the funnel of these days.",
        metadata={"attempts": sum(attempted.values()), "outbound_rows": sum(outbound.values())},
    )
