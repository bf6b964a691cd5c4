"""Checks of the attempt funnel against itself and against the log."""

from collections import Counter
from datetime import date

import dagster as dg

from cleargrid_assets.analysis import classify
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import days_in_scope, format_days
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS
from cleargrid_assets.resources import WarehouseResource

_SHOWN = 5


@dg.asset_check(asset=asset_key(ATTEMPT_FUNNEL), name="stages_contain_each_other")
def stages_contain_each_other(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """No stage has more attempts or contacts than the one before it, or more contacts than attempts; all have four."""
    days = days_in_scope(context, ATTEMPT_FUNNEL)
    with warehouse.slice(ATTEMPT_FUNNEL, days).open() as funnel:
        before = "OVER (PARTITION BY communicated_date, communication_type ORDER BY stage_order)"
        grows = f"attempts > lag(attempts) {before} OR contacts > lag(contacts) {before} OR contacts > attempts"
        by_stage = funnel.project(
            f"communicated_date, communication_type, stage_order || stage AS stage, coalesce({grows}, false) AS grows"
        )
        by_type = by_stage.aggregate(
            "communicated_date, communication_type, list_sort(list(stage)) AS stages, bool_or(grows) AS grows"
        )
        is_broken = "stages <> ['1attempted', '2delivered', '3reached', '4engaged'] OR grows"
        broken = by_type.filter(is_broken).project("communicated_date, communication_type").fetchall()
    return dg.AssetCheckResult(
        passed=not broken,
        description=f"The stages of {format_days(days)} contain each other."
        if not broken
        else f"In {len(broken)} funnels of {format_days(days)}, a stage is missing, misnamed or too large. "
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
    """The attempts of the funnel's first stage are exactly the outbound rows of the stored log, in all and by type."""
    days = days_in_scope(context, ATTEMPT_FUNNEL)
    with warehouse.slice(COMMUNICATION_LOGS, days).open() as logs:
        # By the words as they came first: a day has many rows and few words.
        by_word = logs.filter(classify.OUTBOUND).aggregate("communicated_date, communication_type, count(*) AS rows")
        by_type = by_word.project(f"communicated_date, {classify.TYPE} AS communication_type, rows")
        counted = by_type.aggregate("communicated_date, communication_type, sum(rows)::BIGINT").fetchall()
    with warehouse.slice(ATTEMPT_FUNNEL, days).open() as funnel:
        first_stages = funnel.filter("stage_order = 1")
        attempts = first_stages.select("communicated_date", "communication_type", "attempts").fetchall()
    outbound: Counter[tuple[date, str]] = Counter()
    for day, kind, rows in counted:
        outbound[day, "ALL"] += rows
        if kind not in {"ALL", None}:
            outbound[day, kind] += rows
    attempted: Counter[tuple[date, str]] = Counter()
    for day, kind, count in attempts:
        attempted[day, kind] += count
    different = sorted(key for key in outbound | attempted if outbound[key] != attempted[key])
    return dg.AssetCheckResult(
        passed=not different,
        description=f"The funnel of {format_days(days)} has every outbound row."
        if not different
        else "; ".join(
            f"{day} {kind}: {attempted[day, kind]:,} attempts, {outbound[day, kind]:,} outbound rows"
            for day, kind in different[:_SHOWN]
        )
        + (f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else "")
        + ". The log has changed since the funnel was computed: materialize the funnel of these days.",
        metadata={
            name: sum(count for (_, kind), count in counts.items() if kind == "ALL")
            for name, counts in (("attempts", attempted), ("outbound_rows", outbound))
        },
    )
