"""Holds what a contestant stored against the rows that the server served, by count, keys and contents.

Reading takes place in a process of its own, because a process that measures should hold little memory: the kernel
counts what it holds when it starts a child as a peak of the child's.
"""

import json
import subprocess
import sys
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

from benchmarks.rows import Dataset

_PROGRAM = """
import duckdb, json, sys
database, source = sys.argv[1:]
with duckdb.connect(database, read_only=database != ":memory:") as connection:
    # It would be drawn on standard output.
    connection.execute("SET enable_progress_bar = false")
    print(json.dumps(connection.execute(f'''
        SELECT count(*), count(DISTINCT public_id),
               coalesce(sum(hash(public_id, duration::DOUBLE, epoch_us(communicated_at::TIMESTAMPTZ))), 0)::VARCHAR
        FROM {source}
    ''').fetchone()))
"""


class DifferentRowsError(Exception):
    """A contestant did not store the rows that the server served."""


@dataclass(frozen=True)
class Summary:
    """What says whether two sets of rows are the same.

    Attributes:
        rows: How many.
        keys: Different `public_id`s among them.
        checksum: Sum over the rows of a hash of `public_id`, `duration` and the instant of `communicated_at`.
    """

    rows: int
    keys: int
    checksum: str


def summary(database: Path, table: str) -> Summary:
    """Of a table that a contestant stored."""
    return _summary(str(database), table)


def verify(contestant: str, database: Path, table: str, dataset: Dataset) -> None:
    """Compares a table with what was served.

    Raises:
        DifferentRowsError: They differ; says who stored what.
    """
    expected, found = _served(dataset), summary(database, table)
    if found != expected:
        raise DifferentRowsError(
            f"{contestant} stored {astuple(found)} (rows, keys, checksum), not {astuple(expected)}."
        )


@cache
def _served(dataset: Dataset) -> Summary:
    columns = "{public_id: 'VARCHAR', duration: 'DOUBLE', communicated_at: 'TIMESTAMPTZ'}"
    return _summary(":memory:", f"read_json('{dataset.path}', format = 'array', columns = {columns})")


def _summary(database: str, source: str) -> Summary:
    shown = subprocess.run(
        [sys.executable, "-c", _PROGRAM, database, source], check=True, stdout=subprocess.PIPE
    ).stdout
    return Summary(*json.loads(shown))
