"""Storing and loading slices: Dagster's IO manager for databases, with one transaction around each write.

What belongs here: the meeting of Dagster's contexts with `partitions` and `slices`. What does not: SQL beyond the
statement that the UI shows, and DataFrames (`frames`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
from dagster._core.definitions.partitions.utils import TimeWindow
from dagster._core.storage.db_io_manager import DbIOManager, DbTypeHandler, TableSlice
from dagster_duckdb.io_manager import DuckDbClient

from cleargrid_assets.contracts import PARTITION_COLUMN, TABLES, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.partitions import Changes, create_table, replace_partitions, stage_spooled
from cleargrid_assets.warehouse.slices import SpooledSlice, StoredSlice
from cleargrid_assets.warehouse.sql import quoted

_TABLES = {table.name: table for table in TABLES}


def slice_io_manager(database: str) -> DbIOManager:
    """Stores spooled slices, and loads stored ones."""
    return DbIOManager(db_client=Client(), database=database, type_handlers=[_SpooledHandler(), _StoredHandler()])


class Client(DuckDbClient):
    """The stock client's statements, on a connection of ours; the handlers replace partitions themselves."""

    @staticmethod
    @contextmanager
    def connect(
        context: dg.InputContext | dg.OutputContext, _: TableSlice
    ) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A connection in a transaction to write; none to read, which a slice does later with one of its own."""
        if isinstance(context, dg.InputContext):
            yield None
            return
        with connect(**_connection_arguments(context)) as connection:
            connection.begin()
            yield connection
            connection.commit()

    @staticmethod
    def ensure_schema_exists(context: dg.OutputContext, table_slice: TableSlice, connection: Any) -> None:
        """Creates the table; `connect` has created the schema."""
        create_table(connection, contract(table_slice))

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


class _SpooledHandler(DbTypeHandler[SpooledSlice]):
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: SpooledSlice, connection: Any
    ) -> Mapping[str, Any]:
        for day in stage_spooled(connection, contract(table_slice), obj.partitions):
            context.log.warning(
                f"Another run began to fetch {day} after this one and has stored it: its rows stay, and this run's are "
                "left out."
            )
        return replace_staged(context, table_slice, connection)

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> SpooledSlice:
        raise NotImplementedError("A spooled slice is gone once it is stored: take a StoredSlice.")

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [SpooledSlice]


class _StoredHandler(DbTypeHandler[StoredSlice]):
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: StoredSlice, connection: Any
    ) -> Mapping[str, Any]:
        raise NotImplementedError("A stored slice is stored already: return a DataFrame.")

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> StoredSlice:
        return stored_slice(context, table_slice)

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [StoredSlice]


def contract(table_slice: TableSlice) -> Table:
    """The contract of the table."""
    return _TABLES[table_slice.table]


def replace_staged(context: dg.OutputContext, table_slice: TableSlice, connection: Any) -> Mapping[str, Any]:
    """Replaces the partitions by the staged rows, and says of each what changed."""
    days = [date.fromisoformat(key) for key in context.asset_partition_keys]
    changes = replace_partitions(connection, contract(table_slice), days)
    for day, change in changes.items():
        if change.moved_from:
            others = ", ".join(map(str, change.moved_from))
            context.log.warning(f"Rows of {others} have moved to {day}: materialize the analyses of those days again.")
        # On the step, not the output: metadata of an output would put a range's sum on each of its partitions.
        context.step_context.add_asset_metadata(
            _change_metadata(change), asset_key=context.asset_key, partition_key=day.isoformat()
        )
    return {"dagster/storage_kind": "duckdb"}


def stored_slice(context: dg.InputContext, table_slice: TableSlice) -> StoredSlice:
    """What the context asks for, yet to be read."""
    return StoredSlice(
        **_connection_arguments(context),
        table=contract(table_slice),
        days=[date.fromisoformat(key) for key in context.asset_partition_keys],
    )


def _change_metadata(change: Changes) -> Mapping[str, Any]:
    return {
        "dagster/partition_row_count": change.rows,
        "rows": change.rows,
        "new_rows": change.new,
        "changed_rows": change.changed,
        "removed_rows": change.removed,
        **({"moved_from": [str(day) for day in change.moved_from]} if change.moved_from else {}),
    }


def _connection_arguments(context: dg.InputContext | dg.OutputContext) -> dict[str, Any]:
    config = cast("Mapping[str, Any]", context.resource_config)
    return {"database": config["database"], "lock_timeout_s": config["lock_timeout_s"]}
