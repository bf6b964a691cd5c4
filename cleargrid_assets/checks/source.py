"""How communication logs compare with their source: its own count, and the fields it sends."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import LastMaterialization, format_days, verdict
from cleargrid_assets.contracts import Table
from cleargrid_assets.exports.contract import Dataset
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.settings import SettingsError

if TYPE_CHECKING:
    from cleargrid_assets.exports.client import ExportsClient


@dataclass(frozen=True)
class _Count:
    """The source's count of a day, or None and why."""

    rows: int | None
    note: str | None = None


def agrees(table: Table) -> dg.AssetCheckSpec:
    """The check that compares the stored rows with the source's own count."""
    return dg.AssetCheckSpec(
        "source_agrees",
        asset=asset_key(table),
        description="The API's own count of the day is the number of rows stored. In the run that fetched the day, the "
        "count that came with it is taken if it agrees. Otherwise the API is asked, because rows may have come since. "
        "Where the API caps its count, gives none, takes too long over it or cannot be asked, the check warns.",
    )


def no_new_fields(table: Table) -> dg.AssetCheckSpec:
    """The check that finds fields which the contract does not have."""
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
    """Whether the source counts as many rows as are stored.

    Args:
        spec: The check.
        exports: Asked for the days that this run has not fetched, or whose count did not come along or differs.
        dataset: Which dataset to count.
        stored: Rows by day.
        last: The latest materialization of each day.
        run_id: The run of the check.
    """
    days = list(stored)
    unsure = [day for day in days if not _has_agreed(last[day], stored[day], run_id)]
    asked = _counts(exports, dataset, unsure) if unsure else {}
    counted = {day: asked[day].rows if day in asked else stored[day] for day in days}
    uncounted = [day for day in days if counted[day] is None]
    different = [day for day in days if counted[day] not in {None, stored[day]}]
    if different:
        description = "; ".join(
            f"{day}: {stored[day]:,} rows stored, {counted[day]:,} at the source" for day in different
        )
        description += ". Materialize these days again."
    elif uncounted:
        description = (
            f"The source did not count {', '.join(map(str, uncounted))} exactly ({asked[uncounted[0]].note}), so the "
            "rows stored could not be compared with its count."
        )
    else:
        description = f"The source counted as many rows of {format_days(days)} as are stored."
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
        # Of some of the days it would plot as rows lost.
        | ({} if uncounted else {"source_rows": sum(count or 0 for count in counted.values())}),
    )


def find_new_fields(spec: dg.AssetCheckSpec, last: Mapping[date, LastMaterialization]) -> dg.AssetCheckResult:
    """Whether the source sent fields outside the contract.

    Args:
        spec: The check.
        last: The latest materialization of each day.
    """
    fields: Counter[str] = Counter()
    for of_day in last.values():
        seen = of_day.metadata.get("unknown_fields")
        fields.update(seen if isinstance(seen, dict) else {})
    return verdict(
        spec,
        passed=not fields,
        good=f"The API sent only known fields on {format_days(list(last))}.",
        bad=f"The API sent fields that are not stored: {', '.join(sorted(fields))}. What is stored is correct. "
        "Add the fields to the contract if you need them.",
        metadata={"rows_by_field": dict(fields)},
    )


def _has_agreed(last: LastMaterialization, stored: int, run_id: str) -> bool:
    """Whether the count came with the fetch of this very run, and is what is stored: an older one may be outdated."""
    counted = last.metadata.get("source_rows") if "source_rows_note" not in last.metadata else None
    return last.run_id == run_id and counted == stored


def _counts(exports: ExportsResource, dataset: Dataset, days: list[date]) -> dict[date, _Count]:
    """Asks the API to count the days."""
    try:
        with exports.client(dataset) as client:
            return {day: _count(client, day) for day in days}
    except (ExportsError, SettingsError) as error:
        # The rows are stored all the same: what cannot be compared is a warning, not a failed run.
        return {day: _Count(None, str(error)) for day in days}


def _count(client: "ExportsClient", day: date) -> _Count:
    try:
        page = client.page(day_window(day, BUSINESS_ZONE), limit=1, include_total=True)
    except QueryTimeoutError:
        # A day too large to be answered as one window was fetched as several, so this says nothing against its rows.
        return _Count(None, "timeout")
    except ExportsError as error:
        return _Count(None, str(error))
    if page.total is None or page.total_note is not None:
        return _Count(None, page.total_note or "not given")
    return _Count(page.total)
