"""Assets of the contracts' tables, materialized and loaded through the real IO manager on a database file or a lake.

What belongs here: making rows and running Dagster. What does not: any expectation.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import duckdb
import pandas as pd

from cleargrid_assets.assets.table_asset import table_asset
from cleargrid_assets.contracts import COMMUNICATION_LOGS, HOURLY_REACH
from cleargrid_assets.partitions import RANGE_END, RANGE_START
from cleargrid_assets.schema import EXTRACTED_AT, QuarantinedRow, Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.databases import is_lake
from cleargrid_assets.warehouse.io_manager import WarehouseIOManager
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice, StoredSlice
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.rows import Row, sent_row

DAY_1, DAY_2, DAY_3 = date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)
DAILY = dg.DailyPartitionsDefinition(DAY_1.isoformat(), end_date="2024-05-08")
EXTRACTED = datetime(2024, 6, 1, tzinfo=timezone.utc)
SUBJECT, ADDRESS = "about your secret debt", "someone.private@mail.example"


class Counts(NamedTuple):
    """What the metadata of one partition says. Changes are None unless the rows were fetched."""

    rows: int
    new: int | None = None
    changed: int | None = None
    removed: int | None = None


def log(public_id: str, day: date = DAY_1, **values: Any) -> Row:
    """A communication as the spool holds it: by default an answered call at ten in the morning."""
    defaults: Row = {
        "subject": None,
        "communicated_at": f"{day}T10:00:00Z",
        "created_at": f"{day}T10:00:05.441Z",
        "updated_at": f"{day}T10:01:41.118Z",
    }
    return sent_row(public_id, **(defaults | values))


def reach(day: date = DAY_1, hour: int = 10, **values: Any) -> Row:
    """A row of `hourly_reach`."""
    return {
        "communicated_date": day,
        "channel": "phone",
        "hour": hour,
        "attempts": 4,
        "reached_attempts": 1,
        "reach_rate": 0.25,
        **values,
    }


def frame(rows: Iterable[Row], table: Table = HOURLY_REACH) -> pd.DataFrame:
    """Rows of a table as an asset returns them."""
    made: pd.DataFrame = pd.DataFrame(list(rows), columns=table.column_names)
    return made


@dataclass
class Warehouse:
    """A database, and a folder for spools.

    Attributes:
        database: Of the IO manager.
        folder: Where spooled rows are written.
        discarded: The slices whose spool was discarded.
    """

    database: str
    folder: Path
    instance: dg.DagsterInstance
    discarded: list[Sequence[date]] = field(default_factory=list)

    def spooled(
        self,
        days: Mapping[date, Iterable[Row]],
        *,
        extracted_at: datetime = EXTRACTED,
        quarantined: Mapping[date, Sequence[QuarantinedRow]] | None = None,
        discard: Callable[[], None] | None = None,
    ) -> SpooledSlice:
        """The rows of each day, in a file of their own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for day, rows in days.items():
            self.file_of(day).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return SpooledSlice(
            [
                SpooledPartition(day, self.file_of(day), extracted_at, quarantined=(quarantined or {}).get(day, ()))
                for day in days
            ],
            discard=discard or (lambda: self.discarded.append(list(days))),
        )

    def file_of(self, day: date) -> Path:
        """The spooled rows of a day."""
        return self.folder / f"{day}.ndjson"

    def store(self, value: object, *days: date, table: Table = COMMUNICATION_LOGS) -> dict[date, Counts]:
        """Materializes the days from the first to the last, and returns what is said of each."""
        return {
            day: Counts(metadata["rows"], *map(metadata.get, ("new_rows", "changed_rows", "removed_rows")))
            for day, metadata in self.store_for_metadata(value, *days, table=table).items()
        }

    def store_for_metadata(
        self, value: object, *days: date, table: Table = COMMUNICATION_LOGS
    ) -> dict[date, dict[str, Any]]:
        """As `store`, but returns all of each partition's metadata."""
        result = self.materialize([stored(table, lambda: value)], days)
        return {
            date.fromisoformat(str(event.partition)): {
                name: entry.value for name, entry in event.materialization.metadata.items()
            }
            for event in result.get_asset_materialization_events()
            # Days that rows have moved away from have events too.
            if days[0].isoformat() <= str(event.partition) <= days[-1].isoformat()
        }

    def store_day(self, day: date, *rows: Row) -> Counts:
        """Materializes one day of communication logs."""
        return self.store(self.spooled({day: rows}), day)[day]

    def load(
        self, kind: type[Any], *days: date, table: Table = COMMUNICATION_LOGS, columns: Sequence[str] | None = None
    ) -> Any:
        """What a downstream asset is given."""
        given = []

        @dg.asset(
            partitions_def=DAILY,
            backfill_policy=dg.BackfillPolicy.single_run(),
            ins={"rows": dg.AssetIn(key=asset_key(table), metadata={"columns": columns})},
        )
        def downstream(rows: kind) -> None:  # type: ignore[valid-type]
            given.append(rows)

        self.materialize([stored(table, lambda: None), downstream], days, selection=[downstream])
        return given[0]

    def frame(self, *days: date, table: Table = COMMUNICATION_LOGS) -> pd.DataFrame:
        """The stored rows of the days, by key; not through a run, which takes longer."""
        rows: pd.DataFrame = (
            StoredSlice(self.database, 60.0, table, days).frame().sort_values(list(table.key), ignore_index=True)
        )
        return rows

    def materialize(self, assets: Sequence[Any], days: Sequence[date], **options: Any) -> dg.ExecuteInProcessResult:
        """One run over the days from the first to the last."""
        keys = [day.isoformat() for day in days]
        which: dict[str, Any] = (
            {"partition_key": keys[0]} if len(keys) == 1 else {"tags": {RANGE_START: keys[0], RANGE_END: keys[-1]}}
        )
        return dg.materialize(
            assets,
            resources={
                "io_manager": WarehouseIOManager(
                    warehouse=WarehouseResource(database=self.database, lock_timeout_s=60.0)
                )
            },
            instance=self.instance,
            run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
            **which,
            **options,
        )

    def everything(self, table: Table = COMMUNICATION_LOGS) -> list[tuple[Any, ...]]:
        """All that the table holds but `extracted_at`, read at once: nobody may have the file."""
        names = ", ".join(f'"{name}"' for name in table.column_names if name != EXTRACTED_AT)
        with connect(self.database, read_only=True, lock_timeout_s=0) as connection:
            return connection.execute(f"SELECT {names} FROM {table.name} ORDER BY ALL").fetchall()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of a query by somebody else's connection."""
        with self._elsewhere(read_only=True) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        """Changes the database behind the IO manager's back."""
        with self._elsewhere(read_only=False) as connection:
            connection.execute(statement)

    def _elsewhere(self, *, read_only: bool) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        if is_lake(self.database):
            return connect(self.database, read_only=read_only)
        return duckdb.connect(self.database, read_only=read_only)


def stored(table: Table, rows: Callable[[], object], **options: Any) -> dg.AssetsDefinition:
    """An asset of the table."""

    def compute() -> Any:
        return rows()

    return table_asset(table, compute, **{"partitions_def": DAILY, **options})
