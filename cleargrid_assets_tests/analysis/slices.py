"""Rows written out in Python, held as a relation in DuckDB; and results as the warehouse would store them."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

import duckdb
import pandas as pd

from cleargrid_assets.analysis.interactions import interactions
from cleargrid_assets.analysis.outcomes import Outcomes, load_outcomes
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.schema import Table
from cleargrid_assets_tests.rows import Row, communication

DAY = date(2026, 5, 19)


def at(text: str) -> datetime:
    """The instant of a clock time on 19 May 2026 UTC, or of a whole ISO-8601 text."""
    return datetime.fromisoformat(text if "T" in text else f"2026-05-19T{text}+00:00")


def row(public_id: str, **values: Any) -> Row:
    """A communication; by default an unanswered outbound call to `a` at noon of `DAY`."""
    return communication(public_id, **({"from": "us", "to": "a"} | values))


def rows(*attempts: tuple[Any, ...], names: Sequence[str]) -> list[Row]:
    """Rows from a table of cases, numbered in the order they are written."""
    return [row(f"id{number:03d}", **dict(zip(names, attempt, strict=True))) for number, attempt in enumerate(attempts)]


def interaction(public_id: str, day: date = DAY, **values: Any) -> Row:
    """An interaction; by default an outbound call to `a` that nobody answered, at noon of `DAY`."""
    return {
        "public_id": public_id,
        "communicated_date": day,
        "communicated_at": datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc),
        "direction": "outbound",
        "communication_type": "CALL",
        "status": "NO_ANSWER",
        "channel": "phone",
        "contact": "a",
        "outcome": "delivered",
        "duration": None,
        "logging_lag_s": 5.0,
        "update_lag_s": 60.0,
        **values,
    }


def new_table(connection: duckdb.DuckDBPyConnection, table: Table, table_rows: Iterable[Row] = ()) -> None:
    """Creates a table of a contract, with rows."""
    columns = ", ".join(f'"{c.name}" {c.type}{"" if c.nullable else " NOT NULL"}' for c in table.columns)
    key = ", ".join(f'"{name}"' for name in table.key)
    connection.execute(f'CREATE TABLE "{table.name}" ({columns}, PRIMARY KEY ({key}))')
    frame = pd.DataFrame(list(table_rows), dtype="object")
    if not frame.empty:
        connection.register("frame", frame)
        connection.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM frame')


def scope(*days: date, zone: tzinfo = timezone.utc, outcomes: Outcomes | None = None) -> Scope:
    """The days, `DAY` by default, in UTC and with the packaged outcomes unless others are given."""
    return Scope(days or (DAY,), zone, outcomes or load_outcomes(None))


def logged(log_rows: Iterable[Row]) -> duckdb.DuckDBPyConnection:
    """A session far from UTC with the rows in the table `communication_logs`."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'America/New_York'")
    new_table(connection, COMMUNICATION_LOGS, log_rows)
    return connection


def relation(
    log_rows: Iterable[Row],
    sources: Mapping[str, Sequence[str]],
    outcomes: Outcomes | None = None,
    region: str | None = None,
) -> duckdb.DuckDBPyRelation:
    """The interactions of rows of the log, with the source columns alone.

    So a column that an analysis reads but its `SOURCES` does not name fails every test of it.
    """
    connection = logged(log_rows)
    new_table(connection, INTERACTIONS)
    interactions(
        connection, connection.table("communication_logs"), outcomes or load_outcomes(None), region
    ).insert_into("interactions")
    selected = sorted({name for names in sources.values() for name in names})
    return connection.table("interactions").select(*selected)


def stored(frame: pd.DataFrame, table: Table) -> list[dict[str, Any]]:
    """What the warehouse would hold of a result: it is inserted by name into a table of the contract."""
    assert list(frame.columns) == table.column_names
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'America/New_York'")
    new_table(connection, table)
    connection.register("frame", frame)
    connection.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM frame')
    records = connection.execute(f'SELECT * FROM "{table.name}"').fetchall()
    return [dict(zip(table.column_names, record, strict=True)) for record in records]


def assert_same(actual: Iterable[Row], expected: Iterable[Row], key: Sequence[str]) -> None:
    """Compares rows whatever their order; numbers but for the last digits, None with None alone."""

    def keyed(records: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
        return {tuple(record[name] for name in key): record for record in records}

    left, right = keyed(actual), keyed(expected)
    assert left.keys() == right.keys()
    for identity, expected_row in right.items():
        for name, value in expected_row.items():
            found = left[identity][name]
            if isinstance(value, float) and found is not None:
                assert math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-9), (identity, name, found, value)
            else:
                assert found == value, (identity, name, found, value)


_STATUSES = (
    *("ANSWERED", "answered", "No-Answer", "no answer", "BUSY", " busy ", "Failed", "INVALID-NUMBER", "Opened"),
    *("DELIVERED", "clicked", "REPLIED", "bounced", "Ringing", "queued up", "\tREAD\n"),
)
_TYPES = ("CALL", "call", "Voice", "EMAIL", "e-mail", "email ", "SMS", "WhatsApp", "fax")
_CONTACTS = (
    *("+966501234567", "\u202a+966501234567\u202c", "00966501234567", "0501234567", "٠٥٠١٢٣٤٥٦٧", "+966 50 123 4567"),
    *("+966502345678", " +966502345678\t", "+966503456789", "+971501234567"),
    *("Ann@Example.org", "<ann@example.org>", "ann@example.org\u200f ", "bob@example.org"),
    *("anonymous", " Private", ""),
)
_DAYS = (1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 17, 18)


def messy_rows(seed: int, count: int = 300, month: int = 5) -> list[Row]:
    """Rows as untidy as they come, over days with gaps; with most seeds, many are at the same instant."""
    chance = random.Random(seed)  # noqa: S311
    minutes = chance.choice(((0, 0, 30), (0, 0, 30), range(60)))

    def messy_row(number: int) -> Row:
        hour, minute = chance.randrange(24), chance.choice(minutes)
        communicated_at = datetime(2026, month, chance.choice(_DAYS), hour, minute, tzinfo=timezone.utc)
        created_at = communicated_at + timedelta(milliseconds=chance.randrange(-2000, 60_000))
        contact, ours = chance.choice(_CONTACTS), "desk"
        is_inbound = chance.random() < 0.25
        outbound = chance.choice(("outbound", "Outbound", "OUTBOUND", "outbound", "sideways"))
        return row(
            f"{chance.randrange(10**9):09d}-{number}",
            communication_type=chance.choice(_TYPES),
            direction=chance.choice(("inbound", "INBOUND")) if is_inbound else outbound,
            status=chance.choice(_STATUSES),
            duration=chance.choice((None, None, 0.0, 12.5, 29.999, 30.0, 61.25, 600.125)),
            communicated_at=communicated_at,
            created_at=created_at,
            updated_at=created_at + timedelta(milliseconds=chance.randrange(0, 300_000)),
            **({"from": contact, "to": ours} if is_inbound else {"from": ours, "to": contact}),
        )

    return [messy_row(number) for number in range(count)]
