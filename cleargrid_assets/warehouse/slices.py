"""What passes between assets and the IO manager besides DataFrames: rows that stay on disk on either side.

Assets are declared with these types, so that this module loads neither DuckDB nor pandas before rows are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cleargrid_assets.contracts import PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.sql import column_definitions, quoted

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


@dataclass(frozen=True)
class SpooledPartition:
    """One day's rows in a file of newline-delimited JSON, each with the contract's fields, checked.

    Attributes:
        day: The business day.
        rows: The file.
        extracted_at: When the day began to be fetched.
    """

    day: date
    rows: Path
    extracted_at: datetime


@dataclass(frozen=True)
class SpooledSlice:
    """Partitions on their way in.

    Attributes:
        partitions: Files with the rows of each.
        discard: Called once the rows are stored.
    """

    partitions: Sequence[SpooledPartition]
    discard: Callable[[], None]


@dataclass(frozen=True)
class StoredSlice:
    """Partitions of a stored table, to be read where they are.

    Attributes:
        database: Where the table is.
        lock_timeout_s: Seconds to wait for the file.
        table: Its contract.
        days: The partitions; of a table or partition that is not there yet, there are no rows.
    """

    database: str
    lock_timeout_s: float
    table: Table
    days: Sequence[date]

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyRelation]:
        """The rows as a relation, while a connection is held: so not for longer than the reading takes."""
        with connect(self.database, read_only=True, lock_timeout_s=self.lock_timeout_s) as connection:
            name = quoted(self.table.name)
            if not self._is_there(connection):
                connection.execute(f"CREATE TEMP TABLE {name} ({column_definitions(self.table)})")
                name = f"temp.main.{name}"
            # Literals, because a relation takes no parameters; dates have but one spelling.
            days = ", ".join(f"DATE '{day.isoformat()}'" for day in self.days)
            yield connection.sql(f"FROM {name}").filter(f"{PARTITION_COLUMN} IN ({days})" if days else "false")

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows in memory, of all columns or of those named."""
        with self.open() as rows:
            frame: pd.DataFrame = rows.select(*(quoted(name) for name in columns or self.table.column_names)).df()
            return frame

    def _is_there(self, connection: duckdb.DuckDBPyConnection) -> bool:
        return bool(
            connection.execute(
                "SELECT 1 FROM duckdb_tables() "
                "WHERE database_name = current_database() AND schema_name = $schema AND table_name = $name",
                {"schema": SCHEMA, "name": self.table.name},
            ).fetchall()
        )
