"""What Dagster's history adds to a digest: failing checks, and what the latest fetches changed."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone

import dagster as dg

from cleargrid_assets import checks
from cleargrid_assets.alerts.day_ranges import parse_range
from cleargrid_assets.checks.scope import DAYS, last_materialization
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.digest.content import FailingCheck, FetchedDay, History
from cleargrid_assets.pictures import text

_LOOKED_AT = (10, 100, 1000)
"""How many executions of a check are looked at: more if the latest ones were never evaluated, or judge other days. A
run that is queued, or that failed before the check, leaves one such execution for each of its days."""


def read_history(instance: dg.DagsterInstance, day: date, fetched: Sequence[date]) -> History:
    """Reads the latest evaluation of every check, and the latest materializations of days.

    An evaluation that judges the day counts rather than later ones that judge other days alone.

    Args:
        instance: The Dagster instance.
        day: The business day of the digest.
        fetched: Stored days of the communication logs.
    """
    latest = list(_latest_evaluations(instance, day))
    failing = [_failing(evaluation, at) for evaluation, at in latest if not evaluation.passed]
    failing.sort(key=lambda each: (not each.is_error, each.table, each.name))
    return History(failing, len(latest), [_fetched(instance, each) for each in fetched])


def _latest_evaluations(instance: dg.DagsterInstance, day: date) -> Iterator[tuple[dg.AssetCheckEvaluation, datetime]]:
    """The evaluation that counts of each check of this project that has any, and its time."""
    for definition in dg.load_asset_checks_from_package_module(checks):
        for key in definition.check_keys:
            if found := _that_counts(_evaluations(instance, key), day):
                yield found


def _that_counts(
    evaluations: Iterator[tuple[dg.AssetCheckEvaluation, datetime]], day: date
) -> tuple[dg.AssetCheckEvaluation, datetime] | None:
    """The latest evaluation that judges the day, or the latest of all; None without any."""
    latest = None
    for found in evaluations:
        if _judges(found[0], day):
            return found
        latest = latest or found
    return latest


def _evaluations(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey
) -> Iterator[tuple[dg.AssetCheckEvaluation, datetime]]:
    """The evaluations of a check with their times, the latest first."""
    cursor = None
    for limit in _LOOKED_AT:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=limit, cursor=cursor)
        for record in records:
            if isinstance(record.evaluation, dg.AssetCheckEvaluation):
                yield record.evaluation, datetime.fromtimestamp(record.create_timestamp, timezone.utc)
        if len(records) < limit:
            break
        cursor = records[-1].id


def _judges(evaluation: dg.AssetCheckEvaluation, day: date) -> bool:
    """Whether an evaluation judges the day. One without days judges the whole history."""
    days = evaluation.metadata.get(DAYS)
    judged = parse_range(days.value) if days else None
    return judged is None or judged[0] <= day <= judged[1]


def _failing(evaluation: dg.AssetCheckEvaluation, evaluated_at: datetime) -> FailingCheck:
    days = evaluation.metadata.get(DAYS)
    return FailingCheck(
        table=evaluation.asset_key.path[-1],
        name=evaluation.check_name,
        is_error=evaluation.severity is dg.AssetCheckSeverity.ERROR,
        description=evaluation.description or "",
        days=str(days.value) if days else "",
        evaluated_at=evaluated_at,
    )


def _fetched(instance: dg.DagsterInstance, day: date) -> FetchedDay:
    metadata = last_materialization(instance, COMMUNICATION_LOGS, day).metadata
    rows, new, changed, removed = (
        text.count(number) if isinstance(number := metadata.get(name), int) else text.MISSING
        for name in ("rows", "new_rows", "changed_rows", "removed_rows")
    )
    return FetchedDay(day, rows, new, changed, removed)
