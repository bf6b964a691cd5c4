"""Connections to the one database file, which takes one writing process at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cleargrid_assets.contracts import SCHEMA
from cleargrid_assets.warehouse.sql import quoted

if TYPE_CHECKING:  # definitions open no connection, and need not load it
    import duckdb

LOCK_TIMEOUT_S = 600.0
"""How long to wait, by default, for another process to let go of the file."""

_TOLD_AT_TRY = 40
"""After some five seconds; shorter waits are part of every day on which two runs write."""

MEMORY_LIMIT = "512MB"
"""What DuckDB keeps in memory before it goes to disk. The process as a whole takes some 300 MB more."""


class WarehouseError(Exception):
    """The database or a table in it is not as it must be, or what was to be stored is not."""


class NewerFileError(WarehouseError):
    """A newer DuckDB wrote the file, in a form that the installed DuckDB cannot read."""


def is_path(database: str) -> bool:
    """Whether the database is a file named by its path, not by an address that only DuckDB reads."""
    return "://" not in database and not database.startswith((":memory:", "md:", "file:"))


@contextmanager
def connect(
    database: str, *, read_only: bool = False, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC that has the project's schema in use, so that tables go by their bare names.

    Args:
        database: A file, created with its folder when missing, or anything else that DuckDB opens as a database.
        read_only: Shares the file with other readers, once there is something to read.
        lock_timeout_s: Seconds to wait, with jitter, while another process has the file.

    Yields:
        The connection, closed on the way out whatever happens.

    Raises:
        WarehouseError: Another process kept the file for longer; the message passes on which.
        NewerFileError: A newer DuckDB wrote the file; the message says how to convert it.
    """
    connection = _open(database, read_only=read_only and Path(database).is_file(), lock_timeout_s=lock_timeout_s)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        schema = _qualified_schema(connection)
        if not read_only:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        if _has_schema(connection):
            connection.execute(f"USE {schema}")
        yield connection
    finally:
        connection.close()


def _open(database: str, *, read_only: bool, lock_timeout_s: float) -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415
    import tenacity  # noqa: PLC0415

    if is_path(database):
        Path(database).parent.mkdir(parents=True, exist_ok=True)

    def tell_once(state: tenacity.RetryCallState) -> None:
        if state.attempt_number == _TOLD_AT_TRY and state.outcome is not None:
            logging.getLogger(__name__).warning(
                "%s is in use elsewhere, so this waits for up to %.0f s. DuckDB says: %s",
                database,
                lock_timeout_s,
                state.outcome.exception(),
            )

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_held_elsewhere),
        stop=tenacity.stop_after_delay(lock_timeout_s),
        wait=tenacity.wait_random(0.02, 0.25),
        before_sleep=tell_once,
        reraise=True,
    )
    try:
        connection: duckdb.DuckDBPyConnection = retrying(
            duckdb.connect, database, read_only=read_only, config={"memory_limit": MEMORY_LIMIT}
        )
    except duckdb.Error as error:
        if "with version number" in str(error):
            raise NewerFileError(
                f"A newer version of DuckDB wrote {database}, and DuckDB {duckdb.__version__} cannot read it. Convert "
                "it in a separate environment that has DuckDB 2: open the file there, and run ATTACH 'new.duckdb' AS n "
                "(STORAGE_VERSION 'v1.5.0'); COPY FROM DATABASE <name of the old one> TO n. Then use new.duckdb."
            ) from error
        if not _is_held_elsewhere(error):
            raise
        raise WarehouseError(
            f"{database} was in use elsewhere for over {lock_timeout_s:.0f} s. Close the other program, "
            f"or wait for the other run, and materialize again. DuckDB says: {error}"
        ) from error
    return connection


def _is_held_elsewhere(error: BaseException) -> bool:
    """Whether another process, or another thread of this one, has the file open in a way that excludes ours."""
    import duckdb  # noqa: PLC0415

    return (isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)) or (
        isinstance(error, duckdb.ConnectionException) and "different configuration" in str(error)
    )


def _qualified_schema(connection: duckdb.DuckDBPyConnection) -> str:
    """The schema with its catalog: the default file is called like the schema, so the bare name is ambiguous."""
    [(catalog,)] = connection.execute("SELECT current_database()").fetchall()
    return f"{quoted(catalog)}.{quoted(SCHEMA)}"


def _has_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = $schema",
            {"schema": SCHEMA},
        ).fetchall()
    )
