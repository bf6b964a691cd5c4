"""What checks share: the days to check, their latest materializations, texts and the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.partitions import DAILY
from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key

DAYS = "days"
"""Metadata of a check result: the days that it judges, as `format_days` writes them."""

MAX_NAMED = 5
"""Days or other things that a description names. It counts the others."""

FAILED_CHECKS = "failed_checks"
"""Metadata of a failure that only repeats what checks have said: their names."""


def days_in_scope(context: dg.AssetCheckExecutionContext, table: Table, warehouse: WarehouseResource) -> list[date]:
    """The days that the run materializes. If it runs only checks: the latest stored day, if there is one."""
    if context.has_partition_key or context.has_partition_key_range:
        return [date.fromisoformat(key) for key in DAILY.get_partition_keys_in_range(context.partition_key_range)]
    return list(warehouse.ledger(table))[-1:]


@dataclass(frozen=True)
class LastMaterialization:
    """The latest materialization of a day.

    Attributes:
        run_id: The run that stored the day; None if it was never materialized.
        metadata: The metadata as plain values.
    """

    run_id: str | None
    metadata: Mapping[str, object]


def last_materialization(instance: dg.DagsterInstance, table: Table, day: date) -> LastMaterialization:
    """Reads the latest materialization of a day from the event log."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key(table), asset_partitions=[day.isoformat()]), limit=1
    ).records
    materialization = records[0].asset_materialization if records else None
    if materialization is None:
        return LastMaterialization(None, {})
    return LastMaterialization(records[0].run_id, {key: value.value for key, value in materialization.metadata.items()})


def rows_by_day(rows: DuckDBPyRelation, days: Sequence[date]) -> dict[date, int]:
    """The number of rows of each day."""
    counts = dict(rows.aggregate(f"{PARTITION_COLUMN}, count(*)").fetchall())
    return {day: counts.get(day, 0) for day in days}


def format_days(days: Sequence[date]) -> str:
    """The days as text."""
    if not days:
        return "no day (none is stored yet)"
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def with_derived(table: Table, derived: Sequence[Table]) -> str:
    """An export and the tables that are computed from it, for the description of a check."""
    return f"`{table.name}` and every table computed from it" if derived else f"`{table.name}`"


def verdict(
    spec: dg.AssetCheckSpec,
    *,
    passed: bool,
    good: str,
    bad: str,
    days: Sequence[date] | None,
    metadata: Mapping[str, Any] = MappingProxyType({}),
    found: Mapping[str, Any] = MappingProxyType({}),
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> dg.AssetCheckResult:
    """The result of a check.

    Args:
        spec: The check.
        passed: Whether it passed.
        good: The description if it passed. It does not name the days, because Dagster stores it three times, and the
            metadata name them.
        bad: The description if it failed, with what to do.
        days: The days that it judges, in the metadata as `days`. None if it judges the whole history.
        metadata: The numbers behind the result.
        found: What broke the rule, in numbers. It is left out if the check passed.
        severity: The severity if it failed.
    """
    if days is not None and not days:
        good = "There was no day to check. None is stored yet."
    if not passed:
        # So that the log of the run has the advice, too. Dagster shows it with the check alone.
        dg.get_dagster_logger().warning(f"{spec.asset_key.path[-1]}, {spec.name} failed: {bad}")
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=passed,
        description=good if passed else bad,
        metadata={**metadata, **({} if passed else found), **({DAYS: format_days(days)} if days else {})},
        severity=severity,
    )
