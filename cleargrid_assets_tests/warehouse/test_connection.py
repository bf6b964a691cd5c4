"""Opening the database: wherever it is, whatever its name, and when somebody else has it."""

import os
import threading
from contextlib import ExitStack
from datetime import date, datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.warehouse import connection
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import DamagedFileError, NewerFileError, WarehouseError
from cleargrid_assets.warehouse.lock import Lock
from cleargrid_assets.warehouse.slices import StoredSlice
from cleargrid_assets_tests.warehouse.another_process import Process, held_elsewhere
from cleargrid_assets_tests.warehouse.files import write_newer_file
from cleargrid_assets_tests.warehouse.materializing import DAY_1, Counts, Warehouse, log

SOON_S = 0.15

MAX_S = 60.0
"""Far more than any wait takes, however busy the machine is."""


def let_go_before_attempt(last: int, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the process before this attempt to lock the database."""
    attempts = count(1)
    original = Lock.acquired

    def attempt(*args: Any, **kwargs: Any) -> Lock:
        if next(attempts) == last:
            let_go(process)
            process.wait()
        return original(*args, **kwargs)

    monkeypatch.setattr(Lock, "acquired", attempt)


def let_go(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()


def let_go_soon(process: Process) -> None:
    threading.Timer(SOON_S, let_go, [process]).start()


@pytest.mark.parametrize(
    "path",
    [
        "cleargrid.duckdb",
        "my data/o'clock.duckdb",
        'a "b" [c]*;--/we"ird [d]*.duckdb',
        "v1.2/cleargrid.2024.duckdb",
        "Größe/.数据",
        "temp.duckdb",
        "status=live/region=ae/cleargrid.duckdb",
    ],
)
def test_database_may_have_any_name_in_a_new_folder(tmp_path: Path, instance: dg.DagsterInstance, path: str) -> None:
    """A file named `cleargrid` makes a catalog with the name of the schema. The spool is beside the file."""
    database = tmp_path / "not there" / path
    warehouse = Warehouse(str(database), database.with_name(f"{database.name}.spool"), instance)
    assert warehouse.store_day(DAY_1, log("a"), log("b")) == Counts(2, 2, 0, 0)
    metadata = warehouse.store_for_metadata(warehouse.spooled({DAY_1: [log("a"), log("c")]}), DAY_1)[DAY_1]
    assert list(warehouse.frame(DAY_1)["public_id"]) == ["a", "c"]
    assert {file.name.removeprefix(database.name) for file in database.parent.iterdir()} == {"", ".lock", ".spool"}
    with duckdb.connect(str(database), read_only=True) as connection:
        assert len(connection.execute(metadata["Query"]).fetchall()) == 2


@pytest.mark.parametrize("folder", ["a*", "[abc]*", "**"])
def test_rows_spooled_in_another_folder_are_not_stored(
    tmp_path: Path, instance: dg.DagsterInstance, folder: str
) -> None:
    """The folder of the database, as a pattern, matches the other folder too."""
    ours, other = (Warehouse("", tmp_path / name / "x.spool", instance) for name in (folder, "abc"))
    ours.database = str(tmp_path / folder / "x.duckdb")
    other.spooled({DAY_1: [log("other")]})
    assert ours.store_day(DAY_1, log("a")) == Counts(1, 1, 0, 0)
    assert list(ours.frame(DAY_1)["public_id"]) == ["a"]


def test_reading_a_database_that_is_not_there_finds_it_empty(tmp_path: Path) -> None:
    assert StoredSlice(str(tmp_path / "x" / "y.duckdb"), 0.0, COMMUNICATION_LOGS, [DAY_1]).frame().empty


def test_a_file_of_a_newer_duckdb_is_refused_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    write_newer_file(file)
    with pytest.raises(NewerFileError, match=r"COPY FROM DATABASE .* TO n"), connect(str(file)):
        pass


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_text("something else entirely\n" * 1000)
    with pytest.raises(DamagedFileError, match="not a valid DuckDB database"), connect(str(tmp_path / "x.duckdb")):
        pass


def test_write_waits_for_another_process_and_then_goes_on(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with held_elsewhere(warehouse.database) as holder:
        with pytest.raises(WarehouseError, match="in use elsewhere"):
            warehouse.everything()
        let_go_soon(holder)
        assert warehouse.store_day(DAY_1, log("b")).new == 1


def test_long_wait_is_warned_about_once_with_its_reason(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "WARN_AFTER_ATTEMPTS", 1)
    warehouse.store_day(DAY_1, log("a"))
    with held_elsewhere(warehouse.database) as holder:
        let_go_before_attempt(4, holder, monkeypatch)
        with connect(warehouse.database, lock_timeout_s=MAX_S):
            pass
    [told] = [record.getMessage() for record in caplog.records if record.name == connection.__name__]
    assert f"{warehouse.database} is in use elsewhere" in told
    assert f"It is held by PID {holder.pid} (python" in told


def test_a_read_waits_for_a_writing_process_too(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with held_elsewhere(warehouse.database) as holder:
        let_go_soon(holder)
        assert len(warehouse.frame(DAY_1)) == 1


def test_giving_up_names_the_process_that_has_the_file_and_what_to_do(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with held_elsewhere(warehouse.database) as holder:
        with pytest.raises(WarehouseError) as gave_up, connect(warehouse.database, lock_timeout_s=SOON_S):
            pass
        assert f"PID {holder.pid}" in str(gave_up.value)
        assert "Close the other program" in str(gave_up.value)


def test_reader_without_the_lock_blocks_writers_and_the_error_says_so(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with held_elsewhere(warehouse.database, "foreign") as holder:
        assert len(warehouse.everything()) == 1
        with pytest.raises(WarehouseError) as gave_up, connect(warehouse.database, lock_timeout_s=SOON_S):
            pass
        assert f"PID {holder.pid}" in str(gave_up.value)
        assert "a notebook or a BI tool" in str(gave_up.value)
        assert "cleargrid backup FILE" in str(gave_up.value)


def test_readers_share_the_file_with_other_processes(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with held_elsewhere(warehouse.database, "read"):
        assert len(warehouse.everything()) == 1


def test_readers_of_one_process_share_the_file(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    slice_ = StoredSlice(warehouse.database, 0.0, COMMUNICATION_LOGS, [DAY_1])
    with slice_.open() as one, slice_.open() as other:
        assert len(one) == len(other) == 1


@pytest.mark.parametrize("reader_first", [True, False])
def test_a_reader_and_a_writer_of_one_process_wait_for_each_other(warehouse: Warehouse, reader_first: bool) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with ExitStack() as first:
        first.enter_context(connect(warehouse.database, read_only=reader_first))
        with (
            pytest.raises(WarehouseError, match=rf"in use elsewhere .* PID {os.getpid()} \(this process\)"),
            connect(warehouse.database, read_only=not reader_first, lock_timeout_s=0),
        ):
            pass
        threading.Timer(SOON_S, first.close).start()
        with connect(warehouse.database, read_only=not reader_first, lock_timeout_s=MAX_S) as second:
            assert second.execute("SELECT count(*) FROM communication_logs").fetchall() == [(1,)]


def test_a_relation_kept_after_reading_does_not_keep_the_file(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with StoredSlice(warehouse.database, 0.0, COMMUNICATION_LOGS, [DAY_1]).open() as rows:
        counted = rows.aggregate("count(*)")
        assert counted.fetchall() == [(1,)]
    with connect(warehouse.database, lock_timeout_s=0) as connection:
        assert connection.execute("SELECT count(*) FROM communication_logs").fetchall() == [(1,)]
    del rows, counted


def test_an_error_while_connected_closes_the_connection(tmp_path: Path) -> None:
    database = str(tmp_path / "x.duckdb")
    with pytest.raises(duckdb.CatalogException) as error, connect(database) as connection:
        connection.execute("FROM nothing")
    with connect(database, read_only=True, lock_timeout_s=0) as connection:
        assert connection.execute("SELECT current_schema()").fetchall() == [("cleargrid",)]
    assert error.traceback


def test_a_connection_speaks_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    with connect(str(tmp_path / "x.duckdb")) as connection:
        row = connection.execute(
            "SELECT TIMESTAMPTZ '2024-05-01 23:00:00', TIMESTAMPTZ '2024-05-01 23:00:00Z'::DATE"
        ).fetchone()
    assert row == (datetime(2024, 5, 1, 23, tzinfo=timezone.utc), date(2024, 5, 1))
