"""The IO manager: stores outputs of every kind, and loads inputs."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
from dagster_duckdb_pandas import DuckDBPandasIOManager

from cleargrid_assets.contracts import TABLES
from cleargrid_assets.schema import PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.warehouse.change_metadata import change_metadata, moved_away, moved_from, stored_line
from cleargrid_assets.warehouse.computed import replace_computed
from cleargrid_assets.warehouse.connection import catalog, exclusively, transaction
from cleargrid_assets.warehouse.content import combined_hash, content_hashes
from cleargrid_assets.warehouse.event_log import DATA_VERSION_TAG, days_recorded_as_empty, entry_metadata
from cleargrid_assets.warehouse.forms import refuse_other_form
from cleargrid_assets.warehouse.frames import Target, replace_frame, target_of
from cleargrid_assets.warehouse.ledger import (
    LedgerEntry,
    Write,
    forget,
    prepare_ledger,
    read_ledger,
    transaction_time,
    write_entries,
)
from cleargrid_assets.warehouse.partitions import (
    Changes,
    replace_partitions,
    stage_frame,
    stage_spooled,
)
from cleargrid_assets.warehouse.quarantine import replace_quarantined
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.shrinking import ShrinkingError, Shrunk, refuse_unconfirmed, shrunk_days
from cleargrid_assets.warehouse.slices import ComputedSlice, FrameWithViews, SpooledSlice, StoredSlice
from cleargrid_assets.warehouse.sql import readable
from cleargrid_assets.warehouse.table_metadata import contract_of
from cleargrid_assets.warehouse.tables import prepare_table
from cleargrid_assets.warehouse.views import replace_views

_Days = SpooledSlice | ComputedSlice | FrameWithViews | pd.DataFrame
"""The kinds of an output that are partitions of a table with a contract."""

VERSION = "version"
"""Metadata of an output: what its rows were made with. It is stored in the ledger."""


class WarehouseIOManager(DuckDBPandasIOManager):
    """Stores and loads DataFrames and slices in DuckDB. Each output is stored in one transaction.

    Inherited from `DuckDBPandasIOManager`: the settings `schema` and `connection_config`, and loading DataFrames of
    tables without a contract.

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
            # After the commit, so the rows are safe.
            obj.discard()
            for day, metadata in obj.describe().items():
                dg.AssetExecutionContext.get().add_asset_metadata(metadata, context.asset_key, day.isoformat())
        elif isinstance(obj, (pd.DataFrame, ComputedSlice, FrameWithViews)) and table is not None:
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
        if table is None:
            # The stock manager opens the file to write.
            with exclusively(self._warehouse.database, self._warehouse.lock_timeout_s):
                return self._stock.load_input(context)
        stored = self._warehouse.slice(table, _days(context))
        return stored if kind is StoredSlice else stored.frame((context.definition_metadata or {}).get("columns"))

    def _replace_days(self, context: dg.OutputContext, table: Table, obj: _Days) -> None:
        days = _days(context)
        execution = dg.AssetExecutionContext.get()
        superseded: list[date] = []
        shrunk: list[Shrunk] = []
        described: Mapping[date, Mapping[str, Any]] = {}
        with transaction(self._warehouse.database, self._warehouse.lock_timeout_s) as connection:
            prepare_ledger(connection, [*TABLES, table], partial(days_recorded_as_empty, execution.instance))
            dropped = prepare_table(connection, table)
            if dropped is not None:
                dropped = sorted({*dropped, *forget(connection, table)})
            before = read_ledger(connection, table)
            write = _write(context, connection, table, obj)
            refuse_other_form(table.name, {day: entry.version for day, entry in before.items()}, write.version)
            if isinstance(obj, ComputedSlice):
                changes, described = replace_computed(connection, table, obj, days)
            elif isinstance(obj, SpooledSlice):
                superseded = stage_spooled(connection, table, obj.partitions)
                changes = replace_partitions(connection, table, days)
                replace_quarantined(connection, table, obj.partitions, superseded, context.run_id)
                shrunk = shrunk_days(
                    obj, before, {day: change.rows for day, change in changes.items()}, moved_away(changes)
                )
                refuse_unconfirmed(shrunk, obj, context.op_def.name)
            elif isinstance(obj, FrameWithViews):
                stage_frame(connection, table, obj.rows)
                changes = replace_partitions(connection, table, days)
                replace_views(connection, obj.views)
            else:
                stage_frame(connection, table, obj)
                changes = replace_partitions(connection, table, days)
            entries = _write_ledger(connection, write, before, changes, superseded)
            query = _query(connection, Target(SCHEMA, table.name, _days_condition(days)))
        _warn(context, table, changes, superseded, [day for day in dropped or () if day not in changes])
        for day, change in changes.items():
            metadata = {
                **change_metadata(change, changes),
                **entry_metadata(entries[day]),
                **described.get(day, {}),
            }
            execution.add_asset_metadata(metadata, context.asset_key, day.isoformat())
            if isinstance(obj, SpooledSlice):
                context.log.info(stored_line(table, day, change))
        for each in shrunk:
            execution.add_asset_metadata({"shrunk_from": each.before}, context.asset_key, each.day.isoformat())
        version = combined_hash({day: entries[day].content_hash for day in days})
        execution.set_data_version(context.asset_key, dg.DataVersion(version))
        _report_days_left(context, [entry for day, entry in sorted(entries.items()) if day not in changes])
        # Once, because Dagster would keep it with every day.
        execution.add_asset_metadata({"Query": query}, context.asset_key, days[-1].isoformat())

    def _replace_frame(self, context: dg.OutputContext, frame: pd.DataFrame) -> None:
        target = target_of(context, self._schema)
        with transaction(self._warehouse.database, self._warehouse.lock_timeout_s) as connection:
            replace_frame(connection, target, frame)
            query = _query(connection, target)
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
    if isinstance(obj, (SpooledSlice, ComputedSlice, FrameWithViews)):
        return (
            f"A {type(obj).__name__} needs an asset with a contract in its metadata (`table_metadata`). Return a "
            "DataFrame."
        )
    return f"Values of the type {type(obj).__name__} cannot be stored in DuckDB. Return a DataFrame."


def _warn(
    context: dg.OutputContext,
    table: Table,
    changes: Mapping[date, Changes],
    superseded: Sequence[date],
    dropped: Sequence[date],
) -> None:
    for day in superseded:
        context.log.warning(
            f"Another run began to fetch {day} later than this run and has stored it. Its rows are kept. The rows of "
            "this run are discarded."
        )
    for day, change in changes.items():
        if losing := moved_from(change, changes):
            others = ", ".join(losing)
            context.log.warning(f"Rows of {others} have moved to {day}. Materialize the analyses of {others} again.")
    if dropped:
        context.log.warning(
            f"The columns of {table.name} have changed, so the table was dropped and rebuilt. Materialize the other "
            f"days that it held again: {', '.join(map(str, dropped))}."
        )


def _report_days_left(context: dg.OutputContext, entries: Sequence[LedgerEntry]) -> None:
    """Reports days that lost rows to Dagster, so that what was computed from them becomes stale."""
    keys = set(context.asset_partitions_def.get_partition_keys()) if entries else set()
    for entry in entries:
        if entry.day.isoformat() in keys:
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key,
                    description="Rows of this day moved to another day, which was materialized.",
                    metadata=entry_metadata(entry),
                    partition=entry.day.isoformat(),
                    tags={DATA_VERSION_TAG: entry.content_hash},
                )
            )


def _write(context: dg.OutputContext, connection: duckdb.DuckDBPyConnection, table: Table, obj: _Days) -> Write:
    partitions = obj.partitions if isinstance(obj, SpooledSlice) else []
    version = context.output_metadata.get(VERSION)
    return Write(
        table=table,
        stored_at=transaction_time(connection),
        run_id=context.run_id,
        version=None if version is None else str(version.value),
        extracted_at={partition.day: partition.extracted_at for partition in partitions},
    )


def _write_ledger(
    connection: duckdb.DuckDBPyConnection,
    write: Write,
    before: Mapping[date, LedgerEntry],
    changes: Mapping[date, Changes],
    superseded: Sequence[date],
) -> dict[date, LedgerEntry]:
    """Writes the entries of the replaced days and of the days that lost rows.

    Returns:
        The entries of these days and of the superseded days.
    """
    replaced = [day for day in changes if day not in superseded]
    moved = moved_away(changes)
    lost = sorted(day for day in moved if day not in replaced and day in before)
    hashes = content_hashes(connection, write.table, [*replaced, *lost])
    entries = {day: write.replaced(day, changes[day].rows, hashes[day]) for day in replaced}
    entries |= {day: write.lost(before[day], moved[day], hashes[day]) for day in lost}
    write_entries(connection, list(entries.values()))
    return {**{day: before[day] for day in superseded}, **entries}


def _days_condition(days: Sequence[date]) -> str:
    if len(days) == 1:
        return f"{PARTITION_COLUMN} = '{days[0]}'"
    return f"{PARTITION_COLUMN} BETWEEN '{min(days)}' AND '{max(days)}'"


def _query(connection: duckdb.DuckDBPyConnection, target: Target) -> str:
    """The query that reads the rows of an output, without a file path."""
    name = f"{readable(target.schema)}.{readable(target.table)}"
    # If the file is named like the schema, DuckDB needs the catalog, too.
    qualified = f"{readable(target.schema)}.{name}" if catalog(connection) == target.schema else name
    return f"FROM {qualified}" + (f" WHERE {target.condition}" if target.condition else "")
