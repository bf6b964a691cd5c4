"""What is read of the runs of a Dagster instance."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from cleargrid_assets.catch_up.plan import CatchUp
from cleargrid_assets.catch_up.runs import DAILY_JOB, RESYNC_JOB, read_runs
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS, INTERACTIONS, TABLES
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import days_between
from cleargrid_assets_tests.catch_up.world import entry

DAY = date(2026, 1, 5)
RANGE = {RANGE_START: "2026-01-05", RANGE_END: "2026-01-07"}
OF_RANGE = days_between(DAY, date(2026, 1, 7))
NOTHING = CatchUp({}, [])
REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("cleargrid_assets"), "__repository__")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def add(
    instance: dg.DagsterInstance,
    status: str,
    tags: Mapping[str, str],
    job: str = DAILY_JOB,
    only: Collection[Table] | None = None,
) -> str:
    selection = None if only is None else frozenset(asset_key(table) for table in only)
    run = dg.DagsterRun(
        job_name=job,
        status=dg.DagsterRunStatus[status],
        tags=tags,
        asset_selection=selection,
        # Queued runs need one.
        remote_job_origin=REPOSITORY.get_job_origin(job),
    )
    return instance.add_run(run).run_id


def cells(tables: Collection[Table], days: Collection[date]) -> set[tuple[str, date]]:
    return {(table.name, day) for table in tables for day in days}


@pytest.mark.parametrize("status", ["QUEUED", "STARTING", "STARTED", "CANCELING"])
def test_queued_and_running_runs_are_in_progress(instance: dg.DagsterInstance, status: str) -> None:
    add(instance, status, {PARTITION: "2026-01-05"})
    add(instance, status, RANGE, RESYNC_JOB)
    assert read_runs(instance, NOTHING).in_progress == cells(TABLES, OF_RANGE)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCELED", "NOT_STARTED"])
def test_other_runs_are_not_in_progress(instance: dg.DagsterInstance, status: str) -> None:
    add(instance, status, {PARTITION: "2026-01-05"})
    assert read_runs(instance, NOTHING).in_progress == frozenset()


def test_selection_says_which_tables_a_run_covers(instance: dg.DagsterInstance) -> None:
    add(instance, "STARTED", {PARTITION: "2026-01-05"}, "__ASSET_JOB", [ATTEMPT_FUNNEL])
    add(instance, "STARTED", RANGE, DAILY_JOB, [COMMUNICATION_LOGS])
    expected = cells([ATTEMPT_FUNNEL], [DAY]) | cells([COMMUNICATION_LOGS], OF_RANGE)
    assert read_runs(instance, NOTHING).in_progress == expected


def test_run_of_checks_alone_covers_no_table(instance: dg.DagsterInstance) -> None:
    check = dg.AssetCheckKey(asset_key(COMMUNICATION_LOGS), "source_agrees")
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        status=dg.DagsterRunStatus.STARTED,
        tags={PARTITION: "2026-01-05"},
        asset_selection=frozenset(),
        asset_check_selection=frozenset({check}),
    )
    instance.add_run(run)
    assert read_runs(instance, NOTHING).in_progress == frozenset()


def test_empty_selection_is_the_whole_job(instance: dg.DagsterInstance) -> None:
    add(instance, "STARTED", {PARTITION: "2026-01-05"}, DAILY_JOB, [])
    assert read_runs(instance, NOTHING).in_progress == cells(TABLES, [DAY])


def test_runs_of_other_projects_in_the_instance_do_not_count(instance: dg.DagsterInstance) -> None:
    add(instance, "STARTED", {PARTITION: "2026-01-05"}, "somebody_elses_job")
    add(instance, "FAILURE", {PARTITION: "2026-01-05", "dagster/backfill": "b"}, "somebody_elses_job")
    add(instance, "STARTED", {PARTITION: "2026-01"}, DAILY_JOB)
    add(instance, "STARTED", {}, DAILY_JOB)
    found = read_runs(instance, NOTHING)
    assert (found.in_progress, dict(found.failed_at), found.backfilling) == (frozenset(), {}, False)


@pytest.mark.parametrize("status", ["FAILURE", "CANCELED"])
def test_failed_and_cancelled_runs_count_for_each_of_their_days(instance: dg.DagsterInstance, status: str) -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    add(instance, status, {PARTITION: "2026-01-05"})
    add(instance, status, RANGE, "__ASSET_JOB", [COMMUNICATION_LOGS])
    failed = read_runs(instance, NOTHING).failed_at
    assert {cell: len(times) for cell, times in failed.items() if len(times) > 1} == {(COMMUNICATION_LOGS.name, DAY): 2}
    assert failed.keys() == cells(TABLES, [DAY]) | cells([COMMUNICATION_LOGS], OF_RANGE)
    assert all(at > before for times in failed.values() for at in times)


@pytest.mark.parametrize(("status", "backfilling"), [("QUEUED", True), ("SUCCESS", False), ("FAILURE", False)])
def test_backfill_lasts_while_one_of_its_runs_is_queued_or_running(
    instance: dg.DagsterInstance, status: str, backfilling: bool
) -> None:
    add(instance, status, {**RANGE, "dagster/backfill": "abc"}, "__ASSET_JOB", [COMMUNICATION_LOGS])
    add(instance, "STARTED", {PARTITION: "2026-01-05"})
    assert read_runs(instance, NOTHING).backfilling == backfilling


def test_last_materialization_of_missing_days_that_failed_is_read(instance: dg.DagsterInstance) -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    for day in ("2026-01-05", "2026-01-06"):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(COMMUNICATION_LOGS), partition=day))
    add(instance, "FAILURE", {PARTITION: "2026-01-05"})
    name, first = COMMUNICATION_LOGS.name, date(2026, 1, 1)
    missing = CatchUp({name: {first: entry(name, first, before)}}, days_between(first, DAY))
    found = read_runs(instance, missing).materialized_at
    assert found.keys() == {(name, DAY)}
    assert found[name, DAY] > before


def test_starts_of_concurrent_runs_are_read(instance: dg.DagsterInstance) -> None:
    job = dg.GraphDefinition("nothing", node_defs=[]).to_job()
    run_id = job.execute_in_process(instance=instance).run_id
    job.execute_in_process(instance=instance)
    now = datetime.now(timezone.utc)
    meant, name = INTERACTIONS.name, ATTEMPT_FUNNEL.name
    ledgers = {meant: {DAY: entry(meant, DAY, now, "another")}, name: {DAY: entry(name, DAY, now, run_id)}}
    started_at = read_runs(instance, CatchUp(ledgers, [DAY])).started_at
    assert started_at.keys() == {run_id}
    assert now - timedelta(minutes=1) < started_at[run_id] <= now
