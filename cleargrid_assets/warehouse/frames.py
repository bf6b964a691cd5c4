"""Storing and loading DataFrames: dagster-duckdb-pandas's handler, held to the contracts.

What belongs here: DataFrames. What does not: what they have in common with slices (`storage`).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd
from dagster._core.storage.db_io_manager import DbIOManager, TableSlice
from dagster_duckdb_pandas import DuckDBPandasTypeHandler

from cleargrid_assets.warehouse.partitions import stage_frame
from cleargrid_assets.warehouse.storage import Client, contract, replace_staged, stored_slice


def frame_io_manager(database: str) -> DbIOManager:
    """Stores DataFrames, and loads them also where an input does not say what it wants."""
    return DbIOManager(
        db_client=Client(), database=database, type_handlers=[_Handler()], default_load_type=pd.DataFrame
    )


class _Handler(DuckDBPandasTypeHandler):
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pd.DataFrame, connection: Any
    ) -> Mapping[str, Any]:
        stage_frame(connection, contract(table_slice), obj)
        return replace_staged(context, table_slice, connection)

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> pd.DataFrame:
        return stored_slice(context, table_slice).frame(table_slice.columns)
