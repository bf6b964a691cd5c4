"""Dropping old days: which tables, and all or nothing."""

from datetime import date, datetime
from pathlib import Path

import pytest

from cleargrid_assets.warehouse import retention
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.retention import drop_days_before, dropped_days
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, DAY_3, Warehouse, log

MINE = "CREATE TABLE mine AS SELECT unnest([DATE '2024-05-01', DATE '2024-05-03']) AS communicated_date"
FRAME = "CREATE TABLE frame AS SELECT communicated_date::TIMESTAMP AS communicated_date FROM mine"
OTHER = "CREATE TABLE other AS SELECT '2024-05-01' AS communicated_date"


@pytest.fixture
def stored(warehouse: Warehouse) -> Warehouse:
    """A warehouse with three days, and tables of somebody else."""
    for day in (DAY_1, DAY_2, DAY_3):
        warehouse.store_day(day, log(f"{day}", day))
    with connect(warehouse.database) as connection:
        connection.execute(MINE)
        connection.execute(FRAME)
        connection.execute(OTHER)
    return warehouse


def days_in(warehouse: Warehouse, table: str) -> set[object]:
    with connect(warehouse.database, read_only=True) as connection:
        return {day for (day,) in connection.execute(f"SELECT communicated_date FROM {table}").fetchall()}


def test_every_table_with_business_days_loses_the_old_ones(stored: Warehouse) -> None:
    assert drop_days_before(stored.database, DAY_3, 0) == [DAY_1, DAY_2]
    for table in ("communication_logs", "days", "mine"):
        assert days_in(stored, table) == {DAY_3}
    assert days_in(stored, "frame") == {datetime(2024, 5, 3)}  # noqa: DTZ001
    # Its column is no day.
    assert days_in(stored, "other") == {"2024-05-01"}
    assert drop_days_before(stored.database, DAY_3, 0) == []
    assert days_in(stored, "dropped_days") == {DAY_1, DAY_2}


def test_failure_leaves_every_day_where_it_was(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(retention, "_remember", fails)
    with pytest.raises(OSError, match="the disk is full"):
        drop_days_before(stored.database, DAY_3, 0)
    for table in ("communication_logs", "days"):
        assert days_in(stored, table) == {DAY_1, DAY_2, DAY_3}


@pytest.mark.only_file
def test_database_that_is_not_there_is_not_created(warehouse: Warehouse) -> None:
    assert drop_days_before(warehouse.database, DAY_3, 0) == []
    assert not Path(warehouse.database).exists()


def test_database_without_old_days_is_left_as_it_is(stored: Warehouse) -> None:
    assert drop_days_before(stored.database, DAY_1, 0) == []
    with connect(stored.database, read_only=True) as connection:
        assert dropped_days(connection) == set[date]()
