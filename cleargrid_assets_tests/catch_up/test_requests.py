"""What ticks request of a real database and a real Dagster instance, until every day is exact."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.automation import daily_job, daily_schedule, resync_recent_days_schedule
from cleargrid_assets.catch_up import requests
from cleargrid_assets.catch_up.requests import CATCH_UP
from cleargrid_assets.cli.main import main
from cleargrid_assets.contracts import COMMUNICATION_LOGS, CONTACT_FREQUENCY, REACH_BY_ATTEMPT, TABLES
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.schema import EXTRACTED_AT
from cleargrid_assets.warehouse.backups.backup import back_up
from cleargrid_assets.warehouse.connection import connect, transaction
from cleargrid_assets.warehouse.errors import DamagedFileError
from cleargrid_assets.warehouse.ledger import prepare_ledger, write_entries
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import WEEK, Project
from cleargrid_assets_tests.catch_up.world import entry

FIRST, YESTERDAY = date(2026, 1, 1), ("2026-01-13", "2026-01-13")


@pytest.fixture
def recorded(project: Project, tmp_path: Path) -> Iterator[Project]:
    """The project with a history on disk. A tick with an ephemeral one has no access to runs."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield replace(project, instance=instance).given(CLEARGRID_RESYNC_DAYS="1")


def tick(project: Project, schedule: dg.ScheduleDefinition, at: str) -> list[dg.RunRequest]:
    """The run requests of a tick."""
    with project.entered() as defs:
        context = dg.build_schedule_context(
            instance=project.instance,
            scheduled_execution_time=datetime.fromisoformat(at).replace(tzinfo=timezone.utc),
            repository_def=defs.get_repository_def(),
        )
        return list(defs.resolve_schedule_def(schedule.name).evaluate_tick(context).run_requests or [])


def span(request: dg.RunRequest) -> tuple[str, str]:
    day = request.tags.get(PARTITION)
    return (day, day) if day else (request.tags[RANGE_START], request.tags[RANGE_END])


def run(project: Project, request: dg.RunRequest) -> None:
    """Runs what was requested."""
    first, last = (date.fromisoformat(key) for key in span(request))
    keys = request.asset_selection or [asset_key(table) for table in TABLES]
    only = [table for table in TABLES if asset_key(table) in keys]
    found = project.materialize(first, last, only=only, checked=False)
    assert found.success, found.failure


def store_first_day(project: Project) -> None:
    """Writes a ledger in which every table has the first day."""
    with transaction(str(project.database), 1.0, []) as connection:
        prepare_ledger(connection, COMMUNICATION_LOGS, [], lambda _table, _days: set())
        write_entries(connection, [entry(table.name, FIRST, datetime.now(timezone.utc)) for table in TABLES])


def test_five_days_of_downtime_heal_exactly(recorded: Project, week: Project) -> None:
    # The machine was off for five days. Then somebody materialized the latest day only.
    shutil.copy(week.database, recorded.database)
    recorded.forget(date(2026, 1, 2), date(2026, 1, 6))
    for table, column in ((REACH_BY_ATTEMPT, "contacts_attempted"), (CONTACT_FREQUENCY, "contacts")):
        recorded.ask(f"UPDATE log.cleargrid.{table.name} SET {column} = 0 WHERE communicated_date = '2026-01-07'")

    usual, *missing = tick(recorded, daily_schedule, "2026-01-09 01:00")
    assert span(usual) == ("2026-01-08", "2026-01-08")
    assert [(span(each), each.tags[CATCH_UP], each.asset_selection) for each in missing] == [
        (("2026-01-02", "2026-01-06"), "missing", None)
    ]
    run(recorded, missing[0])

    usual, *outdated = tick(recorded, resync_recent_days_schedule, "2026-01-09 04:00")
    assert span(usual) == ("2026-01-08", "2026-01-08")
    assert [(span(each), each.tags[CATCH_UP]) for each in outdated] == [(("2026-01-07", "2026-01-07"), "outdated")]
    trailing = {analysis.table.name for analysis in ANALYSES if analysis.trailing_days > 1}
    assert {key.path[-1] for key in outdated[0].asset_selection or []} == trailing
    run(recorded, outdated[0])
    assert len(tick(recorded, daily_schedule, "2026-01-09 01:00")) == 1

    check_week(recorded, week)


def test_restore_drill_ends_with_every_day_exact(recorded: Project, week: Project) -> None:
    # The drill of docs/operations.md: the backup of 5 January, two more days, and then a power cut inside a write.
    shutil.copy(week.database, recorded.database)
    recorded.forget(date(2026, 1, 6), date(2026, 1, 7))
    back_up(str(recorded.database), 2, datetime.now(timezone.utc), 0)
    shutil.copy(week.database, recorded.database)
    with recorded.database.open("r+b") as file:
        file.write(b"torn" * 4096)
    with pytest.raises(DamagedFileError, match="cleargrid restore"), connect(str(recorded.database)):
        pass

    with recorded.entered():
        answer = CliRunner().invoke(main, ["restore"])
    assert answer.exit_code == 0, answer.output
    assert "Its last day is 2026-01-05." in answer.output

    requested = tick(recorded, daily_schedule, "2026-01-08 01:00")
    assert [span(each) for each in requested] == [("2026-01-07", "2026-01-07"), ("2026-01-06", "2026-01-06")]
    for each in requested:
        run(recorded, each)
    # The last day was computed before the day before it was there.
    for each in tick(recorded, resync_recent_days_schedule, "2026-01-09 04:00")[1:]:
        run(recorded, each)
    check_week(recorded, week)


def check_week(project: Project, week: Project) -> None:
    """Asserts that every table has exactly the rows of the week."""
    for table in TABLES:
        columns = ", ".join(f'"{name}"' for name in table.column_names if name != EXTRACTED_AT)
        of_week = (
            f"SELECT {columns} FROM log.cleargrid.{table.name} WHERE communicated_date <= '{WEEK[1]}' ORDER BY ALL"
        )
        assert project.ask(of_week) == week.ask(of_week)


def test_days_are_not_requested_while_they_run(recorded: Project) -> None:
    store_first_day(recorded)
    found = [span(each) for each in tick(recorded, daily_schedule, "2026-01-14 01:00")]
    assert found == [("2026-01-13", "2026-01-13"), ("2026-01-02", "2026-01-11"), ("2026-01-12", "2026-01-12")]
    _, first, second = tick(recorded.given(CLEARGRID_DAYS_PER_RUN="6"), daily_schedule, "2026-01-14 01:00")
    assert [span(first), span(second)] == [("2026-01-02", "2026-01-07"), ("2026-01-08", "2026-01-12")]
    tags = {RANGE_START: "2026-01-02", RANGE_END: "2026-01-11"}
    running = dg.DagsterRun(job_name=daily_job.name, status=dg.DagsterRunStatus.STARTED, tags=tags)
    recorded.instance.add_run(running)
    usual, alone = tick(recorded, resync_recent_days_schedule, "2026-01-14 04:00")
    assert [span(usual), span(alone)] == [found[0], found[2]]
    assert usual.run_key != alone.run_key


def test_day_whose_runs_failed_twice_is_not_requested_and_said(
    recorded: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    store_first_day(recorded)
    for _ in range(2):
        tags = {PARTITION: "2026-01-03"}
        failed = dg.DagsterRun(job_name=daily_job.name, status=dg.DagsterRunStatus.FAILURE, tags=tags)
        recorded.instance.add_run(failed)
    found = [span(each) for each in tick(recorded, daily_schedule, "2026-01-06 01:00")]
    assert found == [("2026-01-05", "2026-01-05"), ("2026-01-02", "2026-01-02"), ("2026-01-04", "2026-01-04")]
    assert "not requested any more: 2026-01-03 of communication_logs (failed runs: 2)." in capsys.readouterr().err


def test_busy_database_does_not_keep_a_tick_from_its_usual_days(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_first_day(project)
    monkeypatch.setattr(requests, "_LOCK_TIMEOUT_S", 0.1)
    with closing(duckdb.connect(str(project.database))):
        assert [span(each) for each in tick(project, daily_schedule, "2026-01-14 01:00")] == [YESTERDAY]
    assert "so this tick requests its usual days only" in capsys.readouterr().err


def test_damaged_database_does_not_keep_a_tick_from_its_usual_days(project: Project) -> None:
    project.database.write_bytes(b"torn" * 4096)
    assert [span(each) for each in tick(project, daily_schedule, "2026-01-14 01:00")] == [YESTERDAY]


def test_tick_does_not_create_a_database(project: Project) -> None:
    assert [span(each) for each in tick(project, daily_schedule, "2026-01-14 01:00")] == [YESTERDAY]
    assert not project.database.exists()
