"""What assets and the IO manager pass to each other besides DataFrames: rows that stay on disk."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import columns_differ, missing_columns, stored_columns


@dataclass(frozen=True)
class SpooledPartition:
    """One day's rows in a file of newline-delimited JSON, each with the contract's fields, checked.

    Attributes:
        day: The business day.
        rows: The file.
        extracted_at: When the fetch of the day began.
    """

    day: date
    rows: Path
    extracted_at: datetime


@dataclass(frozen=True)
class SpooledSlice:
    """Partitions to be stored.

    Attributes:
        partitions: Files with the rows of each.
        discard: Called once the rows are stored.
    """

    partitions: Sequence[SpooledPartition]
    discard: Callable[[], None]


@dataclass(frozen=True)
class StoredSlice:
    """Partitions of a stored table, to be read where they are.

    Attributes:
        database: Where the table is.
        lock_timeout_s: Max seconds to wait for the file.
        table: The table's contract.
        days: The partitions. A table or partition that is not there has no rows.
    """

    database: str
    lock_timeout_s: float
    table: Table
    days: Sequence[date]

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyRelation]:
        """Opens the rows as a relation, in the contract's columns. Other processes cannot write meanwhile.

        Raises:
            WarehouseError: The stored table is an export's, and its columns are not the contract's.
        """
        with connect(self.database, read_only=True, lock_timeout_s=self.lock_timeout_s) as connection:
            yield connection.sql(self._statement(connection))

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows in memory, with all columns or the named ones."""
        with self.open() as rows:
            frame: pd.DataFrame = rows.select(*(quoted(name) for name in columns or self.table.column_names)).df()
            return frame

    def _statement(self, connection: duckdb.DuckDBPyConnection) -> str:
        found = stored_columns(connection, self.table)
        missing = missing_columns(self.table, found)
        if found and missing is None and self.table.is_export:
            raise columns_differ(self.table, found)
        if not found or missing is None:
            # Nothing to read. The next run drops a derived table whose columns differ, so it counts as not there.
            nulls = ", ".join(f"NULL::{column.type} AS {quoted(column.name)}" for column in self.table.columns)
            return f"SELECT {nulls} WHERE false"
        columns = ", ".join(
            f"NULL::{column.type} AS {quoted(column.name)}" if column in missing else quoted(column.name)
            for column in self.table.columns
        )
        # Literals, because a relation takes no parameters.
        days = ", ".join(f"DATE '{day.isoformat()}'" for day in self.days)
        condition = f"{PARTITION_COLUMN} IN ({days})" if days else "false"
        return f"SELECT {columns} FROM {quoted(self.table.name)} WHERE {condition}"
