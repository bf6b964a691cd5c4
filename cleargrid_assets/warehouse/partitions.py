"""Replacing and reading the partitions of a table, by its contract.

What belongs here: DDL, staging, the replace and the comparison with what was there. What does not: Dagster, and
transactions, which the caller opens and ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from cleargrid_assets.contracts import EXTRACTED_AT, PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.connection import WarehouseError, quoted

_STAGE = "temp.main.incoming"
_HELD = "temp.main.held"


@dataclass(frozen=True)
class SpooledPartition:
    """One day's rows in a file of newline-delimited JSON, each with the contract's fields, checked.

    Attributes:
        day: The business day.
        rows: The file.
        extracted_at: When the day began to be fetched.
    """

    day: date
    rows: Path
    extracted_at: datetime


@dataclass(frozen=True)
class Changes:
    """What replacing a partition did, row by row, by the table's key and by content.

    Attributes:
        rows: Rows that the partition holds now.
        new: Rows whose key the table did not hold.
        changed: Rows that it held with other content, or in another partition.
        removed: Rows that it no longer holds.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Creates the table from its contract unless it is there.

    Raises:
        WarehouseError: It is there with other columns or types.
    """
    connection.execute(f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({column_definitions(table)})")
    found = connection.execute(f"DESCRIBE {quoted(table.name)}").fetchall()
    wanted = [(column.name, _described(column.type)) for column in table.columns]
    if [(name, kind) for name, kind, *_ in found] != wanted:
        raise WarehouseError(
            f"The table {table.name} in the database has the columns {[name for name, *_ in found]}, "
            f"but this version of the project stores {table.column_names} with the types of its contract. "
            "Rename the table, and materialize its days again."
        )


def stage_frame(connection: duckdb.DuckDBPyConnection, table: Table, frame: pd.DataFrame) -> None:
    """Stages the rows of a frame, its columns taken by name.

    Raises:
        WarehouseError: Its columns are not the contract's, or a number would lose its fraction.
    """
    if set(frame.columns) != set(table.column_names):
        missing, extra = set(table.column_names) - set(frame.columns), set(frame.columns) - set(table.column_names)
        raise WarehouseError(
            f"The rows for {table.name} lack the columns {sorted(missing)}, or have {sorted(extra)} extra."
        )
    for column in table.columns:
        if column.type in {"INTEGER", "BIGINT"} and pd.api.types.is_float_dtype(frame[column.name]):
            raise WarehouseError(
                f"{table.name}.{column.name} takes whole numbers, but the rows have {frame[column.name].dtype}."
            )
    _create_stage(connection, table)
    connection.register("frame", frame)
    connection.execute(f"INSERT INTO {_STAGE} BY NAME SELECT * FROM frame")
    connection.unregister("frame")


def stage_spooled(connection: duckdb.DuckDBPyConnection, table: Table, partitions: Sequence[SpooledPartition]) -> None:
    """Stages spooled rows: of several with one key, the one with the latest `updated_at`, or else fetched last.

    Raises:
        WarehouseError: A file is not what the contract's reader wrote.
    """
    _create_stage(connection, table)
    fields = {
        column.name: column.type for column in table.columns if column.name not in {PARTITION_COLUMN, EXTRACTED_AT}
    }
    for partition in partitions:
        try:
            connection.execute(
                f"""
                INSERT INTO {_STAGE} BY NAME
                SELECT *, $day::DATE AS {PARTITION_COLUMN}, $extracted_at::TIMESTAMPTZ AS {EXTRACTED_AT}
                FROM read_json($rows, format = 'newline_delimited', columns = $fields)
                """,
                {
                    "day": partition.day,
                    "extracted_at": partition.extracted_at,
                    "rows": str(partition.rows),
                    "fields": fields,
                },
            )
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            # From None, and without its text: DuckDB quotes the offending value, which may be an address.
            raise WarehouseError(
                f"The spooled rows of {partition.day} could not be read back ({type(error).__name__}). "
                "Materialize the day again."
            ) from None
    key = ", ".join(quoted(name) for name in table.key)
    connection.execute(
        f"""
        DELETE FROM {_STAGE} WHERE rowid IN (
            SELECT rowid FROM {_STAGE}
            WHERE ({key}) IN (SELECT ({key}) FROM {_STAGE} GROUP BY {key} HAVING count(*) > 1)
            QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY updated_at DESC, rowid DESC) > 1
        )
        """
    )


def replace_partitions(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]
) -> dict[date, Changes]:
    """Makes the days hold the staged rows and nothing else, and takes those rows out of every other day.

    Returns:
        What changed, for each of the days.

    Raises:
        WarehouseError: A staged row belongs to none of the days, or two have one key.
    """
    _check_stage(connection, table, days)
    name, parameters = quoted(table.name), {"days": list(days)}
    in_days = f"{PARTITION_COLUMN} IN (SELECT unnest($days::DATE[]))"
    key = ", ".join(quoted(column) for column in table.key)
    content = f"hash({', '.join(quoted(column) for column in table.column_names if column != EXTRACTED_AT)})"
    held = f"SELECT {key}, {PARTITION_COLUMN} AS day, {content} AS content FROM {name}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE held AS {held} WHERE {in_days}", parameters)
    if PARTITION_COLUMN not in table.key:
        connection.execute(
            f"INSERT INTO {_HELD} {held} SEMI JOIN {_STAGE} USING ({key}) WHERE NOT {in_days}", parameters
        )
    changes = _compare(connection, key, content, days)
    connection.execute(f"DELETE FROM {name} WHERE {in_days}", parameters)
    if PARTITION_COLUMN not in table.key:
        moved = f"SELECT ({key}) FROM {_HELD} WHERE day NOT IN (SELECT unnest($days::DATE[]))"
        connection.execute(f"DELETE FROM {name} WHERE ({key}) IN ({moved})", parameters)
    connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {_STAGE}")
    connection.execute(f"DROP TABLE {_STAGE}; DROP TABLE {_HELD}")
    return changes


def _create_stage(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE incoming ({column_definitions(table)})")


def _check_stage(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    strays = connection.execute(
        f"SELECT {PARTITION_COLUMN} FROM {_STAGE} ANTI JOIN (SELECT unnest($days::DATE[])) AS days({PARTITION_COLUMN})"
        f" USING ({PARTITION_COLUMN}) LIMIT 1",
        {"days": list(days)},
    ).fetchall()
    if strays:
        raise WarehouseError(f"Rows for {table.name} belong to {strays[0][0]}, which is not being materialized.")
    key = ", ".join(quoted(column) for column in table.key)
    twice = connection.execute(f"SELECT 1 FROM {_STAGE} GROUP BY {key} HAVING count(*) > 1 LIMIT 1").fetchall()
    if twice:
        raise WarehouseError(f"Two rows for {table.name} have the same {', '.join(table.key)}.")


def _compare(
    connection: duckdb.DuckDBPyConnection, key: str, content: str, days: Sequence[date]
) -> dict[date, Changes]:
    staged = connection.execute(
        f"""
        SELECT incoming.{PARTITION_COLUMN}, count(*), count(*) FILTER (held.content IS NULL),
               count(*) FILTER (held.content <> incoming.content)
        FROM (SELECT {key}, {PARTITION_COLUMN}, {content} AS content FROM {_STAGE}) AS incoming
        LEFT JOIN {_HELD} AS held USING ({key})
        GROUP BY 1
        """
    ).fetchall()
    gone = connection.execute(
        f"SELECT day, count(*) FROM {_HELD} ANTI JOIN {_STAGE} USING ({key}) GROUP BY 1"
    ).fetchall()
    removed = dict(gone)
    changes = {day: Changes(rows, new, changed, removed.get(day, 0)) for day, rows, new, changed in staged}
    return {day: changes.get(day, Changes(removed=removed.get(day, 0))) for day in days}


def column_definitions(table: Table) -> str:
    """The columns as CREATE TABLE takes them."""
    return ", ".join(
        f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )


def _described(type_: str) -> str:
    """The type as DESCRIBE spells it."""
    return {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(type_, type_)
