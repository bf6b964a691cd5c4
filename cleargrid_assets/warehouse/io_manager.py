"""The IO manager: stores outputs of every kind, and loads inputs."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
from dagster_duckdb_pandas import DuckDBPandasIOManager

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import exclusively, file_of, transaction
from cleargrid_assets.warehouse.content import combined_hash
from cleargrid_assets.warehouse.event_log import DATA_VERSION_TAG, LEFT_OUT, entry_metadata
from cleargrid_assets.warehouse.lakes.conflicts import again_on_conflict
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import ComputedFrame, ComputedSlice, SpooledSlice, StoredSlice
from cleargrid_assets.warehouse.sql import readable
from cleargrid_assets.warehouse.storing.change_metadata import change_metadata, moved_from, stored_line
from cleargrid_assets.warehouse.storing.frames import load_frame, replace_frame, target_of
from cleargrid_assets.warehouse.storing.replacing import Days, Output, Replaced, query_of, replace_days
from cleargrid_assets.warehouse.storing.shrinking import ShrinkingError
from cleargrid_assets.warehouse.table_metadata import contract_of

VERSION = "version"
"""Metadata of an output: what its rows were made with. It is stored in the ledger."""


class WarehouseIOManager(DuckDBPandasIOManager):
    """Stores and loads DataFrames and slices in DuckDB. Each output is stored in one transaction.

    Inherited from `DuckDBPandasIOManager`: the settings `schema` and `connection_config`, and loading DataFrames of
    tables without a contract from a file.

    Not inherited: storing, because the stock manager deletes and inserts in two transactions. Loading tables with a
    contract, because the stock manager cannot read columns named like SQL keywords, a file named like its schema, or a
    table that lacks a new column, and does not wait for a locked file.

    The database is that of the `warehouse` resource. Do not set `database`: it is a copy for the stock manager.
    """

    warehouse: dg.ResourceDependency[WarehouseResource]

    def __init__(self, **values: Any) -> None:
        super().__init__(**{**values, "database": values["warehouse"].database})

    def create_io_manager(self, context: dg.InitResourceContext) -> Any:
        """Makes the manager of a run. Dagster calls this."""
        return _Manager(self.warehouse, self.schema_, super().create_io_manager(context))


class _Manager(dg.IOManager):
    def __init__(self, warehouse: WarehouseResource, schema: str | None, stock: dg.IOManager) -> None:
        self._warehouse = warehouse
        self._schema = schema
        self._stock = stock

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        table = _contract(context) if context.has_asset_key else None
        if isinstance(obj, SpooledSlice) and table is not None:
            try:
                self._replace_days(context, table, obj)
            except ShrinkingError as error:
                # The next run must ask the source again, and not continue from these pages.
                obj.discard()
                raise dg.Failure(str(error), allow_retries=False) from None
        elif isinstance(obj, (pd.DataFrame, ComputedSlice, ComputedFrame)) and table is not None:
            self._replace_days(context, table, obj)
        elif isinstance(obj, pd.DataFrame):
            self._replace_frame(context, obj)
        else:
            raise TypeError(_why_not(obj))

    def load_input(self, context: dg.InputContext) -> Any:
        kind = context.dagster_type.typing_type
        if kind is SpooledSlice:
            raise TypeError("A SpooledSlice is deleted once it is stored. Use a StoredSlice.")
        table = _contract(context.upstream_output) if context.upstream_output and context.has_asset_partitions else None
        if table is None and kind is StoredSlice:
            raise TypeError("A StoredSlice needs a partitioned asset with a contract. Use a DataFrame.")
        if table is not None and kind not in {StoredSlice, pd.DataFrame, Any}:
            raise TypeError(f"Rows of {table.name} are loaded as a DataFrame or a StoredSlice, not as {kind}.")
        columns = (context.definition_metadata or {}).get("columns")
        if table is None:
            return self._load_frame(context, columns)
        stored = self._warehouse.slice(table, _days(context))
        return stored if kind is StoredSlice else stored.frame(columns)

    def _load_frame(self, context: dg.InputContext, columns: Sequence[str] | None) -> Any:
        if context.has_asset_partitions and not context.asset_partition_keys:
            # For example, the day before the first one. There may be no table yet.
            return pd.DataFrame()
        target, file = target_of(context, self._schema), file_of(self._warehouse.database)
        if file is not None and target.schema != file.stem:
            # The stock manager opens the file to write.
            with exclusively(file, self._warehouse.lock_timeout_s):
                return self._stock.load_input(context)
        # The stock manager opens no lake, and its statements are ambiguous where file and schema have one name.
        with self._warehouse.reading() as connection:
            return load_frame(connection, target, columns)

    def _replace_days(self, context: dg.OutputContext, table: Table, rows: Days) -> None:
        execution, version = dg.AssetExecutionContext.get(), context.output_metadata.get(VERSION)
        days = rows.days if isinstance(rows, ComputedFrame) else _days(context)
        for day in set(_days(context)).difference(days):
            # Dagster records every day of the run as materialized.
            execution.add_asset_metadata({LEFT_OUT: True}, context.asset_key, day.isoformat())
        if not days:
            return
        output = Output(
            table,
            days,
            rows,
            version=None if version is None else str(version.value),
            run_id=context.run_id,
            op_name=context.op_def.name,
            instance=execution.instance,
        )
        done = replace_days(self._warehouse.database, self._warehouse.lock_timeout_s, output)
        _warn(context, table, done)
        described, is_fetched = done.described, isinstance(rows, SpooledSlice)
        if isinstance(rows, SpooledSlice):
            # After the commit, so the rows are safe.
            rows.discard()
            for day, change in done.changes.items():
                context.log.info(stored_line(table, day, change))
            described = rows.describe()
        for day, change in done.changes.items():
            # In the order of the UI, which shows what a day means before how it was stored.
            metadata = {
                **described.get(day, {}),
                **change_metadata(change, done.changes, is_fetched=is_fetched),
                **entry_metadata(done.entries[day], is_fetched=is_fetched),
            }
            execution.add_asset_metadata(metadata, context.asset_key, day.isoformat())
        for each in done.shrunk:
            execution.add_asset_metadata({"shrunk_from": each.before}, context.asset_key, each.day.isoformat())
        data_version = combined_hash({day: done.entries[day].content_hash for day in days})
        execution.set_data_version(context.asset_key, dg.DataVersion(data_version))
        left = [entry for day, entry in sorted(done.entries.items()) if day not in done.changes]
        _report_days_left(context, left, is_fetched=is_fetched)
        # Once, because Dagster would keep it with every day.
        execution.add_asset_metadata({"Query": done.query}, context.asset_key, days[-1].isoformat())

    def _replace_frame(self, context: dg.OutputContext, frame: pd.DataFrame) -> None:
        target = target_of(context, self._schema)

        def transact() -> str:
            with transaction(
                self._warehouse.database, self._warehouse.lock_timeout_s, [f"{target.schema}.{target.table}"]
            ) as connection:
                replace_frame(connection, target, frame)
                return query_of(connection, target)

        query = again_on_conflict(transact)
        shown: dict[str, Any] = {
            "dagster/storage_kind": "duckdb",
            "dagster/table_name": f"{readable(target.schema)}.{readable(target.table)}",
            "Query": query,
        }
        if not context.has_asset_key or not context.has_asset_partitions:
            shown["dagster/row_count"] = len(frame)
        elif len(context.asset_partition_keys) == 1:
            shown["dagster/partition_row_count"] = len(frame)
        # Entries that the asset has set itself are kept.
        context.add_output_metadata({key: value for key, value in shown.items() if key not in context.output_metadata})


def _contract(context: dg.OutputContext) -> Table | None:
    return contract_of(context.asset_key.path[-1], context.definition_metadata)


def _days(context: dg.InputContext | dg.OutputContext) -> list[date]:
    return [date.fromisoformat(key) for key in context.asset_partition_keys]


def _why_not(obj: object) -> str:
    if obj is None:
        return "The asset returned None. Return a DataFrame, or annotate the asset with `-> None` if it stores nothing."
    if isinstance(obj, StoredSlice):
        return "A StoredSlice is already stored. Return a DataFrame."
    if isinstance(obj, (SpooledSlice, ComputedSlice, ComputedFrame)):
        return (
            f"A {type(obj).__name__} needs an asset with a contract in its metadata (`table_metadata`). Return a "
            "DataFrame."
        )
    return f"Values of the type {type(obj).__name__} cannot be stored in DuckDB. Return a DataFrame."


def _warn(context: dg.OutputContext, table: Table, done: Replaced) -> None:
    for day in done.superseded:
        context.log.warning(
            f"Another run began to fetch {day} later than this run and has stored it. Its rows are kept. The rows of "
            "this run are discarded."
        )
    for day, change in done.changes.items():
        if losing := moved_from(change, done.changes):
            others = ", ".join(losing)
            context.log.warning(f"Rows of {others} have moved to {day}. Materialize the analyses of {others} again.")
    if dropped := [day for day in done.dropped if day not in done.changes]:
        context.log.warning(
            f"The columns of {table.name} have changed, so the table was dropped and rebuilt. Materialize the other "
            f"days that it held again: {', '.join(map(str, dropped))}."
        )


def _report_days_left(context: dg.OutputContext, entries: Sequence[LedgerEntry], *, is_fetched: bool) -> None:
    """Reports days that lost rows to Dagster, so that what was computed from them becomes stale."""
    keys = set(context.asset_partitions_def.get_partition_keys()) if entries else set()
    for entry in entries:
        if entry.day.isoformat() in keys:
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key,
                    description="Rows of this day moved to another day, which was materialized.",
                    metadata=entry_metadata(entry, is_fetched=is_fetched),
                    partition=entry.day.isoformat(),
                    tags={DATA_VERSION_TAG: entry.content_hash},
                )
            )
