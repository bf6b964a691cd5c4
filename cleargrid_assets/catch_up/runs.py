"""What Dagster knows of the runs: which days they cover, and how they ended."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone

import dagster as dg

from cleargrid_assets.catch_up.plan import CatchUp, Runs, TableDay
from cleargrid_assets.contracts import TABLES
from cleargrid_assets.partitions import BACKFILL, PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.table_metadata import asset_key

DAILY_JOB, RESYNC_JOB = "daily_outreach", "resync_recent_days"

_WHOLE_JOBS = {DAILY_JOB, RESYNC_JOB, "__ASSET_JOB"}
"""Jobs whose runs cover every table if they have no selection. The last one is what the UI's Materialize starts."""

_FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# A run stays at NOT_STARTED if the daemon dies before it queues the run. The retry of its tick then starts it.
IN_PROGRESS = [
    status
    for status in dg.DagsterRunStatus
    if status not in {*_FAILED, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.NOT_STARTED}
]


def read_runs(instance: dg.DagsterInstance, catch_up: CatchUp) -> Runs:
    """Reads what a catch-up needs to know of the runs.

    A cancelled run counts as failed: its days are not stored, and they would be requested again at every tick.

    Args:
        instance: The Dagster instance.
        catch_up: The catch-up, without runs.
    """
    running = [record.dagster_run for record in instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))]
    failed_at: dict[TableDay, list[datetime]] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=_FAILED)):
        for cell in _covered(record.dagster_run):
            failed_at.setdefault(cell, []).append(_ended_at(record))
    return Runs(
        in_progress=frozenset(cell for run in running for cell in _covered(run)),
        failed_at=failed_at,
        materialized_at=dict(_materialized_at(instance, [cell for cell in catch_up.missing if cell in failed_at])),
        backfilling=any(BACKFILL in run.tags and any(_covered(run)) for run in running),
        started_at=_started_at(instance, catch_up.concurrent_runs),
    )


def _covered(run: dg.DagsterRun) -> Iterator[TableDay]:
    """The tables and days that a run stores."""
    # A run of checks alone has no selection of assets, either.
    is_whole = run.job_name in _WHOLE_JOBS and not run.asset_selection and not run.asset_check_selection
    for table in TABLES:
        if is_whole or asset_key(table) in (run.asset_selection or ()):
            yield from ((table.name, day) for day in _days(run.tags))


def _days(tags: Mapping[str, str]) -> list[date]:
    """The days of a run, by its tags. Empty if its partitions are not days."""
    try:
        if PARTITION in tags:
            return [date.fromisoformat(tags[PARTITION])]
        if RANGE_START in tags and RANGE_END in tags:
            first, last = (date.fromisoformat(tags[tag]) for tag in (RANGE_START, RANGE_END))
            return [first + timedelta(days=number) for number in range((last - first).days + 1)]
    except ValueError:
        # Another code location of the instance has partitions of another kind.
        return []
    return []


def _ended_at(record: dg.RunRecord) -> datetime:
    # A run that could not be launched has no end.
    return record.update_timestamp if record.end_time is None else _instant(record.end_time)


def _materialized_at(instance: dg.DagsterInstance, missing: Iterable[TableDay]) -> Iterator[tuple[TableDay, datetime]]:
    """When missing days were last stored. The ledger loses days if an older copy of the database is restored."""
    for name, day in missing:
        which = dg.AssetRecordsFilter(dg.AssetKey([SCHEMA, name]), asset_partitions=[day.isoformat()])
        for record in instance.fetch_materializations(which, limit=1).records:
            yield (name, day), _instant(record.timestamp)


def _started_at(instance: dg.DagsterInstance, run_ids: Collection[str]) -> dict[str, datetime]:
    # Without run ids, the filter would match every run.
    records = instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []
    return {record.dagster_run.run_id: _instant(record.start_time) for record in records if record.start_time}


def _instant(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, timezone.utc)
