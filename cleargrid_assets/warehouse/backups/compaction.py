"""Compaction: rewrites the database file without the space that replaced rows left in it."""

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from cleargrid_assets.warehouse.backups.copies import check_room, replace_file, sync, verify
from cleargrid_assets.warehouse.connection import checkpointed, file_of
from cleargrid_assets.warehouse.damage import damage_message, first_line, is_damage
from cleargrid_assets.warehouse.databases import is_lake
from cleargrid_assets.warehouse.errors import DamagedFileError, WarehouseError
from cleargrid_assets.warehouse.files import temporary_prefix, wal_of
from cleargrid_assets.warehouse.opening import connected
from cleargrid_assets.warehouse.sql import literal, quoted

_OBJECTS = {
    "tables": "schema_name, table_name, sql, comment",
    "indexes": "schema_name, index_name, sql, comment",
    "views": "schema_name, view_name, sql, comment",
    "sequences": "schema_name, sequence_name, sql, comment",
    "functions": "schema_name, function_name, parameters, macro_definition, comment",
    "types": "schema_name, type_name, logical_type, labels, comment",
    "columns": "schema_name, table_name, column_name, comment",
}
"""What a file has besides rows: the functions of DuckDB that list it, and the columns that tell what it is."""


class CompactionError(WarehouseError):
    """The file cannot be rewritten. It is as it was."""


@dataclass(frozen=True)
class Compaction:
    """A file that was rewritten.

    Attributes:
        file: The file.
        bytes_before: Its size before.
        bytes_after: Its size now.
        seconds: How long it took.
    """

    file: Path
    bytes_before: int
    bytes_after: int
    seconds: float


def compact(database: str, lock_timeout_s: float) -> Compaction:
    """Puts a new file with the same content in the place of the database file, in one step.

    Nobody else has the database open meanwhile. The new file is compared with the old one and with the ledger before.

    Raises:
        CompactionError: The database is no file, is not there, or cannot be rewritten.
        BackupError: The disk has not the room, or the new file is not what was stored.
        DamagedFileError: The file is damaged.
        WarehouseError: Another process held the database for longer than `lock_timeout_s`.
    """
    file = _existing_file(database)
    start, before = time.monotonic(), file.stat().st_size
    with (
        checkpointed(file, lock_timeout_s),
        tempfile.TemporaryDirectory(prefix=temporary_prefix(file), dir=file.parent) as folder,
    ):
        check_room(file, file.parent)
        # Of the same name, because DuckDB names the database after its file.
        new = Path(folder) / file.name
        try:
            _replace(file, new)
        except duckdb.Error as error:
            raise _explained(file, error) from error
        return Compaction(file, before, file.stat().st_size, time.monotonic() - start)


def _existing_file(database: str) -> Path:
    file = file_of(database)
    if file is None or is_lake(database):
        raise CompactionError(
            "The database is no file, so there is nothing to compact. The job `lake_maintenance` keeps a lake small."
        )
    if not file.is_file():
        raise CompactionError(f"{file} does not exist. The first run creates it.")
    return file.resolve()


def _replace(file: Path, new: Path) -> None:
    """Makes the new file and gives it the name of the old one, while DuckDB keeps other programs from writing to it."""
    with connected(":memory:", read_only=False, temp_directory=str(new.parent / "spills")) as connection:
        connection.execute(f"ATTACH {literal(str(file))} AS old (READ_ONLY)")
        if wal_of(file).exists():
            raise CompactionError(f"Another program has just written to {file}. Close it, and try again.")
        [(version,)] = connection.execute(
            "SELECT rtrim(tags['storage_version'], '+') FROM duckdb_databases() WHERE database_name = 'old'"
        ).fetchall()
        connection.execute(f"ATTACH {literal(str(new))} AS new (STORAGE_VERSION {literal(version)})")
        connection.execute("COPY FROM DATABASE old TO new")
        connection.execute("CHECKPOINT new")
        _refuse_differences(connection)
        connection.execute("DETACH new")
        verify(new)
        _take_over_permissions(file, new)
        sync(new)
        replace_file(new, file)


def _refuse_differences(connection: duckdb.DuckDBPyConnection) -> None:
    for kind, columns in _OBJECTS.items():
        old, new = (
            connection.execute(
                f"SELECT {columns} FROM duckdb_{kind}() WHERE database_name = $name ORDER BY ALL", {"name": name}
            ).fetchall()
            for name in ("old", "new")
        )
        if old != new:
            raise CompactionError(f"DuckDB did not copy all {kind} of the file as they are. It is left as it was.")
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'old'"
    ).fetchall()
    for schema, table in tables:
        name = f"{quoted(schema)}.{quoted(table)}"
        if _content(connection, f"old.{name}") != _content(connection, f"new.{name}"):
            raise CompactionError(f"The rows of {schema}.{table} are not those of the new file. It is left as it was.")


def _content(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[Any, ...]:
    [content] = connection.execute(f"SELECT count(*), sum(hash(*COLUMNS(*))) FROM {table}").fetchall()
    return content


def _take_over_permissions(file: Path, new: Path) -> None:
    owner = file.stat()
    try:
        os.chown(new, owner.st_uid, owner.st_gid)
    except PermissionError as error:
        raise CompactionError(
            f"{file} belongs to another user or group, which only its owner can give to the new file. Run the command "
            "as the owner."
        ) from error
    # After the owner, because a new owner resets some of the permissions. With those of access control lists.
    shutil.copystat(file, new)
    os.utime(new)


def _explained(file: Path, error: duckdb.Error) -> WarehouseError:
    if is_damage(error, opening=False):
        return DamagedFileError(damage_message(str(file), file, error))
    if isinstance(error, duckdb.ConstraintException):
        # Without DuckDB's message, which quotes rows.
        return CompactionError(
            f"{file} has a table with a foreign key or another constraint that keeps DuckDB from copying it. Move the "
            "tables that you added to a file of their own, and try again."
        )
    return CompactionError(f"{file} cannot be rewritten, and is as it was. DuckDB says: {first_line(error)}.")
