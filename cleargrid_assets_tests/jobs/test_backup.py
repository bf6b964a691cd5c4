"""The job `backup`, and the sensor that starts it."""

from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.automation import daily_job
from cleargrid_assets.catch_up.requests import CATCH_UP
from cleargrid_assets.definitions import defs
from cleargrid_assets.jobs.backup import backup, backup_after_daily_run
from cleargrid_assets.partitions import BACKFILL
from cleargrid_assets.warehouse.backups.backup_files import backups_of
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.resource import WarehouseResource


def run_backup(database: Path) -> dg.ExecuteInProcessResult:
    return backup.execute_in_process(
        resources={"warehouse": WarehouseResource(database=str(database))}, raise_on_error=False
    )


def tick(monkeypatch: pytest.MonkeyPatch, tag: str | None = None, **variables: str) -> object:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun(daily_job.name, tags={tag: "x"} if tag else {})
        event = dg.DagsterEvent("PIPELINE_SUCCESS", daily_job.name)
        context = dg.build_run_status_sensor_context(
            sensor_name=backup_after_daily_run.name, dagster_event=event, dagster_instance=instance, dagster_run=run
        )
        return backup_after_daily_run(context)


def test_job_makes_a_backup_with_its_size_and_seconds_as_metadata(tmp_path: Path) -> None:
    with connect(str(tmp_path / "x.duckdb")):
        pass
    result = run_backup(tmp_path / "x.duckdb")
    assert result.success
    [made] = backups_of(tmp_path / "x.duckdb")
    [output] = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    metadata = {name: entry.value for name, entry in output.step_output_data.metadata.items()}
    assert float(str(metadata.pop("seconds"))) > 0
    assert metadata == {"file": made.file.name, "size_bytes": made.file.stat().st_size}


def test_failed_backup_fails_the_run_and_says_why(tmp_path: Path) -> None:
    result = run_backup(tmp_path / "x.duckdb")
    assert not result.success
    [failure] = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "does not exist" in str(failure.step_failure_data.user_failure_data)


def test_sensor_runs_by_default_and_watches_the_daily_job() -> None:
    sensor = defs.get_repository_def().get_sensor_def(backup_after_daily_run.name)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert [target.job_name for target in sensor.targets] == [backup.name]
    assert daily_job.name in str(sensor.description)


def test_each_daily_run_that_succeeds_is_followed_by_a_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    request = tick(monkeypatch)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [("CLEARGRID_BACKUPS", "0", "CLEARGRID_BACKUPS is 0."), ("CLEARGRID_DUCKDB", "md:x", "The database is no file.")],
)
def test_sensor_skips_where_no_backups_are_wanted_or_possible(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    skipped = tick(monkeypatch, **{variable: value})
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == reason


@pytest.mark.parametrize("tag", [CATCH_UP, BACKFILL])
def test_runs_of_many_days_do_not_push_out_earlier_backups(monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    assert isinstance(tick(monkeypatch, tag), dg.SkipReason)
