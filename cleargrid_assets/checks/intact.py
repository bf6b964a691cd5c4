"""The check that the rows in the database are those that were stored, by the ledger and by Dagster's record."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import dagster as dg

from cleargrid_assets.checks.scope import MAX_NAMED, format_days, verdict, with_derived
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.event_log import Recorded
from cleargrid_assets.warehouse.ledger import Difference, LedgerEntry, StoredDays
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, first_of

INTACT = "stored_days_are_intact"


def stored_days_are_intact(table: Table, derived: Sequence[Table]) -> dg.AssetCheckSpec:
    """The check of an export and of the tables that are computed from it."""
    return dg.AssetCheckSpec(
        INTACT,
        asset=asset_key(table),
        additional_deps=[asset_key(each) for each in derived],
        description=f"Each day of {with_derived(table, derived)} has as many rows as were stored, and is as new as "
        "Dagster recorded. It fails if rows were deleted, if an older copy of the file is in its place, or if "
        "CLEARGRID_DUCKDB names another file.",
    )


def find_differences(
    spec: dg.AssetCheckSpec,
    table: Table,
    stored: Mapping[str, StoredDays],
    lost: Mapping[str, set[date]],
    last: Mapping[date, Recorded],
) -> dg.AssetCheckResult:
    """Compares the ledger with the rows that are there and with what Dagster recorded.

    Args:
        spec: The check.
        table: The export's table.
        stored: What the database holds of each table.
        lost: The days of each table that Dagster recorded as stored, but that the ledger lacks. Read Dagster's record
            before `stored`, because a run may store a day meanwhile.
        last: The latest materialization of each day of the export. The tables that are computed from it have none
            here, because they are in the same file and are compared with it by their versions.
    """
    different = [each for of_table in stored.values() for each in of_table.differences.values()]
    entries = stored[table.name].entries
    outdated = sorted(day for day, seen in last.items() if day in entries and _is_outdated(entries[day], seen))
    days = sorted({*(each.day for each in different), *outdated, *(day for days in lost.values() for day in days)})
    return verdict(
        spec,
        passed=not days,
        good="All stored days have their rows.",
        bad=" ".join(
            [
                *_about_rows(different),
                *_about_lost(lost),
                *_about_outdated(outdated, table),
                _remedy(days),
            ]
        ),
        found={
            "different_days": [str(day) for day in days[:MAX_NAMED]],
            "days_with_other_rows": len(different),
            "days_lost": len({day for days in lost.values() for day in days}),
            "days_outdated": len(outdated),
        },
        days=None,
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _is_outdated(entry: LedgerEntry, recorded: Recorded) -> bool:
    """Whether Dagster recorded other rows, later than those that are stored.

    A run that was killed after its commit is recorded nowhere, so the ledger may be ahead of Dagster.
    """
    is_later = recorded.stored_at is not None and recorded.stored_at > entry.stored_at.timestamp()
    if entry.run_id is not None and not is_later:
        return False
    if recorded.content_hash is not None:
        return recorded.content_hash != entry.content_hash
    return recorded.rows is not None and recorded.rows != entry.row_count


def _about_rows(different: Sequence[Difference]) -> Iterable[str]:
    if different:
        named = [
            f"{each.table_name} {each.day} ({each.rows:,} rows, but "
            + ("not in the ledger)" if each.ledger_rows is None else f"{each.ledger_rows:,} were stored)")
            for each in different
        ]
        yield f"Rows were deleted or added outside of this project: {first_of(named, MAX_NAMED, 'day')}."


def _about_lost(lost: Mapping[str, set[date]]) -> Iterable[str]:
    names_of: dict[tuple[date, ...], list[str]] = {}
    for name, of_table in lost.items():
        if of_table:
            names_of.setdefault(tuple(sorted(of_table)), []).append(name)
    for days, names in names_of.items():
        yield (
            f"Dagster recorded {counted(len(days), 'day')} of {', '.join(names)} that the database does not have: "
            f"{first_of(days, MAX_NAMED, 'day')}."
        )


def _about_outdated(outdated: Sequence[date], table: Table) -> Iterable[str]:
    if outdated:
        yield (
            f"Dagster recorded newer rows of {table.name} than the database has: "
            f"{first_of(outdated, MAX_NAMED, 'day')}."
        )


def _remedy(days: Sequence[date]) -> str:
    if not days:
        return ""
    return (
        "Check that CLEARGRID_DUCKDB names the right file. If so, materialize all tables for "
        f"{format_days(days)} again, not only missing partitions, because Dagster shows these days as materialized."
    )
