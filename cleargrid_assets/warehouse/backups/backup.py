"""Backups: copies of the database file that are compared with their ledger before they replace older ones."""

import stat
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cleargrid_assets.warehouse.backups.backup_files import (
    backup_folder,
    backup_name,
    backups_of,
    unfinished,
    unfinished_backups,
)
from cleargrid_assets.warehouse.backups.copies import BackupError, copy_file, replace_file, verify
from cleargrid_assets.warehouse.connection import checkpointed, exclusively, file_of
from cleargrid_assets.warehouse.databases import is_lake
from cleargrid_assets.warehouse.files import remove_abandoned_spills, wal_of


@dataclass(frozen=True)
class Backup:
    """A backup that was made.

    Attributes:
        file: The copy.
        size_bytes: Its size.
        seconds: How long it took.
    """

    file: Path
    size_bytes: int
    seconds: float


def back_up(database: str, keep: int, now: datetime, lock_timeout_s: float) -> Backup:
    """Makes a backup in the folder of backups, and removes the oldest ones if there are more than `keep`.

    Raises:
        BackupError: The backup could not be made, or is not what was stored. No older backup is removed.
        WarehouseError: Another process held the database for longer than `lock_timeout_s`.
    """
    file = _existing_file(database)
    if keep < 1:
        raise BackupError("CLEARGRID_BACKUPS is 0, so no backups are kept. Name a file: `cleargrid backup FILE`.")
    with one_at_a_time(file, lock_timeout_s):
        backup_folder(file).mkdir(mode=0o700, exist_ok=True)
        for left in unfinished_backups(file):
            remove_abandoned_spills(left)
            left.unlink()
        backup = _copied(file, backup_folder(file) / backup_name(file, now), lock_timeout_s)
        for old in backups_of(file)[keep:]:
            if old.file != backup.file:
                old.file.unlink()
        return backup


def back_up_to(database: str, destination: Path, lock_timeout_s: float) -> Backup:
    """Makes a backup in a file of its own, in place of what is there.

    Raises:
        BackupError: As `back_up`, or the destination is the database.
        WarehouseError: As `back_up`.
    """
    file = _existing_file(database)
    if (destination.exists() and destination.samefile(file)) or _is_beside(destination.resolve(), file):
        raise BackupError(f"{destination} is the database itself, or a file that belongs to it. Name another file.")
    if wal_of(destination).exists():
        raise BackupError(
            f"{destination} has a write-ahead log beside it, which DuckDB would apply to the copy. Close the program "
            "that writes to it, or delete both files."
        )
    if not destination.parent.is_dir():
        raise BackupError(f"The folder {destination.parent} does not exist. Create it, or name another one.")
    with one_at_a_time(file, lock_timeout_s):
        return _copied(file, destination, lock_timeout_s)


def database_file(database: str) -> Path:
    """The file of the database.

    Raises:
        BackupError: The database is no file. The message says how else to make a backup.
    """
    file = file_of(database)
    if is_lake(database):
        raise BackupError(
            "The database is a lake, but `cleargrid backup` and `cleargrid restore` are for DuckDB files. Back up its "
            "catalog with pg_dump, together with the files in CLEARGRID_LAKE_DATA."
        )
    if file is None:
        raise BackupError("The database is no file. Back it up with the means of the service that holds it.")
    return file.resolve()


def _existing_file(database: str) -> Path:
    # Checked before anything is created beside it.
    file = database_file(database)
    if not file.is_file():
        raise BackupError(f"{file} does not exist. The first run creates it.")
    return file


def one_at_a_time(file: Path, lock_timeout_s: float) -> AbstractContextManager[None]:
    """Keeps other backups and restores of the database waiting, while others may read and write it."""
    return exclusively(file.with_name(f"{file.name}.backup"), lock_timeout_s)


def _is_beside(path: Path, file: Path) -> bool:
    """Whether DuckDB or the project has a file of this name for the database."""
    own = (f"{file.name}.wal", f"{file.name}.lock", f"{file.name}.backup.lock")
    return path.parent == file.parent and path.name.startswith(own)


def _copied(file: Path, destination: Path, lock_timeout_s: float) -> Backup:
    start = time.monotonic()
    partial = unfinished(destination)
    try:
        with checkpointed(file, lock_timeout_s):
            copy_file(file, partial)
        # Others may write again while the copy is read.
        verify(partial)
        if destination.exists():
            partial.chmod(stat.S_IMODE(destination.stat().st_mode))
        replace_file(partial, destination)
    finally:
        partial.unlink(missing_ok=True)
    return Backup(destination, destination.stat().st_size, time.monotonic() - start)
