"""Opening a lake: one in-memory instance of DuckDB for each process, to which the lake is attached.

Not by opening the lake as a database: after a failed commit, `duckdb.connect` of the same process never returns again.
"""

import os
import tempfile
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import duckdb

from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.damage import first_line
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.conflicts import again_on_conflict
from cleargrid_assets.warehouse.opening import connected
from cleargrid_assets.warehouse.sql import literal

LAKE = "lake"
"""The lake's catalog in DuckDB, attached to read."""

WRITER = "lake_writer"
"""The same lake, attached to write."""

_S3 = "s3://"


@dataclass(frozen=True)
class _Instance:
    """An in-memory instance of DuckDB, to which the lake is attached.

    Attributes:
        key: What it depends on.
        connection: Its first connection.
        spills: Where it puts what does not fit into memory. Removed with the instance.
    """

    key: object
    connection: duckdb.DuckDBPyConnection
    spills: "tempfile.TemporaryDirectory[str]"


_opening = threading.Lock()
_instances: list[_Instance] = []
"""The instance of this process, if there is one: loading the extensions takes longer than storing a small day."""

_of_parents: list[_Instance] = []
"""Instances that a fork copied. They stay open, because closing one would end the parent's connections to Postgres."""


def _start_anew() -> None:
    global _opening  # noqa: PLW0603 - another thread may have held it when the process was forked
    _opening = threading.Lock()
    _of_parents.extend(_instances)
    _instances.clear()


os.register_at_fork(after_in_child=_start_anew)


def open_lake(database: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A new connection to the lake, for the caller to close.

    Its bare names are those of the catalog `LAKE` to read, and `WRITER` to write. A lake that is not there is created
    to write, and read as empty.

    Raises:
        WarehouseError: The lake cannot be opened. The message says why.
    """
    with _opening:
        connection = _instance(database).connection.cursor()
        try:
            if _attached(connection, database, read_only=read_only):
                connection.execute(f"USE {LAKE if read_only else WRITER}")
        except BaseException as error:
            connection.close()
            if not isinstance(error, duckdb.Error):
                raise
            raise WarehouseError(
                f"The lake cannot be opened. Check PGHOST, PGDATABASE, PGUSER and the other variables of Postgres, and "
                f"CLEARGRID_LAKE_DATA. DuckDB says: {first_line(error)}."
            ) from error
        return connection


def _instance(database: str) -> _Instance:
    # libpq and the extensions read the environment, so another environment is another lake.
    key = (database, {name: text for name, text in os.environ.items() if name.startswith(("PG", "AWS_"))})
    if not _instances or _instances[0].key != key:
        for old in _instances:
            old.connection.close()
        spills = tempfile.TemporaryDirectory(prefix="cleargrid_assets.tmp-", ignore_cleanup_errors=True)
        _instances[:] = [_Instance(key, connected(":memory:", read_only=False, temp_directory=spills.name), spills)]
    return _instances[0]


def _attached(connection: duckdb.DuckDBPyConnection, database: str, *, read_only: bool) -> bool:
    """Attaches the lake, unless it is. Returns whether there is a lake, which it creates to write."""
    catalog = LAKE if read_only else WRITER
    if connection.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = $name", {"name": catalog}).fetchall():
        return True
    data = lake_data()
    for extension in ("ducklake", "postgres_scanner", *(("httpfs", "aws") if data.startswith(_S3) else ())):
        _load(connection, extension)
    if data.startswith(_S3):
        connection.execute(_secret())
    # Stores of different tables only race for the number of a snapshot, so they try again soon and often.
    connection.execute("SET ducklake_max_retry_count = 100; SET ducklake_retry_wait_ms = 20")
    connection.execute("SET ducklake_retry_backoff = 1.1")
    options = f"DATA_PATH {literal(data)}, DATA_INLINING_ROW_LIMIT 0"
    attach = f"ATTACH IF NOT EXISTS {literal(database)} AS {catalog} ({options}"
    if_there = f"{attach}, {'READ_ONLY' if read_only else 'CREATE_IF_NOT_EXISTS false'})"
    if _attaches(connection, if_there):
        return True
    if read_only:
        return False
    # Looked at before trying again, because another process may have created the lake meanwhile.
    if _holds_files(connection, data) and not _attaches(connection, if_there):
        # Maintenance would delete them as files of nobody.
        raise WarehouseError(
            "The lake cannot be created, because CLEARGRID_LAKE_DATA holds the files of another lake, or of an earlier "
            "one. Name an empty folder or prefix. If you meant that lake, name its Postgres database in PGDATABASE."
        )
    again_on_conflict(lambda: connection.execute(f"{attach})"))
    return True


def _attaches(connection: duckdb.DuckDBPyConnection, attach: str) -> bool:
    """Attaches the lake, if it is there."""
    try:
        connection.execute(attach)
    except duckdb.Error as error:
        if "creating a new DuckLake is explicitly disabled" in str(error):
            return False
        raise
    return True


def _holds_files(connection: duckdb.DuckDBPyConnection, data: str) -> bool:
    pattern = f"{data.rstrip('/')}/{SCHEMA}/**/*.parquet"
    return bool(connection.execute(f"FROM glob({literal(pattern)}) LIMIT 1").fetchall())


def lake_data() -> str:
    """Where the files of the lake are: an absolute folder, or a prefix of a bucket.

    Raises:
        WarehouseError: CLEARGRID_LAKE_DATA is not set.
    """
    data = Settings.from_environment().lake_data
    if data is None:
        raise WarehouseError("CLEARGRID_LAKE_DATA is not set, so it is not known where the files of the lake are.")
    return data


def _load(connection: duckdb.DuckDBPyConnection, extension: str) -> None:
    try:
        connection.load_extension(extension)
    except duckdb.IOException:  # not installed
        connection.install_extension(extension)
        connection.load_extension(extension)


def _secret() -> str:
    """Credentials as AWS's own tools find them, and the endpoint, which DuckDB's credential chain ignores."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    options = ""
    if endpoint:
        parts = urlsplit(endpoint)
        uses_tls = "false" if parts.scheme == "http" else "true"
        options = f", ENDPOINT {literal(parts.netloc)}, URL_STYLE 'path', USE_SSL {uses_tls}"
    return f"CREATE OR REPLACE SECRET cleargrid_lake (TYPE s3, PROVIDER credential_chain{options})"


def ask(connection: duckdb.DuckDBPyConnection, query: str, catalog: str = WRITER) -> list[tuple[Any, ...]]:
    """The rows of a query that the lake's Postgres runs, in the connection's transaction."""
    metadata = f"__ducklake_metadata_{catalog}"
    return connection.execute(f"FROM postgres_query('{metadata}', {literal(query)})").fetchall()


def ask_to_change(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Runs a statement in the lake's Postgres, outside of any transaction of the connection."""
    # Those are REPEATABLE READ: the statement would not see what was committed while it waited for a lock.
    connection.execute(
        f"CALL postgres_execute('__ducklake_metadata_{WRITER}', {literal(statement)}, use_transaction => false)"
    )
