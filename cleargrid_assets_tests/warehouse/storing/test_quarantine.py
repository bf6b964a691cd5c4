"""Quarantined rows are replaced with their day, in its transaction."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.schema import COLUMN_TYPES, QuarantinedRow
from cleargrid_assets.warehouse.table_metadata import contract_of, table_metadata
from cleargrid_assets_tests.rows import Row
from cleargrid_assets_tests.sibling import COMMUNICATION_OUTCOMES
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, DAY_3, EXTRACTED, Warehouse, log


def bad(public_id: str | None, field: str = "status", row_json: str = "{}") -> QuarantinedRow:
    return QuarantinedRow(public_id, field, "is not a string", row_json)


def store(
    warehouse: Warehouse, day: date, *quarantined: QuarantinedRow, rows: Sequence[Row] = (), **options: Any
) -> None:
    warehouse.store(warehouse.spooled({day: rows}, quarantined={day: quarantined}, **options), day)


def kept(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.ask("SELECT communicated_date, public_id FROM cleargrid.quarantined_rows ORDER BY ALL")


def test_rows_are_stored_with_run_and_time(warehouse: Warehouse) -> None:
    store(warehouse, DAY_1, bad("a", row_json='{"to": "x\u2028"}'), bad(None), rows=[log("b")])
    described = warehouse.ask("SELECT column_name, column_type FROM (DESCRIBE cleargrid.quarantined_rows)")
    assert described == [
        (column.name, COLUMN_TYPES[column.type].described_as) for column in quarantine_of(COMMUNICATION_LOGS).columns
    ]
    stored = warehouse.ask(
        "SELECT communicated_date, public_id, field, reason, row_json, run_id IS NOT NULL, "
        "now() - quarantined_at < INTERVAL 1 HOUR FROM cleargrid.quarantined_rows ORDER BY public_id NULLS LAST"
    )
    assert stored == [
        (DAY_1, "a", "status", "is not a string", '{"to": "x\u2028"}', True, True),
        (DAY_1, None, "status", "is not a string", "{}", True, True),
    ]


def test_day_stored_again_replaces_its_rows_alone(warehouse: Warehouse) -> None:
    store(warehouse, DAY_1, bad("a"), bad(None))
    store(warehouse, DAY_2, bad("b"), bad(None))
    store(warehouse, DAY_1, bad("c"))
    assert kept(warehouse) == [(DAY_1, "c"), (DAY_2, "b"), (DAY_2, None)]
    store(warehouse, DAY_1)
    assert kept(warehouse) == [(DAY_2, "b"), (DAY_2, None)]


def test_row_repaired_on_another_day_leaves_quarantine(warehouse: Warehouse) -> None:
    store(warehouse, DAY_1, bad("a"), bad("b"))
    store(warehouse, DAY_2, rows=[log("a", DAY_2)])
    assert kept(warehouse) == [(DAY_1, "b")]


def test_bad_row_that_moved_to_another_day_is_kept_once(warehouse: Warehouse) -> None:
    store(warehouse, DAY_1, bad("a"))
    store(warehouse, DAY_2, bad("a"))
    assert kept(warehouse) == [(DAY_2, "a")]


def test_row_that_came_good_and_bad_is_stored(warehouse: Warehouse) -> None:
    store(warehouse, DAY_1, bad("a"), rows=[log("a")])
    assert kept(warehouse) == []


def test_days_of_a_range_keep_their_own_rows(warehouse: Warehouse) -> None:
    days = (DAY_1, DAY_2, DAY_3)
    quarantined = {day: [bad(f"{day}")] for day in days}
    warehouse.store(warehouse.spooled({day: [] for day in days}, quarantined=quarantined), *days)
    assert kept(warehouse) == [(day, f"{day}") for day in days]


def test_superseded_day_keeps_the_rows_of_the_later_fetch(warehouse: Warehouse) -> None:
    later = EXTRACTED + timedelta(hours=1)
    store(warehouse, DAY_1, bad("later"), rows=[log("x")], extracted_at=later)
    store(warehouse, DAY_1, bad("earlier"), rows=[log("y")])
    assert kept(warehouse) == [(DAY_1, "later")]


def test_failing_store_leaves_rows_and_quarantine_as_they_were(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(warehouse, DAY_1, bad("a"), rows=[log("x")])

    def fail(*_: object) -> None:
        raise duckdb.Error("no room")

    monkeypatch.setattr("cleargrid_assets.warehouse.storing.replacing.query_of", fail)
    with pytest.raises(duckdb.Error, match="no room"):
        store(warehouse, DAY_1, bad("b"), rows=[log("y")])
    assert kept(warehouse) == [(DAY_1, "a")]
    assert warehouse.ask("SELECT public_id FROM cleargrid.communication_logs") == [("x",)]


def test_sibling_has_a_quarantine_of_its_own() -> None:
    assert quarantine_of(COMMUNICATION_LOGS).name == "quarantined_rows"
    assert quarantine_of(COMMUNICATION_OUTCOMES).name == "quarantined_communication_outcomes"


def test_quarantine_and_free_text_survive_the_metadata_of_the_asset() -> None:
    contract = contract_of(COMMUNICATION_LOGS.name, table_metadata(COMMUNICATION_LOGS))
    assert contract is not None
    assert quarantine_of(contract) == quarantine_of(COMMUNICATION_LOGS)
    assert [column.name for column in contract.columns if column.free_text] == ["subject"]
