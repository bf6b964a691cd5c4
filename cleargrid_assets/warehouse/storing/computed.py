"""Replaces partitions by rows that DuckDB computes from another table. The caller begins and commits the transaction.

Rows are inserted without a stage and not compared with the previous ones, because the other table is: it says what
changed.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import LedgerEntry, read_ledger
from cleargrid_assets.warehouse.slices import ComputedSlice, stored_rows
from cleargrid_assets.warehouse.sources import refuse_missing
from cleargrid_assets.warehouse.sql import in_days, quoted
from cleargrid_assets.warehouse.storing.partitions import BAD_VALUE_ERRORS, Changes
from cleargrid_assets.warehouse.views import replace_views


def replace_computed(
    connection: duckdb.DuckDBPyConnection, table: Table, computed: ComputedSlice, days: Sequence[date]
) -> tuple[dict[date, Changes], Mapping[date, Mapping[str, Any]]]:
    """Replaces the days by computed rows, removes those rows from all other days, and makes the views.

    Returns:
        For each of the days, how many rows it has and from which days they moved, and the metadata of the slice.

    Raises:
        NotStoredError: The source does not have one of the days.
        WarehouseError: A computed row has a missing value or one of another type, or belongs to another day. Or there
            is a table with the name of a view.
    """
    name, condition = quoted(table.name), in_days(days)
    stored_source = read_ledger(connection, computed.source)
    refuse_missing(table, computed.source, days, stored_source)
    source = stored_rows(connection, computed.source, days)
    connection.execute(f"DELETE FROM {name} WHERE {condition}")
    before = _row_count(connection, name)
    try:
        computed.compute(connection, source).query("computed", f"INSERT INTO {name} BY NAME SELECT * FROM computed")
    except BAD_VALUE_ERRORS as error:
        # `from None`, because DuckDB's message quotes the value, which may be personal data.
        raise WarehouseError(
            f"The rows for {table.name} that are computed from {computed.source.name} have a missing value or one of "
            f"the wrong type ({type(error).__name__}). Materialize {computed.source.name} for these days again."
        ) from None
    stored = connection.sql(f"SELECT * FROM {name} WHERE {condition}")
    rows = dict(stored.aggregate(f"{PARTITION_COLUMN}, count(*)").fetchall())
    if sum(rows.values()) != _row_count(connection, name) - before:
        raise WarehouseError(f"Some rows for {table.name} belong to days that are not being materialized.")
    others = _days_that_lost_rows(read_ledger(connection, table), stored_source, days)
    moved = _remove_elsewhere(connection, table, condition, others)
    changes = {day: Changes(rows.get(day, 0), moved_from=moved.get(day, {})) for day in days}
    replace_views(connection, computed.views, computed.macros)
    return changes, computed.describe(source, stored)


def _row_count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    [(count,)] = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    return int(count)


def _days_that_lost_rows(
    stored: Mapping[date, LedgerEntry], source: Mapping[date, LedgerEntry], days: Sequence[date]
) -> list[date]:
    """The other days that may have rows which moved in the source: it was written after they were computed."""
    return [
        day
        for day, entry in stored.items()
        if day not in days and (day not in source or source[day].stored_at > entry.stored_at)
    ]


def _remove_elsewhere(
    connection: duckdb.DuckDBPyConnection, table: Table, condition: str, others: Sequence[date]
) -> Mapping[date, Mapping[date, int]]:
    """Removes the rows of the replaced days from other days, and returns how many, by both days."""
    if not others:
        return {}
    name, key = quoted(table.name), ", ".join(map(quoted, table.key))
    moved: dict[date, Counter[date]] = defaultdict(Counter)
    found = connection.execute(
        f"""
        SELECT replaced.{PARTITION_COLUMN}, other.{PARTITION_COLUMN}, count(*)
        FROM (FROM {name} WHERE {condition}) AS replaced
        JOIN (FROM {name} WHERE {in_days(others)}) AS other USING ({key})
        GROUP BY ALL
        """
    ).fetchall()
    for day, other, count in found:
        moved[day][other] += count
    if found:
        connection.execute(
            f"DELETE FROM {name} WHERE {in_days(others)} AND ({key}) IN (SELECT ({key}) FROM {name} WHERE {condition})"
        )
    return moved
