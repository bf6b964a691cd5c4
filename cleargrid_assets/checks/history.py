"""Checks over the history of an asset: is the last closed day there in time, is any day missing, is the source alive.

They ask which partitions were materialized, not when something last was: a backfill of an old day makes nothing fresh.
The last also asks for their rows.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from cleargrid_assets.analysis.health import BASELINE_DAYS
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import materialized_days, rows_by_day
from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES, Table
from cleargrid_assets.partitions import BUSINESS_ZONE, FRESH_BY, closed_days
from cleargrid_assets.resources import WarehouseResource

_SHOWN = 5
_USUAL_WEEKS = 4
_THERE, _COMPLETE, _ALIVE = "last_closed_day_is_there", "no_closed_day_is_missing", "source_is_alive"


def now_in_zone() -> datetime:
    """The present, on a wall clock in the business zone."""
    return datetime.now(BUSINESS_ZONE)


def due_day(now: datetime) -> date:
    """The latest day that is to be there: yesterday from the deadline on, before it the day before yesterday."""
    return now.date() - timedelta(days=1 if now.time() >= FRESH_BY else 2)


def freshness(table: Table, materialized: set[str], now: datetime) -> dg.AssetCheckResult:
    """Whether the last closed day, or a later one, is there by the deadline."""
    due = due_day(now).isoformat()
    latest = max(materialized, default=None)
    is_due = due in closed_days(now)
    is_there = latest is not None and latest >= due
    if not is_due:
        description = "No day is due yet."
    elif is_there:
        description = f"{due} was due, and the latest day is {latest}."
    else:
        description = (
            f"{due} was due by {FRESH_BY:%H:%M} ({BUSINESS_ZONE.key}), but "
            + (f"the latest day is {latest}." if latest else "no day is there.")
            + f" Materialize the partition {due}, and see in the latest run of the daily schedule why it is missing."
        )
    return dg.AssetCheckResult(
        check_name=_THERE,
        asset_key=asset_key(table),
        passed=is_there or not is_due,
        description=description,
        metadata={"due": due, "latest": latest or "none"},
    )


def inventory(table: Table, materialized: set[str], now: datetime) -> dg.AssetCheckResult:
    """Whether every closed day that is due has been materialized."""
    due = due_day(now).isoformat()
    missing = [key for key in closed_days(now) if key <= due and key not in materialized]
    return dg.AssetCheckResult(
        check_name=_COMPLETE,
        asset_key=asset_key(table),
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description="Every closed day is there."
        if not missing
        else f"{_closed_days(len(missing))} missing: {_first_few(missing)}. Launch a backfill of {missing[0]} to "
        f"{missing[-1]}, missing partitions only, and materialize what looks back at them, {BASELINE_DAYS} days on"
        + (
            f"; or set CLEARGRID_START_DATE to {min(materialized)}, if the days before are not wanted."
            if materialized and missing[0] < min(materialized)
            else "."
        ),
        metadata={"missing_days": len(missing), "first_missing": missing[:_SHOWN]},
    )


HISTORY_SPECS = [
    *(
        spec
        for table in TABLES
        for spec in (
            dg.AssetCheckSpec(
                _THERE,
                asset=asset_key(table),
                description="The last closed day is materialized by the deadline (`CLEARGRID_FRESH_BY`).",
            ),
            dg.AssetCheckSpec(
                _COMPLETE,
                asset=asset_key(table),
                description="Every closed day since `CLEARGRID_START_DATE` is materialized.",
            ),
        )
    ),
    dg.AssetCheckSpec(
        _ALIVE,
        asset=asset_key(COMMUNICATION_LOGS),
        description="The latest day that is due and there has rows, if days like it normally do: the same weekday of "
        "the four weeks before, as far as they are materialized. A source that has gone quiet answers every request "
        "and sends nothing.",
    ),
]


def build_history_checks(now: Callable[[], datetime] = now_in_zone) -> dg.AssetChecksDefinition:
    """The checks of every table, as one step.

    Args:
        now: The present, in the business zone.
    """

    @dg.multi_asset_check(name="history_checks", specs=HISTORY_SPECS, can_subset=True)
    def history_checks(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = context.selected_asset_check_keys
        present = now()
        for table in TABLES:
            if asset_key(table) not in {key.asset_key for key in selected}:
                continue
            materialized = materialized_days(context.instance, table)
            for result in (freshness(table, materialized, present), inventory(table, materialized, present)):
                if dg.AssetCheckKey(asset_key(table), str(result.check_name)) in selected:
                    yield result
            if table is COMMUNICATION_LOGS and dg.AssetCheckKey(asset_key(table), _ALIVE) in selected:
                yield liveness(warehouse, materialized, present)

    return history_checks


def liveness(warehouse: WarehouseResource, materialized: set[str], now: datetime) -> dg.AssetCheckResult:
    """Whether the latest due day that is there has rows, or days like it have none either."""
    there = {key for key in materialized if key <= due_day(now).isoformat()} or materialized
    if not there:
        return _alive(True, "No day is materialized yet.", {})
    day = date.fromisoformat(max(there))
    like_it = [day - timedelta(weeks=weeks) for weeks in range(1, _USUAL_WEEKS + 1)]
    known = [other for other in like_it if other.isoformat() in materialized]
    with warehouse.slice(COMMUNICATION_LOGS, [day, *known]).open() as logs:
        rows = rows_by_day(logs, [day, *known])
    with_rows = [other for other in known if rows[other]]
    is_quiet = not rows[day] and bool(with_rows) and 2 * len(with_rows) >= len(known)
    if rows[day]:
        description = f"{day} has {rows[day]:,} rows."
    elif not known:
        description = f"{day} has no rows, and none of the same weekdays before it is there to compare it with."
    else:
        description = (
            f"{day} has no rows, while {len(with_rows)} of the {len(known)} same weekdays before it have some."
            + (
                " Ask ClearGrid whether logging has stopped, and materialize the day again once it is mended."
                if is_quiet
                else " So it may well be right."
            )
        )
    return _alive(
        not is_quiet,
        description,
        {"day": day.isoformat(), "rows": rows[day], "same_weekdays_with_rows": len(with_rows)},
    )


def _alive(passed: bool, description: str, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=_ALIVE,
        asset_key=asset_key(COMMUNICATION_LOGS),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )


def _closed_days(count: int) -> str:
    return "1 closed day is" if count == 1 else f"{count:,} closed days are"


def _first_few(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (" and others" if len(keys) > _SHOWN else "")
