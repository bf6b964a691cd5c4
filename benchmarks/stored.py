"""Compares the rows that a contestant stored with the rows that the server has.

A separate process reads them, because the harness must stay small: the kernel counts the memory of the parent at the
start of a child towards the peak of the child.
"""

import json
import subprocess
import sys
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

from benchmarks.rows import Dataset

SUMMARY = """count(*), count(DISTINCT public_id),
coalesce(sum(hash(public_id, duration::DOUBLE, epoch_us(communicated_at::TIMESTAMPTZ))), 0)::VARCHAR"""
"""The columns of a `Summary`, in SQL."""

_PROGRAM = f"""
import duckdb, json, sys
database, source = sys.argv[1:]
with duckdb.connect(database, read_only=database != ":memory:") as connection:
    # DuckDB draws it on standard output.
    connection.execute("SET enable_progress_bar = false")
    print(json.dumps(connection.execute(f'''SELECT {SUMMARY} FROM {{source}}''').fetchone()))
"""


class DifferentRowsError(Exception):
    """A contestant stored other rows than the server has."""


@dataclass(frozen=True)
class Summary:
    """A summary of rows. Equal rows have equal summaries.

    Attributes:
        rows: Number of rows.
        keys: Number of distinct `public_id` values.
        checksum: Sum of the hashes of `public_id`, `duration` and `communicated_at` over all rows.
    """

    rows: int
    keys: int
    checksum: str


def summary(database: Path, table: str) -> Summary:
    """The summary of a table that a contestant stored."""
    return _summary(str(database), table)


def verify(contestant: str, database: Path, table: str, dataset: Dataset) -> None:
    """Compares a stored table with the rows of the server.

    Raises:
        DifferentRowsError: The rows differ.
    """
    refuse_other_rows(contestant, summary(database, table), dataset)


def refuse_other_rows(contestant: str, found: Summary, dataset: Dataset) -> None:
    """Compares the summary of a stored table with the rows of the server.

    Raises:
        DifferentRowsError: The rows differ.
    """
    expected = _expected(dataset)
    if found != expected:
        raise DifferentRowsError(
            f"{contestant} stored {astuple(found)} instead of {astuple(expected)} (rows, keys, checksum)."
        )


@cache
def _expected(dataset: Dataset) -> Summary:
    columns = "{public_id: 'VARCHAR', duration: 'DOUBLE', communicated_at: 'TIMESTAMPTZ'}"
    return _summary(":memory:", f"read_json('{dataset.path}', format = 'array', columns = {columns})")


def _summary(database: str, source: str) -> Summary:
    output = subprocess.run(
        [sys.executable, "-c", _PROGRAM, database, source], check=True, stdout=subprocess.PIPE
    ).stdout
    return Summary(*json.loads(output))
