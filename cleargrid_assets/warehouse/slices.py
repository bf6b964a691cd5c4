"""What assets and the IO manager pass to each other besides DataFrames: references to rows on disk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from cleargrid_assets.contracts import DAYS, LATEST_ENTRIES
from cleargrid_assets.schema import QuarantinedRow, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.sql import in_days, quoted
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
        describe: Makes metadata of some of the days. Called when the rows are stored.
    """

    partitions: Sequence[SpooledPartition]
    discard: Callable[[], None]
    max_shrink: float = 1.0
    accept_shrinking: bool = False
    describe: Callable[[], Mapping[date, Mapping[str, Any]]] = dict


@dataclass(frozen=True)
class ComputedSlice:
    """Partitions that DuckDB computes from those of another table, in the transaction that stores them.

    The rows never leave the database.

    Attributes:
        source: The contract of the other table. Its stored days are those of the run.
        compute: Makes the rows to store from the connection and the rows of the source.
        describe: Makes metadata of each day from the rows of the source and the computed rows.
        views: The query of each view that is made in the transaction, by its name, as in `ComputedFrame`.
        macros: The query of each table macro that is made in it, by its name and parameters.
    """

    source: Table
    compute: Callable[[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation], duckdb.DuckDBPyRelation]
    describe: Callable[[duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation], Mapping[date, Mapping[str, Any]]]
    views: Mapping[str, str] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComputedFrame:
    """Partitions that an analysis has computed.

    Attributes:
        rows: Their rows.
        days: The partitions to store. The others of the run stay as they are.
        views: The query of each view that is made in the transaction that stores the rows, by its name. Table names in
            a query are bare, so that a view outlives renaming the database file and attaching it under another name.
    """

    rows: pd.DataFrame
    days: Sequence[date]
    views: Mapping[str, str] = field(default_factory=dict)


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


@contextmanager
def open_slices(*slices: StoredSlice) -> Iterator[list[duckdb.DuckDBPyRelation]]:
    """Opens slices of one database together, as `StoredSlice.open` does, with one connection.

    Raises:
        WarehouseError: The table of an export does not match its contract.
    """
    with connect(slices[0].database, read_only=True, lock_timeout_s=slices[0].lock_timeout_s) as connection:
        yield [stored_rows(connection, each.table, each.days) for each in slices]


def stored_rows(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> duckdb.DuckDBPyRelation:
    """The stored rows of the days, as a relation with the columns of the contract.

    Tables and partitions that do not exist count as empty.

    Raises:
        WarehouseError: The table of an export does not match its contract.
    """
    found = stored_columns(connection, table)
    missing = missing_columns(table, found)
    if found and missing is None and table.is_export:
        raise columns_differ(table, found)
    if not found or missing is None:
        # A derived table whose columns differ counts as empty, because the next run drops it.
        nulls = ", ".join(f"NULL::{column.type} AS {quoted(column.name)}" for column in table.columns)
        return connection.sql(f"SELECT {nulls} WHERE false")
    columns = ", ".join(
        f"NULL::{column.type} AS {quoted(column.name)}" if column in missing else quoted(column.name)
        for column in table.columns
    )
    rows = LATEST_ENTRIES if table == DAYS else quoted(table.name)
    return connection.sql(f"SELECT {columns} FROM {rows} WHERE {in_days(days)}")
