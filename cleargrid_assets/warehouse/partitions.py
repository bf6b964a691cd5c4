"""Replacing the partitions of a table, by its contract.

What belongs here: DDL, staging, the replace and the comparison with what was there. What does not: Dagster, and
transactions, which the caller opens and ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb

from cleargrid_assets.column_types import COLUMN_TYPES
from cleargrid_assets.contracts import EXTRACTED_AT, PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.connection import WarehouseError
from cleargrid_assets.warehouse.slices import SpooledPartition
from cleargrid_assets.warehouse.sql import column_definitions, quoted

if TYPE_CHECKING:  # the log is stored without it
    import pandas as pd

_STAGE = "temp.main.incoming"
_HELD = "temp.main.held"
_UNFIT = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.ConstraintException)
"""What DuckDB raises for values that their columns cannot take. Its text quotes them."""


@dataclass(frozen=True)
class Changes:
    """What replacing a partition did, row by row, by the table's key and by content.

    Attributes:
        rows: Rows that the partition holds now.
        new: Rows whose key the table did not hold.
        changed: Rows that it held with other content, or in another partition.
        removed: Rows that it no longer holds.
        moved_from: Other days that held some of its rows until now.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0
    moved_from: tuple[date, ...] = ()


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Creates the table from its contract unless it is there.

    Raises:
        WarehouseError: It is there with other columns or types.
    """
    connection.execute(f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({column_definitions(table)})")
    found = connection.execute(f"DESCRIBE {quoted(table.name)}").fetchall()
    wanted = [(column.name, COLUMN_TYPES[column.type].described_as) for column in table.columns]
    if [(name, kind) for name, kind, *_ in found] != wanted:
        raise WarehouseError(
            f"The table {table.name} in the database has the columns {[name for name, *_ in found]}, "
            f"but this version of the project stores {table.column_names} with the types of its contract. "
            "Rename the table, and materialize its days again."
        )


def stage_frame(connection: duckdb.DuckDBPyConnection, table: Table, frame: pd.DataFrame) -> None:
    """Stages the rows of a frame, its columns taken by name.

    Raises:
        WarehouseError: Its columns are not the contract's, a value is missing or of another type, a number would lose
            its fraction, or two rows have one key.
    """
    _check_frame(table, frame)
    _create_stage(connection, table)
    connection.register("frame", frame)
    try:
        connection.execute(f"INSERT INTO {_STAGE} BY NAME SELECT * FROM frame")
    except _UNFIT as error:
        # As for spooled rows: without DuckDB's text, but for the column that it ends with.
        column = next((name for name in table.column_names if str(error).endswith(f" {name}")), "a column")
        raise WarehouseError(
            f"The rows for {table.name} have a value that is not of its type in {column} ({type(error).__name__})."
        ) from None
    if connection.execute(f"{_repeated_keys(table)} LIMIT 1").fetchall():
        raise WarehouseError(f"Two rows for {table.name} have the same {', '.join(table.key)}.")


def stage_spooled(
    connection: duckdb.DuckDBPyConnection, table: Table, partitions: Sequence[SpooledPartition]
) -> list[date]:
    """Stages spooled rows: of several with one key, the one with the latest `updated_at`, or else fetched last.

    For a day that another run began to fetch later and has stored meanwhile, that run's rows are staged again.

    Returns:
        Those days.

    Raises:
        WarehouseError: A file is not what the contract's reader wrote.
    """
    _create_stage(connection, table)
    fields = {
        column.name: column.type for column in table.columns if column.name not in {PARTITION_COLUMN, EXTRACTED_AT}
    }
    overtaken: list[date] = []
    for partition in partitions:
        if _is_overtaken(connection, table, partition):
            overtaken.append(partition.day)
            connection.execute(
                f"INSERT INTO {_STAGE} FROM {quoted(table.name)} WHERE {PARTITION_COLUMN} = $day",
                {"day": partition.day},
            )
            continue
        try:
            connection.execute(
                f"""
                INSERT INTO {_STAGE} BY NAME
                SELECT *, $day::DATE AS {PARTITION_COLUMN}, $extracted_at::TIMESTAMPTZ AS {EXTRACTED_AT}
                FROM read_json($rows, format = 'newline_delimited', columns = $fields, hive_partitioning = false)
                """,
                {
                    "day": partition.day,
                    "extracted_at": partition.extracted_at,
                    "rows": str(partition.rows),
                    "fields": fields,
                },
            )
        except _UNFIT as error:
            # From None, and without its text: DuckDB quotes the offending value, which may be an address.
            raise WarehouseError(
                f"The spooled rows of {partition.day} could not be read back ({type(error).__name__}). "
                "Materialize the day again."
            ) from None
    # Ranked are only those that came twice, which are few: the rows at which windows meet.
    connection.execute(
        f"""
        DELETE FROM {_STAGE} WHERE rowid IN (
            SELECT rowid FROM {_STAGE} SEMI JOIN ({_repeated_keys(table)}) USING ({_key(table)})
            QUALIFY row_number() OVER (PARTITION BY {_key(table)} ORDER BY updated_at DESC, rowid DESC) > 1
        )
        """
    )
    return overtaken


def replace_partitions(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]
) -> dict[date, Changes]:
    """Makes the days hold the staged rows and nothing else, and takes those rows out of every other day.

    Returns:
        What changed, for each of the days.

    Raises:
        WarehouseError: A staged row belongs to none of the days.
    """
    _refuse_strays(connection, table, days)
    name, key, parameters = quoted(table.name), _key(table), {"days": list(days)}
    in_days = f"{PARTITION_COLUMN} IN (SELECT unnest($days::DATE[]))"
    content = f"hash({', '.join(quoted(column) for column in table.column_names if column != EXTRACTED_AT)})"
    connection.execute(
        f"CREATE TEMP TABLE {_HELD} AS "
        f"SELECT {key}, {PARTITION_COLUMN} AS day, {content} AS content FROM {name} WHERE {in_days}",
        parameters,
    )
    # Without their content, which would mean to read all columns of all days: another day is change enough.
    [(moved,)] = connection.execute(
        f"INSERT INTO {_HELD} SELECT {key}, {PARTITION_COLUMN}, NULL FROM {name} SEMI JOIN {_STAGE} USING ({key}) "
        f"WHERE NOT {in_days}",
        parameters,
    ).fetchall()
    if moved:
        _leave_newer_versions_elsewhere(connection, name, key)
    changes = _compare(connection, key, content, days)
    connection.execute(f"DELETE FROM {name} WHERE {in_days}", parameters)
    if moved:
        connection.execute(f"DELETE FROM {name} WHERE ({key}) IN (SELECT ({key}) FROM {_HELD} WHERE content IS NULL)")
    # Before the insert, which needs the memory.
    connection.execute(f"DROP TABLE {_HELD}")
    connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {_STAGE}")
    connection.execute(f"DROP TABLE {_STAGE}")
    return changes


def _check_frame(table: Table, frame: pd.DataFrame) -> None:
    if set(frame.columns) != set(table.column_names):
        missing, extra = set(table.column_names) - set(frame.columns), set(frame.columns) - set(table.column_names)
        raise WarehouseError(
            f"The rows for {table.name} lack the columns {sorted(missing)}, or have {sorted(extra)} extra."
        )
    for column in table.columns:
        values = frame[column.name]
        if not column.nullable and values.isna().any():
            raise WarehouseError(f"{table.name}.{column.name} takes no NULL, but the rows have some.")
        # DuckDB would round. A frame without rows has types of no meaning.
        if COLUMN_TYPES[column.type].is_integer and len(frame) and values.dtype.kind not in "iu":
            raise WarehouseError(
                f"{table.name}.{column.name} takes whole numbers, but the rows have the type {values.dtype}."
            )


def _create_stage(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    connection.execute(f"CREATE TEMP TABLE {_STAGE} ({column_definitions(table)})")


def _is_overtaken(connection: duckdb.DuckDBPyConnection, table: Table, partition: SpooledPartition) -> bool:
    """Whether the table holds rows of the day that began to be fetched later, by a clock that was not ahead of ours."""
    [(is_overtaken,)] = connection.execute(
        f"""
        SELECT count(*) > 0 FROM {quoted(table.name)}
        WHERE {PARTITION_COLUMN} = $day AND {EXTRACTED_AT} > $extracted_at::TIMESTAMPTZ AND {EXTRACTED_AT} <= now()
        """,
        {"day": partition.day, "extracted_at": partition.extracted_at},
    ).fetchall()
    return bool(is_overtaken)


def _leave_newer_versions_elsewhere(connection: duckdb.DuckDBPyConnection, name: str, key: str) -> None:
    """Drops staged rows of which another day holds a newer version: that day was fetched later than these."""
    connection.execute(
        f"""
        DELETE FROM {_STAGE} WHERE ({key}) IN (
            SELECT ({key})
            FROM {_STAGE} AS incoming
            JOIN {_HELD} AS held USING ({key})
            JOIN {name} AS stored USING ({key})
            WHERE held.content IS NULL AND stored.{PARTITION_COLUMN} = held.day
                AND stored.updated_at > incoming.updated_at
        )
        """
    )
    connection.execute(f"DELETE FROM {_HELD} WHERE content IS NULL AND ({key}) NOT IN (SELECT ({key}) FROM {_STAGE})")


def _repeated_keys(table: Table) -> str:
    return f"SELECT {_key(table)} FROM {_STAGE} GROUP BY {_key(table)} HAVING count(*) > 1"


def _refuse_strays(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    strays = connection.execute(
        f"SELECT {PARTITION_COLUMN} FROM {_STAGE} ANTI JOIN (SELECT unnest($days::DATE[])) AS days({PARTITION_COLUMN})"
        f" USING ({PARTITION_COLUMN}) LIMIT 1",
        {"days": list(days)},
    ).fetchall()
    if strays:
        raise WarehouseError(f"Rows for {table.name} belong to {strays[0][0]}, which is not being materialized.")


def _compare(
    connection: duckdb.DuckDBPyConnection, key: str, content: str, days: Sequence[date]
) -> dict[date, Changes]:
    """What replacing the held rows with the staged ones changes; a row that changes its day counts in the new one."""
    counts = connection.execute(
        f"""
        SELECT coalesce(incoming.day, held.day), count(incoming.day), count(*) FILTER (held.day IS NULL),
               count(*) FILTER (incoming.day <> held.day OR incoming.content <> held.content),
               count(*) FILTER (incoming.day IS NULL),
               coalesce(list_sort(list(DISTINCT held.day) FILTER (held.content IS NULL AND held.day IS NOT NULL)), [])
        FROM (SELECT {key}, {PARTITION_COLUMN} AS day, {content} AS content FROM {_STAGE}) AS incoming
        FULL JOIN {_HELD} AS held USING ({key})
        GROUP BY 1
        """
    ).fetchall()
    changes = {
        day: Changes(rows, new, changed, removed, tuple(moved_from))
        for day, rows, new, changed, removed, moved_from in counts
    }
    return {day: changes.get(day, Changes()) for day in days}


def _key(table: Table) -> str:
    return ", ".join(quoted(name) for name in table.key)
