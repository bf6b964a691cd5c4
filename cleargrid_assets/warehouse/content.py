"""Hashes of stored content. They do not depend on the order of rows."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from cleargrid_assets.schema import EXTRACTED_AT, PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.sql import in_days, quoted


def content_hashes(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> dict[date, str]:
    """A hash of all rows of each day, without the time of the fetch."""
    columns = [column for column in table.columns if column.name != EXTRACTED_AT]
    names = [quoted(column.name) for column in columns]
    # DuckDB's hash has 64 bits, and similar strings can collide. The second hash is over strings with a prefix, which
    # shifts their bytes. Two rows count as equal only if both hashes collide.
    shifted = [
        f"'row' || {name}" if column.type == "VARCHAR" else name for column, name in zip(columns, names, strict=True)
    ]
    sums = connection.execute(
        f"""
        SELECT {PARTITION_COLUMN}, count(*), sum(hash({", ".join(names)})), sum(hash({", ".join(shifted)}))
        FROM {quoted(table.name)} WHERE {in_days(days)} GROUP BY ALL
        """
    ).fetchall()
    found = {day: _digest(str(values)) for day, *values in sums}
    return {day: found.get(day, HASH_OF_NO_ROWS) for day in days}


def combined_hash(hashes: Mapping[date, str]) -> str:
    """One hash of several days. For a single day it is the hash of that day."""
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    return _digest(str(sorted(hashes.items())))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


HASH_OF_NO_ROWS = _digest("no rows")
"""The hash of every day without rows."""
