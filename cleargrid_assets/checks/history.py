"""Checks over the history of an asset: is the last closed day there in time, and is any day missing.

They ask which partitions were materialized, not when something last was: a backfill of an old day makes nothing fresh.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import materialized_days
from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES, Table
from cleargrid_assets.partitions import BUSINESS_ZONE, DAILY, FRESH_BY
from cleargrid_assets.resources import WarehouseResource

_SHOWN = 5
_USUAL_WEEKS = 4


def now_in_zone() -> datetime:
    """The present, on a wall clock in the business zone."""
    return datetime.now(BUSINESS_ZONE)


def due_day(now: datetime) -> date:
    """The latest day that is to be there: yesterday from the deadline on, before it the day before yesterday."""
    return now.date() - timedelta(days=1 if now.time() >= FRESH_BY else 2)


def closed_days(now: datetime) -> list[str]:
    """The keys of all days that are over, from the first partition on."""
    return list(DAILY.get_partition_keys(current_time=now))


def freshness(table: Table, materialized: set[str], now: datetime) -> dg.AssetCheckResult:
    """Whether the last closed day, or a later one, is there by the deadline."""
    due = due_day(now)
    latest = max(materialized, default=None)
    is_fresh = due.isoformat() not in DAILY.get_partition_keys(current_time=now) or (
        latest is not None and latest >= due.isoformat()
    )
    return dg.AssetCheckResult(
        check_name="last_closed_day_is_there",
        asset_key=asset_key(table),
        passed=is_fresh,
        description=f"The latest day is {latest or 'none'}; {due} is due."
        if is_fresh
        else f"{due} was due by {FRESH_BY:%H:%M} ({BUSINESS_ZONE.key}), but the latest day is {latest or 'none'}. "
        f"Materialize the partition {due}, and see why the daily schedule did not.",
        metadata={"due": due.isoformat(), "latest": latest or "none"},
    )


def inventory(table: Table, materialized: set[str], now: datetime) -> dg.AssetCheckResult:
    """Whether every closed day that is due has been materialized."""
    due = due_day(now).isoformat()
    missing = [key for key in closed_days(now) if key <= due and key not in materialized]
    return dg.AssetCheckResult(
        check_name="no_closed_day_is_missing",
        asset_key=asset_key(table),
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description="Every closed day is there."
        if not missing
        else f"{len(missing)} closed days are missing: {_first_few(missing)}. Launch a backfill of {missing[0]} to "
        f"{missing[-1]}, missing partitions only"
        + (
            f"; or set CLEARGRID_START_DATE to {min(materialized)}, if the days before are not wanted."
            if materialized and missing[0] < min(materialized)
            else "."
        ),
        metadata={"missing_days": len(missing), "first_missing": missing[:_SHOWN]},
    )


def build_history_checks(now: Callable[[], datetime] = now_in_zone) -> list[dg.AssetChecksDefinition]:
    """The checks of every table.

    Args:
        now: The present, in the business zone.
    """

    def of_table(table: Table) -> dg.AssetChecksDefinition:
        @dg.multi_asset_check(
            name=f"{table.name}_history",
            specs=[
                dg.AssetCheckSpec(
                    "last_closed_day_is_there",
                    asset=asset_key(table),
                    description="The last closed day is materialized by the deadline (`CLEARGRID_FRESH_BY`).",
                ),
                dg.AssetCheckSpec(
                    "no_closed_day_is_missing",
                    asset=asset_key(table),
                    description="Every closed day since `CLEARGRID_START_DATE` is materialized.",
                ),
            ],
            can_subset=True,
        )
        def history(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
            materialized = materialized_days(context.instance, table)
            selected = {key.name for key in context.selected_asset_check_keys}
            results = (examine(table, materialized, now()) for examine in (freshness, inventory))
            yield from (result for result in results if result.check_name in selected)

        return history

    @dg.asset_check(asset=asset_key(COMMUNICATION_LOGS), name="source_is_alive")
    def source_is_alive(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        """The due day has rows, if days like it normally do.

        Days like it are the same weekday of the four weeks before, as far as they are materialized. A source that has
        gone quiet answers every request and sends nothing.
        """
        return liveness(warehouse, materialized_days(context.instance, COMMUNICATION_LOGS), now())

    return [*(of_table(table) for table in TABLES), source_is_alive]


def liveness(warehouse: WarehouseResource, materialized: set[str], now: datetime) -> dg.AssetCheckResult:
    """Whether the latest due day that is there has rows, or days like it have none either."""
    there = [key for key in materialized if key <= due_day(now).isoformat()] or sorted(materialized)
    if not there:
        return dg.AssetCheckResult(
            passed=True, severity=dg.AssetCheckSeverity.WARN, description="No day is materialized yet."
        )
    day = date.fromisoformat(max(there))
    like_it = [day - timedelta(weeks=weeks) for weeks in range(1, _USUAL_WEEKS + 1)]
    known = [other for other in like_it if other.isoformat() in materialized]
    rows = _rows_by_day(warehouse, [day, *known])
    with_rows = [other for other in known if rows.get(other)]
    is_quiet = not rows.get(day) and bool(with_rows) and 2 * len(with_rows) >= len(known)
    return dg.AssetCheckResult(
        passed=not is_quiet,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{day} has {rows.get(day, 0):,} rows."
        if not is_quiet
        else f"{day} has no rows, but {len(with_rows)} of the {len(known)} same weekdays before it do. Ask ClearGrid "
        "whether logging has stopped, and materialize the day again once it is mended.",
        metadata={"day": day.isoformat(), "rows": rows.get(day, 0), "same_weekdays_with_rows": len(with_rows)},
    )


def _rows_by_day(warehouse: WarehouseResource, days: Sequence[date]) -> dict[date, int]:
    with warehouse.slice(COMMUNICATION_LOGS, list(days)).open() as rows:
        return dict(rows.aggregate("communicated_date, count(*)").fetchall())


def _first_few(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (" and others" if len(keys) > _SHOWN else "")
