"""DuckDB relations, and data frames with the columns and dtypes of a contract."""

from collections.abc import Iterable, Sequence

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.schema import COLUMN_TYPES, Column, Table


def select(sql: str, name: str, rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """A SELECT that reads the rows under the given name. It runs when its result is fetched.

    Raises:
        ValueError: The SQL is not a query.
    """
    result = rows.query(name, sql)
    if result is None:
        raise ValueError("not a query: it returns no rows")
    return result


def to_frame(table: Table, results: Iterable[DuckDBPyRelation], order: Sequence[str] = ()) -> pd.DataFrame:
    """Runs relations one after the other, and collects their rows. For small results only.

    Args:
        table: The contract of the frame.
        results: Relations with the columns of the table, in any order.
        order: The columns to sort the rows by; the key of the table by default.

    Returns:
        The columns of the table in its order, with the dtypes of `COLUMN_TYPES`. Whole numbers that may be NULL have
        the dtype `Int64`. Timestamps are in UTC.
    """
    selected = ", ".join(_selected(column) for column in table.columns)
    rows = [row for result in results for row in result.project(selected).fetchall()]
    untyped = pd.DataFrame(rows, columns=table.column_names, dtype="object")
    dtypes = {column.name: _dtype(column) for column in table.columns}
    frame: pd.DataFrame = untyped.astype(dtypes).sort_values(list(order or table.key), ignore_index=True)
    return frame


def _dtype(column: Column) -> str:
    of_type = COLUMN_TYPES[column.type]
    # The int64 of NumPy has no NULL.
    return "Int64" if of_type.is_integer and column.nullable else of_type.dtype


def _selected(column: Column) -> str:
    value = f'CAST("{column.name}" AS {column.type})'
    if column.type == "TIMESTAMPTZ":
        # DuckDB would return timestamps in the process time zone. Without a zone, pandas reads them as UTC.
        value = f"{value} AT TIME ZONE 'UTC'"
    return f'{value} AS "{column.name}"'
