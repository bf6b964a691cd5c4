"""The project's own lock: who excludes whom, and what is said of it."""

import os
import time
from pathlib import Path

import pytest

from cleargrid_assets.warehouse import connection, lock
from cleargrid_assets.warehouse.connection import connect, exclusively
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lock import Lock, LockedError, lock_file
from cleargrid_assets_tests.machine import mode_of
from cleargrid_assets_tests.warehouse.another_process import held_elsewhere


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with connect(str(tmp_path / "x.duckdb")):
        pass
    return tmp_path / "x.duckdb"


@pytest.mark.parametrize(
    ("first", "second", "waits"), [(True, True, True), (True, False, True), (False, True, True), (False, False, False)]
)
def test_only_shared_locks_are_held_together(tmp_path: Path, first: bool, second: bool, waits: bool) -> None:
    held = Lock.acquired(tmp_path / "x", exclusive=first)
    if waits:
        with pytest.raises(LockedError, match=rf"PID {os.getpid()} \(this process\)"):
            Lock.acquired(tmp_path / "x", exclusive=second)
    else:
        Lock.acquired(tmp_path / "x", exclusive=second).release()
    held.release()
    Lock.acquired(tmp_path / "x", exclusive=True).release()


def test_reader_lets_a_writer_that_waits_go_first(tmp_path: Path) -> None:
    first = Lock.acquired(tmp_path / "x", exclusive=False)
    with pytest.raises(LockedError):
        Lock.acquired(tmp_path / "x", exclusive=True)
    with pytest.raises(LockedError, match="waits to write"):
        Lock.acquired(tmp_path / "x", exclusive=False, writers_first=True)
    Lock.acquired(tmp_path / "x", exclusive=False).release()
    first.release()
    Lock.acquired(tmp_path / "x", exclusive=True).release()
    Lock.acquired(tmp_path / "x", exclusive=False, writers_first=True).release()


def test_first_reader_of_a_file_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    for _ in range(2):
        Lock.acquired(tmp_path / "x", exclusive=False, writers_first=True).release()


def test_writer_that_has_given_up_is_not_waited_for(tmp_path: Path) -> None:
    Lock.acquired(tmp_path / "x", exclusive=False).release()
    given_up = time.time() - 1
    os.utime(lock_file(tmp_path / "x"), (given_up, given_up))
    Lock.acquired(tmp_path / "x", exclusive=False, writers_first=True).release()


@pytest.mark.parametrize("lock_timeout_s", [0.0, 60.0])
def test_read_inside_a_read_goes_on_although_a_writer_waits(
    database: Path, monkeypatch: pytest.MonkeyPatch, lock_timeout_s: float
) -> None:
    monkeypatch.setattr(connection, "_WRITERS_FIRST_S", 0.1)
    a_while = time.time() + 60
    with connect(str(database), read_only=True):
        os.utime(lock_file(database), (a_while, a_while))
        with connect(str(database), read_only=True, lock_timeout_s=lock_timeout_s) as inner:
            assert inner.execute("SELECT 1").fetchall() == [(1,)]


def test_lock_is_released_although_a_forked_process_lives_on(tmp_path: Path) -> None:
    held = Lock.acquired(tmp_path / "x", exclusive=True)
    inherited = os.dup(held._descriptor)  # as in a forked process
    held.release()
    Lock.acquired(tmp_path / "x", exclusive=True).release()
    os.close(inherited)


def test_lock_is_held_from_opening_to_closing_and_stays(database: Path) -> None:
    with connect(str(database)), pytest.raises(LockedError):
        Lock.acquired(database, exclusive=False)
    Lock.acquired(database, exclusive=True).release()
    assert lock_file(database) == database.with_name("x.duckdb.lock")
    assert mode_of(lock_file(database)) == 0o600
    assert not os.get_inheritable(Lock.acquired(database, exclusive=False)._descriptor)


def test_all_names_of_a_file_share_a_lock(database: Path, tmp_path: Path) -> None:
    (tmp_path / "link.duckdb").symlink_to(database)
    (tmp_path / "folder").symlink_to(tmp_path)
    names = (tmp_path / "link.duckdb", tmp_path / "folder" / "x.duckdb", f"file://{database}", f"file:{database}")
    for name in names:
        with connect(str(name)), pytest.raises(LockedError):
            Lock.acquired(database, exclusive=False)
    assert [path.name for path in tmp_path.glob("*.lock")] == ["x.duckdb.lock"]


@pytest.mark.parametrize("mode", ["write", "read"])
def test_waiting_writer_is_told_who_holds_the_lock_without_arguments(database: Path, mode: str) -> None:
    with held_elsewhere(str(database), mode) as holder:
        with pytest.raises(WarehouseError) as gave_up, connect(str(database), lock_timeout_s=0):
            pass
        assert f"PID {holder.pid} (python" in str(gave_up.value)
        assert "sys.argv" not in str(gave_up.value)


def test_holder_is_another_process_where_the_system_lists_no_locks(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PROC", tmp_path)
    with connect(str(database)), pytest.raises(LockedError, match="held by another process"):
        Lock.acquired(database, exclusive=True)


def test_lock_that_may_not_be_opened_names_its_file_and_the_reason(database: Path) -> None:
    lock_file(database).unlink()
    lock_file(database).mkdir()
    with (
        pytest.raises(WarehouseError, match=r"x\.duckdb\.lock, cannot be taken: Is a directory"),
        connect(str(database)),
    ):
        pass


def test_failed_opening_releases_the_lock(database: Path) -> None:
    database.write_text("no database")
    with pytest.raises(WarehouseError, match="not a valid DuckDB database"), connect(str(database)):
        pass
    Lock.acquired(database, exclusive=True).release()


def test_waiting_for_a_foreign_program_does_not_keep_readers_out(database: Path) -> None:
    with held_elsewhere(str(database), "foreign"):
        with pytest.raises(WarehouseError, match="DuckDB says"), connect(str(database), lock_timeout_s=0):
            pass
        with connect(str(database), read_only=True, lock_timeout_s=0):
            pass


def test_memory_has_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with connect(":memory:"), connect(":memory:"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_exclusive_use_waits_for_a_foreign_writer_but_not_for_damage(database: Path) -> None:
    with held_elsewhere(str(database)), pytest.raises(WarehouseError), exclusively(database, 0):
        pass
    database.write_text("no database")
    with exclusively(database, 0), pytest.raises(LockedError):
        Lock.acquired(database, exclusive=False)


def test_writer_who_does_not_own_the_lock_may_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def utime(descriptor: int, times: object = None) -> None:
        if times is not None:
            raise PermissionError  # as for a member of the group that may write

    monkeypatch.setattr(os, "utime", utime)
    Lock.acquired(tmp_path / "x", exclusive=True).release()
