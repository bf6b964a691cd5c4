"""What Dagster's event log says of stored days."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.content import HASH_OF_NO_ROWS
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.table_metadata import asset_key

_ROWS, _HASH, _STORED_AT = "rows", "content_hash", "stored_at"
DATA_VERSION_TAG = "dagster/data_version"
LEFT_OUT = "left_out"
"""Metadata of the materialization of a day that its run could not compute, so that nothing is stored of it."""

_BATCH = 500
"""Max records of one query. SQLite limits the number of parameters."""


@dataclass(frozen=True)
class Recorded:
    """What the latest materialization of a day said.

    Attributes:
        rows: The rows of the day; None if it did not say.
        content_hash: Their hash; None if it did not say, as of computed rows and in earlier versions of this project.
        stored_at: When they were written, in seconds since 1970; None in earlier versions.
        left_out: Whether the run stored nothing of the day, because it could not be computed.
    """

    rows: int | None
    content_hash: str | None
    stored_at: float | None
    left_out: bool = False


def entry_metadata(entry: LedgerEntry, *, is_fetched: bool) -> Mapping[str, Any]:
    """The metadata of a materialization that `last_recorded` reads.

    Args:
        entry: The entry of the day.
        is_fetched: Whether the rows come from the source. Only their hash is compared with the ledger.
    """
    # In words, because the UI does not wrap a long word and would cut off every other value.
    hashed = {_HASH: " ".join(re.findall(".{1,8}", entry.content_hash))} if is_fetched else {}
    return {_ROWS: entry.row_count, **hashed, _STORED_AT: dg.MetadataValue.timestamp(entry.stored_at)}


def recorded_days(instance: dg.DagsterInstance, table: Table) -> set[date]:
    """The days that have been materialized at least once."""
    return {date.fromisoformat(key) for key in instance.get_materialized_partitions(asset_key(table))}


def last_recorded(
    instance: dg.DagsterInstance, table: Table, days: Collection[date] | None = None
) -> dict[date, Recorded]:
    """Reads the latest materialization of every day, or of some days."""
    latest = instance.get_latest_storage_id_by_partition(
        asset_key(table),
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        None if days is None else {day.isoformat() for day in days},
    )
    ids = sorted(latest.values())
    found = {}
    for begin in range(0, len(ids), _BATCH):
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key(table), storage_ids=ids[begin : begin + _BATCH]), limit=_BATCH
        ).records
        for record in records:
            if record.asset_materialization and record.partition_key:
                found[date.fromisoformat(record.partition_key)] = _recorded(record.asset_materialization)
    return found


def days_left_out(instance: dg.DagsterInstance, table: Table, days: Collection[date]) -> set[date]:
    """Those of the days of which the latest run stored nothing, because they could not be computed."""
    latest = last_recorded(instance, table, days) if days else {}
    return {day for day, recorded in latest.items() if recorded.left_out}


def days_recorded_as_empty(instance: dg.DagsterInstance, table: Table, days_with_rows: Collection[date]) -> set[date]:
    """The days whose latest materialization had no rows, besides those that have rows now."""
    candidates = recorded_days(instance, table) - set(days_with_rows)
    latest = last_recorded(instance, table, candidates) if candidates else {}
    return {day for day, recorded in latest.items() if recorded.rows == 0}


def _recorded(materialization: dg.AssetMaterialization) -> Recorded:
    values = {name: value.value for name, value in materialization.metadata.items()}
    rows, content_hash, stored_at = (values.get(name) for name in (_ROWS, _HASH, _STORED_AT))
    if rows is None and (materialization.tags or {}).get(DATA_VERSION_TAG) == HASH_OF_NO_ROWS:
        # Earlier versions said no more of a day whose rows had all moved to another day.
        rows = 0
    return Recorded(
        rows if isinstance(rows, int) else None,
        content_hash.replace(" ", "") if isinstance(content_hash, str) else None,
        stored_at if isinstance(stored_at, float) else None,
        LEFT_OUT in values,
    )
