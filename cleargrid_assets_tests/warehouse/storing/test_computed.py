"""Rows that DuckDB computes from another table while it stores them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.schema import Column, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import read_ledger
from cleargrid_assets.warehouse.slices import ComputedSlice
from cleargrid_assets.warehouse.sources import NotStoredError
from cleargrid_assets_tests.warehouse.materializing import ADDRESS, DAILY, DAY_1, DAY_2, DAY_3, Warehouse, log

LENGTHS = Table(
    "lengths",
    (
        Column("public_id", "VARCHAR", "The key."),
        Column("communicated_date", "DATE", "The day."),
        Column("letters", "INTEGER", "Length of the status."),
    ),
    key=("public_id",),
)
STATUS = "public_id, communicated_date, length(status)::INTEGER AS letters"


def lengths(projection: str = STATUS) -> ComputedSlice:
    """The length of each status, with the longest one of each day as metadata."""

    def compute(_connection: duckdb.DuckDBPyConnection, logs: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        return logs.project(projection)

    def describe(logs: duckdb.DuckDBPyRelation, rows: duckdb.DuckDBPyRelation) -> Mapping[date, Mapping[str, Any]]:
        assert logs.columns == COMMUNICATION_LOGS.column_names
        longest = rows.aggregate("communicated_date, max(letters)").fetchall()
        return {day: {"longest": letters} for day, letters in longest}

    return ComputedSlice(COMMUNICATION_LOGS, compute, describe)


def store(warehouse: Warehouse, *days: date, computed: ComputedSlice | None = None) -> dict[date, dict[str, Any]]:
    return warehouse.store_for_metadata(computed or lengths(), *days, table=LENGTHS)


def rows(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.everything(LENGTHS)


def test_days_are_replaced_by_rows_computed_from_what_is_stored(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a", status="BUSY"), log("b"))
    warehouse.store_day(DAY_2, log("c", DAY_2))
    metadata = store(warehouse, DAY_1, DAY_2)
    assert rows(warehouse) == [("a", DAY_1, 4), ("b", DAY_1, 8), ("c", DAY_2, 8)]
    assert [(each["rows"], each["longest"]) for each in metadata.values()] == [(2, 8), (1, 8)]
    # The log says what changed.
    assert not {"new_rows", "content_hash"} & metadata[DAY_1].keys()
    warehouse.store_day(DAY_1, log("a", status="FAILED"))
    store(warehouse, DAY_1)
    assert rows(warehouse) == [("a", DAY_1, 6), ("c", DAY_2, 8)]


def test_day_without_rows_is_stored(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1)
    assert store(warehouse, DAY_1)[DAY_1]["rows"] == 0
    with connect(warehouse.database, read_only=True) as connection:
        assert read_ledger(connection, LENGTHS)[DAY_1].row_count == 0


def test_same_rows_have_the_same_data_version(warehouse: Warehouse) -> None:
    def hashed() -> str:
        store(warehouse, DAY_1)
        with connect(warehouse.database, read_only=True) as connection:
            return read_ledger(connection, LENGTHS)[DAY_1].content_hash

    warehouse.store_day(DAY_1, log("a"), log("b"))
    before = hashed()
    warehouse.store_day(DAY_1, log("b", subject="new"), log("a"))
    assert hashed() == before
    warehouse.store_day(DAY_1, log("a", status="BUSY"), log("b"))
    assert hashed() != before


def test_day_that_the_source_lacks_is_refused(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    store(warehouse, DAY_1)
    with pytest.raises(NotStoredError, match=f"communication_logs does not have {DAY_2}, so lengths cannot be"):
        store(warehouse, DAY_1, DAY_2)
    assert rows(warehouse) == [("a", DAY_1, 8)]


def test_day_that_lost_a_row_stays_older_than_the_changes_of_its_source(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    store(warehouse, DAY_1)
    warehouse.store_day(DAY_1, log("a"), log("b", status="BUSY"))
    warehouse.store_day(DAY_2, log("a", DAY_2))
    store(warehouse, DAY_2)
    with connect(warehouse.database, read_only=True) as connection:
        computed, source = read_ledger(connection, LENGTHS), read_ledger(connection, COMMUNICATION_LOGS)
    assert computed[DAY_1].row_count == 1
    # Otherwise nothing would compute the day again.
    assert computed[DAY_1].stored_at < source[DAY_1].stored_at


def test_row_that_moved_in_the_log_leaves_its_old_day(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_2)
    warehouse.store_day(DAY_1, log("a"), log("b"))
    warehouse.store_day(DAY_3, log("d", DAY_3))
    store(warehouse, DAY_1, DAY_2, DAY_3)
    warehouse.store_day(DAY_2, log("a", DAY_2), log("c", DAY_2))
    metadata = store(warehouse, DAY_2)[DAY_2]
    assert metadata["moved_from"] == [str(DAY_1)]
    assert rows(warehouse) == [("a", DAY_2, 8), ("b", DAY_1, 8), ("c", DAY_2, 8), ("d", DAY_3, 8)]
    with connect(warehouse.database, read_only=True) as connection:
        entries = read_ledger(connection, LENGTHS)
    assert {day: entry.row_count for day, entry in entries.items()} == {DAY_1: 1, DAY_2: 2, DAY_3: 1}


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        ("public_id, communicated_date, NULL::INTEGER AS letters", "have a missing value or one of the wrong type"),
        ('public_id, communicated_date, "to"::INTEGER AS letters', "have a missing value or one of the wrong type"),
        ("public_id, DATE '2024-05-07' AS communicated_date, 1 AS letters", "days that are not being materialized"),
    ],
)
def test_rows_that_break_the_contract_leave_the_old_ones(warehouse: Warehouse, projection: str, message: str) -> None:
    warehouse.store_day(DAY_1, log("a", to=ADDRESS))
    store(warehouse, DAY_1)
    with pytest.raises(WarehouseError, match=message) as refused:
        store(warehouse, DAY_1, computed=lengths(projection))
    assert ADDRESS not in str(refused.value)
    assert rows(warehouse) == [("a", DAY_1, 8)]


def test_computed_slice_needs_an_asset_with_a_contract(warehouse: Warehouse) -> None:
    @dg.asset(partitions_def=DAILY)
    def plain() -> Any:
        return lengths()

    with pytest.raises(TypeError, match="A ComputedSlice needs an asset with a contract"):
        warehouse.materialize([plain], [DAY_1])
