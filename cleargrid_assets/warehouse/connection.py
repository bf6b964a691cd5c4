"""Connections to the database. A DuckDB file takes one writing process at a time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import tenacity

from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.sql import quoted

LOCK_TIMEOUT_S = 600.0
"""Default of the max seconds to wait while another process holds the file."""

WARN_AFTER_ATTEMPTS = 40
"""About five seconds. Shorter waits are normal when two runs write."""

MAX_MEMORY = "512MB"
"""DuckDB uses the disk above this. The whole process takes about 300 MB more."""


class WarehouseError(Exception):
    """The database cannot be opened, a table does not fit its contract, or a value cannot be stored."""


class NewerFileError(WarehouseError):
    """A newer DuckDB wrote the file, and the installed one cannot read it."""


def is_path(database: str) -> bool:
    """Whether the database is a file named by its path, not an address that only DuckDB reads."""
    return "://" not in database and not database.startswith((":memory:", "md:", "file:"))


@contextmanager
def connect(
    database: str, *, read_only: bool = False, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a connection in UTC. Bare table names are those of the project's schema.

    Args:
        database: A file, created with its folder when missing, or any other address that DuckDB opens as a database.
        read_only: Shares the file with other readers. Ignored if the file does not exist.
        lock_timeout_s: Max seconds to wait while another process holds the file.

    Yields:
        The connection.

    Raises:
        WarehouseError: Another process held the file for longer. The message says which.
        NewerFileError: A newer DuckDB wrote the file. The message says how to convert it.
    """
    connection = _open(database, read_only=read_only and Path(database).is_file(), lock_timeout_s=lock_timeout_s)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        # With the catalog, because DuckDB names it after the file: for cleargrid.duckdb, the schema alone is ambiguous.
        schema = f"{quoted(catalog(connection))}.{quoted(SCHEMA)}"
        if not read_only:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        if _has_schema(connection):
            connection.execute(f"USE {schema}")
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(database: str, lock_timeout_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a connection as `connect` does, in a transaction that commits unless an error leaves the block."""
    with connect(database, lock_timeout_s=lock_timeout_s) as connection:
        connection.begin()
        yield connection
        connection.commit()


def catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """DuckDB's name for the open database, made from the file's name."""
    [(name,)] = connection.execute("SELECT current_database()").fetchall()
    return str(name)


def _open(database: str, *, read_only: bool, lock_timeout_s: float) -> duckdb.DuckDBPyConnection:
    if is_path(database):
        Path(database).parent.mkdir(parents=True, exist_ok=True)

    def warn_once(state: tenacity.RetryCallState) -> None:
        if state.attempt_number == WARN_AFTER_ATTEMPTS and state.outcome is not None:
            logging.getLogger(__name__).warning(
                "%s is in use elsewhere. Waiting up to %.0f s. DuckDB says: %s",
                database,
                lock_timeout_s,
                state.outcome.exception(),
            )

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_locked),
        stop=tenacity.stop_after_delay(lock_timeout_s),
        wait=tenacity.wait_random(0.02, 0.25),
        before_sleep=warn_once,
        reraise=True,
    )
    try:
        connection: duckdb.DuckDBPyConnection = retrying(
            duckdb.connect, database, read_only=read_only, config={"memory_limit": MAX_MEMORY}
        )
    except duckdb.Error as error:
        if "with version number" in str(error):
            raise NewerFileError(
                f"A newer version of DuckDB wrote {database}, and DuckDB {duckdb.__version__} cannot read it. Convert "
                "it in a separate environment that has DuckDB 2: open the file there, and run ATTACH 'new.duckdb' AS n "
                "(STORAGE_VERSION 'v1.5.0'); COPY FROM DATABASE <name of the old one> TO n. Then use new.duckdb."
            ) from error
        if not _is_locked(error):
            raise
        raise WarehouseError(
            f"{database} was in use elsewhere for over {lock_timeout_s:.0f} s. Close the other program "
            f"or wait for the other run, then materialize again. DuckDB says: {error}"
        ) from error
    return connection


def _is_locked(error: BaseException) -> bool:
    """Whether another process or thread holds the file."""
    return (isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)) or (
        isinstance(error, duckdb.ConnectionException) and "different configuration" in str(error)
    )


def _has_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = $schema",
            {"schema": SCHEMA},
        ).fetchall()
    )
