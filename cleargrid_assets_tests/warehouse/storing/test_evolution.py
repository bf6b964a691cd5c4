"""Stored tables whose columns are not those of the contract."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, HOURLY_REACH
from cleargrid_assets.schema import Column, Table
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets_tests.warehouse.materializing import (
    DAY_1,
    DAY_2,
    DAY_3,
    Counts,
    Warehouse,
    frame,
    log,
    reach,
)

AGENT = Column("agent", "VARCHAR", "Who called.", nullable=True)
WITH_AGENT = replace(
    COMMUNICATION_LOGS, columns=(*COMMUNICATION_LOGS.columns[:3], AGENT, *COMMUNICATION_LOGS.columns[3:])
)
NOTE = Column("note", "VARCHAR", "A remark.", nullable=True)
WITH_NOTE = replace(HOURLY_REACH, columns=(NOTE, *HOURLY_REACH.columns))
WITH_WEIGHT = replace(HOURLY_REACH, columns=(*HOURLY_REACH.columns, Column("weight", "DOUBLE", "Required.")))


def columns_of(warehouse: Warehouse, table: Table) -> list[str]:
    return [row[0] for row in warehouse.ask(f"DESCRIBE cleargrid.{table.name}")]


def test_new_nullable_column_is_added_to_an_export_table(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    new = warehouse.spooled({DAY_2: [log("b", DAY_2, agent="Sara")]})
    assert warehouse.store(new, DAY_2, table=WITH_AGENT) == {DAY_2: Counts(1, 1, 0, 0)}
    assert columns_of(warehouse, WITH_AGENT) == [*COMMUNICATION_LOGS.column_names, "agent"]
    rows = warehouse.frame(DAY_1, DAY_2, table=WITH_AGENT)
    assert list(rows.columns) == WITH_AGENT.column_names
    assert rows["agent"].fillna("").tolist() == ["", "Sara"]
    assert rows["status"].tolist() == ["ANSWERED", "ANSWERED"]
    again = warehouse.spooled({DAY_1: [log("a", agent=None)]})
    assert warehouse.store(again, DAY_1, table=WITH_AGENT) == {DAY_1: Counts(1, 0, 0, 0)}


def test_new_nullable_column_is_added_to_a_derived_table(warehouse: Warehouse) -> None:
    warehouse.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    warehouse.store(frame([reach(DAY_2, note="x")], WITH_NOTE), DAY_2, table=WITH_NOTE)
    rows = warehouse.frame(DAY_1, DAY_2, table=WITH_NOTE)
    assert rows["note"].fillna("").tolist() == ["", "x"]
    assert rows["attempts"].tolist() == [4, 4]


def test_failed_write_after_adding_a_column_leaves_the_table(warehouse: Warehouse) -> None:
    warehouse.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    with pytest.raises(WarehouseError):
        warehouse.store(frame([reach(DAY_2, note="x")] * 2, WITH_NOTE), DAY_2, table=WITH_NOTE)
    assert columns_of(warehouse, HOURLY_REACH) == HOURLY_REACH.column_names


def test_column_that_is_not_stored_yet_reads_as_null(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    for rows in (warehouse.frame(DAY_1, table=WITH_AGENT), warehouse.load(pd.DataFrame, DAY_1, table=WITH_AGENT)):
        assert list(rows.columns) == WITH_AGENT.column_names
        assert rows["agent"].isna().all()
        assert rows["public_id"].tolist() == ["a"]


def test_derived_table_with_other_columns_is_rebuilt_and_names_its_days(
    warehouse: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    for day in (DAY_1, DAY_2, DAY_3):
        warehouse.store(frame([reach(day)]), day, table=HOURLY_REACH)
    assert warehouse.frame(DAY_1, table=WITH_WEIGHT).empty
    warehouse.store(frame([reach(DAY_2, weight=1.0)], WITH_WEIGHT), DAY_2, table=WITH_WEIGHT)
    assert columns_of(warehouse, WITH_WEIGHT) == WITH_WEIGHT.column_names
    assert warehouse.frame(DAY_1, DAY_2, DAY_3, table=WITH_WEIGHT)["weight"].tolist() == [1.0]
    told = capfd.readouterr().err
    assert "The columns of hourly_reach have changed, so the table was dropped and rebuilt" in told
    assert f"{DAY_1}, {DAY_3}." in told


def test_derived_table_whose_rebuild_fails_keeps_its_rows(warehouse: Warehouse) -> None:
    warehouse.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    with pytest.raises(WarehouseError):
        warehouse.store(frame([reach(DAY_2, weight=1.0)] * 2, WITH_WEIGHT), DAY_2, table=WITH_WEIGHT)
    assert len(warehouse.everything(HOURLY_REACH)) == 1


@pytest.mark.parametrize(
    "ddl",
    [
        "ALTER TABLE communication_logs DROP COLUMN status",
        "ALTER TABLE communication_logs ADD COLUMN other VARCHAR",
        "ALTER TABLE communication_logs DROP duration; ALTER TABLE communication_logs ADD COLUMN duration VARCHAR",
    ],
    ids=["required column missing", "unknown column", "other type"],
)
def test_export_table_with_other_columns_is_refused_and_left_alone(warehouse: Warehouse, ddl: str) -> None:
    warehouse.store_day(DAY_1, log("a"))
    warehouse.execute(f"USE cleargrid; {ddl}")
    expected = r"table communication_logs in the database has other columns than its contract: .* Rename the table"
    with pytest.raises(WarehouseError, match=expected):
        warehouse.store_day(DAY_1, log("b"))
    with pytest.raises(WarehouseError, match=expected):
        warehouse.frame(DAY_1)
    assert warehouse.ask("SELECT public_id FROM cleargrid.communication_logs") == [("a",)]


def test_column_that_may_be_null_now_takes_null_in_the_stored_table(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a", subject="x"))
    warehouse.execute("USE cleargrid; ALTER TABLE communication_logs ALTER subject SET NOT NULL")
    warehouse.store_day(DAY_2, log("b", DAY_2, subject=None))
    assert warehouse.ask("SELECT subject FROM cleargrid.communication_logs ORDER BY public_id") == [("x",), (None,)]


def test_derived_table_of_another_type_is_rebuilt(warehouse: Warehouse) -> None:
    warehouse.execute(
        "CREATE SCHEMA IF NOT EXISTS cleargrid; USE cleargrid; "
        "CREATE TABLE hourly_reach (communicated_date DATE, hour VARCHAR)"
    )
    warehouse.store(frame([reach()]), DAY_1, table=HOURLY_REACH)
    assert warehouse.everything(HOURLY_REACH) == [(date(2024, 5, 1), "phone", 10, 4, 1, 0.25)]
