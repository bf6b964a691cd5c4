"""The resource for the database."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S, connect, is_path
from cleargrid_assets.warehouse.ledger import LedgerEntry, read_ledger
from cleargrid_assets.warehouse.slices import StoredSlice


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The database. Assets and checks read tables with it, and the IO manager uses its settings."""

    database: str = Field(description="The DuckDB file, or another database that DuckDB can open.")
    lock_timeout_s: float = Field(
        default=LOCK_TIMEOUT_S, description="Max seconds to wait while another process holds the database file."
    )

    def slice(self, table: Table, days: Sequence[date]) -> StoredSlice:
        """The rows of some days of a table."""
        return StoredSlice(self.database, self.lock_timeout_s, table, days)

    def ledger(self, table: Table) -> dict[date, LedgerEntry]:
        """What is stored of a table, by day, in order. Empty if there is no ledger or no file."""
        if is_path(self.database) and not Path(self.database).is_file():
            return {}
        with connect(self.database, read_only=True, lock_timeout_s=self.lock_timeout_s) as connection:
            return read_ledger(connection, table)
