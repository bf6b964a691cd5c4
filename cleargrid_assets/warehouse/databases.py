"""The kinds of database that hold the tables, and everything in which they differ.

A database is a DuckDB file, or a lake: a DuckLake with its catalog in Postgres and its rows in Parquet files. SQL over
the tables is the same for both. `lake.py` opens a lake.
"""

import hashlib
import logging
import os
import re
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import duckdb

from cleargrid_assets.contracts import DAYS
from cleargrid_assets.foreign import presentable
from cleargrid_assets.schema import PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lake import ask
from cleargrid_assets.warehouse.sql import literal, quoted

_PREFIX = "ducklake:"
_ADDRESS = re.compile(r"ducklake:postgres:(?:service=[\w.-]+)?", re.ASCII)

_OWN_NAME = re.compile(r"cleargrid_assets (\d+) ([\w.-]+)", re.ASCII)
"""The name of a connection that holds locks, in Postgres: process id and machine."""

_WARN_AFTER_S = 5.0
"""Shorter waits for a lock are normal when two runs write."""

_INTERRUPTIBLE_EACH_S = 10.0
"""A run that waits cannot be terminated before. But each time, it goes to the end of the queue."""


def is_lake(database: str) -> bool:
    """Whether the address of a database names a lake."""
    return database.startswith(_PREFIX)


def shown(database: str) -> str:
    """The address as it may be shown: without what `CLEARGRID_DUCKDB` does not take, which may be a password."""
    return _PREFIX if is_lake(database) and not _ADDRESS.fullmatch(database) else database


def catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """DuckDB's name for the open database. Of a file, it is made from the file's name."""
    [(name,)] = connection.execute("SELECT current_database()").fetchall()
    return str(name)


def in_lake(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether bare table names of the connection are those of a lake."""
    [(kind,)] = connection.execute(
        "SELECT type FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()
    return bool(kind == "ducklake")


def name_of(table: Table) -> str:
    """The table's name with its schema, as `locked` takes it."""
    return f"{SCHEMA}.{table.name}"


def lay_out(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Lays out a table that was just created.

    In a lake, a file has rows of one day, so that replacing a day drops whole files. But each write appends one file
    to the ledger, with the entries of all its days.
    """
    if in_lake(connection) and table != DAYS:
        connection.execute(f"ALTER TABLE {quoted(table.name)} SET PARTITIONED BY ({PARTITION_COLUMN})")


def transaction_time(connection: duckdb.DuckDBPyConnection) -> datetime:
    """An instant at which the transaction held its tables.

    In a file, which one process holds, it is when the transaction began. In a lake it is now, by the clock of Postgres,
    which is one clock for all machines.
    """
    if in_lake(connection):
        [(at,)] = ask(connection, "SELECT clock_timestamp()", catalog(connection))
    else:
        [(at,)] = connection.execute("SELECT now()").fetchall()
    instant: datetime = at
    return instant


@dataclass(frozen=True)
class Locks:
    """Locks of tables of a lake that were taken together."""

    _holder: duckdb.DuckDBPyConnection
    _count: int

    def still_held(self) -> bool:
        """Whether they are held now. They are lost if the connection to Postgres is."""
        try:
            [(count,)] = ask(
                self._holder,
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()",
            )
        except duckdb.Error:
            return False
        return bool(count == self._count)


@contextmanager
def locked(
    connection: duckdb.DuckDBPyConnection, tables: Collection[str], timeout_s: float, *, shared: Collection[str] = ()
) -> Iterator[Locks]:
    """Holds tables of a lake against writers on any machine, until the block ends or the process does.

    Take the locks before the transaction begins: it must not see what was there before them.

    Args:
        connection: A connection to write to the lake.
        tables: The tables, as `name_of` names them.
        timeout_s: Max seconds to wait.
        shared: Other tables. Others may hold them too, but not as `tables`.

    Raises:
        WarehouseError: Others held a table for longer. The message names them.
    """
    modes = {**dict.fromkeys(shared, "pg_advisory_xact_lock_shared"), **dict.fromkeys(tables, "pg_advisory_xact_lock")}
    holder = connection.cursor()
    try:
        yield _taken(holder, modes, timeout_s)
    finally:
        with suppress(duckdb.Error):  # the connection to Postgres is gone, and the locks with it
            holder.rollback()
        holder.close()


def _taken(holder: duckdb.DuckDBPyConnection, modes: Mapping[str, str], timeout_s: float) -> Locks:
    until, wait_s = time.monotonic() + timeout_s, _WARN_AFTER_S
    while busy := _wait(holder, modes, min(wait_s, until - time.monotonic())):
        who = _holders(holder, busy)
        if time.monotonic() >= until:
            raise WarehouseError(
                f"{busy} was in use elsewhere for over {timeout_s:.0f} s: by {who}. Wait for the other run, or end its "
                "process, then materialize again."
            )
        if wait_s == _WARN_AFTER_S:
            logging.getLogger(__name__).warning("%s is in use by %s. Waiting up to %.0f s.", busy, who, timeout_s)
        wait_s = _INTERRUPTIBLE_EACH_S
    return Locks(holder, len(modes))


def _wait(holder: duckdb.DuckDBPyConnection, modes: Mapping[str, str], timeout_s: float) -> str | None:
    """Takes the locks, and returns the table whose lock was not free in time, if there is one."""
    until = time.monotonic() + timeout_s
    me = f"cleargrid_assets {os.getpid()} {socket.gethostname()}"
    holder.begin()
    ask(
        holder,
        f"SELECT set_config('application_name', {literal(me)}, true) AS name, "
        "set_config('idle_in_transaction_session_timeout', '0', true) AS timeout",
    )
    # In one order, so that two processes never wait for each other.
    for name in sorted(modes):
        # 0 would mean no limit.
        wait_ms = max(1, int(1000 * (until - time.monotonic())))
        try:
            ask(holder, f"SELECT set_config('lock_timeout', '{wait_ms}', true)")
            ask(holder, f"SELECT {modes[name]}({_key(name)})::text")
        except duckdb.Error:
            holder.rollback()
            # By the clock, because Postgres may say it in any language.
            if time.monotonic() < until:
                raise
            return name
    return None


def _holders(holder: duckdb.DuckDBPyConnection, name: str) -> str:
    """The processes that hold a table, as far as Postgres tells."""
    found = ask(
        holder,
        "SELECT DISTINCT pid, coalesce(application_name, '') FROM pg_locks JOIN pg_stat_activity USING (pid) "
        f"WHERE locktype = 'advisory' AND granted AND ((classid::bigint << 32) | objid::bigint) = {_key(name)}",
    )
    return ", ".join(sorted(_described(*each) for each in found)) or "a process that has just ended"


def _described(pid: int, application: str) -> str:
    if own := _OWN_NAME.fullmatch(application):
        return f"PID {own[1]} on {own[2]}"
    # Another program may have any name.
    return f"PID {pid} of Postgres ({presentable(application)})"


def _key(name: str) -> int:
    """The key of an advisory lock. Postgres keeps those of different databases apart. DuckDB's names ignore case."""
    return int.from_bytes(hashlib.sha256(name.lower().encode()).digest()[:8], "big", signed=True)
