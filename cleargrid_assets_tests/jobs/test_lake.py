"""The job `lake_maintenance`, and its schedule: which databases have them."""

from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.definitions import build_defs, defs
from cleargrid_assets.jobs.lake import LAKE_FILES, lake_maintenance, lake_maintenance_schedule
from cleargrid_assets.warehouse.resource import WarehouseResource


def test_only_a_lake_has_the_job_and_its_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not defs.get_repository_def().has_job(lake_maintenance.name)
    monkeypatch.setenv("CLEARGRID_DUCKDB", "ducklake:postgres:")
    monkeypatch.setenv("CLEARGRID_LAKE_DATA", str(tmp_path))
    repository = build_defs().get_repository_def()
    assert repository.has_job(lake_maintenance.name)
    schedule = repository.get_schedule_def(lake_maintenance_schedule.name)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 5 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert LAKE_FILES.key in repository.asset_graph.external_asset_keys


def test_job_of_a_file_fails_and_says_why(tmp_path: Path) -> None:
    result = lake_maintenance.execute_in_process(
        resources={"warehouse": WarehouseResource(database=str(tmp_path / "x.duckdb"))}, raise_on_error=False
    )
    assert not result.success
    [failure] = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "is no lake" in str(failure.step_failure_data.user_failure_data)
