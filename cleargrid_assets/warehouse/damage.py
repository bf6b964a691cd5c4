"""Recognises a damaged database file, and says what to do."""

import re
from pathlib import Path

import duckdb

from cleargrid_assets.warehouse.backups.backup_files import backup_folder, backups_of
from cleargrid_assets.warehouse.files import wal_of

_DAMAGE = re.compile(
    r"Corrupt (?:database|WAL) file|not a valid DuckDB database file|Could not read enough bytes from file"
    r"|Failure while replaying WAL file"
)
_DAMAGE_WHEN_OPENED = (duckdb.SerializationException, duckdb.InternalException)
"""Later, they are errors of a query."""

_MAX_MESSAGE = 300


def is_damage(error: duckdb.Error, *, opening: bool) -> bool:
    """Whether the error says that the database file, or its write-ahead log, is damaged.

    Args:
        error: What DuckDB raised.
        opening: Whether it was raised while the file was opened.
    """
    return bool(_DAMAGE.search(str(error))) or (opening and isinstance(error, _DAMAGE_WHEN_OPENED))


def damage_message(database: str, file: Path, error: duckdb.Error) -> str:
    """What happened to the file, which backups there are, and what to do."""
    return f"{database} is damaged and cannot be read. DuckDB says: {first_line(error)}. {_remedy(file)}"


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says of a database that it cannot read, without a period at the end and the hints in further lines.

    It quotes no rows: it comes before values are read, also from a damaged file, whose blocks are checked first.
    """
    return str(error).partition("\n")[0][:_MAX_MESSAGE].rstrip(". ")


def _remedy(file: Path) -> str:
    backups = backups_of(file)
    if backups:
        listed = ", ".join(f"{backup.made_at:%Y-%m-%d %H:%M:%S} UTC" for backup in backups)
        return (
            f"Backups in {backup_folder(file)}, newest first: {listed}. `cleargrid restore` puts back the newest one. "
            "The schedules then fetch the days since."
        )
    return (
        f"There is no backup in {backup_folder(file)}. If you have a copy elsewhere, `cleargrid restore FILE` puts it "
        f"back. To start again without it, move {file.name} and {wal_of(file).name}, if it is there, to another "
        "folder, and materialize all days again."
    )
