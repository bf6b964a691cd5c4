"""Checks of the history of an export: is the last closed day stored in time, is a day missing, is the source alive.

They ask the ledger which days are stored, and count only those that have all their rows. They do not ask when a day was
stored: a backfill of an old day does not make a table fresh. Dagster's history only shows what was attempted.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

import dagster as dg

from cleargrid_assets.checks.failed_runs import FailedRuns, failed_runs
from cleargrid_assets.checks.intact import INTACT, find_differences, stored_days_are_intact
from cleargrid_assets.checks.scope import FAILED_CHECKS, MAX_NAMED, verdict, with_derived
from cleargrid_assets.checks.versions import CURRENT, current_versions, find_other_versions, made_with_current_version
from cleargrid_assets.partitions import BACKFILL, BUSINESS_ZONE, FRESH_BY, closed_days, kept_days, now_in_zone
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.event_log import days_left_out, last_recorded, recorded_days
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, first_of

FRESH, COMPLETE, ALIVE = "is_fresh", "no_closed_day_is_missing", "source_is_alive"
FRESHNESS_JOB = "freshness"
"""The only job whose run fails if an `ERROR` check fails. Nothing else would show that the last day is missing."""

HISTORY_CHECKS = frozenset({FRESH, COMPLETE, ALIVE, INTACT, CURRENT})

_USUAL_WEEKS = 4


def due_day(now: datetime) -> date:
    """The latest day that is due: yesterday after the deadline, the day before yesterday until then."""
    return now.date() - timedelta(days=1 if now.time() >= FRESH_BY else 2)


class HistoryChecks:
    """The history checks of one export.

    Args:
        table: The export's table.
        derived: The tables that are computed from it.
    """

    def __init__(self, table: Table, derived: Sequence[Table] = ()) -> None:
        self.table = table
        self.tables = [table, *derived]
        together = with_derived(table, derived)
        derived_keys = [asset_key(each) for each in derived]
        self.fresh = dg.AssetCheckSpec(
            FRESH,
            asset=asset_key(table),
            additional_deps=derived_keys,
            description=f"The last closed day of {together} is stored by the deadline (`CLEARGRID_FRESH_BY`).",
        )
        self.complete = dg.AssetCheckSpec(
            COMPLETE,
            asset=asset_key(table),
            additional_deps=derived_keys,
            description=f"Every closed day since `CLEARGRID_START_DATE` is stored in {together}. Days that "
            "`CLEARGRID_KEEP_DAYS` does not keep, and days that were dropped because of it, do not count.",
        )
        self.alive = dg.AssetCheckSpec(
            ALIVE,
            asset=asset_key(table),
            description="The latest stored day that is due has rows, or the same weekday usually has none (four weeks "
            "before it, where stored). If the source stops logging, the API still answers, with no rows.",
        )
        self.intact = stored_days_are_intact(table, derived)
        self.current = made_with_current_version(table, derived)

    @property
    def specs(self) -> list[dg.AssetCheckSpec]:
        """All of them."""
        return [self.fresh, self.complete, self.alive, self.intact, self.current]

    def freshness(self, stored: Mapping[str, set[str]], now: datetime) -> dg.AssetCheckResult:
        """Checks that every table has the last closed day, or a later one, by the deadline.

        Args:
            stored: The partition keys of each table that are stored.
            now: The current time in the business zone.
        """
        due = due_day(now).isoformat()
        latest = {name: max(keys, default="none") for name, keys in stored.items()}
        late = [name for name, keys in stored.items() if max(keys, default="") < due]
        is_due = due in closed_days(now)
        found = ", ".join(f"{name} (latest day: {latest[name]})" for name in late)
        these = "all tables" if len(stored) == len(self.tables) else "the tables of this run"
        return verdict(
            self.fresh,
            passed=not late or not is_due,
            good=f"{due} was due, and {these} have it or a later day." if is_due else "No day is due yet.",
            bad=f"{due} was due by {FRESH_BY:%H:%M} ({BUSINESS_ZONE.key}), but is missing in {found}. "
            f"Materialize the partition {due}. The latest run of the daily schedule says why it is missing.",
            metadata={"due": due, "latest": latest[self.table.name]},
            found={"late_tables": late},
            days=None,
            severity=dg.AssetCheckSeverity.ERROR,
        )

    def inventory(
        self,
        stored: Mapping[str, set[str]],
        now: datetime,
        *,
        recorded: Mapping[str, set[str]] = MappingProxyType({}),
        failed: Mapping[str, FailedRuns] = MappingProxyType({}),
        dropped: Collection[str] = frozenset(),
        differing: Mapping[str, set[str]] = MappingProxyType({}),
    ) -> dg.AssetCheckResult:
        """Checks that every table has all closed days that are due.

        Args:
            stored: The partition keys of each table that are stored.
            now: The current time in the business zone.
            recorded: The partition keys of each table that Dagster shows as materialized.
            failed: The failed runs of each partition key that has any.
            dropped: The partition keys that were dropped because of their age.
            differing: The partition keys of each table that have rows, but not those that were stored.
        """
        due = [key for key in kept_days(now) if key <= due_day(now).isoformat() and key not in dropped]
        lacking: dict[tuple[str, ...], list[str]] = {}
        for name, keys in stored.items():
            days = tuple(key for key in due if key not in keys)
            if days:
                lacking.setdefault(days, []).append(name)
        missing = sorted({day for days in lacking for day in days})
        is_recorded = any(recorded.get(name, set()) & set(days) for days, names in lacking.items() for name in names)
        return verdict(
            self.complete,
            passed=not missing,
            good="Every closed day is stored.",
            bad=" ".join(_lacks(names, days, differing) for days, names in lacking.items())
            + _failures(missing, failed)
            + self._remedy(missing, min(stored[self.table.name], default=None), is_recorded=is_recorded),
            found={
                "missing_days": len(missing),
                "first_missing": missing[:MAX_NAMED],
                "missing_days_by_table": {name: len(days) for days, names in lacking.items() for name in names},
            },
            days=None,
        )

    def _remedy(self, missing: Sequence[str], first: str | None, *, is_recorded: bool) -> str:
        if not missing:
            return ""
        remedy = f" Materialize {missing[0]}."
        if len(missing) > 1 and is_recorded:
            remedy = (
                f" Backfill {missing[0]} to {missing[-1]}, not only missing partitions, because Dagster shows days as "
                "materialized that the database does not have."
            )
        elif len(missing) > 1:
            remedy = f" Backfill {missing[0]} to {missing[-1]}, missing partitions only."
        if len(self.tables) > 1:
            # A run of one day is no backfill.
            what = "The backfill also computes" if len(missing) > 1 else "The next tick of the daily schedule computes"
            remedy += f" {what} the later days whose trailing windows include what was missing."
        if first and missing[0] < first:
            remedy += f" If you do not need the days before {first}, set CLEARGRID_START_DATE to {first} instead."
        return remedy

    def liveness(self, entries: Mapping[date, LedgerEntry], now: datetime) -> dg.AssetCheckResult:
        """Checks that the latest stored day that is due has rows, or that such days usually have none.

        Args:
            entries: The ledger of the export's table.
            now: The current time in the business zone.
        """
        candidates = {day for day in entries if day <= due_day(now)} or entries.keys()
        if not candidates:
            return verdict(self.alive, passed=True, good="No day is stored yet.", bad="", days=None)
        day = max(candidates)
        same_weekdays = [day - timedelta(weeks=weeks) for weeks in range(1, _USUAL_WEEKS + 1)]
        known = [other for other in same_weekdays if other in entries]
        rows = {each: entries[each].row_count for each in (day, *known)}
        with_rows = [other for other in known if rows[other]]
        compared = f"{day} has no rows, but {len(with_rows)} of the {len(known)} same weekdays before it have some."
        if rows[day]:
            good = f"{day} has {rows[day]:,} rows."
        elif known:
            good = f"{compared} This looks normal."
        else:
            good = f"{day} has no rows. It cannot be judged, because no earlier day of the same weekday is stored."
        return verdict(
            self.alive,
            passed=bool(rows[day]) or not with_rows or 2 * len(with_rows) < len(known),
            good=good,
            bad=f"{compared} Ask ClearGrid whether logging has stopped. Materialize the day again when it works.",
            metadata={"day": day.isoformat(), "rows": rows[day], "same_weekdays_with_rows": len(with_rows)},
            days=None,
        )


def history_checks(
    table: Table, derived: Sequence[Table] = (), now: Callable[[], datetime] = now_in_zone
) -> dg.AssetChecksDefinition:
    """The history checks of an export, as one step that runs after all its tables.

    Args:
        table: The export's table.
        derived: The tables that are computed from it.
        now: Returns the current time in the business zone.
    """
    checks = HistoryChecks(table, derived)

    @dg.multi_asset_check(name=f"{table.name}_history", specs=checks.specs, can_subset=True)
    def history(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, outcomes: OutcomesResource
    ) -> Iterator[dg.AssetCheckResult]:
        found = results(context, warehouse, outcomes)
        yield from _failing_with_errors(found) if context.run.job_name == FRESHNESS_JOB else found

    def results(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, outcomes: OutcomesResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        instance, time = context.instance, now()
        kept = {date.fromisoformat(key) for key in kept_days(time)}
        # Before the database is read, because another run may store a day meanwhile.
        recorded = {each.name: recorded_days(instance, each) & kept for each in checks.tables}
        last = last_recorded(instance, table) if INTACT in selected else {}
        stored = warehouse.stored_days(checks.tables, instance)
        # After what they are taken from, because another run may drop days meanwhile.
        dropped = warehouse.dropped_days()
        recorded = {name: days - dropped for name, days in recorded.items()}
        keys = {name: {str(day) for day in of_table.whole} for name, of_table in stored.items()}
        keys = {name: days for name, days in keys.items() if name in _judged(context.run, checks.tables)}
        if FRESH in selected:
            yield checks.freshness(keys, time)
        if COMPLETE in selected:
            gone = {str(day) for day in dropped}
            missing = {str(day) for day in kept}.difference(set[str].intersection(*keys.values()), gone)
            shown = {name: {str(day) for day in days} for name, days in recorded.items()}
            failed = failed_runs(instance, missing, {name: each.entries for name, each in stored.items()})
            differing = {
                name: {str(day) for day, found in each.differences.items() if found.rows}
                for name, each in stored.items()
            }
            yield checks.inventory(keys, time, recorded=shown, failed=failed, dropped=gone, differing=differing)
        if ALIVE in selected:
            yield checks.liveness(stored[table.name].entries, time)
        if INTACT in selected:
            lost = {name: days - stored[name].entries.keys() for name, days in recorded.items()}
            for each in checks.tables:
                lost[each.name] -= days_left_out(instance, each, lost[each.name])
            yield find_differences(checks.intact, table, stored, lost, last)
        if CURRENT in selected:
            versions = current_versions(checks.tables, outcomes.load())
            yield find_other_versions(checks.current, stored, versions)

    return history


def _judged(run: dg.DagsterRun, tables: Sequence[Table]) -> set[str]:
    """The tables that a run judges: all, or those that it stores if other runs of its backfill store the others."""
    stores_all = BACKFILL not in run.tags or not run.asset_selection
    return {table.name for table in tables if stores_all or asset_key(table) in (run.asset_selection or ())}


def _failing_with_errors(results: Iterator[dg.AssetCheckResult]) -> Iterator[dg.AssetCheckResult]:
    """The same results. After the last one, the step fails if an `ERROR` check did."""
    errors = []
    for result in results:
        yield result
        if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR:
            errors.append(str(result.check_name))
    if errors:
        raise dg.Failure(
            f"Checks failed: {', '.join(errors)}. Their descriptions say what to do.",
            metadata={FAILED_CHECKS: errors},
            allow_retries=False,
        )


def _failures(missing: Sequence[str], failed: Mapping[str, FailedRuns]) -> str:
    named = [f"{day} was {failed[day]}" for day in missing if day in failed]
    return f" {first_of(named, MAX_NAMED, 'day', '; ')}." if named else ""


def _lacks(names: Sequence[str], days: Sequence[str], differing: Mapping[str, set[str]]) -> str:
    lack, have = ("lacks", "has") if len(names) == 1 else ("lack", "have")
    different = any(differing.get(name, set()).intersection(days) for name in names)
    them = "it" if len(days) == 1 else "them"
    partly = f", or {have} other rows of {them} than were stored" if different else ""
    return f"{', '.join(names)} {lack} {counted(len(days), 'closed day')}{partly}: {first_of(days, MAX_NAMED, 'day')}."
