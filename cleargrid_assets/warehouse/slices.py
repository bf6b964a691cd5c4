"""What assets and the IO manager pass to each other besides DataFrames: references to rows on disk."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from cleargrid_assets.schema import PARTITION_COLUMN, QuarantinedRow, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import columns_differ, missing_columns, stored_columns


@dataclass(frozen=True)
class SpooledPartition:
    """The checked rows of one day, in a file of newline-delimited JSON.

    Attributes:
        day: The business day.
        rows: The file.
        extracted_at: When the fetch of the day began.
        source_rows: The source's own exact count of the day's rows; None if it gave none.
        quarantined: Rows that break the contract. They are not in the file, but the source counts them.
    """

    day: date
    rows: Path
    extracted_at: datetime
    source_rows: int | None = None
    quarantined: Sequence[QuarantinedRow] = ()


@dataclass(frozen=True)
class SpooledSlice:
    """Partitions to store.

    Attributes:
        partitions: Their files.
        discard: Removes the files. Called when the rows are stored, or refused because a day would shrink.
        max_shrink: Share of a stored day that may go without the source's count confirming it.
        accept_shrinking: Whether days may shrink by more all the same.
    """

    partitions: Sequence[SpooledPartition]
    discard: Callable[[], None]
    max_shrink: float = 1.0
    accept_shrinking: bool = False


@dataclass(frozen=True)
class StoredSlice:
    """Stored partitions of a table, which are read on demand.

    Attributes:
        database: The database.
        lock_timeout_s: Max seconds to wait for the file.
        table: The contract of the table.
        days: The partitions. Tables and partitions that do not exist count as empty.
    """

    database: str
    lock_timeout_s: float
    table: Table
    days: Sequence[date]

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyRelation]:
        """Opens the rows as a relation with the columns of the contract. Other processes cannot write meanwhile.

        Raises:
            WarehouseError: The table of an export does not match its contract.
        """
        with open_slices(self) as [rows]:
            yield rows

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
            # A derived table whose columns differ counts as empty, because the next run drops it.
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


@contextmanager
def open_slices(*slices: StoredSlice) -> Iterator[list[duckdb.DuckDBPyRelation]]:
    """Opens slices of one database together, as `StoredSlice.open` does, with one connection.

    Raises:
        WarehouseError: The table of an export does not match its contract.
    """
    with connect(slices[0].database, read_only=True, lock_timeout_s=slices[0].lock_timeout_s) as connection:
        yield [connection.sql(each._statement(connection)) for each in slices]
