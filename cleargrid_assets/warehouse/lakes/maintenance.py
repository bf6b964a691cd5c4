"""Maintenance of a lake: removes old versions of its rows, and files that nothing needs any more."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from cleargrid_assets.contracts import DAYS, TABLES
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.databases import is_lake, name_of
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.commits import commit
from cleargrid_assets.warehouse.lakes.lake import WRITER, ask
from cleargrid_assets.warehouse.lakes.locks import Locks, locked
from cleargrid_assets.warehouse.ledger import shorten_ledger
from cleargrid_assets.warehouse.sql import literal
from cleargrid_assets.warehouse.tables import stored_columns, table_names
from cleargrid_assets.wording import counted

FILES_STAY = timedelta(days=2)
"""How long a file stays when no version of the rows needs it, for readers that began before."""


@dataclass(frozen=True)
class Maintenance:
    """What maintenance did, and what the lake holds now.

    Attributes:
        files: Parquet files with the present rows.
        size_bytes: Their size.
        old_files: Parquet files of old versions, and those that wait to be deleted.
        snapshots: Versions that can be read.
        expired_snapshots: Versions that can be read no more.
        deleted_files: Files that were deleted.
        seconds: How long it took.
    """

    files: int
    size_bytes: int
    old_files: int
    snapshots: int
    expired_snapshots: int
    deleted_files: int
    seconds: float


def maintain(database: str, keep: timedelta, now: datetime, lock_timeout_s: float) -> Maintenance:
    """Removes what a lake holds besides its present rows and the versions of the last time.

    No run writes to the lake meanwhile. Readers go on.

    Args:
        database: The lake.
        keep: How long versions stay that are not the present one.
        now: The time to count back from.
        lock_timeout_s: Max seconds to wait for runs that write.

    Raises:
        WarehouseError: The database is no lake, runs held a table for longer, or a file that would be deleted is not
            in the lake's own folders.
    """
    if not is_lake(database):
        raise WarehouseError("The database is no lake, so it needs no maintenance.")
    start = time.monotonic()
    with connect(database, lock_timeout_s=lock_timeout_s) as connection:
        with locked(connection, _all_tables(connection), lock_timeout_s) as locks:
            _shorten_ledger(connection, locks)
            expired = _call(connection, "ducklake_expire_snapshots", now - keep)
            deleted = _call(connection, "ducklake_cleanup_old_files", now - FILES_STAY)
            _refuse_files_of_others(connection, now - FILES_STAY)
            deleted += _call(connection, "ducklake_delete_orphaned_files", now - FILES_STAY)
        files, size = _present_files(connection)
        [(snapshots, old_files)] = ask(
            connection,
            "SELECT (SELECT count(*) FROM ducklake_snapshot), "
            "(SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NOT NULL) + "
            "(SELECT count(*) FROM ducklake_files_scheduled_for_deletion)",
        )
    return Maintenance(files, size, old_files, snapshots, len(expired), len(deleted), seconds=time.monotonic() - start)


def _all_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The tables of the lake, as `locked` takes them, and those that a run may be about to create."""
    return {f"{SCHEMA}.{name}" for name in table_names(connection)} | {name_of(table) for table in (*TABLES, DAYS)}


def _shorten_ledger(connection: duckdb.DuckDBPyConnection, locks: Locks) -> None:
    if not stored_columns(connection, DAYS):
        return
    connection.begin()
    shorten_ledger(connection)
    if not locks.still_held():
        connection.rollback()
        raise WarehouseError(
            "The connection to Postgres that held the locks of the lake was lost, so nothing is removed. Launch the "
            "job again."
        )
    commit(connection)


def _call(
    connection: duckdb.DuckDBPyConnection, function: str, older_than: datetime, *, dry: bool = False
) -> list[str]:
    """What a function of DuckLake removes: the first column of its rows."""
    rows = connection.execute(
        f"CALL {function}('{WRITER}', dry_run => {dry}, older_than => $older_than)", {"older_than": older_than}
    ).fetchall()
    return [str(first) for first, *_ in rows]


def _refuse_files_of_others(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> None:
    """Stops before files are deleted that may belong to another lake or program.

    DuckLake takes every Parquet file below the lake's folder as its own.
    """
    [(root,)] = connection.execute(
        f"SELECT value FROM {WRITER}.options() WHERE option_name = 'data_path' AND scope = 'GLOBAL'"
    ).fetchall()
    schemas = connection.execute(
        f"SELECT schema_name FROM duckdb_schemas() WHERE database_name = {literal(WRITER)}"
    ).fetchall()
    own = tuple(f"{root.rstrip('/')}/{name}/" for (name,) in schemas)
    unknown = _call(connection, "ducklake_delete_orphaned_files", older_than, dry=True)
    if others := [path for path in unknown if not path.startswith(own)]:
        raise WarehouseError(
            f"CLEARGRID_LAKE_DATA holds {counted(len(others), 'Parquet file')} outside of the folders of the lake's "
            "schemas. Maintenance would delete what the lake does not know, so it stopped before that. Move them: a "
            "lake needs a folder or a prefix for itself, with no other lake in it."
        )


def _present_files(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    [(files, size)] = connection.execute(
        "SELECT coalesce(sum(file_count + delete_file_count), 0)::BIGINT, "
        f"coalesce(sum(file_size_bytes + delete_file_size_bytes), 0)::BIGINT FROM ducklake_table_info('{WRITER}')"
    ).fetchall()
    return files, size
