"""The ledger says what is stored, whatever was written, moved, refused or interrupted."""

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, HOURLY_REACH, OPERATIONAL_HEALTH
from cleargrid_assets.schema import Column
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.content import HASH_OF_NO_ROWS
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import Difference, write_entries
from cleargrid_assets.warehouse.storing import replacing
from cleargrid_assets_tests.warehouse.failing import PowerCutError, fail_after
from cleargrid_assets_tests.warehouse.ledgers import as_written, differing, ledger, recounted, rows_by_ledger
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
    assert str(said[str(DAY_1)].metadata["content_hash"].value).replace(" ", "") == entries[DAY_1].content_hash
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
    monkeypatch.setattr(replacing, step, fail_after(getattr(replacing, step)))
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


def test_later_fetch_of_a_machine_whose_clock_is_ahead_is_not_replaced(warehouse: Warehouse) -> None:
    ahead = datetime.now(timezone.utc) + timedelta(minutes=3)
    warehouse.store(warehouse.spooled({DAY_1: [log("a"), log("b")]}, extracted_at=ahead), DAY_1)
    warehouse.store_day(DAY_1, log("a"))
    assert rows_by_ledger(warehouse) == {DAY_1: 2}


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
        assert (said["rows"], said["content_hash"].replace(" ", "")) == (entry.row_count, entry.content_hash)
        assert said["stored_at"] == entry.stored_at.timestamp()


def test_table_of_another_program_is_entered_when_it_is_stored_itself(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    warehouse.store(frame([reach(hour=1)]), DAY_1, table=HOURLY_REACH)
    with connect(warehouse.database) as connection:
        connection.execute("DELETE FROM days WHERE table_name = 'hourly_reach'")
    warehouse.store_day(DAY_2, log("b", DAY_2))
    assert rows_by_ledger(warehouse, HOURLY_REACH) == {}
    warehouse.store(frame([reach(DAY_2, hour=2)]), DAY_2, table=HOURLY_REACH)
    assert rows_by_ledger(warehouse, HOURLY_REACH).items() >= {DAY_1: 1, DAY_2: 1}.items()


def test_another_table_called_days_is_refused_and_left_alone(warehouse: Warehouse) -> None:
    warehouse.execute("CREATE SCHEMA IF NOT EXISTS cleargrid; CREATE TABLE cleargrid.days AS SELECT 1 AS mine")
    with pytest.raises(WarehouseError, match=r"The table days in the database has other columns .* Rename the table"):
        warehouse.store_day(DAY_1, log("a"))
    assert warehouse.ask("FROM cleargrid.days") == [(1,)]


def test_reading_the_ledger_of_a_missing_file_creates_none(warehouse: Warehouse) -> None:
    assert ledger(warehouse) == {}
    assert not warehouse.folder.with_name("warehouse.duckdb").exists()


def test_ledger_equals_a_recount_after_any_sequence_of_writes(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)  # noqa: S311 - not for secrets
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
                broken.setattr(replacing, "write_entries", fail_after(write_entries))
            try:
                warehouse.store(slice_, chosen[0], chosen[-1])
            except PowerCutError:
                assert fails
        if step or not fails:
            assert as_written(warehouse) == recounted(warehouse), step
            assert differing(warehouse) == []
    assert set(ledger(warehouse)) <= set(days)
