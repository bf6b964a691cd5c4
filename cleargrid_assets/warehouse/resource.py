"""The resource for the database."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import partial

import dagster as dg
import duckdb
import pandas as pd
from pydantic import Field

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S, connect
from cleargrid_assets.warehouse.event_log import days_recorded_as_empty
from cleargrid_assets.warehouse.forms import Versions, stored_versions
from cleargrid_assets.warehouse.ledger import LedgerEntry, StoredDays, read_ledger, stored_days
from cleargrid_assets.warehouse.retention import dropped_days
from cleargrid_assets.warehouse.slices import StoredSlice
from cleargrid_assets.warehouse.views import queried


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The database. Assets and checks read tables with it, and the IO manager uses its settings."""

    database: str = Field(description="The DuckDB file, the lake, or the database of MotherDuck.")
    lock_timeout_s: float = Field(
        default=LOCK_TIMEOUT_S,
        description="Max seconds to wait while another process holds the database file, or a table of the lake.",
    )

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Opens the database, read-only. Other processes cannot write to a file meanwhile."""
        return connect(self.database, read_only=True, lock_timeout_s=self.lock_timeout_s)

    def slice(self, table: Table, days: Sequence[date]) -> StoredSlice:
        """The rows of some days of a table."""
        return StoredSlice(self.database, self.lock_timeout_s, table, days)

    def query(self, query: str, tables: Sequence[Table]) -> pd.DataFrame | None:
        """The rows of a query over tables; None if one of them is not there, or has other columns than its contract."""
        with self.reading() as connection:
            return queried(connection, query, tables)

    def ledger(self, table: Table) -> dict[date, LedgerEntry]:
        """What is stored of a table, by day, in order. Empty if there is no ledger or no file."""
        with self.reading() as connection:
            return read_ledger(connection, table)

    def versions(self, table: Table) -> Versions:
        """What the rows of each stored day of a table were made with, as far as it is known."""
        with self.reading() as connection:
            return stored_versions(connection, table)

    def stored_days(self, tables: Sequence[Table], instance: dg.DagsterInstance) -> dict[str, StoredDays]:
        """What is stored of each table, by its name.

        Args:
            tables: The tables.
            instance: Knows the days without rows, if the database has no ledger yet.
        """
        with self.reading() as connection:
            return stored_days(connection, tables, partial(days_recorded_as_empty, instance))

    def dropped_days(self) -> set[date]:
        """The days that were dropped from every table because of their age. Some may be stored again."""
        with self.reading() as connection:
            return dropped_days(connection)
