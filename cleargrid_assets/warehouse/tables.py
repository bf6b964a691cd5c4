"""Compares stored tables with their contracts, and changes them to match."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from cleargrid_assets.schema import COLUMN_TYPES, PARTITION_COLUMN, SCHEMA, Column, Table
from cleargrid_assets.warehouse.databases import catalog, lay_out
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.sql import column_definitions, quoted

StoredColumns = Mapping[str, tuple[str, bool]]
"""DuckDB's type of each column of a stored table, and whether it is nullable. Empty if the table does not exist."""


def prepare_table(connection: duckdb.DuckDBPyConnection, table: Table) -> list[date] | None:
    """Makes the stored table match its contract: creates it, adds nullable columns, or rebuilds a derived table.

    Returns:
        The days of a derived table that was dropped, because its columns differ. None if no table was dropped.

    Raises:
        WarehouseError: The table of an export differs by more than missing nullable columns.
    """
    name, found = quoted(table.name), stored_columns(connection, table)
    create = f"CREATE TABLE {name} ({column_definitions(table)})"
    if not found:
        connection.execute(create)
        lay_out(connection, table)
        return None
    missing = missing_columns(table, found)
    if missing is not None:
        for column in missing:
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {quoted(column.name)} {column.type}")
        for column in table.columns:
            if column.nullable and not found.get(column.name, (column.type, True))[1]:
                connection.execute(f"ALTER TABLE {name} ALTER {quoted(column.name)} DROP NOT NULL")
        return None
    if table.is_export:
        raise columns_differ(table, found)
    dropped = (
        connection.execute(f"SELECT DISTINCT {PARTITION_COLUMN}::DATE FROM {name} ORDER BY 1").fetchall()
        if PARTITION_COLUMN in found
        else []
    )
    connection.execute(f"DROP TABLE {name}")
    connection.execute(create)
    lay_out(connection, table)
    return [day for (day,) in dropped]


def stored_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> StoredColumns:
    """The columns of the stored table."""
    name = f"{quoted(catalog(connection))}.{quoted(SCHEMA)}.{quoted(table.name)}"
    try:
        # duckdb_columns() would also bind all views of DuckDB: 10 ms and more, the first time in each connection.
        found = connection.execute(f"DESCRIBE {name}").fetchall()
    except duckdb.CatalogException:  # the table or the schema does not exist
        return {}
    return {column: (kind, null == "YES") for column, kind, null, *_ in found}


def table_names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The names of all tables in the project's schema. Views are none."""
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = $schema",
        {"schema": SCHEMA},
    ).fetchall()
    return {name for (name,) in found}


def missing_columns(table: Table, found: StoredColumns) -> Sequence[Column] | None:
    """The nullable columns that the stored table lacks; None if other columns are missing, unknown or of another type.

    Nullability is not compared, because rows can be read either way and a check looks for NULLs.
    """
    missing = [column for column in table.columns if column.nullable and column.name not in found]
    expected = _types(table)
    completed = {name: kind for name, (kind, _) in found.items()} | {each.name: expected[each.name] for each in missing}
    return missing if completed == expected else None


def columns_differ(table: Table, found: StoredColumns) -> WarehouseError:
    """The error for a table of an export that does not match its contract."""
    expected = _types(table)
    stored = {name: kind for name, (kind, _) in found.items()}
    differences = ", ".join(
        f"{name} ({stored.get(name, 'missing')} in the database, {expected.get(name, 'unknown')} in the contract)"
        for name in dict.fromkeys([*expected, *stored])
        if stored.get(name) != expected.get(name)
    )
    return WarehouseError(
        f"The table {table.name} in the database has other columns than its contract: {differences}. "
        f"Rename the table (ALTER TABLE {SCHEMA}.{table.name} RENAME TO ...), and materialize its days again."
    )


def _types(table: Table) -> dict[str, str]:
    """DuckDB's type of each column of the contract."""
    return {column.name: COLUMN_TYPES[column.type].described_as for column in table.columns}
