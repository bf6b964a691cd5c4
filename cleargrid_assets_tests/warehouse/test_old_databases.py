"""A database of an earlier version, which has no ledger, gets one with its first write."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS, HOURLY_REACH
from cleargrid_assets.schema import Column, Table
from cleargrid_assets.warehouse.content import HASH_OF_NO_ROWS
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.warehouse.ledgers import ledger, rows_by_ledger
from cleargrid_assets_tests.warehouse.materializing import (
    DAY_1,
    DAY_2,
    DAY_3,
    EXTRACTED,
    Counts,
    Warehouse,
    frame,
    log,
    reach,
)

LATER = EXTRACTED + timedelta(hours=1)


def forget_ledger(warehouse: Warehouse) -> None:
    """Makes the database one of an earlier version, which had the same tables but no ledger."""
    warehouse.execute(f"DROP TABLE cleargrid.{DAYS.name}")


@pytest.fixture
def old(tmp_path: Path) -> Warehouse:
    """A warehouse with a Dagster history of its own, because a ledger is made from that too."""
    return Warehouse(str(tmp_path / "old.duckdb"), tmp_path / "spool", dg.DagsterInstance.ephemeral())


def test_first_write_to_an_old_database_enters_all_stored_days(old: Warehouse) -> None:
    old.store(old.spooled({DAY_1: [log("a"), log("b")]}), DAY_1)
    old.store(old.spooled({DAY_2: [log("c", DAY_2)]}, extracted_at=LATER), DAY_2)
    old.store(frame([reach(), reach(hour=11)]), DAY_1, table=HOURLY_REACH)
    before, of_reach = ledger(old), ledger(old, HOURLY_REACH)
    forget_ledger(old)
    old.store_day(DAY_3, log("d", DAY_3))
    after = ledger(old)
    assert rows_by_ledger(old) == {DAY_1: 2, DAY_2: 1, DAY_3: 1}
    assert rows_by_ledger(old, HOURLY_REACH) == {DAY_1: 2}
    for day in (DAY_1, DAY_2):
        assert (after[day].content_hash, after[day].extracted_at) == (
            before[day].content_hash,
            before[day].extracted_at,
        )
        assert (after[day].run_id, after[day].version) == (None, None)
    seeded = ledger(old, HOURLY_REACH)[DAY_1]
    assert (seeded.content_hash, seeded.extracted_at) == (of_reach[DAY_1].content_hash, None)
    assert seeded.stored_at == after[DAY_1].stored_at == after[DAY_3].stored_at
    assert after[DAY_3].run_id


def recorded_by_an_old_version(warehouse: Warehouse, day: date, rows: int, table: Table = COMMUNICATION_LOGS) -> None:
    warehouse.instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key(table), partition=str(day), metadata={"rows": rows})
    )


def test_old_database_gets_the_days_that_were_stored_without_rows(old: Warehouse) -> None:
    old.store_day(DAY_1, log("a"))
    forget_ledger(old)
    recorded_by_an_old_version(old, DAY_1, rows=1)
    recorded_by_an_old_version(old, DAY_2, rows=3)
    recorded_by_an_old_version(old, DAY_2, rows=0)
    # The rows of this day were lost: it must not be entered as a day without rows.
    recorded_by_an_old_version(old, DAY_3, rows=3)
    old.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    assert rows_by_ledger(old) == {DAY_1: 1, DAY_2: 0}


def test_old_day_whose_rows_had_all_moved_is_entered_without_rows(old: Warehouse) -> None:
    old.store_day(DAY_1, log("a"))
    forget_ledger(old)
    old.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key(COMMUNICATION_LOGS), partition=str(DAY_2), tags={"dagster/data_version": HASH_OF_NO_ROWS}
        )
    )
    old.store_day(DAY_3, log("b", DAY_3))
    assert rows_by_ledger(old) == {DAY_1: 1, DAY_2: 0, DAY_3: 1}


def test_new_file_gets_no_days_that_only_dagster_knows(old: Warehouse) -> None:
    recorded_by_an_old_version(old, DAY_1, rows=0)
    old.store_day(DAY_2, log("b", DAY_2))
    assert rows_by_ledger(old) == {DAY_2: 1}


def test_old_table_that_lacks_a_nullable_column_is_entered(old: Warehouse) -> None:
    old.store_day(DAY_1, log("a"))
    forget_ledger(old)
    with_agent = replace(
        COMMUNICATION_LOGS, columns=(*COMMUNICATION_LOGS.columns, Column("agent", "VARCHAR", "Who.", nullable=True))
    )
    old.store(old.spooled({DAY_2: [log("b", DAY_2, agent="Sara")]}), DAY_2, table=with_agent)
    assert rows_by_ledger(old, with_agent) == {DAY_1: 1, DAY_2: 1}


def test_table_of_another_dataset_is_entered_with_its_first_write(old: Warehouse) -> None:
    other = replace(COMMUNICATION_LOGS, name="communication_outcomes")
    old.store(old.spooled({DAY_1: [log("a")]}), DAY_1, table=other)
    forget_ledger(old)
    old.store_day(DAY_1, log("b"))
    assert rows_by_ledger(old, other) == {}
    old.store(old.spooled({DAY_2: [log("c", DAY_2)]}), DAY_2, table=other)
    assert rows_by_ledger(old, other) == {DAY_1: 1, DAY_2: 1}


def test_first_write_of_an_old_database_already_guards_later_fetches(old: Warehouse) -> None:
    old.store(old.spooled({DAY_1: [log("a")]}, extracted_at=LATER), DAY_1)
    forget_ledger(old)
    assert old.store_day(DAY_1, log("b")) == Counts(1, 0, 0, 0)
    assert list(old.frame(DAY_1)["public_id"]) == ["a"]
