"""Checks of an export against its source: the source's own count of rows, and the fields that it sends."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

import dagster as dg

from cleargrid_assets.assets.table_asset import asset_key
from cleargrid_assets.checks.scope import LastMaterialization, format_days, verdict
from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.schema import Table
from cleargrid_assets.settings import SettingsError


def agrees(table: Table) -> dg.AssetCheckSpec:
    """The check that compares the stored rows with the source's own count."""
    return dg.AssetCheckSpec(
        "source_agrees",
        asset=asset_key(table),
        description="The API's own count of the day equals the number of stored rows. The API is asked again if the "
        "count of the fetch does not agree, or if another run fetched the day. The check warns if the API gives no "
        "exact count, takes too long or cannot be reached.",
    )


def no_new_fields(table: Table) -> dg.AssetCheckSpec:
    """The check that reports fields that the contract does not have."""
    return dg.AssetCheckSpec(
        "no_new_fields",
        asset=asset_key(table),
        description="The API sends no fields beyond those of the contract.",
    )


def compare_counts(
    spec: dg.AssetCheckSpec,
    exports: ExportsResource,
    dataset: Dataset,
    *,
    stored: Mapping[date, int],
    last: Mapping[date, LastMaterialization],
    run_id: str,
) -> dg.AssetCheckResult:
    """Checks that the source counts as many rows as are stored.

    Args:
        spec: The check.
        exports: Counts the days whose count is missing or differs.
        dataset: The dataset to count.
        stored: The number of stored rows of each day.
        last: The latest materialization of each day.
        run_id: The run of the check.
    """
    counts = {day: _count_of_run(last[day], run_id) for day in stored}
    unsure = [day for day in stored if counts[day] != Count(stored[day])]
    if unsure:
        counts |= _counts(exports, dataset, unsure)
    uncounted = [day for day in stored if not counts[day].is_exact]
    different = [day for day in stored if counts[day].is_exact and counts[day].rows != stored[day]]
    if different:
        description = "; ".join(
            f"{day}: {stored[day]:,} rows stored, {counts[day].rows:,} at the source" for day in different
        )
        description += ". Materialize these days again."
    elif uncounted:
        description = (
            f"The source gave no exact count of {', '.join(map(str, uncounted))} ({counts[uncounted[0]].note}). The "
            "stored rows could not be compared with it."
        )
    else:
        description = f"The source has as many rows of {format_days(list(stored))} as are stored."
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=not different and not uncounted,
        severity=dg.AssetCheckSeverity.ERROR if different else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "stored_rows": sum(stored.values()),
            "days_not_counted": len(uncounted),
        }
        # Left out if a day is missing, because a smaller sum would look like lost rows in a plot.
        | ({} if uncounted else {"source_rows": sum(count.rows or 0 for count in counts.values())}),
    )


def find_new_fields(spec: dg.AssetCheckSpec, last: Mapping[date, LastMaterialization]) -> dg.AssetCheckResult:
    """Checks that the source sent no fields outside the contract."""
    fields: Counter[str] = Counter()
    for of_day in last.values():
        seen = of_day.metadata.get("unknown_fields")
        fields.update(seen if isinstance(seen, dict) else {})
    return verdict(
        spec,
        passed=not fields,
        good=f"The API sent only known fields on {format_days(list(last))}.",
        bad=f"The API sent fields that are not stored: {', '.join(sorted(fields))}. All other fields are stored. "
        "Add the new ones to the contract if you need them.",
        metadata={"rows_by_field": dict(fields)},
    )


def _count_of_run(last: LastMaterialization, run_id: str) -> Count:
    """The count that this run got when it fetched the day. Counts of other runs may be outdated."""
    rows, note = last.metadata.get("source_rows"), last.metadata.get("source_rows_note")
    return Count(rows if last.run_id == run_id and isinstance(rows, int) else None, str(note) if note else None)


def _counts(exports: ExportsResource, dataset: Dataset, days: list[date]) -> dict[date, Count]:
    """Asks the API to count the days."""
    try:
        with exports.client(dataset) as client:
            return {day: count_rows(client, day_window(day, BUSINESS_ZONE)) for day in days}
    except (ExportsError, SettingsError) as error:
        # The rows are stored already, so this is a warning and does not fail the run.
        return {day: Count(None, str(error)) for day in days}
