"""The ledger says what is stored, whatever was written, moved, refused or interrupted."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets.assets.table_asset import asset_key
from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS, HOURLY_REACH, OPERATIONAL_HEALTH
from cleargrid_assets.schema import Column, Table
from cleargrid_assets.warehouse import io_manager
from cleargrid_assets.warehouse.connection import WarehouseError, connect
from cleargrid_assets.warehouse.content import HASH_OF_NO_ROWS, content_hashes
from cleargrid_assets.warehouse.ledger import Difference, LedgerEntry, differences
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets_tests.warehouse.failing import PowerCutError, fail_after
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
    stored,
)

LATER = EXTRACTED + timedelta(hours=1)
NEWER = "2024-05-04T00:00:00Z"
LOGS = COMMUNICATION_LOGS.name


def ledger(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, LedgerEntry]:
    return WarehouseResource(database=warehouse.database).ledger(table)


def rows_by_ledger(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, int]:
    return {day: entry.row_count for day, entry in ledger(warehouse, table).items()}


def differing(warehouse: Warehouse, *tables: Table) -> list[Difference]:
    with connect(warehouse.database, read_only=True) as connection:
        return differences(connection, tables or (COMMUNICATION_LOGS,))


def recounted(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, tuple[int, str]]:
    """Rows and content of each day that the ledger has, taken from the rows."""
    days = list(ledger(warehouse, table))
    with connect(warehouse.database, read_only=True) as connection:
        hashes = content_hashes(connection, table, days)
        counts = dict(
            connection.execute(f"SELECT communicated_date, count(*) FROM {table.name} GROUP BY ALL").fetchall()
        )
    assert counts.keys() <= set(days)
    return {day: (counts.get(day, 0), hashes[day]) for day in days}


def as_written(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, tuple[int, str]]:
    return {day: (entry.row_count, entry.content_hash) for day, entry in ledger(warehouse, table).items()}


def forget_ledger(warehouse: Warehouse) -> None:
    """Makes the database one of an earlier version, which had the same tables but no ledger."""
    warehouse.execute(f"DROP TABLE cleargrid.{DAYS.name}")


def test_each_day_of_a_run_has_an_entry_also_without_rows(warehouse: Warehouse) -> None:
    before = datetime.now(timezone.utc)
    slice_ = warehouse.spooled({DAY_1: [log("a"), log("b")], DAY_2: []})
    result = warehouse.materialize([stored(COMMUNICATION_LOGS, lambda: slice_)], [DAY_1, DAY_2])
    first, second = ledger(warehouse).values()
    assert (first.table_name, first.day, first.row_count, first.extracted_at) == (LOGS, DAY_1, 2, EXTRACTED)
    assert (second.day, second.row_count, second.content_hash) == (DAY_2, 0, HASH_OF_NO_ROWS)
    assert first.run_id == second.run_id == result.run_id
    assert before <= first.stored_at == second.stored_at <= datetime.now(timezone.utc)
    assert as_written(warehouse) == recounted(warehouse)


def test_day_stored_again_has_one_entry_with_the_later_fetch(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    [first] = ledger(warehouse).values()
    warehouse.store(warehouse.spooled({DAY_1: [log("a")]}, extracted_at=LATER), DAY_1)
    [second] = ledger(warehouse).values()
    assert (second.row_count, second.extracted_at) == (1, LATER)
    assert second.stored_at > first.stored_at
    assert second.run_id != first.run_id
    assert second.content_hash != first.content_hash


def test_version_is_what_the_asset_says_or_unknown(warehouse: Warehouse) -> None:
    made = dg.MaterializeResult(value=frame([reach()]), metadata={"version": "code 7, UTC"})
    warehouse.materialize([stored(HOURLY_REACH, lambda: made)], [DAY_1])
    warehouse.store(frame([reach(DAY_2)]), DAY_2, table=HOURLY_REACH)
    entries = ledger(warehouse, HOURLY_REACH)
    assert [entries[day].version for day in (DAY_1, DAY_2)] == ["code 7, UTC", None]
    assert {entry.extracted_at for entry in entries.values()} == {None}


def test_row_that_leaves_another_day_updates_the_entry_of_that_day(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"), log("c"))
    moved = warehouse.spooled({DAY_2: [log(name, DAY_2, updated_at=NEWER) for name in "ab"]}, extracted_at=LATER)
    run = warehouse.materialize([stored(COMMUNICATION_LOGS, lambda: moved)], [DAY_2])
    entries = ledger(warehouse)
    assert rows_by_ledger(warehouse) == {DAY_1: 1, DAY_2: 2}
    assert [entries[day].extracted_at for day in (DAY_1, DAY_2)] == [EXTRACTED, LATER]
    assert entries[DAY_1].run_id == run.run_id
    assert as_written(warehouse) == recounted(warehouse)
    said = {event.partition: event.materialization for event in run.get_asset_materialization_events()}
    assert said[str(DAY_1)].metadata["content_hash"].value == entries[DAY_1].content_hash
    assert said[str(DAY_1)].metadata["rows"].value == 1


def test_day_whose_last_row_leaves_stays_in_the_ledger(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    warehouse.store_day(DAY_2, log("a", DAY_2, updated_at=NEWER))
    assert rows_by_ledger(warehouse) == {DAY_1: 0, DAY_2: 1}
    assert as_written(warehouse) == recounted(warehouse)


def test_deleted_rows_stay_visible_after_other_rows_have_moved_away(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *(log(name) for name in "abcde"))
    warehouse.execute("DELETE FROM cleargrid.communication_logs WHERE public_id IN ('a', 'b')")
    warehouse.store_day(DAY_2, log("c", DAY_2, updated_at=NEWER))
    assert differing(warehouse) == [Difference(LOGS, DAY_1, ledger_rows=4, rows=2)]


def test_differences_are_rows_deleted_added_and_tables_dropped(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    warehouse.store_day(DAY_2)
    warehouse.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    assert differing(warehouse, COMMUNICATION_LOGS, HOURLY_REACH, OPERATIONAL_HEALTH) == []
    warehouse.execute("DELETE FROM cleargrid.communication_logs WHERE public_id = 'a'")
    warehouse.execute("UPDATE cleargrid.communication_logs SET communicated_date = '2024-05-03'")
    warehouse.execute("DROP TABLE cleargrid.hourly_reach")
    assert differing(warehouse, COMMUNICATION_LOGS, HOURLY_REACH) == [
        Difference(LOGS, DAY_1, ledger_rows=2, rows=0),
        Difference(LOGS, DAY_3, ledger_rows=None, rows=1),
        Difference("hourly_reach", DAY_1, ledger_rows=1, rows=0),
    ]


def test_rebuilt_table_loses_the_entries_of_its_other_days(
    warehouse: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    with_weight = replace(HOURLY_REACH, columns=(*HOURLY_REACH.columns, Column("weight", "DOUBLE", "Required.")))
    warehouse.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    warehouse.store(frame([]), DAY_3, table=HOURLY_REACH)
    warehouse.store(frame([reach(DAY_2, weight=1.0)], with_weight), DAY_2, table=with_weight)
    assert rows_by_ledger(warehouse, HOURLY_REACH) == {DAY_2: 1}
    assert f"{DAY_1}, {DAY_3}." in capfd.readouterr().err


@pytest.mark.parametrize("step", ["prepare_ledger", "replace_partitions", "write_entries"])
def test_failed_write_leaves_the_ledger_as_it_was(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    before = ledger(warehouse)
    monkeypatch.setattr(io_manager, step, fail_after(getattr(io_manager, step)))
    with pytest.raises(PowerCutError):
        warehouse.store_day(DAY_2, log("a", DAY_2, updated_at=NEWER))
    assert ledger(warehouse) == before


def test_day_fetched_later_without_rows_is_not_replaced(
    warehouse: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    slow = warehouse.spooled({DAY_1: [log("deleted since")]})
    fast = Warehouse(warehouse.database, warehouse.folder / "fast", warehouse.instance)
    fast.store(fast.spooled({DAY_1: []}, extracted_at=LATER), DAY_1)
    before = ledger(warehouse)
    assert warehouse.store(slow, DAY_1) == {DAY_1: Counts(0, 0, 0, 0)}
    assert ledger(warehouse) == before
    assert "Another run began to fetch 2024-05-01 later than this run" in capfd.readouterr().err


def test_empty_day_stored_while_the_clock_was_ahead_is_replaced(warehouse: Warehouse) -> None:
    ahead = datetime.now(timezone.utc) + timedelta(days=400)
    warehouse.store(warehouse.spooled({DAY_1: []}, extracted_at=ahead), DAY_1)
    assert warehouse.store_day(DAY_1, log("a")) == Counts(1, 1, 0, 0)
    assert ledger(warehouse)[DAY_1].extracted_at == EXTRACTED


def test_superseded_day_that_loses_a_row_within_its_run_is_recounted(warehouse: Warehouse) -> None:
    warehouse.store(warehouse.spooled({DAY_1: [log("a"), log("b")]}, extracted_at=LATER), DAY_1)
    moved = log("a", DAY_2, updated_at=NEWER)
    warehouse.store(warehouse.spooled({DAY_1: [log("x")], DAY_2: [moved]}), DAY_1, DAY_2)
    assert rows_by_ledger(warehouse) == {DAY_1: 1, DAY_2: 1}
    assert ledger(warehouse)[DAY_1].extracted_at == LATER
    assert as_written(warehouse) == recounted(warehouse)


def test_metadata_of_a_day_repeats_its_entry(warehouse: Warehouse) -> None:
    slice_ = warehouse.spooled({DAY_1: [log("a")], DAY_2: []})
    metadata = warehouse.store_for_metadata(slice_, DAY_1, DAY_2)
    for day, entry in ledger(warehouse).items():
        said = metadata[day]
        assert (said["rows"], said["content_hash"]) == (entry.row_count, entry.content_hash)
        assert said["stored_at"] == entry.stored_at.timestamp()


@pytest.fixture
def old(tmp_path: Any) -> Warehouse:
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


def test_another_table_called_days_is_refused_and_left_alone(warehouse: Warehouse) -> None:
    warehouse.execute("CREATE SCHEMA cleargrid; CREATE TABLE cleargrid.days AS SELECT 1 AS mine")
    with pytest.raises(WarehouseError, match="The table days in the database has other columns .* Rename the table"):
        warehouse.store_day(DAY_1, log("a"))
    assert warehouse.ask("FROM cleargrid.days") == [(1,)]


def test_reading_the_ledger_of_a_missing_file_creates_none(warehouse: Warehouse) -> None:
    assert ledger(warehouse) == {}
    assert not warehouse.folder.with_name("warehouse.duckdb").exists()


@pytest.mark.parametrize("seed", range(3))
def test_ledger_equals_a_recount_after_any_sequence_of_writes(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    days = [DAY_1, DAY_2, DAY_3]
    ids = [f"row{number}" for number in range(12)]
    for step in range(10):
        chosen = [*chance.choice([[DAY_1], [DAY_2], [DAY_3], [DAY_1, DAY_2], [DAY_2, DAY_3]])]
        rows = {
            day: [
                log(name, day, updated_at=f"2024-05-04T{chance.randrange(24):02}:00:00Z")
                for name in chance.sample(ids, chance.randrange(6))
            ]
            for day in chosen
        }
        slice_ = warehouse.spooled(rows, extracted_at=EXTRACTED + timedelta(minutes=chance.randrange(30)))
        with monkeypatch.context() as broken:
            fails = chance.random() < 0.25
            if fails:
                broken.setattr(io_manager, "write_entries", fail_after(io_manager.write_entries))
            try:
                warehouse.store(slice_, chosen[0], chosen[-1])
            except PowerCutError:
                assert fails
        if step or not fails:
            assert as_written(warehouse) == recounted(warehouse), step
            assert differing(warehouse) == []
    assert set(ledger(warehouse)) <= set(days)
