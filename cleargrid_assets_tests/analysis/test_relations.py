"""The shape of every result: columns, dtypes and time zone, with rows and without."""

import os
import subprocess
import sys
from collections.abc import Callable
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from cleargrid_assets.analysis import attempts, channels, classify, funnel, health, hours
from cleargrid_assets.analysis.outcomes import load_outcomes, normalised
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
    Table,
)
from cleargrid_assets_tests.analysis.slices import DAY, Row, relation, row, stored

OUTCOMES = load_outcomes(None)
DTYPES = {
    "VARCHAR": "object",
    "INTEGER": "int64",
    "BIGINT": "int64",
    "DOUBLE": "float64",
    "BOOLEAN": "object",
    "DATE": "datetime64[us]",
    "TIMESTAMPTZ": "datetime64[us, UTC]",
}
Analysis = Callable[[list[Row]], pd.DataFrame]
ANALYSES: list[tuple[Table, Analysis]] = [
    (ATTEMPT_FUNNEL, lambda r: funnel.attempt_funnel(relation(r, funnel.COLUMNS), OUTCOMES)),
    (REACH_BY_ATTEMPT, lambda r: attempts.reach_by_attempt(relation(r, attempts.COLUMNS), OUTCOMES, [DAY])),
    (CHANNEL_REACH, lambda r: channels.channel_reach(relation(r, channels.COLUMNS), OUTCOMES)),
    (HOURLY_REACH, lambda r: hours.hourly_reach(relation(r, hours.COLUMNS), OUTCOMES, ZoneInfo("Asia/Dubai"))),
    (OPERATIONAL_HEALTH, lambda r: health.operational_health(relation(r, health.COLUMNS), OUTCOMES, [DAY])),
]


@pytest.mark.parametrize(("table", "analyse"), ANALYSES, ids=[table.name for table, _ in ANALYSES])
@pytest.mark.parametrize("slice_rows", [[], [row("1", status="odd")]], ids=["empty", "one row"])
def test_a_result_has_the_columns_and_dtypes_of_its_table_and_can_be_stored(
    table: Table, analyse: Analysis, slice_rows: list[Row]
) -> None:
    frame = analyse(slice_rows)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        column.name: DTYPES[column.type] for column in table.columns
    }
    assert len(stored(frame, table)) == len(frame)
    assert frame.empty == (not slice_rows)


def test_no_days_give_an_empty_table() -> None:
    frame = health.operational_health(relation([row("1")], health.COLUMNS), OUTCOMES, [])
    assert frame.empty
    assert stored(frame, OPERATIONAL_HEALTH) == []


def test_timestamps_are_right_in_a_process_far_from_utc() -> None:
    program = """
from cleargrid_assets.analysis import health
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets_tests.analysis.slices import DAY, relation, row
frame = health.operational_health(relation([row("1")], health.COLUMNS), load_outcomes(None), [DAY])
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
