"""Copies of a database file: making one, and comparing it with its ledger."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.connection import connect_copy
from cleargrid_assets.warehouse.content import content_hashes
from cleargrid_assets.warehouse.damage import first_line
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.files import remove_abandoned_spills
from cleargrid_assets.warehouse.ledger import LedgerEntry, differences, read_ledger
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import missing_columns, stored_columns
from cleargrid_assets.wording import first_of, megabytes

_MAX_LISTED = 10


class BackupError(WarehouseError):
    """A backup cannot be made or put back. The database and the other backups are as they were."""


def copy_file(source: Path, copy: Path) -> None:
    """Copies a database file to a new file that is private, and waits until it is on the disk.

    Raises:
        BackupError: The disk has not the room, or the file cannot be copied.
    """
    check_room(source, copy.parent)
    # What a killed process left.
    remove_abandoned_spills(copy)
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    _copy_in_child(source, copy)
    sync(copy)


def check_room(source: Path, folder: Path) -> None:
    """Checks that a copy of a file fits on the disk of a folder.

    Raises:
        BackupError: It does not.
    """
    needed, free = source.stat().st_size, shutil.disk_usage(folder).free
    if needed > free:
        raise BackupError(
            f"The copy of {source} needs {megabytes(needed)}, but the disk of {folder} has {megabytes(free)} free. "
            "Free space there, and try again."
        )


def replace_file(new: Path, file: Path) -> None:
    """Gives a file its name, in place of another one, in one step that outlives a power cut."""
    new.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Waits until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify(copy: Path) -> date | None:
    """Reads the whole copy, and compares its days with its ledger: rows, and content.

    Returns:
        The last day of communication logs in it; None if there is none.

    Raises:
        BackupError: The copy cannot be read, or a day is not what was stored.
    """
    try:
        with connect_copy(copy) as connection:
            wrong = [*_wrong_counts(connection), *_wrong_content(connection)]
            _read_everything(connection)
            [(last_day,)] = (
                connection.execute(f"SELECT max(communicated_date) FROM {COMMUNICATION_LOGS.name}").fetchall()
                if stored_columns(connection, COMMUNICATION_LOGS)
                else [(None,)]
            )
    except duckdb.Error as error:
        raise BackupError(f"The copy {copy} cannot be read. DuckDB says: {first_line(error)}.") from error
    if wrong:
        raise BackupError(
            f"The copy {copy} differs from its ledger: {first_of(wrong, _MAX_LISTED, 'day')}. Materialize these days "
            "again, then try again."
        )
    last: date | None = last_day
    return last


def _wrong_counts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        f"{each.table_name} of {each.day} ({each.rows} rows, "
        f"{'not' if each.ledger_rows is None else each.ledger_rows} in the ledger)"
        for each in differences(connection, TABLES)
    ]


def _wrong_content(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        f"{table.name} of {day} (other content)"
        for table in TABLES
        for day in _changed_days(connection, table, read_ledger(connection, table))
    ]


def _changed_days(
    connection: duckdb.DuckDBPyConnection, table: Table, entries: dict[date, LedgerEntry]
) -> Sequence[date]:
    """The days with other content than was stored.

    A column that was added to a stored table is its last one, and no part of the hashes of days stored before.
    """
    found = stored_columns(connection, table)
    if missing_columns(table, found) is None:  # the next run drops the table, or refuses it
        return []
    columns = {column.name: column for column in table.columns if column.name in found}
    days = [day for day, entry in entries.items() if entry.row_count]
    for last in reversed(list(found)):
        hashes = content_hashes(connection, replace(table, columns=tuple(columns.values())), days)
        days = [day for day in days if hashes[day] != entries[day].content_hash]
        if not days or not columns.pop(last).nullable:
            break
    return days


def _read_everything(connection: duckdb.DuckDBPyConnection) -> None:
    """Reads all tables, because DuckDB notices a damaged block only when it reads it."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()"
    ).fetchall()
    for schema, name in tables:
        # The tables of the contracts have been read for their hashes.
        if schema != SCHEMA or name not in {table.name for table in TABLES}:
            connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {quoted(schema)}.{quoted(name)}").fetchall()


def _copy_in_child(source: Path, copy: Path) -> None:
    """Copies in another process, because closing the source in this one would end DuckDB's locks on it.

    A file system that can share blocks between files makes the copy at once.
    """
    commands: Iterable[list[str]] = (["cp", "--reflink=auto"], ["cp"])  # the option is not known everywhere
    for command in commands:
        done = subprocess.run(  # noqa: S603 - no shell, and paths are no options
            [*command, "--", str(source), str(copy)], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
    raise BackupError(f"{source} cannot be copied to {copy.parent}: {done.stderr.strip()}")
