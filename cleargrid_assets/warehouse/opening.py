"""Opening a database file once, with its lock, or not at all. Nothing here waits."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import duckdb

from cleargrid_assets.warehouse import files
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lock import Lock, LockedError, lock_file

MAX_MEMORY = "512MB"
"""DuckDB uses the disk above this. The whole process takes about 300 MB more."""


class Opened(NamedTuple):
    """An open file: its connection, what closes it, and the lock to release afterwards."""

    connection: duckdb.DuckDBPyConnection
    closing: ExitStack
    lock: Lock


def open_file(database: str, file: Path, *, read_only: bool, writers_first: bool = False) -> Opened:
    """Takes the lock and opens the file, both at once or neither, so that others can go on while this one waits."""
    lock = _lock(file, exclusive=not read_only, writers_first=writers_first)
    with ExitStack() as undoing:
        undoing.callback(lock.release)
        closing = undoing.enter_context(ExitStack())
        if read_only and not file.exists():
            connection = closing.enter_context(connected(":memory:", read_only=False))
        else:
            connection = _connect_file(database, file, closing, read_only=read_only)
        undoing.pop_all()
        return Opened(connection, closing, lock)


def _connect_file(database: str, file: Path, closing: ExitStack, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    if not read_only:
        files.remove_abandoned_spills(file)
        if not file.exists():
            files.create_database(file)
    spills = closing.enter_context(files.spill_folder(file))
    connection = closing.enter_context(connected(database, read_only=read_only, temp_directory=str(spills)))
    if not read_only:
        closing.enter_context(files.private_wal(file))
    return connection


def connected(database: str, *, read_only: bool, **config: str) -> duckdb.DuckDBPyConnection:
    """A connection with the project's limit on memory, and without a lock."""
    connection: duckdb.DuckDBPyConnection = duckdb.connect(
        database, read_only=read_only, config={"memory_limit": MAX_MEMORY, **config}
    )
    return connection


def _lock(file: Path, *, exclusive: bool, writers_first: bool = False) -> Lock:
    try:
        if exclusive:
            files.make_private_folders(file.resolve().parent)
        return Lock.acquired(file, exclusive=exclusive, writers_first=writers_first)
    except OSError as error:
        raise WarehouseError(
            f"The lock of the database, {lock_file(file)}, cannot be taken: {error.strerror}. The user who runs the "
            "project needs access to this file and its folder, on a local disk."
        ) from error


def lock_unused(file: Path) -> Lock:
    """The exclusive lock, if no program that does not know the lock writes to the file either."""
    lock = _lock(file, exclusive=True)
    try:
        if file.exists():
            duckdb.connect(str(file), read_only=True).close()
    except duckdb.Error as error:
        # Of a damaged file, it says something else.
        if is_locked(error):
            lock.release()
            raise LockedError(f"DuckDB says: {error}") from error
    return lock


def is_locked(error: BaseException) -> bool:
    """Whether another process or thread holds the file."""
    return (
        isinstance(error, LockedError)
        or (isinstance(error, duckdb.IOException) and "Could not set lock" in str(error))
        or (isinstance(error, duckdb.ConnectionException) and "different configuration" in str(error))
    )
