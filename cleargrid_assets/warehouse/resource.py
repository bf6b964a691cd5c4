"""The resource for the database."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
from pydantic import Field

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S
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
