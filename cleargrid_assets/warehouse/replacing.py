"""Replaces days of a table that has a contract, whatever kind of output has their rows, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from cleargrid_assets.contracts import TABLES
from cleargrid_assets.quarantine import quarantine_of
from cleargrid_assets.schema import PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.warehouse.change_metadata import moved_away
from cleargrid_assets.warehouse.computed import replace_computed
from cleargrid_assets.warehouse.conflicts import again_on_conflict
from cleargrid_assets.warehouse.connection import transaction
from cleargrid_assets.warehouse.content import content_hashes
from cleargrid_assets.warehouse.databases import catalog, name_of, transaction_time
from cleargrid_assets.warehouse.event_log import days_recorded_as_empty
from cleargrid_assets.warehouse.forms import refuse_other_form
from cleargrid_assets.warehouse.frames import Target
from cleargrid_assets.warehouse.ledger import LedgerEntry, Write, forget, prepare_ledger, write_entries
from cleargrid_assets.warehouse.partitions import Changes, replace_partitions, stage_frame, stage_spooled
from cleargrid_assets.warehouse.quarantine import replace_quarantined
from cleargrid_assets.warehouse.shrinking import Shrunk, refuse_unconfirmed, shrunk_days
from cleargrid_assets.warehouse.slices import ComputedSlice, FrameWithViews, SpooledSlice
from cleargrid_assets.warehouse.sql import readable
from cleargrid_assets.warehouse.tables import prepare_table
from cleargrid_assets.warehouse.views import replace_views

Days = SpooledSlice | ComputedSlice | FrameWithViews | pd.DataFrame
"""The kinds of an output that are partitions of a table with a contract."""


@dataclass(frozen=True)
class Output:
    """Days to store.

    Attributes:
        table: Their table.
        days: The days.
        rows: Their rows.
        version: What the rows were made with; None if the asset did not say.
        run_id: The run.
        op_name: The op of the asset.
        instance: Knows the days without rows, if the database has no ledger yet.
    """

    table: Table
    days: Sequence[date]
    rows: Days
    version: str | None
    run_id: str
    op_name: str
    instance: dg.DagsterInstance


@dataclass
class Replaced:
    """What storing an output did.

    Attributes:
        query: The query that reads its rows.
        dropped: The days of the table that was dropped before, because its columns had changed.
        changes: What changed in each of the days.
        described: Metadata of each day, besides the changes.
        superseded: The days that another run began to fetch later, and has stored.
        shrunk: The days that lost rows.
        entries: The entries of the days, and of other days that lost rows to them.
    """

    query: str
    dropped: Sequence[date]
    changes: Mapping[date, Changes] = field(default_factory=dict)
    described: Mapping[date, Mapping[str, Any]] = field(default_factory=dict)
    superseded: Sequence[date] = ()
    shrunk: Sequence[Shrunk] = ()
    entries: Mapping[date, LedgerEntry] = field(default_factory=dict)


def replace_days(database: str, lock_timeout_s: float, output: Output) -> Replaced:
    """Stores the days in place of what was stored of them.

    Raises:
        WarehouseError: The database cannot be used, or the rows cannot be stored. The message says why.
    """
    tables, sources = [name_of(output.table)], []
    if isinstance(output.rows, SpooledSlice):
        tables.append(name_of(quarantine_of(output.table)))
    elif isinstance(output.rows, ComputedSlice):
        sources.append(name_of(output.rows.source))

    def transact() -> Replaced:
        with transaction(database, lock_timeout_s, tables, sources) as connection:
            return _replace(connection, output)

    return again_on_conflict(transact)


def _replace(connection: duckdb.DuckDBPyConnection, output: Output) -> Replaced:
    table = output.table
    before = prepare_ledger(connection, table, TABLES, partial(days_recorded_as_empty, output.instance))
    dropped = prepare_table(connection, table)
    if dropped is not None:
        forget(connection, table)
        dropped, before = sorted({*dropped, *before}), {}
    refuse_other_form(table.name, {day: entry.version for day, entry in before.items()}, output.version)
    done = Replaced(query_of(connection, Target(SCHEMA, table.name, _days_condition(output.days))), dropped or ())
    _replace_rows(connection, output, before, done)
    done.entries = _write_ledger(connection, output, before, done)
    return done


def _replace_rows(
    connection: duckdb.DuckDBPyConnection, output: Output, before: Mapping[date, LedgerEntry], done: Replaced
) -> None:
    table, days, rows = output.table, output.days, output.rows
    if isinstance(rows, ComputedSlice):
        done.changes, done.described = replace_computed(connection, table, rows, days)
    elif isinstance(rows, SpooledSlice):
        done.superseded = stage_spooled(connection, table, rows.partitions, before)
        done.changes = replace_partitions(connection, table, days)
        replace_quarantined(connection, table, rows.partitions, done.superseded, output.run_id)
        counts = {day: change.rows for day, change in done.changes.items()}
        done.shrunk = shrunk_days(rows, before, counts, moved_away(done.changes))
        refuse_unconfirmed(done.shrunk, rows, output.op_name)
    elif isinstance(rows, FrameWithViews):
        stage_frame(connection, table, rows.rows)
        done.changes = replace_partitions(connection, table, days)
        replace_views(connection, rows.views)
    else:
        stage_frame(connection, table, rows)
        done.changes = replace_partitions(connection, table, days)


def _write_ledger(
    connection: duckdb.DuckDBPyConnection, output: Output, before: Mapping[date, LedgerEntry], done: Replaced
) -> dict[date, LedgerEntry]:
    """Writes the entries of the replaced days and of the days that lost rows.

    Returns:
        The entries of these days and of the superseded days.
    """
    replaced = [day for day in done.changes if day not in done.superseded]
    moved = moved_away(done.changes)
    lost = sorted(day for day in moved if day not in replaced and day in before)
    hashes = content_hashes(connection, output.table, [*replaced, *lost])
    partitions = output.rows.partitions if isinstance(output.rows, SpooledSlice) else []
    write = Write(
        table=output.table,
        stored_at=transaction_time(connection),
        run_id=output.run_id,
        version=output.version,
        extracted_at={partition.day: partition.extracted_at for partition in partitions},
    )
    entries = {day: write.replaced(day, done.changes[day].rows, hashes[day]) for day in replaced}
    entries |= {day: write.lost(before[day], moved[day], hashes[day]) for day in lost}
    write_entries(connection, list(entries.values()))
    return {**{day: before[day] for day in done.superseded}, **entries}


def _days_condition(days: Sequence[date]) -> str:
    if len(days) == 1:
        return f"{PARTITION_COLUMN} = '{days[0]}'"
    return f"{PARTITION_COLUMN} BETWEEN '{min(days)}' AND '{max(days)}'"


def query_of(connection: duckdb.DuckDBPyConnection, target: Target) -> str:
    """The query that reads the rows of an output, without a file path."""
    name = f"{readable(target.schema)}.{readable(target.table)}"
    # If the file is named like the schema, DuckDB needs the catalog, too.
    qualified = f"{readable(target.schema)}.{name}" if catalog(connection) == target.schema else name
    return f"FROM {qualified}" + (f" WHERE {target.condition}" if target.condition else "")
