"""The IO manager as the assets' resource: which of the two ways of storing and loading an asset's rows take.

What belongs here: telling slices and DataFrames apart, and the end of a spooled slice. What does not: how either is
stored (`storage`, `frames`). Those are loaded when a run begins, and pandas with the first DataFrame.
"""

from importlib import import_module
from threading import Thread
from typing import Any

import dagster as dg
from dagster._core.storage.db_io_manager import DbIOManager
from pydantic import Field

from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S
from cleargrid_assets.warehouse.slices import SpooledSlice, StoredSlice


class WarehouseIOManager(dg.ConfigurableIOManagerFactory[dg.IOManager]):
    """Stores DataFrames and spooled slices in DuckDB, and loads DataFrames and stored slices from it.

    A write replaces its partitions in one transaction: killed at any moment, it leaves the rows of before.
    """

    database: str = Field(description="The DuckDB file, or anything else that DuckDB opens as a database.")
    lock_timeout_s: float = Field(
        default=LOCK_TIMEOUT_S, description="Seconds to wait while another process has the database file."
    )

    def create_io_manager(self, context: dg.InitResourceContext) -> dg.IOManager:
        """dagster-duckdb's for slices, dagster-duckdb-pandas's for DataFrames."""
        # It takes as long as a request or two, and an asset that has requests to wait for need not wait for both.
        Thread(target=import_module, args=("cleargrid_assets.warehouse.storage",), name="load storage").start()
        return _Manager(self.database)


class _Manager(dg.IOManager):
    def __init__(self, database: str) -> None:
        self._database = database

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        self._for(type(obj)).handle_output(context, obj)
        # Only now is the transaction over and the rows safe.
        if isinstance(obj, SpooledSlice):
            obj.discard()

    def load_input(self, context: dg.InputContext) -> Any:
        return self._for(context.dagster_type.typing_type).load_input(context)

    def _for(self, type_: object) -> DbIOManager:
        # Imported here because loading pandas is for runs that take DataFrames, and made for each call so that nothing
        # that Dagster keeps to the end of the process leads to DuckDB.
        if type_ in {SpooledSlice, StoredSlice}:
            from cleargrid_assets.warehouse.storage import slice_io_manager  # noqa: PLC0415

            return slice_io_manager(self._database)
        from cleargrid_assets.warehouse.frames import frame_io_manager  # noqa: PLC0415

        return frame_io_manager(self._database)
