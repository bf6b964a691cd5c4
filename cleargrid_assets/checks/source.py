"""Checks of communication logs against their source: its own count, and the fields it sends."""

from datetime import date

import dagster as dg

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import days_in_scope, materialization_metadata, spoken
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.resources import ExportsResource, WarehouseResource


@dg.asset_check(asset=asset_key(COMMUNICATION_LOGS), name="source_agrees")
def source_agrees(
    context: dg.AssetCheckExecutionContext, exports: ExportsResource, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """The API's own count of the day is the number of rows stored.

    The count that came with the fetch is taken if it agrees. Otherwise the API is asked again, because rows may have
    been added since. Where the API caps its count or gives none, the check warns.
    """
    days = days_in_scope(context, COMMUNICATION_LOGS)
    stored = {day: _stored_rows(warehouse, day) for day in days}
    counted: dict[date, int | None] = {}
    notes: dict[date, str] = {}
    for day in days:
        metadata = materialization_metadata(context.instance, COMMUNICATION_LOGS, day)
        if metadata.get("source_rows") == stored[day] and "source_rows_note" not in metadata:
            counted[day] = stored[day]
        else:
            with exports.client() as client:
                page = client.page(day_window(day.isoformat(), BUSINESS_ZONE), limit=1, include_total=True)
            counted[day] = page.total if page.total_note is None else None
            notes[day] = page.total_note or "not given"
    uncounted = [day for day in days if counted[day] is None]
    different = [day for day in days if counted[day] not in {None, stored[day]}]
    if different:
        description = "; ".join(
            f"{day}: {stored[day]:,} rows stored, {counted[day]:,} at the source" for day in different
        )
        description += ". Materialize these days again."
    elif uncounted:
        description = f"The source did not count {spoken(uncounted)} exactly ({notes[uncounted[0]]}): not compared."
    else:
        description = f"The source counts as many rows of {spoken(days)} as are stored."
    return dg.AssetCheckResult(
        passed=not different and not uncounted,
        severity=dg.AssetCheckSeverity.ERROR if different else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "stored_rows": sum(stored.values()),
            "source_rows": sum(count for count in counted.values() if count is not None),
            "days_not_counted": len(uncounted),
        },
    )


@dg.asset_check(asset=asset_key(COMMUNICATION_LOGS), name="no_new_fields")
def no_new_fields(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The API sends no fields beyond those of the contract."""
    days = days_in_scope(context, COMMUNICATION_LOGS)
    fields: dict[str, int] = {}
    for day in days:
        seen = materialization_metadata(context.instance, COMMUNICATION_LOGS, day).get("unknown_fields")
        for name, rows in (seen if isinstance(seen, dict) else {}).items():
            fields[name] = fields.get(name, 0) + rows
    return dg.AssetCheckResult(
        passed=not fields,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"The API sent fields that are not stored: {', '.join(sorted(fields))}. Nothing stored is wrong; "
        "add them to the contract if they are of use."
        if fields
        else f"The API sent the known fields only on {spoken(days)}.",
        metadata={"rows_by_field": fields},
    )


def _stored_rows(warehouse: WarehouseResource, day: date) -> int:
    with warehouse.slice(COMMUNICATION_LOGS, [day]).open() as rows:
        [(count,)] = rows.count("*").fetchall()
    return int(count)
