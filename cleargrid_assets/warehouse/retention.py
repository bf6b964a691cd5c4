"""Retention: drops old days from every table, and remembers which."""

from collections.abc import Sequence
from datetime import date

import duckdb

from cleargrid_assets.contracts import DROPPED_DAYS
from cleargrid_assets.schema import PARTITION_COLUMN, SCHEMA
from cleargrid_assets.warehouse.connection import connect, transaction
from cleargrid_assets.warehouse.databases import name_of, transaction_time
from cleargrid_assets.warehouse.sql import in_days, quoted
from cleargrid_assets.warehouse.tables import prepare_table, stored_columns, table_names

_IS_OLD = f"{PARTITION_COLUMN} < $first"


def drop_days_before(database: str, first: date, lock_timeout_s: float) -> list[date]:
    """Drops all days before `first` from every table of the schema that has business days, in one transaction.

    That includes the ledger, quarantined rows, and tables that other packages have stored in the schema.

    Args:
        database: The database.
        first: The oldest day that is kept.
        lock_timeout_s: Max seconds to wait while another process holds the database.

    Returns:
        The days that were dropped, in order.

    Raises:
        WarehouseError: Another process held the database for longer.
    """
    with connect(database, read_only=True, lock_timeout_s=lock_timeout_s) as connection:
        tables = _tables_with_days(connection)
    if not tables:
        # Opening the database to write would create it.
        return []
    written = [*(f"{SCHEMA}.{table}" for table in tables), name_of(DROPPED_DAYS)]
    with transaction(database, lock_timeout_s, written) as connection:
        days = _old_days(connection, tables, first)
        if days:
            for table in tables:
                connection.execute(f"DELETE FROM {quoted(table)} WHERE {_IS_OLD}", {"first": first})
            _remember(connection, days)
        return days


def dropped_days(connection: duckdb.DuckDBPyConnection) -> set[date]:
    """The days that were dropped at any time. Some of them may be stored again."""
    if not stored_columns(connection, DROPPED_DAYS):
        return set()
    return {day for (day,) in connection.execute(f"SELECT {PARTITION_COLUMN} FROM {DROPPED_DAYS.name}").fetchall()}


def _tables_with_days(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute(
        """
        SELECT table_name FROM duckdb_columns()
        WHERE database_name = current_database() AND schema_name = $schema AND column_name = $day
            AND (data_type = 'DATE' OR data_type LIKE 'TIMESTAMP%')
        """,
        {"schema": SCHEMA, "day": PARTITION_COLUMN},
    ).fetchall()
    return sorted(table_names(connection).intersection(name for (name,) in found) - {DROPPED_DAYS.name})


def _old_days(connection: duckdb.DuckDBPyConnection, tables: Sequence[str], first: date) -> list[date]:
    # A frame of pandas, which has no dates, is stored with timestamps.
    of_tables = " UNION ".join(
        f"SELECT {PARTITION_COLUMN}::DATE FROM {quoted(table)} WHERE {_IS_OLD}" for table in tables
    )
    return [day for (day,) in connection.execute(f"{of_tables} ORDER BY ALL", {"first": first}).fetchall()]


def _remember(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> None:
    prepare_table(connection, DROPPED_DAYS)
    connection.execute(f"DELETE FROM {DROPPED_DAYS.name} WHERE {in_days(days)}")
    connection.execute(
        f"INSERT INTO {DROPPED_DAYS.name} SELECT unnest($days::DATE[]), $now::TIMESTAMPTZ",
        {"days": days, "now": transaction_time(connection)},
    )
