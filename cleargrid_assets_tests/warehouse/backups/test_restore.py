"""Restoring: which backup is put back, and what becomes of the file that was there."""

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.backups import restore as restore_module
from cleargrid_assets.warehouse.backups.backup import back_up, back_up_to
from cleargrid_assets.warehouse.backups.backup_files import backup_folder, backups_of
from cleargrid_assets.warehouse.backups.copies import BackupError, replace_file
from cleargrid_assets.warehouse.backups.restore import Restored, restore
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.files import wal_of
from cleargrid_assets.warehouse.lock import Lock, LockedError
from cleargrid_assets_tests.machine import mode_of
from cleargrid_assets_tests.warehouse.another_process import held_elsewhere
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, DAY_3, Warehouse, log

NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def filled(shared_warehouse: Warehouse) -> Warehouse:
    """A warehouse with two backups, of one and of two days, and a third day that is in none."""
    for number, day in enumerate([DAY_1, DAY_2]):
        shared_warehouse.store_day(day, log(f"{day}", day))
        back_up(shared_warehouse.database, 2, NOON + timedelta(days=number), 0)
    shared_warehouse.store_day(DAY_3, log("c", DAY_3))
    return shared_warehouse


def restored(warehouse: Warehouse, source: Path | None = None) -> Restored:
    return restore(warehouse.database, source, NOON, 0)


def days_of(warehouse: Warehouse) -> list[str]:
    return sorted(str(row[-1]) for row in warehouse.everything())


def names_beside(warehouse: Warehouse) -> set[str]:
    file = Path(warehouse.database)
    return {path.name.removeprefix(file.name) for path in file.parent.iterdir() if path.name.startswith(file.name)}


def test_newest_backup_is_put_back_and_the_present_file_kept(stored: Warehouse) -> None:
    done = restored(stored)
    assert days_of(stored) == ["2024-05-01", "2024-05-02"]
    assert done.source == backups_of(Path(stored.database))[0].file
    assert (done.last_day, done.unusable) == (DAY_2, [])
    assert done.kept == Path(f"{stored.database}.before-restore-20261128T120000000000Z")
    stored.database = str(done.kept)
    assert days_of(stored) == ["2024-05-01", "2024-05-02", "2024-05-03"]


def test_named_file_is_put_back_and_stays_where_it_is(stored: Warehouse, tmp_path: Path) -> None:
    back_up_to(stored.database, tmp_path / "mine.duckdb", 0)
    stored.execute(f"DROP TABLE {SCHEMA}.communication_logs")
    assert restored(stored, tmp_path / "mine.duckdb").last_day == DAY_3
    assert days_of(stored) == ["2024-05-01", "2024-05-02", "2024-05-03"]
    assert (tmp_path / "mine.duckdb").exists()


def test_restored_database_can_be_written_to_and_backed_up(stored: Warehouse) -> None:
    restored(stored)
    stored.store_day(DAY_3, log("c", DAY_3))
    back_up(stored.database, 2, NOON, 0)
    assert days_of(stored) == ["2024-05-01", "2024-05-02", "2024-05-03"]


def test_wal_of_the_present_file_is_not_applied_to_the_backup(stored: Warehouse) -> None:
    with duckdb.connect(stored.database) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE late AS SELECT 1 AS a")
    wal = wal_of(Path(stored.database))
    assert wal.exists()
    done = restored(stored)
    assert done.kept
    assert not wal.exists()
    assert stored.ask("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'late'") == [(0,)]
    stored.database = str(done.kept)
    assert stored.ask("FROM late") == [(1,)]


def test_wal_without_its_file_is_moved_away_too(stored: Warehouse) -> None:
    with duckdb.connect(stored.database) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE late AS SELECT 1 AS a")
    Path(stored.database).unlink()
    assert restored(stored).kept is None
    assert stored.ask("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'late'") == [(0,)]
    assert "" in names_beside(stored)


@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", "missing"])
def test_file_that_is_damaged_or_missing_is_replaced(stored: Warehouse, damaged: bool) -> None:
    Path(stored.database).unlink()
    if damaged:
        Path(stored.database).write_bytes(os.urandom(100_000))
    restored(stored)
    assert days_of(stored) == ["2024-05-01", "2024-05-02"]


def test_backup_that_is_damaged_is_passed_over_for_an_older_one(stored: Warehouse) -> None:
    newest = backups_of(Path(stored.database))[0].file
    newest.write_bytes(newest.read_bytes()[:50_000])
    done = restored(stored)
    assert days_of(stored) == ["2024-05-01"]
    assert len(done.unusable) == 1
    assert "cannot be read. DuckDB says: IO Error" in done.unusable[0]


def test_without_a_backup_that_is_whole_the_database_stays_as_it_is(stored: Warehouse) -> None:
    for backup in backups_of(Path(stored.database)):
        backup.file.write_text("nothing")
    before = names_beside(stored)
    with pytest.raises(BackupError, match=r"(?s)cannot be read.*\n.*cannot be read"):
        restored(stored)
    assert days_of(stored) == ["2024-05-01", "2024-05-02", "2024-05-03"]
    assert names_beside(stored) == before


def test_without_any_backup_the_error_says_where_it_looked(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with pytest.raises(BackupError, match=rf"no backup in {backup_folder(Path(warehouse.database))}"):
        restored(warehouse)


def test_file_that_is_no_complete_copy_is_refused(stored: Warehouse, tmp_path: Path) -> None:
    back_up_to(stored.database, tmp_path / "mine.duckdb", 0)
    (tmp_path / "mine.duckdb.wal").write_text("commits")
    (tmp_path / "link.duckdb").symlink_to(stored.database)
    for name, says in [("mine.duckdb", "write-ahead log"), ("link.duckdb", "itself"), ("no.duckdb", "does not exist")]:
        with pytest.raises(BackupError, match=says):
            restored(stored, tmp_path / name)
    assert days_of(stored) == ["2024-05-01", "2024-05-02", "2024-05-03"]


def test_mode_of_the_present_file_is_kept(stored: Warehouse) -> None:
    Path(stored.database).chmod(0o660)
    restored(stored)
    assert mode_of(Path(stored.database)) == 0o660
    Path(stored.database).unlink()
    restored(stored)
    assert mode_of(Path(stored.database)) == 0o600


def test_file_is_replaced_under_the_lock_and_its_name_never_missing(
    stored: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(stored.database)

    def replaced(new: Path, old: Path) -> None:
        assert file.exists()
        with pytest.raises(LockedError):
            Lock.acquired(file, exclusive=False)
        replace_file(new, old)

    monkeypatch.setattr(restore_module, "replace_file", replaced)
    restored(stored)


def test_file_system_without_links_is_restored_to(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    assert restored(stored).kept
    assert days_of(stored) == ["2024-05-01", "2024-05-02"]


@pytest.mark.parametrize("mode", ["write", "read"])
def test_restore_waits_for_whoever_has_the_database(stored: Warehouse, mode: str) -> None:
    before = names_beside(stored)
    with held_elsewhere(stored.database, mode) as holder, pytest.raises(WarehouseError, match=f"PID {holder.pid}"):
        restored(stored)
    assert names_beside(stored) == before
    assert len(days_of(stored)) == 3


def test_restore_waits_for_a_foreign_program_that_writes(stored: Warehouse) -> None:
    with held_elsewhere(stored.database, "foreign writer"), pytest.raises(WarehouseError, match="DuckDB says"):
        restored(stored)
    assert len(days_of(stored)) == 3


def test_symbolic_link_to_the_database_stays_a_link(stored: Warehouse, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.duckdb"
    link.parent.mkdir()
    link.symlink_to(stored.database)
    assert restore(str(link), None, NOON, 0).last_day == DAY_2
    assert link.is_symlink()
    assert days_of(stored) == ["2024-05-01", "2024-05-02"]
