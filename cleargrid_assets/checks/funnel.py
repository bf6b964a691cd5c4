"""Checks that the attempt funnel is consistent and agrees with the communication logs."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.checks.scope import MAX_NAMED, days_in_scope, format_days, verdict
from cleargrid_assets.contracts import ALL_TYPES, ATTEMPT_FUNNEL, COMMUNICATION_LOGS, STAGES
from cleargrid_assets.foreign import MAX_WORDS, presentable, presentable_code
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import open_slices
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, first_of

_STAGES_CONTAIN_EACH_OTHER = dg.AssetCheckSpec(
    "stages_contain_each_other",
    asset=asset_key(ATTEMPT_FUNNEL),
    description="Each funnel has every stage. No stage has more attempts or contacts than the stage before it, or more "
    "contacts than attempts.",
)
_ATTEMPTS_ARE_THE_OUTBOUND_ROWS = dg.AssetCheckSpec(
    "attempts_are_the_outbound_rows",
    asset=asset_key(ATTEMPT_FUNNEL),
    additional_deps=[asset_key(COMMUNICATION_LOGS)],
    description="The first stage counts every outbound row of the communication logs, in total and by type.",
)


@dg.multi_asset_check(
    name="funnel_checks", specs=[_STAGES_CONTAIN_EACH_OTHER, _ATTEMPTS_ARE_THE_OUTBOUND_ROWS], can_subset=True
)
def funnel_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Checks the funnels of the days of the run."""
    days, results = days_in_scope(context, ATTEMPT_FUNNEL, warehouse), []
    slices = [warehouse.slice(each, days) for each in (ATTEMPT_FUNNEL, COMMUNICATION_LOGS)]
    with open_slices(*slices) as [funnel, logs]:
        if _STAGES_CONTAIN_EACH_OTHER.key in context.selected_asset_check_keys:
            results.append(_check_stages(funnel, days))
        if _ATTEMPTS_ARE_THE_OUTBOUND_ROWS.key in context.selected_asset_check_keys:
            results.append(_compare_with_log(funnel, logs, days))
    yield from results


def _check_stages(funnel: DuckDBPyRelation, days: list[date]) -> dg.AssetCheckResult:
    before = "OVER (PARTITION BY communicated_date, communication_type ORDER BY stage_order)"
    grows = f"attempts > lag(attempts) {before} OR contacts > lag(contacts) {before} OR contacts > attempts"
    by_stage = funnel.project(
        f"communicated_date, communication_type, stage_order || stage AS stage, coalesce({grows}, false) AS grows"
    )
    by_type = by_stage.aggregate(
        "communicated_date, communication_type, list_sort(list(stage)) AS stages, bool_or(grows) AS grows"
    )
    stages = [f"{order}{stage}" for order, stage in enumerate(STAGES, 1)]
    broken = by_type.filter(f"stages <> {stages} OR grows").project("communicated_date, communication_type")
    names = [f"{day} {presentable(kind)}" for day, kind in broken.fetchall()]
    return verdict(
        _STAGES_CONTAIN_EACH_OTHER,
        passed=not names,
        good="The funnels are consistent.",
        bad=f"A stage is missing, misnamed or too large in {counted(len(names), 'funnel')} of {format_days(days)}. "
        "Materialize the funnel of these days again. If the check still fails, something else writes to the table.",
        found={"funnels": names[:MAX_WORDS]},
        days=days,
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _compare_with_log(funnel: DuckDBPyRelation, logs: DuckDBPyRelation, days: list[date]) -> dg.AssetCheckResult:
    outbound, attempted = _outbound_rows(logs), _attempts(funnel)
    different = [
        f"{day} {presentable_code(kind)}: {attempted[day, kind]:,} attempts, {outbound[day, kind]:,} outbound rows"
        for day, kind in sorted(outbound | attempted)
        if outbound[day, kind] != attempted[day, kind]
    ]
    return verdict(
        _ATTEMPTS_ARE_THE_OUTBOUND_ROWS,
        passed=not different,
        good="The funnel counts every outbound row.",
        bad=f"{first_of(different, MAX_NAMED, 'difference', '; ')}. The log has changed since the "
        "funnel was computed. Materialize interactions and the funnel of these days.",
        metadata={
            name: sum(count for (_, kind), count in counts.items() if kind == ALL_TYPES)
            for name, counts in (("attempts", attempted), ("outbound_rows", outbound))
        },
        days=days,
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _outbound_rows(logs: DuckDBPyRelation) -> Counter[tuple[date, str]]:
    """The outbound rows of the log by day and type, and by day for all types together."""
    # Grouped before types are normalised, because a day has many rows and few types.
    by_word = logs.filter(classify.OUTBOUND).aggregate("communicated_date, communication_type, count(*) AS rows")
    by_type = by_word.project(f"communicated_date, {classify.TYPE} AS communication_type, rows")
    counted_rows = by_type.aggregate("communicated_date, communication_type, sum(rows)::BIGINT").fetchall()
    outbound: Counter[tuple[date, str]] = Counter()
    for day, kind, rows in counted_rows:
        outbound[day, ALL_TYPES] += rows
        if kind not in {ALL_TYPES, None}:
            outbound[day, kind] += rows
    return outbound


def _attempts(funnel: DuckDBPyRelation) -> Counter[tuple[date, str]]:
    """The attempts of the funnel's first stage by day and type."""
    first_stages = funnel.filter("stage_order = 1")
    rows = first_stages.select("communicated_date", "communication_type", "attempts").fetchall()
    attempted: Counter[tuple[date, str]] = Counter()
    for day, kind, count in rows:
        attempted[day, kind] += count
    return attempted
