"""Where the backups of a database file are, and how they are named."""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

_TIME = "%Y%m%dT%H%M%S%fZ"
_UNFINISHED = ".partial"


@dataclass(frozen=True)
class BackupFile:
    """A backup in the folder of backups.

    Attributes:
        file: The copy of the database file.
        made_at: When the copy was begun, in UTC.
    """

    file: Path
    made_at: datetime


def backup_folder(file: Path) -> Path:
    """The folder of the backups of a database file."""
    return file.resolve().with_name("backups")


def backup_name(file: Path, now: datetime) -> str:
    """The name of a backup that is made now, such as `warehouse-20261128T010312000000Z.duckdb`."""
    name = file.resolve()
    return f"{name.stem}-{timestamp(now)}{name.suffix}"


def timestamp(now: datetime) -> str:
    """A time in the names of files, such as `20261128T010312000000Z`."""
    return f"{now.astimezone(timezone.utc):{_TIME}}"


def backups_of(file: Path) -> list[BackupFile]:
    """The backups of a database file, newest first. Several databases may share the folder."""
    found = [
        BackupFile(path, datetime.strptime(match[1], _TIME).replace(tzinfo=timezone.utc))
        for path, match in _in_folder(file, "")
    ]
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def unfinished(file: Path) -> Path:
    """The name of a backup until it is verified."""
    return file.with_name(f"{file.name}{_UNFINISHED}")


def unfinished_backups(file: Path) -> list[Path]:
    """What killed processes left in the folder of backups."""
    return [path for path, _ in _in_folder(file, _UNFINISHED)]


def _in_folder(file: Path, end: str) -> list[tuple[Path, re.Match[str]]]:
    name, folder = file.resolve(), backup_folder(file)
    pattern = re.compile(rf"{re.escape(name.stem)}-(\d{{8}}T\d{{12}}Z){re.escape(name.suffix + end)}", re.ASCII)
    paths = folder.iterdir() if folder.is_dir() else ()
    return [(path, match) for path in paths if (match := pattern.fullmatch(path.name))]
