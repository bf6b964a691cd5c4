"""Checks of the stored rows of communication logs, all answered by one reading of the day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import duckdb

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import days_in_scope, spoken
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.resources import WarehouseResource
from cleargrid_assets.warehouse.connection import quoted

_LOGS = quoted(COMMUNICATION_LOGS.name)
_REQUIRED = [column.name for column in COMMUNICATION_LOGS.columns if not column.nullable]
_REFETCH = "Materialize the day again; if it stays so, something other than this project writes to the table."


@dataclass(frozen=True)
class _Question:
    """A property that no row of a day may lack.

    Attributes:
        description: For the UI.
        offends: SQL over a row, true if it offends.
        blocking: Whether analyses of the day would mislead.
        advice: What to do about offending rows.
    """

    description: str
    offends: str
    blocking: bool
    advice: str


_QUESTIONS: Mapping[str, _Question] = {
    "required_columns_are_not_null": _Question(
        "No required column of the contract is NULL.",
        " OR ".join(f"{quoted(name)} IS NULL" for name in _REQUIRED),
        True,
        _REFETCH,
    ),
    "rows_are_inside_their_day": _Question(
        "Every `communicated_at` lies between the midnights of its business day.",
        "NOT (communicated_at >= $since AND communicated_at < $until)",
        True,
        "Was CLEARGRID_TIMEZONE changed? Days stored under the old zone must be materialized again. " + _REFETCH,
    ),
    "direction_is_known": _Question(
        "`direction` is inbound or outbound, the closed list of the API.",
        "lower(trim(direction)) NOT IN ('inbound', 'outbound')",
        False,
        "Rows of another direction count in no funnel and no reach. Ask ClearGrid what the direction means.",
    ),
    "duration_is_not_negative": _Question(
        "No `duration` is below zero.",
        "duration < 0",
        False,
        "Medians of duration may be off. Report the rows to ClearGrid by their public_id.",
    ),
}
_UNIQUE = "public_id_is_unique"
_SHOWN = 5


@dg.multi_asset_check(
    name="communication_logs_rows",
    specs=[
        dg.AssetCheckSpec(
            _UNIQUE,
            asset=asset_key(COMMUNICATION_LOGS),
            blocking=True,
            description="No `public_id` of the day stands twice in the whole table.",
        ),
        *(
            dg.AssetCheckSpec(
                name, asset=asset_key(COMMUNICATION_LOGS), blocking=question.blocking, description=question.description
            )
            for name, question in _QUESTIONS.items()
        ),
    ],
    can_subset=True,
)
def communication_logs_rows(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Reads the days of the run once, and the column `public_id` of the table."""
    days = days_in_scope(context, COMMUNICATION_LOGS)
    selected = {key.name for key in context.selected_asset_check_keys}
    with warehouse.reading() as connection:
        findings = [_examined(connection, day) for day in days]
        repeated = _repeated_keys(connection, days)
    for name, question in _QUESTIONS.items():
        if name in selected:
            count = sum(found[name] for found in findings)
            samples = [public_id for found in findings for public_id in found[f"{name}_sample"] or []]
            yield _result(name, days, count, samples[:_SHOWN], question.advice)
    if _UNIQUE in selected:
        yield _result(_UNIQUE, days, len(repeated), repeated[:_SHOWN], _REFETCH)


def _examined(connection: duckdb.DuckDBPyConnection, day: date) -> dict[str, Any]:
    """For each question, how many rows of the day offend, and a few of their keys."""
    window = day_window(day.isoformat(), BUSINESS_ZONE)
    answers = ", ".join(
        f"count(*) FILTER ({question.offends}) AS {name}, "
        f"list_slice(list(public_id) FILTER ({question.offends}), 1, {_SHOWN}) AS {name}_sample"
        for name, question in _QUESTIONS.items()
    )
    cursor = connection.execute(
        f"SELECT {answers} FROM {_LOGS} WHERE communicated_date = $day",
        {"day": day, "since": window.since, "until": window.until},
    )
    names = [column[0] for column in cursor.description or []]
    return dict(zip(names, cursor.fetchall()[0], strict=True))


def _repeated_keys(connection: duckdb.DuckDBPyConnection, days: list[date]) -> list[str]:
    rows = connection.execute(
        f"""
        SELECT public_id
        FROM {_LOGS}
        WHERE public_id IN (SELECT public_id FROM {_LOGS} WHERE communicated_date IN (SELECT unnest($days::DATE[])))
        GROUP BY public_id
        HAVING count(*) > 1
        ORDER BY public_id
        """,
        {"days": days},
    ).fetchall()
    return [public_id for (public_id,) in rows]


def _result(name: str, days: list[date], count: int, samples: list[str], advice: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key(COMMUNICATION_LOGS),
        passed=count == 0,
        description=f"All rows of {spoken(days)} are in order."
        if count == 0
        else f"{count:,} rows of {spoken(days)} are not. {advice}",
        metadata={"rows": count, "public_ids": samples},
    )
