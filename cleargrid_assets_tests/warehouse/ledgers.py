"""Reads the ledger of a test's database, and compares it with the rows."""

from datetime import date

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.content import content_hashes
from cleargrid_assets.warehouse.ledger import Difference, LedgerEntry, differences
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets_tests.warehouse.materializing import Warehouse


def ledger(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, LedgerEntry]:
    return WarehouseResource(database=warehouse.database).ledger(table)


def rows_by_ledger(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, int]:
    return {day: entry.row_count for day, entry in ledger(warehouse, table).items()}


def differing(warehouse: Warehouse, *tables: Table) -> list[Difference]:
    with connect(warehouse.database, read_only=True) as connection:
        return differences(connection, tables or (COMMUNICATION_LOGS,))


def recounted(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, tuple[int, str]]:
    """Rows and content of each day that the ledger has, taken from the rows."""
    days = list(ledger(warehouse, table))
    with connect(warehouse.database, read_only=True) as connection:
        hashes = content_hashes(connection, table, days)
        counts = dict(
            connection.execute(f"SELECT communicated_date, count(*) FROM {table.name} GROUP BY ALL").fetchall()
        )
    assert counts.keys() <= set(days)
    return {day: (counts.get(day, 0), hashes[day]) for day in days}


def as_written(warehouse: Warehouse, table: Table = COMMUNICATION_LOGS) -> dict[date, tuple[int, str]]:
    return {day: (entry.row_count, entry.content_hash) for day, entry in ledger(warehouse, table).items()}
