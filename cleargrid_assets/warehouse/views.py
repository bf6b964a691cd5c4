"""Views, and queries over several tables."""

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import missing_columns, stored_columns, table_names


def replace_views(
    connection: duckdb.DuckDBPyConnection, views: Mapping[str, str], macros: Mapping[str, str] | None = None
) -> None:
    """Creates views and table macros, or replaces them. The caller begins and commits the transaction.

    Args:
        connection: A connection whose bare names are those of the project's schema.
        views: The query of each view, by its name. DuckDB looks its bare table names up beside the view.
        macros: The query of each table macro, by its name and parameters, such as `history(contact)`.

    Raises:
        WarehouseError: There is a table with the name of a view.
    """
    tables = table_names(connection)
    for name, query in views.items():
        if name in tables:
            raise WarehouseError(
                f"The view {name} cannot be made, because the database has a table of this name. Rename the table "
                f"(ALTER TABLE {SCHEMA}.{name} RENAME TO ...), and materialize the day again."
            )
        connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {query}")
    for signature, query in (macros or {}).items():
        connection.execute(f"CREATE OR REPLACE MACRO {signature} AS TABLE {query}")


def queried(connection: duckdb.DuckDBPyConnection, query: str, tables: Sequence[Table]) -> pd.DataFrame | None:
    """The rows of a query over tables; None if one of them is not there, or has other columns than its contract."""
    if any(missing_columns(table, stored_columns(connection, table)) != [] for table in tables):
        return None
    frame: pd.DataFrame = connection.sql(query).df()
    return frame
