"""From relations in DuckDB to the data frame of a table.

What belongs here: asking SQL of a relation, and the columns, row order and dtypes of the answer, by the table's
contract. What does not: what the columns mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cleargrid_assets.column_types import COLUMN_TYPES
from cleargrid_assets.contracts import Column, Table

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation


def select(sql: str, name: str, rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """The answer of a SELECT that reads the rows under a name; it runs when it is fetched.

    Raises:
        ValueError: If the SQL is not a query.
    """
    answer = rows.query(name, sql)
    if answer is None:
        raise ValueError("not a query: it has no rows to answer with")
    return answer


def to_frame(table: Table, results: Iterable[DuckDBPyRelation], order: Sequence[str]) -> pd.DataFrame:
    """Runs the relations one after the other and puts their rows together.

    Meant for results, which are small: the rows pass through Python.

    Args:
        table: Whose columns the frame has, in its order.
        results: Each with the columns of the table, in any order.
        order: The columns to sort the rows by.

    Returns:
        Integers as int64, doubles as float64 with NaN for NULL (which DuckDB reads as NULL again), booleans as
        objects with None for NULL, dates as datetime64[us], timestamps in UTC whatever the process time zone.
    """
    import pandas as pd  # noqa: PLC0415 - takes longer to load than most questions to answer

    selected = ", ".join(_selected(column) for column in table.columns)
    rows = [row for result in results for row in result.project(selected).fetchall()]
    untyped = pd.DataFrame(rows, columns=table.column_names, dtype="object")
    dtypes = {column.name: COLUMN_TYPES[column.type].dtype for column in table.columns}
    frame: pd.DataFrame = untyped.astype(dtypes).sort_values(list(order), ignore_index=True)
    return frame


def _selected(column: Column) -> str:
    value = f'CAST("{column.name}" AS {column.type})'
    if column.type == "TIMESTAMPTZ":
        # Fetched as it is, it would arrive in the process's zone; without one, pandas takes it as the dtype's UTC.
        value = f"{value} AT TIME ZONE 'UTC'"
    return f'{value} AS "{column.name}"'
