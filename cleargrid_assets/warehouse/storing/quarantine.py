"""Stores the rows of an export that break its contract. The caller begins and commits the transaction."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date

import duckdb
import pandas as pd

from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.databases import transaction_time
from cleargrid_assets.warehouse.slices import SpooledPartition
from cleargrid_assets.warehouse.sql import in_days, quoted
from cleargrid_assets.warehouse.tables import prepare_table


def replace_quarantined(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    partitions: Sequence[SpooledPartition],
    superseded: Collection[date],
    run_id: str,
) -> None:
    """Replaces the quarantined rows of the days. Call this when the other rows of the days are stored.

    A row that is stored now, or quarantined on another day now, is removed from wherever it was quarantined before.

    Args:
        connection: In a transaction.
        table: The table of the export. Its key is one column.
        partitions: The days, with their quarantined rows.
        superseded: Days that keep the rows of another run.
        run_id: The run.
    """
    quarantine = quarantine_of(table)
    prepare_table(connection, quarantine)
    name = quoted(quarantine.name)
    current = [partition for partition in partitions if partition.day not in superseded]
    rows = [
        {PARTITION_COLUMN: partition.day, **asdict(row), "run_id": run_id}
        for partition in current
        for row in partition.quarantined
    ]
    if not rows and not connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchall():
        # Most quarantines are empty, and each statement costs time in which others wait for the tables.
        return
    of_days = in_days([partition.day for partition in current])
    connection.execute(
        f"DELETE FROM {name} WHERE {of_days} OR public_id IN (SELECT unnest($keys::VARCHAR[]))",
        {"keys": [row["public_id"] for row in rows]},
    )
    if rows:
        connection.register("quarantined", pd.DataFrame(rows))
        connection.execute(
            f"INSERT INTO {name} BY NAME SELECT *, $now::TIMESTAMPTZ AS quarantined_at FROM quarantined",
            {"now": transaction_time(connection)},
        )
    [key] = table.key
    connection.execute(
        f"DELETE FROM {name} WHERE public_id IN (SELECT {quoted(key)} FROM {quoted(table.name)} WHERE {of_days})"
    )
