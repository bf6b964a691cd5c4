"""Schedules: their ticks around ends of months and clock changes, and the runs that they request."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.automation import (
    SCHEDULES,
    daily_job,
    freshness_job,
    resync_job,
    resync_recent_days_schedule,
)
from cleargrid_assets.checks.export import export_checks
from cleargrid_assets.checks.history import HISTORY_CHECKS
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS, INTERACTIONS, TABLES
from cleargrid_assets.definitions import build_defs, defs
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.partitions import DAILY, DAYS_PER_RUN, PARTITION
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import LONG_AFTER, Project, days_between
from cleargrid_assets_tests.assets.ticks import ticks

ROOT = Path(__file__).parents[1]
DAILY_SCHEDULE, RESYNC, FRESHNESS = (schedule.name for schedule in SCHEDULES)


def ticks_in(zone: str, *spans: str, **variables: str) -> dict[str, list[tuple[str, str]]]:
    """The ticks of all schedules, in a process whose business zone is another."""
    answer = subprocess.run(
        [sys.executable, "-m", "cleargrid_assets_tests.assets.ticks", *spans],
        env={**os.environ, "CLEARGRID_TIMEZONE": zone, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
    )
    return {name: [(at, does) for at, does in found] for name, found in json.loads(answer.stdout).items()}


def test_end_of_month_runs_each_day_once_and_resyncs_the_last_days() -> None:
    assert list(ticks(DAILY_SCHEDULE, "2026-02-28", "2026-03-03")) == [
        ("2026-02-28 01:00+0000", "2026-02-27"),
        ("2026-03-01 01:00+0000", "2026-02-28"),
        ("2026-03-02 01:00+0000", "2026-03-01"),
    ]
    assert list(ticks(RESYNC, "2026-02-28", "2026-03-03")) == [
        ("2026-02-28 04:00+0000", "2026-02-25/2026-02-27"),
        ("2026-03-01 04:00+0000", "2026-02-26/2026-02-28"),
        ("2026-03-02 04:00+0000", "2026-02-27/2026-03-01"),
    ]


def test_first_days_of_the_history_have_less_to_run() -> None:
    began = list(ticks(DAILY_SCHEDULE, "2026-01-01", "2026-01-03"))
    assert began[0][1].startswith("skipped")
    assert began[1] == ("2026-01-02 01:00+0000", "2026-01-01")
    assert [does for _, does in ticks(RESYNC, "2026-01-01", "2026-01-06")] == [
        "skipped: No day has closed since CLEARGRID_START_DATE.",
        "2026-01-01/2026-01-01",
        "2026-01-01/2026-01-02",
        "2026-01-01/2026-01-03",
        "2026-01-02/2026-01-04",
    ]


def test_resync_days_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARGRID_RESYNC_DAYS", "10")
    assert [does for _, does in ticks(RESYNC, "2026-03-01", "2026-03-02")] == ["2026-02-19/2026-02-28"]


def test_clock_change_runs_every_day_once_on_the_zones_clock() -> None:
    found = ticks_in("Europe/London", "2026-03-28/2026-03-31", "2026-10-24/2026-10-27")
    # At 01:00 the clocks go forward, and back to it.
    assert found[DAILY_SCHEDULE] == [
        ("2026-03-28 01:00+0000", "2026-03-27"),
        ("2026-03-29 02:00+0100", "2026-03-28"),
        ("2026-03-30 01:00+0100", "2026-03-29"),
        ("2026-10-24 01:00+0100", "2026-10-23"),
        ("2026-10-25 01:00+0000", "2026-10-24"),
        ("2026-10-26 01:00+0000", "2026-10-25"),
    ]
    resynced = [(at[:16], does) for at, does in found[RESYNC]]
    assert resynced == [
        ("2026-03-28 04:00", "2026-03-25/2026-03-27"),
        ("2026-03-29 04:00", "2026-03-26/2026-03-28"),
        ("2026-03-30 04:00", "2026-03-27/2026-03-29"),
        ("2026-10-24 04:00", "2026-10-21/2026-10-23"),
        ("2026-10-25 04:00", "2026-10-22/2026-10-24"),
        ("2026-10-26 04:00", "2026-10-23/2026-10-25"),
    ]
    assert [at[11:16] for at, _ in found[FRESHNESS]] == ["06:00"] * 6


def test_deadline_in_a_clock_change_is_checked_once() -> None:
    found = ticks_in("America/New_York", "2026-03-07/2026-03-10", "2026-10-31/2026-11-03", CLEARGRID_FRESH_BY="01:30")
    assert [at for at, _ in found[FRESHNESS]] == [
        "2026-03-07 01:30-0500",
        "2026-03-08 01:30-0500",
        "2026-03-09 01:30-0400",
        "2026-10-31 01:30-0400",
        "2026-11-01 01:30-0500",
        "2026-11-02 01:30-0500",
    ]
    assert [does for _, does in found[DAILY_SCHEDULE]] == [
        *("2026-03-06", "2026-03-07", "2026-03-08"),
        *("2026-10-30", "2026-10-31", "2026-11-01"),
    ]


def test_schedules_are_running_by_default_and_described() -> None:
    for schedule in SCHEDULES:
        found = defs.resolve_schedule_def(schedule.name)
        assert found.default_status is dg.DefaultScheduleStatus.RUNNING
        assert found.description
        assert found.execution_timezone == "UTC"
    assert all(job.description for job in (daily_job, resync_job, freshness_job))


def test_daily_run_materializes_and_checks_everything(project: Project) -> None:
    [(_, day)] = ticks(DAILY_SCHEDULE, "2026-01-06", "2026-01-07")
    run = project.run_job(daily_job.name, {PARTITION: day})
    assert run.success, run.failure
    assert run.materialized() == {(table.name, "2026-01-05") for table in TABLES}
    every = defs.resolve_asset_graph().asset_check_keys
    ran = {(found.asset_key, found.check_name) for found in run.result.get_asset_check_evaluations()}
    assert ran == {(key.asset_key, key.name) for key in every}


def test_resync_is_one_run_that_updates_all_downstream(start: Callable[..., Project]) -> None:
    now = datetime(2026, 1, 4, 1, tzinfo=timezone.utc)
    project = start(clock=lambda: now, rows_per_day=600)
    days = days_between(date(2026, 1, 1), date(2026, 1, 3))
    project.materialize(days[0], days[-1], only=[COMMUNICATION_LOGS, INTERACTIONS, ATTEMPT_FUNNEL], checked=False)

    now = LONG_AFTER
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 4, 4, tzinfo=timezone.utc))
    request = resync_recent_days_schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key is None
    run = project.run_job(resync_job.name, request.tags)
    assert run.success, run.failure
    assert run.materialized() == {(table.name, str(day)) for table in TABLES for day in days}
    late = {day: run.metadata(COMMUNICATION_LOGS, day)["new_rows"] for day in days}
    assert sum(late.values()) > 0
    for day in days:
        assert run.metadata(COMMUNICATION_LOGS, day)["rows"] == len(project.source_rows(day))
    assert run.check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL).passed


def test_freshness_run_checks_the_history_and_fails_with_an_error_check(project: Project) -> None:
    run = project.run_job(freshness_job.name, {})
    assert run.failures == ["Checks failed: is_fresh. Their descriptions say what to do."]
    assert run.materialized() == set()
    asked = {(found.asset_key.path[-1], found.check_name) for found in run.result.get_asset_check_evaluations()}
    assert asked == {(COMMUNICATION_LOGS.name, name) for name in HISTORY_CHECKS}
    assert run.failing == {"is_fresh", "no_closed_day_is_missing"}


def test_jobs_cover_a_dataset_that_is_merged_in() -> None:
    table = replace(COMMUNICATION_LOGS, name="communication_outcomes")

    @dg.asset(key=asset_key(table), partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.multi_run(DAYS_PER_RUN))
    def communication_outcomes() -> None: ...

    sibling = dg.Definitions(assets=[communication_outcomes], asset_checks=export_checks(D21, table))
    merged = dg.Definitions.merge(build_defs(), sibling)
    for job in (daily_job, resync_job):
        layer = merged.resolve_job_def(job.name).asset_layer
        assert asset_key(table) in layer.executable_asset_keys
        assert {key.name for key in layer.asset_graph.asset_check_keys if key.asset_key == asset_key(table)} == {
            *("is_fresh", "no_closed_day_is_missing", "source_is_alive", "source_agrees", "no_new_fields"),
            "no_row_is_quarantined",
            *("public_id_is_unique", "required_columns_are_not_null", "rows_are_inside_their_day"),
            *("stored_days_are_intact", "made_with_current_version", "no_day_has_shrunk"),
        }
    tick = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 1, 5, 1, tzinfo=timezone.utc),
        repository_def=merged.get_repository_def(),
    )
    [request] = merged.resolve_schedule_def(DAILY_SCHEDULE).evaluate_tick(tick).run_requests or []
    assert request.partition_key == "2026-01-04"
