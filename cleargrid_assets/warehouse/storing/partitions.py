"""Replaces partitions of a table that has a contract. The caller begins and commits the transaction."""

import glob
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import pandas as pd

from cleargrid_assets.schema import COLUMN_TYPES, EXTRACTED_AT, PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.databases import transaction_time
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.slices import SpooledPartition
from cleargrid_assets.warehouse.sql import column_definitions, in_days, quoted

_STAGE = "temp.main.incoming"
_PREVIOUS = "temp.main.previous"
_MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
"""Of machines that share a database. Spools allow as much."""

BAD_VALUE_ERRORS = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.ConstraintException)
"""What DuckDB raises if a value does not fit its column. Its messages quote the value."""


@dataclass(frozen=True)
class Changes:
    """What replacing a partition changed. Rows are compared by key, then by content.

    Attributes:
        rows: Rows in the partition now.
        new: Rows whose key was not in the table; None if rows were not compared.
        changed: Rows that had other content before, or were in another partition; None likewise.
        removed: Rows that are no longer in the partition; None likewise.
        moved_from: Other days that held some of the rows before, with the number of these rows.
    """

    rows: int
    new: int | None = None
    changed: int | None = None
    removed: int | None = None
    moved_from: Mapping[date, int] = field(default_factory=dict)


def moved_away(changes: Mapping[date, Changes]) -> Counter[date]:
    """How many rows each day lost to another day."""
    moved: Counter[date] = Counter()
    for change in changes.values():
        moved.update(change.moved_from)
    return moved


def stage_frame(connection: duckdb.DuckDBPyConnection, table: Table, frame: pd.DataFrame) -> None:
    """Stages the rows of a frame. Columns are matched by name.

    Raises:
        WarehouseError: The columns are not those of the contract, a value is missing or of another type, a number would
            lose its fraction, or two rows have the same key.
    """
    _check_frame(table, frame)
    _create_stage(connection, table)
    connection.register("frame", frame)
    try:
        connection.execute(f"INSERT INTO {_STAGE} BY NAME SELECT * FROM frame")
    except BAD_VALUE_ERRORS as error:
        # DuckDB's message quotes the value, which may be personal data. Only the column at its end is passed on.
        column = next((name for name in table.column_names if str(error).endswith(f" {name}")), "a column")
        raise WarehouseError(
            f"The rows for {table.name} have a value of the wrong type in {column} ({type(error).__name__})."
        ) from None
    if connection.execute(f"{_repeated_keys(table)} LIMIT 1").fetchall():
        raise WarehouseError(f"Two rows for {table.name} have the same {', '.join(table.key)}.")


def stage_spooled(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    partitions: Sequence[SpooledPartition],
    stored: Mapping[date, LedgerEntry],
) -> list[date]:
    """Stages spooled rows. Of rows with the same key, the newest version is kept; of equal versions, the last one.

    A day is superseded if a run that began to fetch it later has already stored it. The stored rows are staged again.

    Args:
        connection: A connection in a transaction.
        table: The table of the export.
        partitions: What was fetched.
        stored: The ledger's entries of the table.

    Returns:
        The superseded days.

    Raises:
        WarehouseError: A file is damaged.
    """
    _create_stage(connection, table)
    superseded: list[date] = []
    now = transaction_time(connection)
    for partition in partitions:
        entry = stored.get(partition.day)
        # Times far in the future are ignored: a clock was wrong.
        latest = now + _MAX_CLOCK_DIFFERENCE
        if entry and entry.extracted_at and partition.extracted_at < entry.extracted_at <= latest:
            superseded.append(partition.day)
            connection.execute(
                f"INSERT INTO {_STAGE} BY NAME FROM {quoted(table.name)} WHERE {PARTITION_COLUMN} = $day",
                {"day": partition.day},
            )
        else:
            _stage_file(connection, table, partition)
    # Rank only rows that came more than once. They are few, at the edges of windows.
    newest_first = "" if table.version_column is None else f"{quoted(table.version_column)} DESC, "
    connection.execute(
        f"""
        DELETE FROM {_STAGE} WHERE rowid IN (
            SELECT rowid FROM {_STAGE} SEMI JOIN ({_repeated_keys(table)}) USING ({_key(table)})
            QUALIFY row_number() OVER (PARTITION BY {_key(table)} ORDER BY {newest_first}rowid DESC) > 1
        )
        """
    )
    return superseded


def replace_partitions(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]
) -> dict[date, Changes]:
    """Replaces the days by the staged rows, and removes those rows from all other days.

    Returns:
        What changed, for each of the days.

    Raises:
        WarehouseError: A staged row belongs to another day.
    """
    _refuse_rows_outside_days(connection, table, days)
    name, key, condition = quoted(table.name), _key(table), in_days(days)
    content = f"hash({', '.join(quoted(column) for column in table.column_names if column != EXTRACTED_AT)})"
    connection.execute(
        f"CREATE TEMP TABLE {_PREVIOUS} AS "
        f"SELECT {key}, {PARTITION_COLUMN} AS day, {content} AS content FROM {name} WHERE {condition}"
    )
    # No content hash here: another day already counts as a change, and hashing would scan every column.
    [(moved,)] = connection.execute(
        f"INSERT INTO {_PREVIOUS} SELECT {key}, {PARTITION_COLUMN}, NULL FROM {name} SEMI JOIN {_STAGE} USING ({key}) "
        f"WHERE NOT {condition}"
    ).fetchall()
    if moved and table.version_column is not None:
        _keep_newer_versions_elsewhere(connection, name, key, quoted(table.version_column))
    changes = count_changes(connection, key, content, days)
    connection.execute(f"DELETE FROM {name} WHERE {condition}")
    if moved:
        connection.execute(
            f"DELETE FROM {name} WHERE ({key}) IN (SELECT ({key}) FROM {_PREVIOUS} WHERE content IS NULL)"
        )
    # Dropped now, because the insert needs the memory.
    connection.execute(f"DROP TABLE {_PREVIOUS}")
    connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {_STAGE}")
    connection.execute(f"DROP TABLE {_STAGE}")
    return changes


def _stage_file(connection: duckdb.DuckDBPyConnection, table: Table, partition: SpooledPartition) -> None:
    fields = {
        column.name: column.type for column in table.columns if column.name not in {PARTITION_COLUMN, EXTRACTED_AT}
    }
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
                # DuckDB takes a path as a pattern, which may match files of another folder.
                "rows": glob.escape(str(partition.rows)),
                "fields": fields,
            },
        )
    except BAD_VALUE_ERRORS as error:
        # `from None`, because DuckDB's message quotes the value, which may be personal data.
        raise WarehouseError(
            f"The spooled rows of {partition.day} could not be read back ({type(error).__name__}). "
            "Materialize the day again."
        ) from None


def _check_frame(table: Table, frame: pd.DataFrame) -> None:
    if set(frame.columns) != set(table.column_names):
        missing, extra = set(table.column_names) - set(frame.columns), set(frame.columns) - set(table.column_names)
        lacks = [f"lack the columns {sorted(missing)}"] if missing else []
        lacks += [f"have the unknown columns {sorted(extra)}"] if extra else []
        raise WarehouseError(f"The rows for {table.name} {' and '.join(lacks)}.")
    for column in table.columns:
        values = frame[column.name]
        if not column.nullable and values.isna().any():
            raise WarehouseError(f"{table.name}.{column.name} must not be NULL, but some rows have NULL.")
        # DuckDB would round. Dtypes of an empty frame mean nothing.
        if COLUMN_TYPES[column.type].is_integer and len(frame) and values.dtype.kind not in "iu":
            raise WarehouseError(
                f"{table.name}.{column.name} needs whole numbers, but the rows have the type {values.dtype}."
            )


def _create_stage(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    connection.execute(f"CREATE TEMP TABLE {_STAGE} ({column_definitions(table)})")


def _keep_newer_versions_elsewhere(connection: duckdb.DuckDBPyConnection, name: str, key: str, version: str) -> None:
    """Drops staged rows if another day has a newer version, because that day was fetched later."""
    connection.execute(
        f"""
        DELETE FROM {_STAGE} WHERE ({key}) IN (
            SELECT ({key})
            FROM {_STAGE} AS incoming
            JOIN {_PREVIOUS} AS previous USING ({key})
            JOIN {name} AS stored USING ({key})
            WHERE previous.content IS NULL AND stored.{PARTITION_COLUMN} = previous.day
                AND stored.{version} > incoming.{version}
        )
        """
    )
    connection.execute(
        f"DELETE FROM {_PREVIOUS} WHERE content IS NULL AND ({key}) NOT IN (SELECT ({key}) FROM {_STAGE})"
    )


def _repeated_keys(table: Table) -> str:
    return f"SELECT {_key(table)} FROM {_STAGE} GROUP BY {_key(table)} HAVING count(*) > 1"


def _refuse_rows_outside_days(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    rows_outside_days = connection.execute(
        f"SELECT {PARTITION_COLUMN} FROM {_STAGE} WHERE NOT {in_days(days)} LIMIT 1"
    ).fetchall()
    if rows_outside_days:
        raise WarehouseError(
            f"Rows for {table.name} belong to {rows_outside_days[0][0]}, which is not being materialized."
        )


def count_changes(
    connection: duckdb.DuckDBPyConnection, key: str, content: str, days: Sequence[date]
) -> dict[date, Changes]:
    """Compares the staged rows with the previous ones. A row that moves to another day counts in the new day."""
    counts = connection.execute(
        f"""
        SELECT coalesce(incoming.day, previous.day), count(incoming.day), count(*) FILTER (previous.day IS NULL),
               count(*) FILTER (incoming.day <> previous.day OR incoming.content <> previous.content),
               count(*) FILTER (incoming.day IS NULL),
               coalesce(histogram(previous.day) FILTER (incoming.day <> previous.day), MAP {{}})
        FROM (SELECT {key}, {PARTITION_COLUMN} AS day, {content} AS content FROM {_STAGE}) AS incoming
        FULL JOIN {_PREVIOUS} AS previous USING ({key})
        GROUP BY 1
        """
    ).fetchall()
    changes = {
        day: Changes(rows, new, changed, removed, moved_from) for day, rows, new, changed, removed, moved_from in counts
    }
    return {day: changes.get(day, Changes(0, 0, 0, 0)) for day in days}


def _key(table: Table) -> str:
    return ", ".join(quoted(name) for name in table.key)
