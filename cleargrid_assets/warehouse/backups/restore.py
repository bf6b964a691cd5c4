"""Restoring: puts a backup in the place of the database."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cleargrid_assets.warehouse.backups.backup import database_file, one_at_a_time
from cleargrid_assets.warehouse.backups.backup_files import backup_folder, backups_of, timestamp
from cleargrid_assets.warehouse.backups.copies import BackupError, copy_file, replace_file, sync, verify
from cleargrid_assets.warehouse.connection import exclusively
from cleargrid_assets.warehouse.files import wal_of


@dataclass(frozen=True)
class Restored:
    """What was put back.

    Attributes:
        source: The backup.
        kept: The file that was there before; None if there was none.
        last_day: The last day of communication logs; None if there is none.
        unusable: Why newer backups were not taken.
    """

    source: Path
    kept: Path | None
    last_day: date | None
    unusable: Sequence[str]


def restore(database: str, source: Path | None, now: datetime, lock_timeout_s: float) -> Restored:
    """Puts back a backup: the one that is named, or the newest intact one.

    Raises:
        BackupError: No backup can be used. The database is as it was.
        WarehouseError: Another process held the database for longer than `lock_timeout_s`.
    """
    file = database_file(database)
    with one_at_a_time(file, lock_timeout_s):
        new = file.with_name(f"{file.name}.restoring")
        try:
            unusable: list[str] = []
            for candidate in [source] if source else [backup.file for backup in backups_of(file)]:
                try:
                    last_day = _copied(file, candidate, new)
                except BackupError as error:
                    unusable.append(str(error))
                    continue
                with exclusively(file, lock_timeout_s):
                    return Restored(candidate, _put_in_place(file, new, now), last_day, unusable)
        finally:
            new.unlink(missing_ok=True)
    raise BackupError("\n".join(unusable) or f"There is no backup in {backup_folder(file)}. Name a file.")


def _copied(file: Path, source: Path, new: Path) -> date | None:
    if not source.is_file():
        raise BackupError(f"{source} does not exist.")
    if file.exists() and source.samefile(file):
        raise BackupError(f"{source} is the database itself. Name a copy of it.")
    if wal_of(source).exists():
        raise BackupError(
            f"{source} has a write-ahead log beside it, {wal_of(source).name}, so the file alone is not complete. Open "
            "it once with DuckDB, which removes the log, and try again."
        )
    copy_file(source, new)
    return verify(new)


def _put_in_place(file: Path, new: Path, now: datetime) -> Path | None:
    """Gives the new file the name of the database, and keeps the present one with its write-ahead log.

    The log goes first: DuckDB would apply it to the new file.
    """
    kept = file.with_name(f"{file.name}.before-restore-{timestamp(now)}")
    is_there = file.exists()
    if is_there:
        new.chmod(stat.S_IMODE(file.stat().st_mode))
        _keep(file, kept)
    for log in [path for path in file.parent.iterdir() if path.name.startswith(wal_of(file).name)]:
        log.rename(log.with_name(log.name.replace(file.name, kept.name, 1)))
    sync(file.parent)
    replace_file(new, file)
    return kept if is_there else None


def _keep(file: Path, kept: Path) -> None:
    """Gives the file a second name, so that its first one is always there."""
    try:
        os.link(file, kept)
    except OSError:  # the file system has no links
        file.rename(kept)
