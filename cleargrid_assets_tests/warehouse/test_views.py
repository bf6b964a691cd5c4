"""Views: made with the rows of a table, and of use wherever the file is."""

import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from cleargrid_assets.contracts import DAYS, HOURLY_REACH
from cleargrid_assets.warehouse.backups.backup import back_up
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import differences
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import ComputedFrame
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, frame, reach

BUSY = """
WITH stored AS (SELECT * FROM days WHERE table_name = 'hourly_reach')
SELECT communicated_date, attempts, row_count
FROM hourly_reach JOIN stored USING (communicated_date)
WHERE attempts > {least}
"""


def views(least: int = 3) -> Mapping[str, str]:
    return {"busy_hours": BUSY.format(least=least)}


@pytest.fixture(scope="module")
def filled(shared_warehouse: Warehouse) -> Warehouse:
    """A warehouse with a day of a table and a view over it and the ledger."""
    shared_warehouse.store(ComputedFrame(frame([reach()]), [DAY_1], views()), DAY_1, table=HOURLY_REACH)
    return shared_warehouse


def test_view_has_its_own_tables_wherever_the_file_is(stored: Warehouse, tmp_path: Path) -> None:
    expected = [(DAY_1, 4, 1)]
    assert stored.ask("FROM cleargrid.busy_hours") == expected
    # a file with the name of the schema is the hardest to name
    for name in ("renamed.duckdb", "cleargrid.duckdb"):
        copy = shutil.copy(stored.database, tmp_path / name)
        with connect(str(copy), read_only=True) as connection:
            assert connection.execute("FROM busy_hours").fetchall() == expected
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{stored.database}' AS lender (READ_ONLY)")
        # tables of these names in the search path are others
        connection.execute("CREATE TABLE hourly_reach (x INTEGER); CREATE TABLE days (x INTEGER)")
        assert connection.execute("FROM lender.cleargrid.busy_hours").fetchall() == expected
        connection.execute(f"ATTACH '{tmp_path / 'new.duckdb'}' AS other; COPY FROM DATABASE lender TO other")
        assert connection.execute("FROM other.cleargrid.busy_hours").fetchall() == expected


def test_view_is_replaced_with_the_next_rows(stored: Warehouse) -> None:
    stored.store(ComputedFrame(frame([reach(DAY_2, attempts=9)]), [DAY_2], views(least=5)), DAY_2, table=HOURLY_REACH)
    assert stored.ask("SELECT communicated_date FROM cleargrid.busy_hours") == [(DAY_2,)]


def test_view_stays_as_it_was_if_the_rows_are_refused(stored: Warehouse) -> None:
    refused = ComputedFrame(frame([reach(DAY_2)]), [DAY_2], {**views(least=5), "broken": "FROM no_such_table"})
    with pytest.raises(duckdb.CatalogException):
        stored.store(refused, DAY_2, table=HOURLY_REACH)
    assert stored.ask("FROM cleargrid.busy_hours") == [(DAY_1, 4, 1)]


def test_table_with_the_name_of_a_view_is_refused_with_what_to_do(stored: Warehouse) -> None:
    stored.execute("USE cleargrid; CREATE TABLE mine (x INTEGER)")
    refused = ComputedFrame(frame([reach(DAY_2)]), [DAY_2], {"mine": "SELECT 1 AS x"})
    with pytest.raises(WarehouseError, match=r"The view mine cannot be made.*ALTER TABLE cleargrid\.mine RENAME TO"):
        stored.store(refused, DAY_2, table=HOURLY_REACH)
    assert stored.ask("SELECT count(*) FROM cleargrid.mine") == [(0,)]


def test_ledger_and_backups_are_right_beside_a_view(stored: Warehouse) -> None:
    with connect(stored.database, read_only=True) as connection:
        assert differences(connection, [HOURLY_REACH]) == []
    made = back_up(stored.database, 1, datetime(2026, 11, 28, tzinfo=timezone.utc), 0)
    with duckdb.connect(str(made.file), read_only=True) as connection:
        assert connection.execute("FROM cleargrid.busy_hours").fetchall() == [(DAY_1, 4, 1)]


def test_query_over_a_table_that_is_not_as_its_contract_has_no_answer(stored: Warehouse, tmp_path: Path) -> None:
    tables, query = [HOURLY_REACH, DAYS], BUSY.format(least=3)
    found = WarehouseResource(database=stored.database).query(query, tables)
    assert found is not None
    assert found["row_count"].tolist() == [1]
    assert WarehouseResource(database=str(tmp_path / "none.duckdb")).query(query, tables) is None
    stored.execute("USE cleargrid; ALTER TABLE hourly_reach DROP COLUMN attempts")
    assert WarehouseResource(database=stored.database).query(query, tables) is None
