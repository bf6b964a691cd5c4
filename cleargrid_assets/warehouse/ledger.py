"""The ledger: the table `days`, which says what is stored of each table and day.

The caller begins and commits the transaction. Entries are written in the transaction that writes the rows.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime

import duckdb

from cleargrid_assets.contracts import DAYS, LATEST_ENTRIES
from cleargrid_assets.schema import EXTRACTED_AT, PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.content import content_hashes
from cleargrid_assets.warehouse.databases import in_lake, transaction_time
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import columns_differ, missing_columns, prepare_table, stored_columns

_NAMES = ", ".join(DAYS.column_names)
_OF_TABLE = "table_name = $table"
_ZONE = re.compile(r"code [^,]+, ([^,]+)")
"""The beginning of a version."""

DaysWithoutRows = Callable[[Table, Collection[date]], Iterable[date]]
"""Gives the days of a table that are stored without rows. The second argument is its days with rows."""


@dataclass(frozen=True)
class LedgerEntry:
    """What is stored of one day of one table: a row of the ledger.

    Attributes:
        table_name: The table.
        day: The business day.
        row_count: Its rows.
        content_hash: Hash of its rows, without the time of their fetch.
        extracted_at: When the fetch of the day began; None for a derived table.
        stored_at: When the day was last written.
        run_id: The run that stored it; None if unknown.
        version: What the rows were made with; None if unknown.
    """

    table_name: str
    day: date
    row_count: int
    content_hash: str
    extracted_at: datetime | None
    stored_at: datetime
    run_id: str | None
    version: str | None

    @property
    def zone(self) -> str | None:
        """Name of the time zone whose midnights bound the day, by the version; None if unknown."""
        found = _ZONE.match(self.version or "")
        return found[1] if found else None


@dataclass(frozen=True)
class Difference:
    """A day whose rows are not those that the ledger counts.

    Attributes:
        table_name: The table.
        day: The business day.
        ledger_rows: The rows by the ledger; None if the ledger does not have the day.
        rows: The rows that are there.
    """

    table_name: str
    day: date
    ledger_rows: int | None
    rows: int


@dataclass(frozen=True)
class StoredDays:
    """What is stored of one table, by the ledger and by its rows.

    Attributes:
        entries: The ledger's entries.
        differences: The days whose rows are not those that the ledger counts.
    """

    entries: Mapping[date, LedgerEntry]
    differences: Mapping[date, Difference]

    @property
    def whole(self) -> set[date]:
        """The days that have all their rows."""
        return self.entries.keys() - self.differences.keys()


def stored_days(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], days_without_rows: DaysWithoutRows
) -> dict[str, StoredDays]:
    """What is stored of each table, by its name. Without a ledger, what its first write would enter."""
    if not stored_columns(connection, DAYS):
        of_rows = {table.name: entries_of_rows(connection, table, days_without_rows) for table in tables}
        return {name: StoredDays({entry.day: entry for entry in entries}, {}) for name, entries in of_rows.items()}
    return {
        table.name: StoredDays(
            _entries(connection, table), {each.day: each for each in _differences(connection, table)}
        )
        for table in tables
    }


def read_ledger(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[date, LedgerEntry]:
    """The entries of a table by day, in order. Empty if there is no ledger."""
    return _entries(connection, table) if stored_columns(connection, DAYS) else {}


def _entries(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[date, LedgerEntry]:
    # Of several entries of a day, the last one counts. In SQL, finding it takes a lake twice as long.
    rows = connection.execute(
        f"SELECT {_NAMES} FROM {DAYS.name} WHERE {_OF_TABLE} ORDER BY rowid", {"table": table.name}
    ).fetchall()
    entries = {entry.day: entry for entry in (LedgerEntry(*row) for row in rows)}
    return dict(sorted(entries.items()))


def differences(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> list[Difference]:
    """Compares the ledger with the rows that are there, by the number of rows of each day.

    Returns:
        The days that differ, by table and day. Empty if there is no ledger.
    """
    if not stored_columns(connection, DAYS):
        return []
    return [difference for table in tables for difference in _differences(connection, table)]


def _differences(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Difference]:
    counts = (
        f"SELECT {PARTITION_COLUMN} AS day, count(*) AS rows FROM {quoted(table.name)} GROUP BY ALL"
        if PARTITION_COLUMN in stored_columns(connection, table)
        else "SELECT NULL::DATE AS day, 0 AS rows WHERE false"
    )
    found = connection.execute(
        f"""
        SELECT day, entry.row_count, coalesce(there.rows, 0)
        FROM (SELECT {PARTITION_COLUMN} AS day, row_count FROM {LATEST_ENTRIES} WHERE {_OF_TABLE}) AS entry
        FULL JOIN ({counts}) AS there USING (day)
        WHERE entry.row_count IS DISTINCT FROM coalesce(there.rows, 0)
        ORDER BY day
        """,
        {"table": table.name},
    ).fetchall()
    return [Difference(table.name, day, ledger_rows, rows) for day, ledger_rows, rows in found]


def prepare_ledger(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    other_tables: Iterable[Table],
    days_without_rows: DaysWithoutRows,
) -> dict[date, LedgerEntry]:
    """Creates the ledger if there is none, and enters the stored days of tables that it does not have.

    Other tables are entered with the creation only: later, somebody else may hold them in a lake.

    Args:
        connection: A connection in a transaction.
        table: The table that the transaction writes to.
        other_tables: Further tables of the project.
        days_without_rows: Of a table and its days with rows, the other days that are known to be stored.

    Returns:
        The entries of the table by day, in order.

    Raises:
        WarehouseError: There is another table of this name.
    """
    found = stored_columns(connection, DAYS)
    if found and missing_columns(DAYS, found) is None:
        raise columns_differ(DAYS, found)
    if not found:
        prepare_table(connection, DAYS)
        for other in other_tables:
            if other.name != table.name:
                write_entries(connection, entries_of_rows(connection, other, days_without_rows))
    elif entries := _entries(connection, table):
        return entries
    of_rows = entries_of_rows(connection, table, days_without_rows)
    write_entries(connection, of_rows)
    return {entry.day: entry for entry in of_rows}


def entries_of_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, days_without_rows: DaysWithoutRows
) -> list[LedgerEntry]:
    """Entries for the rows that are there, for a table that the ledger does not have. Run and version are unknown.

    The arguments are those of `prepare_ledger`. A table that the next run drops has none.
    """
    found = stored_columns(connection, table)
    if not found or missing_columns(table, found) is None:
        return []
    # Without columns that the stored table lacks.
    stored = replace(table, columns=[column for column in table.columns if column.name in found])
    fetched = f"max({EXTRACTED_AT})" if table.is_export else "NULL"
    of_days = {
        day: (rows, extracted_at)
        for day, rows, extracted_at in connection.execute(
            f"SELECT {PARTITION_COLUMN}, count(*), {fetched} FROM {quoted(table.name)} GROUP BY {PARTITION_COLUMN}"
        ).fetchall()
    }
    of_days |= dict.fromkeys(days_without_rows(table, of_days.keys()), (0, None))
    hashes = content_hashes(connection, stored, list(of_days))
    now = transaction_time(connection)
    return [
        LedgerEntry(table.name, day, rows, hashes[day], extracted_at, now, run_id=None, version=None)
        for day, (rows, extracted_at) in sorted(of_days.items())
    ]


@dataclass(frozen=True)
class Write:
    """One write of days of a table.

    Attributes:
        table: The table.
        stored_at: The `transaction_time` of the transaction.
        run_id: The run.
        version: What the rows were made with; None if the asset did not say.
        extracted_at: When the fetch of each day began; empty for a derived table.
    """

    table: Table
    stored_at: datetime
    run_id: str
    version: str | None
    extracted_at: Mapping[date, datetime]

    def replaced(self, day: date, rows: int, content_hash: str) -> LedgerEntry:
        """The entry of a day that was replaced."""
        extracted_at = self.extracted_at.get(day)
        return LedgerEntry(
            self.table.name, day, rows, content_hash, extracted_at, self.stored_at, self.run_id, self.version
        )

    def lost(self, entry: LedgerEntry, rows: int, content_hash: str) -> LedgerEntry:
        """The entry of a day that lost rows to another day.

        The rows are subtracted and not counted, so that an earlier difference is not hidden.
        """
        changed = replace(entry, row_count=entry.row_count - rows, content_hash=content_hash)
        if not self.table.is_export:
            # Not newer than before: the day of its source may have changed otherwise, too.
            return changed
        return replace(changed, stored_at=self.stored_at, run_id=self.run_id)


def write_entries(connection: duckdb.DuckDBPyConnection, entries: Sequence[LedgerEntry]) -> None:
    """Writes entries, each in place of the entry of its table and day. In a lake, the old entries stay.

    There, two transactions that write to different tables would conflict if they deleted entries.
    """
    if not entries:
        return
    values = dict(zip(DAYS.column_names, map(list, zip(*map(astuple, entries), strict=True)), strict=True))
    if not in_lake(connection):
        key = ", ".join(f"unnest(${name})" for name in DAYS.key)
        connection.execute(
            f"DELETE FROM {DAYS.name} WHERE ({', '.join(DAYS.key)}) IN (SELECT {key})",
            {name: values[name] for name in DAYS.key},
        )
    lists = ", ".join(f"unnest(${column.name}::{column.type}[])" for column in DAYS.columns)
    connection.execute(f"INSERT INTO {DAYS.name} ({_NAMES}) SELECT {lists}", values)


def forget(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Removes all entries of a table."""
    connection.execute(f"DELETE FROM {DAYS.name} WHERE {_OF_TABLE}", {"table": table.name})


def shorten_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Removes the entries of a lake's ledger that do not count any more, and puts the others in one file."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE latest_entries AS SELECT {_NAMES} FROM {LATEST_ENTRIES}")
    connection.execute(f"DELETE FROM {DAYS.name}")
    connection.execute(f"INSERT INTO {DAYS.name} ({_NAMES}) FROM latest_entries")
    connection.execute("DROP TABLE temp.latest_entries")
