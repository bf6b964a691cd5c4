"""The shape of every result: columns, dtypes and time zone, with rows and without."""

import os
import subprocess
import sys
from datetime import timezone
from zoneinfo import ZoneInfo

import duckdb
import pytest

from cleargrid_assets.analysis import attempts, classify
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.contracts import REACH_BY_ATTEMPT
from cleargrid_assets.words import normalised
from cleargrid_assets_tests.analysis.slices import relation, row, scope, stored
from cleargrid_assets_tests.rows import Row

DTYPES = {
    "VARCHAR": "object",
    "INTEGER": "int64",
    "BIGINT": "int64",
    "DOUBLE": "float64",
    "BOOLEAN": "object",
    "DATE": "datetime64[us]",
    "TIMESTAMPTZ": "datetime64[us, UTC]",
}


@pytest.mark.parametrize("analysis", ANALYSES, ids=[analysis.table.name for analysis in ANALYSES])
@pytest.mark.parametrize("slice_rows", [[], [row("1", status="odd")]], ids=["empty", "one row"])
def test_a_result_fits_its_contract_with_and_without_rows(analysis: Analysis, slice_rows: list[Row]) -> None:
    frame = analysis.compute(relation(slice_rows, analysis.sources), scope(zone=ZoneInfo("Asia/Dubai")))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        column.name: "Int64" if column.nullable and column.type == "BIGINT" else DTYPES[column.type]
        for column in analysis.table.columns
    }
    assert len(stored(frame, analysis.table)) == len(frame)
    assert frame.empty == (not slice_rows)


def test_no_days_give_an_empty_table() -> None:
    frame = attempts.reach_by_attempt(
        relation([row("1")], attempts.SOURCES), Scope([], timezone.utc, load_outcomes(None))
    )
    assert frame.empty
    assert stored(frame, REACH_BY_ATTEMPT) == []


def test_timestamps_are_right_in_a_process_far_from_utc() -> None:
    program = """
from cleargrid_assets.analysis import health
from cleargrid_assets_tests.analysis.slices import relation, row, scope
frame = health.operational_health(relation([row("1")], health.SOURCES), scope())
print(frame["first_at"][0].isoformat(), frame["communicated_date"][0].isoformat())
"""
    environment = os.environ | {"TZ": "America/New_York"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2026-05-19T12:00:00+00:00", "2026-05-19T00:00:00"]


@pytest.mark.parametrize(
    "word", ["\tno answer\n", " No-Answer ", "NO_ANSWER", "\u2003no\u00a0answer\u3000", "\x1cé-é", "schließt ᾀ ŉ ǆ"]
)
def test_words_are_compared_alike_in_sql_and_in_python(word: str) -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE logs (communication_type VARCHAR, status VARCHAR)")
    connection.execute("INSERT INTO logs VALUES ($1, $1)", [word])
    rows = classify.classified(connection.table("logs"), load_outcomes(None))
    assert rows.project("communication_type, status").fetchall() == [(normalised(word), normalised(word))]
