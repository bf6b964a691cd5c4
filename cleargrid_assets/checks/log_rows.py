"""What the stored rows of communication logs must be: all but uniqueness is answered by one reading of each day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.relations import select
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.scope import spoken
from cleargrid_assets.contracts import COMMUNICATION_LOGS, PARTITION_COLUMN
from cleargrid_assets.exports.window import iso
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.warehouse.sql import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

_REQUIRED = [column.name for column in COMMUNICATION_LOGS.columns if not column.nullable]
_REFETCH = "Materialize the day again; if it stays so, something other than this project writes to the table."


@dataclass(frozen=True)
class _Question:
    """A property that no row of a day may lack.

    Attributes:
        description: For the UI.
        offends: SQL over a row, true if it offends; `{since}` and `{until}` stand for the bounds of its day.
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
        "NOT (communicated_at >= TIMESTAMPTZ '{since}' AND communicated_at < TIMESTAMPTZ '{until}')",
        True,
        "Was CLEARGRID_TIMEZONE changed? Days stored under the old zone must be materialized again. " + _REFETCH,
    ),
    "direction_is_known": _Question(
        "`direction` is inbound or outbound, the closed list of the API.",
        f"NOT ({classify.OUTBOUND} OR {classify.INBOUND})",
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


SPECS = [
    dg.AssetCheckSpec(
        _UNIQUE,
        asset=asset_key(COMMUNICATION_LOGS),
        blocking=True,
        description="No `public_id` of the day occurs twice in the whole table.",
    ),
    *(
        dg.AssetCheckSpec(
            name, asset=asset_key(COMMUNICATION_LOGS), blocking=question.blocking, description=question.description
        )
        for name, question in _QUESTIONS.items()
    ),
]


def examine_rows(rows: DuckDBPyRelation, days: list[date]) -> Iterator[dg.AssetCheckResult]:
    """Whether the rows of the days keep their contract, and none stands in the table twice.

    Args:
        rows: Of the days, in the stored table.
        days: What they are the rows of.
    """
    findings = [_examined(rows, day) for day in days]
    for name, question in _QUESTIONS.items():
        count = sum(found[name] for found in findings)
        samples = [public_id for found in findings for public_id in found[f"{name}_sample"] or []]
        yield _result(name, days, count, samples[:_SHOWN], question.advice)
    repeated = _repeated_keys(rows, days)
    yield _result(_UNIQUE, days, len(repeated), repeated[:_SHOWN], _REFETCH)


def _examined(rows: DuckDBPyRelation, day: date) -> dict[str, Any]:
    """For each question, how many rows of the day offend, and a few of their keys."""
    window = day_window(day.isoformat(), BUSINESS_ZONE)
    answers: list[str] = []
    for name, question in _QUESTIONS.items():
        offends = question.offends.format(since=iso(window.since), until=iso(window.until))
        sample = f"list_slice(list(public_id) FILTER ({offends}), 1, {_SHOWN})"
        answers += [f"count(*) FILTER ({offends}) AS {name}", f"{sample} AS {name}_sample"]
    found = rows.filter(f"{PARTITION_COLUMN} = DATE '{day}'").aggregate(", ".join(answers))
    [values] = found.fetchall()
    return dict(zip(found.columns, values, strict=True))


def _repeated_keys(rows: DuckDBPyRelation, days: list[date]) -> list[str]:
    """The keys of the rows that the whole table has more than once."""
    elsewhere = " AND ".join(["true", *(f"{PARTITION_COLUMN} <> DATE '{day}'" for day in days)])
    repeated = f"""
        SELECT public_id FROM examined GROUP BY public_id HAVING count(*) > 1
        UNION
        SELECT public_id FROM {quoted(COMMUNICATION_LOGS.name)} SEMI JOIN examined USING (public_id) WHERE {elsewhere}
        ORDER BY public_id
    """
    return [public_id for (public_id,) in select(repeated, "examined", rows).fetchall()]


def _result(name: str, days: list[date], count: int, samples: list[str], advice: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key(COMMUNICATION_LOGS),
        passed=count == 0,
        description=f"All rows of {spoken(days)} keep this rule."
        if count == 0
        else f"{count:,} rows of {spoken(days)} break this rule. {advice}",
        metadata={"offending_rows": count} | ({"public_ids": samples} if samples else {}),
    )
