"""Rules that every stored row of an export must keep. One query per day checks all rules except uniqueness."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis.relations import select
from cleargrid_assets.checks.scope import format_days, verdict
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.window import day_window, iso
from cleargrid_assets.foreign import presentable_id
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.schema import PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.table_metadata import asset_key

_MAX_SAMPLES = 5
_REFETCH = "Materialize the day again. If the check still fails, another program writes to the table."


@dataclass(frozen=True)
class RowRule:
    """A rule for each row of a day.

    Attributes:
        description: The rule in one sentence, for the UI.
        broken_by: An SQL expression that is true if a row breaks the rule. `{since}` and `{until}` are the bounds of
            its day.
        blocking: Whether a broken rule stops the analyses of the day.
        advice: What to do about such rows.
    """

    description: str
    broken_by: str
    blocking: bool
    advice: str


def rules_of(dataset: Dataset, table: Table) -> dict[str, RowRule]:
    """The rules that follow from the contract, by the names of their checks."""
    required = [column.name for column in table.columns if not column.nullable]
    cursor = quoted(dataset.cursor_field)
    return {
        "required_columns_are_not_null": RowRule(
            "No required column of the contract is NULL.",
            broken_by=" OR ".join(f"{quoted(name)} IS NULL" for name in required),
            blocking=True,
            advice=_REFETCH,
        ),
        "rows_are_inside_their_day": RowRule(
            f"Every `{dataset.cursor_field}` lies between the midnights of its business day.",
            broken_by=f"NOT ({cursor} >= TIMESTAMPTZ '{{since}}' AND {cursor} < TIMESTAMPTZ '{{until}}')",
            blocking=True,
            advice="If CLEARGRID_TIMEZONE has changed, materialize all days that were stored before. " + _REFETCH,
        ),
    }


class RowChecks:
    """The checks of one table's rows.

    Args:
        dataset: The source of the rows.
        table: The table that stores them.
        special: Rules besides those of the contract.
    """

    def __init__(self, dataset: Dataset, table: Table, special: Mapping[str, RowRule]) -> None:
        self._table = table
        self._key = dataset.key
        self._rules = {**rules_of(dataset, table), **special}
        self._specs = {
            name: dg.AssetCheckSpec(name, asset=asset_key(table), blocking=rule.blocking, description=rule.description)
            for name, rule in self._rules.items()
        }
        self._unique = dg.AssetCheckSpec(
            f"{dataset.key}_is_unique",
            asset=asset_key(table),
            blocking=True,
            description=f"No `{dataset.key}` of the day occurs twice in the whole table.",
        )

    @property
    def specs(self) -> list[dg.AssetCheckSpec]:
        """The checks of all rules, and of uniqueness."""
        return [self._unique, *self._specs.values()]

    def examine(self, rows: DuckDBPyRelation, days: list[date]) -> list[dg.AssetCheckResult]:
        """Checks the stored rows of the days."""
        findings = [self._examine_day(rows, day) for day in days]
        results = []
        for name, rule in self._rules.items():
            count = sum(found[name] for found in findings)
            samples = [key for found in findings for key in found[f"{name}_sample"] or []]
            results.append(
                self._result(self._specs[name], days, count, samples, rule.advice, query=self._query(rule, days))
            )
        repeated = self._repeated_keys(rows, days)
        return [*results, self._result(self._unique, days, len(repeated), repeated, _REFETCH)]

    def _examine_day(self, rows: DuckDBPyRelation, day: date) -> dict[str, Any]:
        """For each rule, how many rows of the day break it, and some of their keys."""
        window = day_window(day, BUSINESS_ZONE)
        answers: list[str] = []
        for name, rule in self._rules.items():
            is_broken = rule.broken_by.format(since=iso(window.since), until=iso(window.until))
            sample = f"list_slice(list({quoted(self._key)}) FILTER ({is_broken}), 1, {_MAX_SAMPLES})"
            answers += [f"count(*) FILTER ({is_broken}) AS {name}", f"{sample} AS {name}_sample"]
        found = rows.filter(f"{PARTITION_COLUMN} = DATE '{day}'").aggregate(", ".join(answers))
        [values] = found.fetchall()
        return dict(zip(found.columns, values, strict=True))

    def _repeated_keys(self, rows: DuckDBPyRelation, days: list[date]) -> list[str]:
        """The keys of the rows that occur more than once in the whole table."""
        if not rows.limit(1).fetchall():
            # The table may not exist yet.
            return []
        key = quoted(self._key)
        elsewhere = " AND ".join(["true", *(f"{PARTITION_COLUMN} <> DATE '{day}'" for day in days)])
        repeated = f"""
            SELECT {key} FROM examined GROUP BY {key} HAVING count(*) > 1
            UNION
            SELECT {key} FROM {quoted(self._table.name)} SEMI JOIN examined USING ({key}) WHERE {elsewhere}
            ORDER BY {key}
        """
        return [value for (value,) in select(repeated, "examined", rows).fetchall()]

    def _query(self, rule: RowRule, days: list[date]) -> str | None:
        """A query for the rows that break a rule, because not every id is shown; None if it differs from day to day."""
        if not days or "{since}" in rule.broken_by:
            return None
        where = f"{PARTITION_COLUMN} BETWEEN '{days[0]}' AND '{days[-1]}' AND ({rule.broken_by})"
        return f"SELECT {quoted(self._key)} FROM {SCHEMA}.{self._table.name} WHERE {where}"

    def _result(
        self,
        spec: dg.AssetCheckSpec,
        days: list[date],
        count: int,
        samples: list[str],
        advice: str,
        *,
        query: str | None = None,
    ) -> dg.AssetCheckResult:
        ids = {f"{self._key}s": [*map(presentable_id, samples[:_MAX_SAMPLES])]} if samples else {}
        return verdict(
            spec,
            passed=count == 0,
            good="All rows keep this rule.",
            bad=f"Rows of {format_days(days)} that break this rule: {count:,}. {advice}"
            + (" The entry `query` finds them." if query else ""),
            found={"offending_rows": count, **ids, **({"query": query} if query else {})},
            days=days,
            severity=dg.AssetCheckSeverity.ERROR,
        )
