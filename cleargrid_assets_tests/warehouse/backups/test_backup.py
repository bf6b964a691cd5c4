"""Backups: what is copied, what is refused, and which older ones stay."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.backups import backup as backup_module
from cleargrid_assets.warehouse.backups import copies
from cleargrid_assets.warehouse.backups.backup import Backup, back_up, back_up_to
from cleargrid_assets.warehouse.backups.backup_files import backup_folder, backups_of
from cleargrid_assets.warehouse.backups.copies import BackupError, verify
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.files import wal_of
from cleargrid_assets.warehouse.lock import Lock, LockedError
from cleargrid_assets_tests.machine import mode_of
from cleargrid_assets_tests.warehouse.another_process import held_elsewhere
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, log

NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
LOGS = f"{SCHEMA}.communication_logs"


@pytest.fixture(scope="module")
def filled(shared_warehouse: Warehouse) -> Warehouse:
    """A warehouse with two days."""
    shared_warehouse.store_day(DAY_1, log("a"), log("b"))
    shared_warehouse.store_day(DAY_2, log("c", DAY_2))
    return shared_warehouse


def made(warehouse: Warehouse, hours: int = 0, keep: int = 2) -> Backup:
    return back_up(warehouse.database, keep, NOON + timedelta(hours=hours), 0)


def ids_in(file: Path) -> list[str]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return [value for (value,) in connection.execute(f"SELECT public_id FROM {LOGS} ORDER BY 1").fetchall()]


def names_of_backups(warehouse: Warehouse) -> list[str]:
    return sorted(path.name for path in backup_folder(Path(warehouse.database)).iterdir())


def test_backup_of_a_missing_database_creates_nothing(tmp_path: Path) -> None:
    missing = str(tmp_path / "data" / "x.duckdb")
    with pytest.raises(BackupError, match=r"x\.duckdb does not exist"):
        back_up(missing, 2, datetime.now(timezone.utc), 1.0)
    with pytest.raises(BackupError, match=r"x\.duckdb does not exist"):
        back_up_to(missing, tmp_path / "copy.duckdb", 1.0)
    assert list(tmp_path.iterdir()) == []


def test_backup_is_a_private_copy_named_by_its_time_in_utc(stored: Warehouse) -> None:
    backup = made(stored)
    folder = Path(stored.database).parent / "backups"
    assert backup.file == folder / "warehouse-20261128T120000000000Z.duckdb"
    assert ids_in(backup.file) == ["a", "b", "c"]
    assert backup.size_bytes == backup.file.stat().st_size > 0
    assert backup.seconds > 0
    assert mode_of(backup.file) == 0o600
    assert mode_of(folder) == 0o700
    assert names_of_backups(stored) == [backup.file.name]


def test_backup_keeps_the_mode_of_the_file_in_its_place(stored: Warehouse, tmp_path: Path) -> None:
    back_up_to(stored.database, tmp_path / "copy.duckdb", 0)
    (tmp_path / "copy.duckdb").chmod(0o640)
    back_up_to(stored.database, tmp_path / "copy.duckdb", 0)
    assert mode_of(tmp_path / "copy.duckdb") == 0o640


def test_commits_that_are_only_in_the_wal_are_in_the_backup(stored: Warehouse) -> None:
    with duckdb.connect(stored.database) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE own AS SELECT 1 AS a")
    assert wal_of(Path(stored.database)).exists()
    with duckdb.connect(str(made(stored).file), read_only=True) as connection:
        assert connection.execute("FROM own").fetchall() == [(1,)]


def test_newest_backups_are_kept_and_the_oldest_replaced(stored: Warehouse) -> None:
    files = [made(stored, hours).file for hours in range(4)]
    assert [backup.file for backup in backups_of(Path(stored.database))] == [files[3], files[2]]
    assert [backup.made_at for backup in backups_of(Path(stored.database))] == [
        NOON + timedelta(hours=3),
        NOON + timedelta(hours=2),
    ]
    made(stored, 4, keep=1)
    assert len(names_of_backups(stored)) == 1


def test_backup_just_made_is_kept_although_the_clock_went_back(stored: Warehouse) -> None:
    made(stored, 1)
    made(stored, 2)
    late = made(stored, 0, keep=1)
    assert late.file.exists()


def test_backups_of_another_database_and_other_files_are_left_alone(stored: Warehouse) -> None:
    folder = backup_folder(Path(stored.database))
    folder.mkdir()
    others = ["warehouse2-20261127T120000000000Z.duckdb", "warehouse-mine.duckdb", "notes.txt", "other.partial"]
    for name in others:
        (folder / name).touch()
    (folder / "warehouse-20261127T120000000000Z.duckdb.partial").touch()
    new = made(stored, keep=1)
    assert names_of_backups(stored) == sorted([*others, new.file.name])


def test_no_backups_are_kept_if_the_number_is_zero(stored: Warehouse) -> None:
    with pytest.raises(BackupError, match="CLEARGRID_BACKUPS is 0"):
        made(stored, keep=0)


def test_writers_wait_while_a_copy_is_made_but_not_while_it_is_verified(
    stored: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(stored.database)

    def copied(source: Path, copy: Path) -> None:
        with pytest.raises(LockedError):
            Lock.acquired(database, exclusive=False)
        copies.copy_file(source, copy)

    def verified(copy: Path) -> None:
        Lock.acquired(database, exclusive=True).release()
        verify(copy)

    monkeypatch.setattr(backup_module, "copy_file", copied)
    monkeypatch.setattr(backup_module, "verify", verified)
    assert made(stored).file.exists()


def test_second_backup_waits_for_the_first(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def verified(copy: Path) -> None:
        with pytest.raises(WarehouseError, match="in use elsewhere"):
            made(stored, 1)

    monkeypatch.setattr(backup_module, "verify", verified)
    made(stored)
    assert len(names_of_backups(stored)) == 1


def _torn(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.seek(copy.stat().st_size - 200_000)
        file.write(os.urandom(4096))


def _cut(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size - 200_000)


def _without_a_day(copy: Path) -> None:
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"DELETE FROM {LOGS} WHERE communicated_date = '{DAY_2}'")


def _with_other_content(copy: Path) -> None:
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"UPDATE {LOGS} SET status = 'BUSY' WHERE public_id = 'c'")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_torn, r"cannot be read\. DuckDB says: IO Error"),
        (_cut, r"cannot be read\. DuckDB says: IO Error"),
        (_without_a_day, r"communication_logs of 2024-05-02 \(0 rows, 1 in the ledger\)"),
        (_with_other_content, r"communication_logs of 2024-05-02 \(other content\)"),
    ],
    ids=["torn", "cut", "day missing", "other content"],
)
def test_copy_that_is_not_what_was_stored_replaces_no_backup(
    stored: Warehouse, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None], says: str
) -> None:
    with duckdb.connect(stored.database) as connection:
        # Of the user, and in the last blocks of the file.
        connection.execute("CREATE TABLE own AS SELECT hash(range) AS a, hash(range + 1) AS b FROM range(100000)")
    before = [made(stored, hours).file.name for hours in range(2)]

    def copied(source: Path, copy: Path) -> None:
        copies.copy_file(source, copy)
        damage(copy)

    monkeypatch.setattr(backup_module, "copy_file", copied)
    with pytest.raises(BackupError, match=says):
        made(stored, 2)
    assert names_of_backups(stored) == before


def test_column_that_was_added_later_is_no_change_of_content(stored: Warehouse) -> None:
    """The ledger's hashes of earlier days are without it."""
    with duckdb.connect(stored.database) as connection:
        for column in ("duration", "subject"):
            connection.execute(f"ALTER TABLE {LOGS} DROP COLUMN {column}")
        connection.execute(f"DROP TABLE {SCHEMA}.days")
    stored.store_day(DAY_1, log("a"))  # seeds the ledger without the columns, and adds them
    assert made(stored).file.exists()


def test_database_without_a_ledger_is_backed_up(stored: Warehouse) -> None:
    stored.execute(f"DROP TABLE {SCHEMA}.days")
    assert ids_in(made(stored).file) == ["a", "b", "c"]


def test_disk_without_room_is_refused_with_both_sizes(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(BackupError, match=r"needs \d\.\d MB, but the disk of .*backups has 0\.0 MB free"):
        made(stored)
    assert names_of_backups(stored) == []


def test_copying_falls_back_where_blocks_cannot_be_shared(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[Any] = []
    run = subprocess.run

    def without_option(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        commands.append(command)
        return run([word if word != "--reflink=auto" else "--unknown" for word in command], **options)

    monkeypatch.setattr(subprocess, "run", without_option)
    assert ids_in(made(stored).file) == ["a", "b", "c"]
    assert [command[1] for command in commands] == ["--reflink=auto", "--"]


def test_failed_copy_says_what_the_system_said_and_leaves_nothing(
    stored: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda _, **options: run(["cp", "--", "nothing", "there"], **options))
    with pytest.raises(BackupError, match=r"cannot be copied to .*No such file"):
        made(stored)
    assert names_of_backups(stored) == []


def test_backup_to_a_file_replaces_it_and_nothing_else(stored: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "copy.duckdb").write_text("old")
    backup = back_up_to(stored.database, tmp_path / "copy.duckdb", 0)
    assert ids_in(backup.file) == ["a", "b", "c"]
    assert not backup_folder(Path(stored.database)).exists()
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.duckdb"}


@pytest.mark.parametrize(
    "name",
    [
        *("warehouse.duckdb", "link.duckdb", "hard.duckdb", "not there/x.duckdb"),
        *("warehouse.duckdb.wal", "warehouse.duckdb.lock", "warehouse.duckdb.backup.lock"),
    ],
)
def test_backup_to_the_database_itself_or_to_nowhere_is_refused(stored: Warehouse, tmp_path: Path, name: str) -> None:
    (tmp_path / "link.duckdb").symlink_to(stored.database)
    (tmp_path / "hard.duckdb").hardlink_to(stored.database)
    with pytest.raises(BackupError, match=r"is the database itself|does not exist"):
        back_up_to(stored.database, tmp_path / name, 0)
    assert len(stored.everything()) == 3


def test_backup_to_a_file_with_a_log_beside_it_is_refused(stored: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "copy.duckdb").write_text("old")
    (tmp_path / "copy.duckdb.wal").write_text("commits of the old copy")
    with pytest.raises(BackupError, match="has a write-ahead log beside it, which DuckDB would apply to the copy"):
        back_up_to(stored.database, tmp_path / "copy.duckdb", 0)
    assert (tmp_path / "copy.duckdb").read_text() == "old"


def test_what_a_killed_backup_spilled_is_removed(stored: Warehouse, tmp_path: Path) -> None:
    for name in ("copy.duckdb.partial.tmp-1-ab", "backups/warehouse-20261127T120000000000Z.duckdb.partial.tmp-1-ab"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "backups" / "warehouse-20261127T120000000000Z.duckdb.partial").touch()
    back_up_to(stored.database, tmp_path / "copy.duckdb", 0)
    made(stored)
    assert not list(tmp_path.rglob("*.tmp-*"))


@pytest.mark.parametrize(("database", "says"), [("md:outreach", "is no file"), ("not there.duckdb", "does not exist")])
def test_database_that_has_no_file_cannot_be_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackupError, match=says):
        back_up(database, 2, NOON, 0)
    assert not list(tmp_path.rglob("*.duckdb"))


def test_backup_waits_for_a_reader_and_names_it(stored: Warehouse) -> None:
    with held_elsewhere(stored.database, "read") as holder, pytest.raises(WarehouseError) as refused:
        made(stored)
    assert f"PID {holder.pid}" in str(refused.value)


def test_copying_does_not_end_the_engines_lock_in_this_process(stored: Warehouse, tmp_path: Path) -> None:
    """As it would if this process opened and closed the file itself."""
    write = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    with connect(stored.database):
        copies.copy_file(Path(stored.database), tmp_path / "copy.duckdb")
        other = subprocess.run(
            [sys.executable, "-c", write, stored.database], capture_output=True, text=True, check=False
        )
    assert "Could not set lock" in other.stderr
