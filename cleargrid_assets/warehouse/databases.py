"""The kinds of database that hold the tables, and in what they differ.

A database is a DuckDB file, or a lake: a DuckLake with its catalog in Postgres and its rows in Parquet files. SQL over
the tables is the same for both.
"""

from datetime import datetime

import duckdb

from cleargrid_assets.contracts import DAYS
from cleargrid_assets.schema import PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.warehouse.lakes.lake import ask
from cleargrid_assets.warehouse.sql import quoted


def is_lake(database: str) -> bool:
    """Whether the address of a database names a lake."""
    return database.startswith("ducklake:")


def catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """DuckDB's name for the open database: of a file, made from its name."""
    [(name,)] = connection.execute("SELECT current_database()").fetchall()
    return str(name)


def in_lake(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether bare table names of the connection are those of a lake."""
    [(kind,)] = connection.execute(
        "SELECT type FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()
    return bool(kind == "ducklake")


def name_of(table: Table) -> str:
    """The table's name with its schema, as `locked` takes it."""
    return f"{SCHEMA}.{table.name}"


def lay_out(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Lays out a table that was just created.

    In a lake, a file has rows of one day, so that replacing a day drops whole files. But each write appends one file
    to the ledger, with the entries of all its days.
    """
    if in_lake(connection) and table != DAYS:
        connection.execute(f"ALTER TABLE {quoted(table.name)} SET PARTITIONED BY ({PARTITION_COLUMN})")


def transaction_time(connection: duckdb.DuckDBPyConnection) -> datetime:
    """An instant at which the transaction held its tables.

    In a file, which one process holds, it is when the transaction began. In a lake it is now, by the clock of Postgres,
    which is one clock for all machines.
    """
    if in_lake(connection):
        [(at,)] = ask(connection, "SELECT clock_timestamp()", catalog(connection))
    else:
        [(at,)] = connection.execute("SELECT now()").fetchall()
    instant: datetime = at
    return instant
