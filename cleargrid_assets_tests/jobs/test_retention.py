"""The job that drops old days, the sensor that starts it, and what the rest of the project makes of dropped days."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg
import pytest

from cleargrid_assets.automation import daily_job
from cleargrid_assets.catch_up.requests import CATCH_UP
from cleargrid_assets.checks.history import COMPLETE, HISTORY_CHECKS
from cleargrid_assets.checks.intact import INTACT
from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS, TABLES
from cleargrid_assets.contracts.views import CONTACT_HISTORY, VIEWS
from cleargrid_assets.jobs.backup import backup_after_daily_run
from cleargrid_assets.jobs.retention import drop_after_daily_run, drop_old_days
from cleargrid_assets.partitions import kept_days
from cleargrid_assets.warehouse.backups.backup import back_up
from cleargrid_assets_tests.assets.project import WEEK, Project, Run, days_between

KEPT = date(2026, 1, 5)
DROPPED = days_between(WEEK[0], KEPT - timedelta(days=1))


def keeping(project: Project, first: date) -> Project:
    """The project with `CLEARGRID_KEEP_DAYS` such that this is the oldest day that is kept today."""
    return project.given(CLEARGRID_KEEP_DAYS=str((datetime.now(timezone.utc).date() - first).days))


def dropped(project: Project) -> Run:
    run = keeping(project, KEPT).run_job(drop_old_days.name, {})
    assert run.success, run.failures
    return run


def of_days(project: Project, first: date) -> list[object]:
    return [
        project.ask(f"FROM log.cleargrid.{table.name} WHERE communicated_date >= '{first}' ORDER BY ALL")
        for table in (*TABLES, DAYS)
    ]


def skipped(sensor: dg.RunStatusSensorDefinition, run: dg.DagsterRun) -> bool:
    """Whether the sensor skips a run that succeeded."""
    with dg.DagsterInstance.ephemeral() as instance:
        event = dg.DagsterEvent("PIPELINE_SUCCESS", run.job_name)
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_event=event, dagster_instance=instance, dagster_run=run
        )
        return isinstance(sensor(context), dg.SkipReason)


def test_old_days_leave_every_table_and_the_others_stay_as_they_were(copied_week: Project) -> None:
    before = of_days(copied_week, KEPT)
    run = dropped(copied_week)

    assert of_days(copied_week, WEEK[0]) == before
    for view in VIEWS:
        if view is CONTACT_HISTORY:  # a macro over interactions
            continue
        assert not copied_week.ask(f"FROM log.cleargrid.{view.name} WHERE communicated_date < '{KEPT}'")
    found = copied_week.ask("SELECT communicated_date FROM log.cleargrid.dropped_days ORDER BY ALL")
    assert [day for (day,) in found] == DROPPED
    [output] = [event for event in run.result.all_events if event.event_type_value == "STEP_OUTPUT"]
    assert output.step_output_data.metadata["first_kept_day"].value == str(KEPT)
    assert output.step_output_data.metadata["dropped_days"].value == [str(day) for day in DROPPED]
    # Every day of the copy is compared with the ledger.
    back_up(str(copied_week.database), 1, datetime.now(timezone.utc), 0)


@pytest.mark.parametrize("is_set", [True, False], ids=["variable set", "variable removed later"])
def test_no_check_calls_dropped_days_missing(copied_week: Project, is_set: bool) -> None:
    dropped(copied_week)
    project = keeping(copied_week, KEPT) if is_set else copied_week
    checks = project.run_checks(HISTORY_CHECKS)
    assert checks.check(INTACT).passed
    assert checks.check(COMPLETE).metadata["first_missing"].value[0] == "2026-01-08"  # type: ignore[index]


def test_checks_ask_for_no_days_that_a_new_database_would_not_keep(project: Project) -> None:
    run = keeping(project, KEPT).run_checks([COMPLETE])
    assert run.check(COMPLETE).metadata["first_missing"].value[0] == str(KEPT)  # type: ignore[index]


def test_dropped_day_can_be_materialized_again_and_the_run_warns(copied_week: Project, week: Project) -> None:
    dropped(copied_week)
    run = keeping(copied_week, KEPT).materialize(WEEK[0], only=[COMMUNICATION_LOGS], checked=False)
    assert run.success
    said = "CLEARGRID_KEEP_DAYS keeps days from 2026-01-05 on, so the next daily run drops 2026-01-01 again."
    assert said in [entry.user_message for entry in copied_week.instance.all_logs(run.result.run_id)]
    rows = "SELECT public_id, status FROM log.cleargrid.communication_logs WHERE communicated_date = '2026-01-01' "
    assert copied_week.ask(f"{rows} ORDER BY ALL") == week.ask(f"{rows} ORDER BY ALL")
    assert [row[1] for row in copied_week.ask("FROM log.cleargrid.days ORDER BY ALL") if row[1] == WEEK[0]]
    assert copied_week.run_checks([INTACT]).check(INTACT).passed
    assert dropped(copied_week).success
    assert not copied_week.ask(f"FROM log.cleargrid.{COMMUNICATION_LOGS.name} WHERE communicated_date < '{KEPT}'")


def test_last_closed_days_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARGRID_KEEP_DAYS", "49")
    kept = kept_days(datetime(2026, 5, 1, tzinfo=timezone.utc))
    assert (kept[0], kept[-1], len(kept)) == ("2026-03-13", "2026-04-30", 49)


def test_job_without_the_variable_fails_and_drops_nothing(copied_week: Project) -> None:
    run = copied_week.run_job(drop_old_days.name, {})
    assert run.failures == ["CLEARGRID_KEEP_DAYS is not set, so no day is dropped."]
    assert copied_week.ask(f"FROM log.cleargrid.{COMMUNICATION_LOGS.name} WHERE communicated_date = '{WEEK[0]}'")


def test_backup_of_a_daily_run_waits_until_old_days_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    daily, dropping = dg.DagsterRun(daily_job.name), dg.DagsterRun(drop_old_days.name)
    assert skipped(drop_after_daily_run, daily)
    monkeypatch.setenv("CLEARGRID_KEEP_DAYS", "49")
    assert not skipped(drop_after_daily_run, daily)
    assert skipped(backup_after_daily_run, daily)
    assert not skipped(backup_after_daily_run, dropping)
    assert skipped(drop_after_daily_run, dg.DagsterRun(daily_job.name, tags={CATCH_UP: "missing"}))
