"""The job that removes old runs: which runs stay, and that nothing else is lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.automation import daily_job
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.history_job import prune_history, prune_history_schedule, remove_runs_before
from cleargrid_assets.warehouse.event_log import recorded_days
from cleargrid_assets_tests.assets.project import Project

LOGS = [COMMUNICATION_LOGS]
FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
LATER = datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture
def recorded(project: Project, tmp_path: Path) -> Iterator[Project]:
    """The project with a history on disk."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield replace(project, instance=instance)


def runs(project: Project) -> list[str]:
    """The runs, the oldest first."""
    return [record.dagster_run.run_id for record in project.instance.get_run_records(ascending=True)]


def test_runs_that_stored_what_partitions_hold_now_are_kept(recorded: Project) -> None:
    assert recorded.materialize(FIRST, only=LOGS, checked=False).success
    assert recorded.materialize(FIRST, SECOND, only=LOGS, checked=False).success
    recorded.instance.add_run(dg.DagsterRun(daily_job.name, status=dg.DagsterRunStatus.STARTED))
    recorded.instance.add_run(dg.DagsterRun(daily_job.name, status=dg.DagsterRunStatus.FAILURE))
    superseded, latest, running, failed = runs(recorded)
    logs = Path(recorded.instance.storage_directory()) / superseded / "compute_logs"
    assert logs.is_dir()

    assert remove_runs_before(recorded.instance, datetime(2026, 1, 1, tzinfo=timezone.utc)) == 0
    assert remove_runs_before(recorded.instance, LATER) == 2
    assert runs(recorded) == [latest, running]
    assert failed not in runs(recorded)
    assert recorded_days(recorded.instance, COMMUNICATION_LOGS) == {FIRST, SECOND}
    assert not logs.exists()


def test_job_removes_no_recent_runs_and_its_schedule_is_off(recorded: Project) -> None:
    recorded.instance.add_run(dg.DagsterRun(daily_job.name, status=dg.DagsterRunStatus.FAILURE))
    run = recorded.run_job(prune_history.name, {})
    assert run.success, run.failure
    [output] = [event for event in run.result.all_events if event.event_type_value == "STEP_OUTPUT"]
    assert output.step_output_data.metadata["removed_runs"].value == 0
    assert len(runs(recorded)) == 2
    assert prune_history_schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert prune_history_schedule.execution_timezone == "UTC"
