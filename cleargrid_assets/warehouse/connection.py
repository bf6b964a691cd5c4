"""Connections to the database. A DuckDB file takes one writing process at a time, a lake many."""

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb
import tenacity

from cleargrid_assets.contracts import DAYS
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse import files
from cleargrid_assets.warehouse.commits import commit
from cleargrid_assets.warehouse.conflicts import again_on_conflict
from cleargrid_assets.warehouse.damage import damage_message, is_damage
from cleargrid_assets.warehouse.databases import catalog, is_lake, locked, name_of
from cleargrid_assets.warehouse.errors import DamagedFileError, NewerFileError, WarehouseError
from cleargrid_assets.warehouse.lake import open_lake
from cleargrid_assets.warehouse.lock import LockedError, lock_file
from cleargrid_assets.warehouse.opening import connected, is_locked, lock_unused, open_file
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import stored_columns

LOCK_TIMEOUT_S = 600.0
"""Default of the max seconds to wait while another process holds the file."""

WARN_AFTER_ATTEMPTS = 40
"""About five seconds. Shorter waits are normal when two runs write."""

_WRITERS_FIRST_S = 2.0
"""Max seconds that a reader leaves the file to writers that wait for it."""

_Result = TypeVar("_Result")


def file_of(database: str) -> Path | None:
    """The file that the address of a database names; None if it is no file, such as `md:outreach`."""
    if path := re.fullmatch(r"file:(?://(?:localhost)?)?(/.*)", database):
        return Path(path[1])
    is_address = "://" in database or re.match(r":memory:|\w{2,}:", database, re.ASCII)
    return None if is_address else Path(database)


@contextmanager
def connect(
    database: str, *, read_only: bool = False, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a connection in UTC. Bare table names are those of the project's schema.

    The project's lock on a file is held until the block ends: shared to read, exclusive to write. Of a lake, readers
    see one snapshot until the block ends, and hold nothing.

    Args:
        database: A file or a lake, created with its folder when missing, or a database of MotherDuck.
        read_only: Shares a file with other readers. A database that does not exist is not created, but read as empty.
        lock_timeout_s: Max seconds to wait while another process holds the file.

    Yields:
        The connection.

    Raises:
        WarehouseError: Another process held the file for longer. The message says which.
        NewerFileError: A newer DuckDB wrote the file. The message says how to convert it.
        DamagedFileError: The file is damaged. The message says which backups there are.
    """
    with _open(database, read_only=read_only, lock_timeout_s=lock_timeout_s) as connection:
        try:
            _use_schema(connection, read_only=read_only)
            yield connection
        except duckdb.Error as error:
            file = file_of(database)
            if file is not None and is_damage(error, opening=False):
                raise DamagedFileError(damage_message(database, file, error)) from error
            raise


@contextmanager
def transaction(
    database: str, lock_timeout_s: float, tables: Collection[str], sources: Collection[str] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a connection as `connect` does, in a transaction that commits unless an error leaves the block.

    Args:
        database: As `connect`.
        lock_timeout_s: Max seconds to wait while another process holds the file, or one of the tables of a lake.
        tables: What the transaction writes to, besides the ledger, as `name_of` names tables.
        sources: What it reads, so that nobody else may write to it meanwhile.

    Raises:
        WarehouseError: As `connect`; or locks of a lake were lost before the commit, and nothing is stored.
    """
    with connect(database, lock_timeout_s=lock_timeout_s) as connection:
        if not is_lake(database):
            connection.begin()
            yield connection
            connection.commit()
            return
        # Many append to the ledger at once, but one creates it, and enters what is stored already.
        has_ledger = bool(stored_columns(connection, DAYS))
        alone, shared = ([*tables], [*sources, name_of(DAYS)]) if has_ledger else ([*tables, name_of(DAYS)], sources)
        with locked(connection, alone, lock_timeout_s, shared=shared) as locks:
            connection.begin()
            yield connection
            if not locks.still_held():
                raise WarehouseError(
                    "The connection to Postgres that held the locks of the lake was lost, so nothing is stored. "
                    "Materialize again."
                )
            commit(connection)


@contextmanager
def connect_copy(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a copy of the database to read it, as `connect` does, but without a lock: nobody else opens it."""
    with (
        files.spill_folder(file) as spills,
        connected(str(file), read_only=True, temp_directory=str(spills)) as connection,
    ):
        _use_schema(connection, read_only=True)
        yield connection


@contextmanager
def checkpointed(file: Path, lock_timeout_s: float) -> Iterator[None]:
    """Writes everything to the database file itself, and closes it. Holds the exclusive lock until the block ends.

    Raises:
        WarehouseError: As `connect`.
    """
    database = str(file)
    opened = _waiting(database, lock_timeout_s, lambda: open_file(database, file, read_only=False))
    try:
        with opened.closing:
            opened.connection.execute("CHECKPOINT")
        yield
    finally:
        opened.lock.release()


@contextmanager
def exclusively(database: str, lock_timeout_s: float) -> Iterator[None]:
    """Holds the exclusive lock while the file, damaged or not, is closed. A database that is no file has no lock.

    Raises:
        WarehouseError: Another process held the file for longer.
    """
    file = file_of(database)
    if file is None:
        yield
        return
    lock = _waiting(database, lock_timeout_s, lambda: lock_unused(file))
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _open(database: str, *, read_only: bool, lock_timeout_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    if is_lake(database):
        with closing(open_lake(database, read_only=read_only)) as connection:
            try:
                if read_only:
                    connection.begin()
                yield connection
            finally:
                # If Postgres is gone, closing a connection in a transaction would end the process.
                with suppress(duckdb.Error):
                    connection.rollback()
        return
    file = file_of(database)
    # A file that is not there may be restored at this moment, unless there has never been a lock either.
    if file is None or (read_only and not file.exists() and not lock_file(file).exists()):
        with _waiting(
            database, lock_timeout_s, lambda: connected(":memory:" if file else database, read_only=False)
        ) as connection:
            yield connection
        return
    # For a short time only: a reader may be nested in one that the writer waits for.
    writers_first_until = time.monotonic() + min(_WRITERS_FIRST_S, lock_timeout_s / 2)
    opened = _waiting(
        database,
        lock_timeout_s,
        lambda: open_file(
            database, file, read_only=read_only, writers_first=read_only and time.monotonic() < writers_first_until
        ),
    )
    try:
        with opened.closing:
            yield opened.connection
    finally:
        opened.lock.release()


def _use_schema(connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    # With the catalog, because DuckDB names it after the file: for cleargrid.duckdb, the schema alone is ambiguous.
    schema = f"{quoted(catalog(connection))}.{quoted(SCHEMA)}"
    if not read_only:
        again_on_conflict(lambda: connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    if _has_schema(connection):
        connection.execute(f"USE {schema}")


def _waiting(database: str, lock_timeout_s: float, attempt: Callable[[], _Result]) -> _Result:
    """Tries to open the database until nobody else has it."""

    def warn_once(state: tenacity.RetryCallState) -> None:
        if state.attempt_number == WARN_AFTER_ATTEMPTS and state.outcome is not None:
            logging.getLogger(__name__).warning(
                "%s is in use elsewhere. Waiting up to %.0f s. %s",
                database,
                lock_timeout_s,
                _who(state.outcome.exception()),
            )

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_locked),
        stop=tenacity.stop_after_delay(lock_timeout_s),
        wait=tenacity.wait_random(0.02, 0.25),
        before_sleep=warn_once,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except (LockedError, duckdb.Error) as error:
        if explained := _explained(database, lock_timeout_s, error):
            raise explained from error
        raise


def _explained(database: str, lock_timeout_s: float, error: Exception) -> WarehouseError | None:
    """The error that says what to do when the database cannot be opened, if that is known."""
    if "with version number" in str(error):
        return NewerFileError(
            f"A newer version of DuckDB wrote {database}, and DuckDB {duckdb.__version__} cannot read it. Convert "
            "it in a separate environment that has DuckDB 2: open the file there, and run ATTACH 'new.duckdb' AS n "
            "(STORAGE_VERSION 'v1.5.0'); COPY FROM DATABASE <name of the old one> TO n. Then use new.duckdb."
        )
    if is_locked(error):
        return WarehouseError(
            f"{database} was in use elsewhere for over {lock_timeout_s:.0f} s. Close the other program "
            f"or wait for the other run, then materialize again. {_who(error)}"
        )
    file = file_of(database)
    if file is not None and isinstance(error, duckdb.Error) and is_damage(error, opening=True):
        return DamagedFileError(damage_message(database, file, error))
    return None


def _who(error: BaseException | None) -> str:
    """Who holds the file, as far as it is known."""
    if isinstance(error, LockedError):
        return str(error)
    return (
        f"DuckDB says: {error} A program that only reads, such as a notebook or a BI tool, blocks writers too: close "
        "it, or let it read a copy, which `cleargrid backup FILE` makes."
    )


def _has_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = $schema",
            {"schema": SCHEMA},
        ).fetchall()
    )
