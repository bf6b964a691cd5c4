"""Locks of the tables of a lake, which exclude writers on all machines: advisory locks of its Postgres."""

import hashlib
import logging
import os
import re
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import duckdb

from cleargrid_assets.foreign import presentable
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.lake import ask
from cleargrid_assets.warehouse.sql import literal

_OWN_NAME = re.compile(r"cleargrid_assets (\d+) ([\w.-]+)", re.ASCII)
"""The name of a connection that holds locks, in Postgres: process id and machine."""

_WARN_AFTER_S = 5.0
"""Shorter waits for a lock are normal when two runs write."""

_INTERRUPTIBLE_EACH_S = 10.0
"""A run that waits cannot be terminated before. But each time, it goes to the end of the queue."""


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
