"""The check that no row of a day is quarantined."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.checks.scope import format_days, verdict
from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, reasons


def no_row_is_quarantined(table: Table) -> dg.AssetCheckSpec:
    """The check that reports the rows that break the contract."""
    return dg.AssetCheckSpec(
        "no_row_is_quarantined",
        asset=asset_key(table),
        description="The API sent no rows that break the contract. With `CLEARGRID_QUARANTINE=on`, a day is stored "
        "without such rows; otherwise they fail its run.",
    )


def find_quarantined(
    spec: dg.AssetCheckSpec, table: Table, rows: DuckDBPyRelation, days: Sequence[date]
) -> dg.AssetCheckResult:
    """Checks that no row is quarantined.

    Args:
        spec: The check.
        table: The table of the export.
        rows: The quarantined rows of the days.
        days: The days.
    """
    found = Counter({(field, reason): count for field, reason, count in _counts(rows)})
    total = sum(found.values())
    return verdict(
        spec,
        passed=not total,
        good="No row is quarantined.",
        bad=f"{counted(total, 'row')} of {format_days(days)} cannot be stored, because the contract is broken: "
        f"{reasons(found)}. Every table lacks them. Report them to ClearGrid; their ids are in "
        f"{SCHEMA}.{quarantine_of(table).name}. Once they are repaired, materialize the day again.",
        # Pairs, because Dagster takes some names as keys of its own.
        found={
            "quarantined_rows": total,
            "reasons": [[field, reason, count] for (field, reason), count in found.most_common()],
        },
        days=days,
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _counts(rows: DuckDBPyRelation) -> list[tuple[str, str, int]]:
    return rows.aggregate("field, reason, count(*)").order("field, reason").fetchall()
