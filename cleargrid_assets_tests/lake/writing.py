"""What several processes do to one lake: storing the same days in versions of their own."""

from datetime import date
from pathlib import Path
from unittest import mock

import dagster as dg

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.warehouse.connection import connect, transaction
from cleargrid_assets.warehouse.databases import name_of
from cleargrid_assets.warehouse.lakes import locks as lake_locks
from cleargrid_assets_tests.rows import Row
from cleargrid_assets_tests.warehouse.materializing import Warehouse, log

ROWS = 40
"""Of each day."""


def rows_of(day: date, version: str) -> list[Row]:
    """The rows of a day in one version: every row says which."""
    return [log(f"{day}/{number}", day, status=version) for number in range(ROWS)]


def store_versions(folder: str, name: str, days: str, times: str) -> None:
    """Stores each of the days again and again, in new versions, and prints a line for each commit."""
    warehouse = Warehouse("ducklake:postgres:", Path(folder) / name, dg.DagsterInstance.ephemeral())
    for number in range(int(times)):
        for day in map(date.fromisoformat, days.split()):
            warehouse.store_day(day, *rows_of(day, f"{name}-{number}"))
            print(day, flush=True)


def wait_to_store() -> None:
    """Waits for the lock of the log for a minute, in rounds of half a second."""
    with (
        mock.patch.multiple(lake_locks, _WARN_AFTER_S=0.5, _INTERRUPTIBLE_EACH_S=0.5),
        transaction("ducklake:postgres:", 60, [name_of(COMMUNICATION_LOGS)]),
    ):
        pass


def versions(warehouse: Warehouse) -> dict[date, list[tuple[str, int]]]:
    """For each stored day, the versions of its rows, with their number. A whole day has one, and `ROWS` rows."""
    days: dict[date, list[tuple[str, int]]] = {}
    with connect(warehouse.database, read_only=True) as connection:
        for day, version, count in connection.execute(
            f"SELECT communicated_date, status, count(*) FROM {COMMUNICATION_LOGS.name} GROUP BY ALL"
        ).fetchall():
            days.setdefault(day, []).append((version, count))
    return days
