"""From relations in DuckDB to the data frame of a table, with the columns and dtypes of its contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cleargrid_assets.schema import COLUMN_TYPES, Column, Table

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation


def select(sql: str, name: str, rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """The result of a SELECT that reads the rows under a name. It runs when it is fetched.

    Raises:
        ValueError: If the SQL is not a query.
    """
    result = rows.query(name, sql)
    if result is None:
        raise ValueError("not a query: it returns no rows")
    return result


def to_frame(table: Table, results: Iterable[DuckDBPyRelation], order: Sequence[str] = ()) -> pd.DataFrame:
    """Runs the relations one after the other and collects their rows.

    For small results only, because the rows pass through Python.

    Args:
        table: The contract of the frame.
        results: Relations with the columns of the table, in any order.
        order: The columns to sort the rows by; the key of the table by default.

    Returns:
        The columns of the table in its order, with the dtypes of `COLUMN_TYPES`. NULL is NaN in float columns, which
        DuckDB reads as NULL again, and None in object columns. Timestamps are in UTC whatever the process time zone.
    """
    import pandas as pd  # noqa: PLC0415 - only now: it takes long to load

    selected = ", ".join(_selected(column) for column in table.columns)
    rows = [row for result in results for row in result.project(selected).fetchall()]
    untyped = pd.DataFrame(rows, columns=table.column_names, dtype="object")
    dtypes = {column.name: COLUMN_TYPES[column.type].dtype for column in table.columns}
    frame: pd.DataFrame = untyped.astype(dtypes).sort_values(list(order or table.key), ignore_index=True)
    return frame


def _selected(column: Column) -> str:
    value = f'CAST("{column.name}" AS {column.type})'
    if column.type == "TIMESTAMPTZ":
        # DuckDB returns timestamps in the process time zone; without a zone, pandas takes them as the dtype's UTC.
        value = f"{value} AT TIME ZONE 'UTC'"
    return f'{value} AS "{column.name}"'
