"""The IO manager: dagster-duckdb-pandas's, with one transaction around each write and the contracts enforced.

What belongs here: the meeting of Dagster's contexts with `partitions` and `slices`. What does not: SQL.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
import pandas as pd
from dagster._core.definitions.partitions.utils import TimeWindow
from dagster._core.storage.db_io_manager import DbIOManager, DbTypeHandler, TableSlice
from dagster_duckdb.io_manager import DuckDbClient
from dagster_duckdb_pandas import DuckDBPandasIOManager, DuckDBPandasTypeHandler
from pydantic import Field

from cleargrid_assets.contracts import PARTITION_COLUMN, TABLES
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S, connect, quoted
from cleargrid_assets.warehouse.partitions import (
    Changes,
    create_table,
    replace_partitions,
    stage_frame,
    stage_spooled,
)
from cleargrid_assets.warehouse.slices import SpooledSlice, StoredSlice

_TABLES = {table.name: table for table in TABLES}


class WarehouseIOManager(DuckDBPandasIOManager):
    """Stores DataFrames and spooled slices in DuckDB, and loads DataFrames and stored slices from it.

    A write replaces its partitions in one transaction: killed at any moment, it leaves the rows of before.
    """

    lock_timeout_s: float = Field(
        default=LOCK_TIMEOUT_S, description="Seconds to wait while another process has the database file."
    )

    @staticmethod
    def type_handlers() -> Sequence[DbTypeHandler[Any]]:
        """One handler for each type that assets return or take."""
        return [_FrameHandler(), _SpooledSliceHandler(), _StoredSliceHandler()]

    def create_io_manager(self, context: dg.InitResourceContext) -> DbIOManager:
        """The stock IO manager, with this project's connections."""
        return _Manager(
            db_client=_Client(),
            database=self.database,
            type_handlers=self.type_handlers(),
            default_load_type=self.default_load_type(),
        )


class _Manager(DbIOManager):
    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        super().handle_output(context, obj)
        # Only now is the transaction over and the rows safe.
        if isinstance(obj, SpooledSlice):
            obj.discard()


class _Client(DuckDbClient):
    """The stock client's statements, on a connection of ours; the handlers replace partitions themselves."""

    @staticmethod
    @contextmanager
    def connect(
        context: dg.InputContext | dg.OutputContext, _: TableSlice
    ) -> Iterator[duckdb.DuckDBPyConnection | None]:
        if isinstance(context, dg.InputContext):
            # A slice is read later, by a connection of its own, which must not find the file in use by this one.
            yield None
            return
        with connect(**_connection_arguments(context)) as connection:
            connection.begin()
            yield connection
            connection.commit()

    @staticmethod
    def ensure_schema_exists(context: dg.OutputContext, table_slice: TableSlice, connection: Any) -> None:
        """Creates the table; `connect` has created the schema."""
        create_table(connection, _TABLES[table_slice.table])

    @staticmethod
    def delete_table_slice(context: dg.OutputContext, table_slice: TableSlice, connection: Any) -> None:
        """Nothing yet: the old rows are compared with the new ones first."""

    @staticmethod
    def get_select_statement(table_slice: TableSlice) -> str:
        """A statement to copy from the UI into a DuckDB shell that has the file open."""
        # With the catalog, which DuckDB names after the file up to a dot: see `connect` for why the schema alone will
        # not do.
        catalog = Path(str(table_slice.database)).name.lstrip(".").split(".")[0]
        name = f"{quoted(catalog)}.{table_slice.schema}.{table_slice.table}"
        days = [
            f"{PARTITION_COLUMN} >= '{window.start:%Y-%m-%d}' AND {PARTITION_COLUMN} < '{window.end:%Y-%m-%d}'"
            for window in (dimension.partitions for dimension in table_slice.partition_dimensions or [])
            if isinstance(window, TimeWindow)
        ]
        return " WHERE ".join([f"FROM {name}", *days])

    @staticmethod
    def get_table_name(table_slice: TableSlice) -> str:
        """Without the database, which may be a path of the machine."""
        return f"{table_slice.schema}.{table_slice.table}"


class _FrameHandler(DuckDBPandasTypeHandler):
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pd.DataFrame, connection: Any
    ) -> Mapping[str, Any]:
        stage_frame(connection, _TABLES[table_slice.table], obj)
        return _replace(context, table_slice, connection)

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> pd.DataFrame:
        return _stored_slice(context, table_slice).frame(table_slice.columns)


class _SpooledSliceHandler(DbTypeHandler[SpooledSlice]):
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: SpooledSlice, connection: Any
    ) -> Mapping[str, Any]:
        stage_spooled(connection, _TABLES[table_slice.table], obj.partitions)
        return _replace(context, table_slice, connection)

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> SpooledSlice:
        raise NotImplementedError("A spooled slice is gone once it is stored: take a StoredSlice.")

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [SpooledSlice]


class _StoredSliceHandler(DbTypeHandler[StoredSlice]):
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: StoredSlice, connection: Any
    ) -> Mapping[str, Any]:
        raise NotImplementedError("A stored slice is stored already: return a DataFrame.")

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> StoredSlice:
        return _stored_slice(context, table_slice)

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [StoredSlice]


def _replace(context: dg.OutputContext, table_slice: TableSlice, connection: Any) -> Mapping[str, Any]:
    """Replaces the partitions, and says of each what changed."""
    days = [date.fromisoformat(key) for key in context.asset_partition_keys]
    changes = replace_partitions(connection, _TABLES[table_slice.table], days)
    for day, change in changes.items():
        if change.moved_from:
            others = ", ".join(map(str, change.moved_from))
            context.log.warning(f"Rows of {others} have moved to {day}: materialize the analyses of those days again.")
        # On the step, not the output: metadata of an output would put a range's sum on each of its partitions.
        context.step_context.add_asset_metadata(
            _change_metadata(change), asset_key=context.asset_key, partition_key=day.isoformat()
        )
    return {"dagster/storage_kind": "duckdb"}


def _change_metadata(change: Changes) -> Mapping[str, Any]:
    return {
        "dagster/partition_row_count": change.rows,
        "rows": change.rows,
        "new_rows": change.new,
        "changed_rows": change.changed,
        "removed_rows": change.removed,
        **({"moved_from": [str(day) for day in change.moved_from]} if change.moved_from else {}),
    }


def _stored_slice(context: dg.InputContext, table_slice: TableSlice) -> StoredSlice:
    return StoredSlice(
        **_connection_arguments(context),
        table=_TABLES[table_slice.table],
        days=[date.fromisoformat(key) for key in context.asset_partition_keys],
    )


def _connection_arguments(context: dg.InputContext | dg.OutputContext) -> dict[str, Any]:
    config = cast("Mapping[str, Any]", context.resource_config)
    return {"database": config["database"], "lock_timeout_s": config["lock_timeout_s"]}
