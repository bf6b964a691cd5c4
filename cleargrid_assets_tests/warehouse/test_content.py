"""What a content hash depends on, and a contract that comes back from an asset's metadata."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.content import combined_hash, content_hashes
from cleargrid_assets.warehouse.table_metadata import contract_of, table_metadata
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, DAY_3, EXTRACTED, Warehouse, log


def hash_of_day_1(warehouse: Warehouse) -> str:
    with connect(warehouse.database, read_only=True) as connection:
        return content_hashes(connection, COMMUNICATION_LOGS, [DAY_1])[DAY_1]


def test_hash_depends_on_every_value_and_on_no_order(warehouse: Warehouse) -> None:
    rows = [log("a"), log("b", duration=None), log("c", subject="s")]
    warehouse.store_day(DAY_1, *rows)
    first = hash_of_day_1(warehouse)
    later = warehouse.spooled({DAY_1: reversed(rows)}, extracted_at=EXTRACTED + timedelta(hours=1))
    warehouse.store(later, DAY_1)
    assert hash_of_day_1(warehouse) == first
    seen = {first}
    for statement in (
        "SET subject = '' WHERE public_id = 'a'",
        "SET duration = 0 WHERE public_id = 'b'",
        'SET "from" = "to", "to" = "from" WHERE public_id = \'c\'',
        "SET updated_at = updated_at + INTERVAL 1 microsecond WHERE public_id = 'c'",
        "SET status = CASE public_id WHEN 'a' THEN 'BUSY' ELSE status END",
        "SET status = CASE public_id WHEN 'b' THEN 'BUSY' ELSE 'ANSWERED' END",
    ):
        warehouse.execute(f"UPDATE cleargrid.communication_logs {statement}")
        seen.add(hash_of_day_1(warehouse))
    assert len(seen) == 7


def test_days_without_rows_have_equal_hashes(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with connect(warehouse.database, read_only=True) as connection:
        hashes = content_hashes(connection, COMMUNICATION_LOGS, [DAY_1, DAY_2, DAY_3])
    assert hashes[DAY_2] == hashes[DAY_3] != hashes[DAY_1]


def test_hash_of_several_days_depends_on_which_day_has_which(warehouse: Warehouse) -> None:
    assert combined_hash({DAY_1: "x"}) == "x"
    assert combined_hash({DAY_1: "x", DAY_2: "y"}) == combined_hash({DAY_2: "y", DAY_1: "x"})
    assert combined_hash({DAY_1: "x", DAY_2: "y"}) != combined_hash({DAY_1: "y", DAY_2: "x"})


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_contract_comes_back_from_the_metadata(table: Table) -> None:
    found = contract_of(table.name, table_metadata(table))
    assert found == replace(table, description="", columns=tuple(table.columns), key=tuple(table.key))


def test_metadata_without_a_key_has_no_contract() -> None:
    metadata = {name: value for name, value in table_metadata(COMMUNICATION_LOGS).items() if name != "cleargrid/key"}
    assert contract_of("communication_logs", metadata) is None
    assert contract_of("other", {}) is None
