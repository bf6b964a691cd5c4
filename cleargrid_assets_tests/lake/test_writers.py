"""Several writers and readers of one lake: nothing is lost, doubled or mixed."""

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import date
from pathlib import Path

import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS, HOURLY_REACH, INTERACTIONS
from cleargrid_assets.warehouse import ledger
from cleargrid_assets.warehouse.connection import connect, transaction
from cleargrid_assets.warehouse.content import content_hashes
from cleargrid_assets.warehouse.databases import name_of
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.lake import ask
from cleargrid_assets.warehouse.lakes.locks import locked
from cleargrid_assets.warehouse.storing import replacing
from cleargrid_assets_tests.lake.proxy import proxy
from cleargrid_assets_tests.lake.writing import ROWS, rows_of, store_versions, versions, wait_to_store
from cleargrid_assets_tests.warehouse.another_process import start
from cleargrid_assets_tests.warehouse.ledgers import as_written, differing, recounted
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, DAY_3, Warehouse, frame, reach

pytestmark = pytest.mark.lake

LOGS = name_of(COMMUNICATION_LOGS)


def whole(version: str) -> list[tuple[str, int]]:
    return [(version, ROWS)]


@pytest.mark.parametrize(
    ("stored", "first", "second"),
    [
        ((), DAY_1, DAY_1),
        ((), DAY_1, DAY_2),
        ((DAY_1,), DAY_1, DAY_1),
        ((DAY_1,), DAY_1, DAY_2),
        ((DAY_2,), DAY_1, DAY_2),
        ((DAY_1, DAY_2), DAY_1, DAY_2),
    ],
    ids=["same new", "both new", "same stored", "first stored", "second stored", "both stored"],
)
def test_store_that_begins_while_another_one_is_open_waits_and_is_exact(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, stored: tuple[date, ...], first: date, second: date
) -> None:
    warehouse.store_day(DAY_3, *rows_of(DAY_3, "other"))
    for day in stored:
        warehouse.store_day(day, *rows_of(day, "old"))
    refused: list[str] = []
    store = Warehouse(warehouse.database, warehouse.folder / "second", warehouse.instance)
    hash_contents = content_hashes

    def meanwhile(*arguments: object) -> object:
        monkeypatch.setattr(replacing, "content_hashes", hash_contents)
        with (
            pytest.raises(WarehouseError) as error,
            transaction(warehouse.database, 0.05, [LOGS]),
        ):
            pass
        refused.append(str(error.value))
        return hash_contents(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(replacing, "content_hashes", meanwhile)
    warehouse.store_day(first, *rows_of(first, "first"))
    store.store_day(second, *rows_of(second, "second"))
    assert len(refused) == 1
    assert re.search(
        rf"communication_logs was in use elsewhere for over 0 s: by PID {os.getpid()} on [\w.-]+\.", refused[0]
    )
    expected = {DAY_3: whole("other"), first: whole("first"), second: whole("second")}
    assert versions(warehouse) == {**{day: whole("old") for day in stored}, **expected}
    assert as_written(warehouse) == recounted(warehouse)


def test_processes_that_create_one_lake_leave_the_same_days_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    days = f"{DAY_1} {DAY_2}"
    processes = [start(store_versions, str(tmp_path), f"p{number}", days, "2") for number in range(3)]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert {day: [count for _, count in found] for day, found in versions(warehouse).items()} == {
        DAY_1: [ROWS],
        DAY_2: [ROWS],
    }
    assert as_written(warehouse) == recounted(warehouse)


def test_stores_of_different_tables_do_not_wait_or_conflict(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    warehouse.store(frame([reach(hour=1)]), DAY_1, table=HOURLY_REACH)
    with transaction(warehouse.database, 1, [LOGS]) as connection:
        connection.execute(f"INSERT INTO {DAYS.name} SELECT * FROM {DAYS.name} WHERE table_name = 'communication_logs'")
        warehouse.store(frame([reach(hour=2)]), DAY_1, table=HOURLY_REACH)
    assert list(warehouse.frame(DAY_1, table=HOURLY_REACH)["hour"]) == [2]
    assert differing(warehouse, COMMUNICATION_LOGS, HOURLY_REACH) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_process_reads_and_leaves_the_locks_of_its_parent(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    with connect(warehouse.database) as connection, locked(connection, [LOGS], 1) as locks:
        child = multiprocessing.get_context("fork").Process(target=versions, args=[warehouse])
        child.start()
        child.join(60)
        child.kill()
        assert child.exitcode == 0
        assert locks.still_held()


def test_run_that_waits_for_a_table_can_be_interrupted(warehouse: Warehouse) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with connect(warehouse.database) as connection, locked(connection, [LOGS], 1):
        process = start(wait_to_store)
        assert process.stderr is not None
        # The first round is over. All others are longer.
        assert "communication_logs is in use by" in process.stderr.readline()
        until = time.monotonic() + 60
        while ask(connection, waiting) == [(0,)]:
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in said
    with connect(warehouse.database) as connection, locked(connection, [LOGS], 1):
        pass


def test_log_is_not_stored_while_interactions_are_computed_from_it(warehouse: Warehouse) -> None:
    with connect(warehouse.database) as connection, ExitStack() as stack:
        for _ in range(2):  # of different days, for example
            stack.enter_context(locked(connection, [], 1, shared=[LOGS]))
        with pytest.raises(WarehouseError, match="communication_logs was in use"), locked(connection, [LOGS], 0.05):
            pass
    with connect(warehouse.database) as connection, locked(connection, [name_of(INTERACTIONS)], 1, shared=[LOGS]):
        pass


def test_all_spellings_of_a_name_share_a_lock(warehouse: Warehouse) -> None:
    with (
        connect(warehouse.database) as connection,
        locked(connection, ["own.Contacts"], 1),
        pytest.raises(WarehouseError, match="was in use"),
        locked(connection, ["OWN.contacts"], 0.05),
    ):
        pass


def test_reader_keeps_its_snapshot_through_five_replaces(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    query = f"SELECT status, count(*) FROM {COMMUNICATION_LOGS.name} GROUP BY ALL"
    with connect(warehouse.database, read_only=True) as reader:
        assert reader.execute(query).fetchall() == whole("old")
        for number in range(5):
            warehouse.store_day(DAY_1, *rows_of(DAY_1, f"new-{number}"))
            assert reader.execute(query).fetchall() == whole("old")
    assert versions(warehouse) == {DAY_1: whole("new-4")}


@pytest.mark.parametrize("lost", ["pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')", "true"])
def test_writer_that_lost_its_locks_stores_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    write_entries = ledger.write_entries

    def losing(*arguments: object) -> None:
        write_entries(*arguments)  # type: ignore[arg-type]
        # Postgres ends the other connection of this one too.
        with connect(warehouse.database) as connection, suppress(duckdb.Error):
            ask(
                connection,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = current_database() AND pid <> pg_backend_pid() AND {lost}",
            )

    monkeypatch.setattr(replacing, "write_entries", losing)
    with pytest.raises(WarehouseError, match="locks of the lake was lost, so nothing is stored"):
        warehouse.store_day(DAY_1, *rows_of(DAY_1, "new"))
    monkeypatch.setattr(replacing, "write_entries", write_entries)
    assert versions(warehouse) == {DAY_1: whole("old")}
    assert as_written(warehouse) == recounted(warehouse)
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "newer"))
    assert versions(warehouse) == {DAY_1: whole("newer")}


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("day", [DAY_1, DAY_2], ids=["stored", "new"])
def test_commit_whose_answer_is_lost_stores_nothing_and_breaks_nothing(
    warehouse: Warehouse, lake: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, day: date, *, is_late: bool
) -> None:
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    with proxy(lake) as before_postgres:
        for name, value in before_postgres.variables.items():
            monkeypatch.setenv(name, value)
        before_postgres.losing, before_postgres.is_late = True, is_late
        with pytest.raises(duckdb.Error, match="Failed to commit"):
            warehouse.store_day(day, *rows_of(day, "lost"))
        assert not before_postgres.losing
        assert versions(warehouse) == {DAY_1: whole("old")}
        assert as_written(warehouse) == recounted(warehouse)
        warehouse.store_day(day, *rows_of(day, "new"))
    assert versions(warehouse) == {DAY_1: whole("old"), day: whole("new")}
    assert as_written(warehouse) == recounted(warehouse)


@pytest.mark.parametrize(("writes", "is_stored"), [(2, True), (99, False)], ids=["now and then", "always"])
def test_store_that_conflicts_with_a_foreign_writer_is_tried_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, writes: int, is_stored: bool
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    write_entries, attempts = ledger.write_entries, 0

    def interfering(*arguments: object) -> None:
        nonlocal attempts
        attempts += 1
        write_entries(*arguments)  # type: ignore[arg-type]
        if attempts <= writes:
            with connect(warehouse.database) as connection:
                connection.execute(f"UPDATE {COMMUNICATION_LOGS.name} SET status = 'edited'")

    monkeypatch.setattr(replacing, "write_entries", interfering)
    if is_stored:
        warehouse.store_day(DAY_1, *rows_of(DAY_1, "new"))
        assert attempts == writes + 1
        assert versions(warehouse) == {DAY_1: whole("new")}
    else:
        with pytest.raises(Exception, match="conflict"):
            warehouse.store_day(DAY_1, *rows_of(DAY_1, "new"))
        assert attempts == 10
        assert versions(warehouse) == {DAY_1: whole("edited")}
        assert warehouse.file_of(DAY_1).exists()
    assert differing(warehouse) == []


def test_killed_writers_leave_each_day_in_one_version_and_no_lock(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.store_day(DAY_1, *rows_of(DAY_1, "old"))
    for number in range(5):
        process = start(store_versions, str(tmp_path), f"p{number}", f"{DAY_1} {DAY_2}", "1000")
        assert process.stdout is not None
        for _ in range(1 + number % 2):
            assert process.stdout.readline()
        time.sleep(0.037 * number)  # somewhere in the next store
        process.kill()
        process.communicate()
        found = versions(warehouse)
        assert [[count for _, count in each] for each in found.values()] == [[ROWS]] * len(found)
        assert as_written(warehouse) == recounted(warehouse)
        with connect(warehouse.database) as connection, locked(connection, [LOGS], 2):
            pass
