"""What is not stored at all, and what the error says: enough to act on, and nothing of the rows' values."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, HOURLY_REACH
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.slices import StoredSlice
from cleargrid_assets.warehouse.storing.partitions import stage_frame, stage_spooled
from cleargrid_assets.warehouse.tables import prepare_table
from cleargrid_assets_tests.warehouse.materializing import (
    ADDRESS,
    DAY_1,
    DAY_2,
    EXTRACTED,
    SUBJECT,
    Warehouse,
    frame,
    log,
    reach,
    stored,
)


def logs_frame(**values: Any) -> pd.DataFrame:
    """Communication logs as a frame, one of them with the values."""
    rows = [{**log(key, to=ADDRESS), "communicated_date": DAY_1, "extracted_at": EXTRACTED} for key in ("a", "b")]
    rows[1].update(values)
    return frame(rows, COMMUNICATION_LOGS)


def refusal(warehouse: Warehouse, value: object, table: Any = HOURLY_REACH) -> str:
    """The message of the refusal to store the value as day 1, after which the old rows are there."""
    old = frame([reach()])
    warehouse.store(old, DAY_1, table=HOURLY_REACH)
    before = warehouse.everything(HOURLY_REACH)
    with pytest.raises(WarehouseError) as refused:
        warehouse.store(value, DAY_1, table=table)
    assert warehouse.everything(HOURLY_REACH) == before
    return str(refused.value)


def test_a_frame_without_a_column_of_the_contract_is_refused(warehouse: Warehouse) -> None:
    assert "lack the columns ['attempts']" in refusal(warehouse, frame([reach()]).drop(columns="attempts"))


def test_a_frame_with_a_column_that_the_contract_does_not_know_is_refused(warehouse: Warehouse) -> None:
    assert "have the unknown columns ['note']" in refusal(warehouse, frame([reach()]).assign(note="x"))


@pytest.mark.parametrize("value", [1.5, 2.0, Decimal("1.5"), "1.5", True], ids=repr)
def test_anything_but_whole_numbers_is_refused_where_whole_numbers_belong(value: object) -> None:
    """DuckDB would round 1.5 to 2, also where the frame's type does not show it."""
    with connect(":memory:") as connection:
        for dtype in (None, object):
            rows = frame([reach()]).assign(attempts=pd.Series([value], dtype=dtype))
            with pytest.raises(WarehouseError, match=r"hourly_reach\.attempts needs whole numbers"):
                stage_frame(connection, HOURLY_REACH, rows)


def test_a_whole_number_too_large_for_its_column_is_refused(warehouse: Warehouse) -> None:
    message = refusal(warehouse, frame([reach(hour=2**40)]))
    assert "of the wrong type in hour" in message
    assert str(2**40) not in message


def test_a_null_in_a_required_column_is_refused_by_the_column_name(warehouse: Warehouse) -> None:
    message = refusal(warehouse, logs_frame(to=None), COMMUNICATION_LOGS)
    assert "communication_logs.to must not be NULL" in message
    assert ADDRESS not in message


def test_a_value_of_another_type_is_refused_without_showing_it(warehouse: Warehouse) -> None:
    message = refusal(warehouse, logs_frame(duration=SUBJECT), COMMUNICATION_LOGS)
    assert "communication_logs have a value of the wrong type in duration" in message
    assert SUBJECT not in message


def test_two_rows_with_one_key_in_a_frame_are_refused(warehouse: Warehouse) -> None:
    message = refusal(warehouse, frame([reach(), reach(attempts=5)]))
    assert "same communicated_date, channel, hour" in message


def test_rows_of_a_day_that_is_not_being_materialized_are_refused(warehouse: Warehouse) -> None:
    message = refusal(warehouse, frame([reach(DAY_1), reach(DAY_2)]))
    assert "belong to 2024-05-02, which is not being materialized" in message
    message = refusal(warehouse, warehouse.spooled({DAY_2: [log("a", DAY_2)]}), COMMUNICATION_LOGS)
    assert "belong to 2024-05-02" in message


SPOOLED: dict[str, Callable[[], str]] = {
    "no JSON": lambda: f'{{"public_id": "a", "subject": "{SUBJECT}',
    "a wrong type": lambda: json.dumps(log("a", duration=SUBJECT)),
    "no timestamp": lambda: json.dumps(log("a", created_at=ADDRESS)),
    "a missing field": lambda: json.dumps({"public_id": "a", "to": ADDRESS}),
    "a null key": lambda: json.dumps({**log("a", to=ADDRESS), "public_id": None}),
    "a list": lambda: json.dumps([ADDRESS]),
}


@pytest.mark.parametrize("line", SPOOLED.values(), ids=list(SPOOLED))
def test_a_spool_that_the_contracts_reader_did_not_write_is_refused(
    warehouse: Warehouse, line: Callable[[], str]
) -> None:
    slice_ = warehouse.spooled({DAY_1: [log("a")]})
    warehouse.file_of(DAY_1).write_text(f"{json.dumps(log('b'))}\n{line()}\n", encoding="utf-8")
    with connect(":memory:") as connection:
        prepare_table(connection, COMMUNICATION_LOGS)
        with pytest.raises(WarehouseError) as refused:
            stage_spooled(connection, COMMUNICATION_LOGS, slice_.partitions, {})
    assert str(refused.value).startswith("The spooled rows of 2024-05-01 could not be read back")
    assert SUBJECT not in str(refused.value)
    assert ADDRESS not in str(refused.value)


def test_nothing_of_a_refused_value_gets_into_the_runs_events_or_output(
    warehouse: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    for value in (
        logs_frame(duration=SUBJECT),
        logs_frame(to=None),
        warehouse.spooled({DAY_1: [log("a", duration=SUBJECT, to=ADDRESS)]}),
    ):
        asset = stored(COMMUNICATION_LOGS, lambda value=value: value)  # type: ignore[misc]
        run = warehouse.materialize([asset], [DAY_1], raise_on_error=False)
        assert not run.success
        said = "\n".join(dg.serialize_value(event) for event in warehouse.instance.all_logs(run.run_id))
        said += "".join(capfd.readouterr())
        assert "WarehouseError" in said
        assert SUBJECT not in said
        assert ADDRESS not in said


def test_values_that_cannot_be_stored_say_what_to_use_instead(warehouse: Warehouse) -> None:
    slice_ = StoredSlice(warehouse.database, 0.0, HOURLY_REACH, [DAY_1])
    for value, advice in (
        (slice_, "already stored. Return a DataFrame"),
        ({"a": 1}, "type dict .*Return a DataFrame"),
        (None, "returned None. Return a DataFrame, or annotate"),
    ):
        with pytest.raises(TypeError, match=advice):
            warehouse.store(value, DAY_1, table=HOURLY_REACH)
    with pytest.raises(TypeError, match="Use a StoredSlice"):
        warehouse.load(type(warehouse.spooled({})), DAY_1)
