"""The sensor tells of failed runs and checks, each once, at a real webhook."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from cleargrid_assets.alerts import sensor
from cleargrid_assets.alerts.cursor import Backfill, Cursor
from cleargrid_assets.alerts.news import Kind, News
from cleargrid_assets.alerts.sensor import Watch, alerts_sensor
from cleargrid_assets.automation import freshness_job
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.partitions import BACKFILL
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets_tests.alerts.receivers import Received, mailbox
from cleargrid_assets_tests.alerts.world import FIRST, SECOND, THIRD, World
from cleargrid_assets_tests.assets.project import Project
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api, serving
from cleargrid_assets_tests.rows import sent_row

PERSONAL = "hush +966501234567 hush@example.com"
BACKFILL_ID = "abcdefgh"


def test_failing_check_is_told_once_with_day_sentence_and_link(world: World) -> None:
    world.run(FIRST, source_agrees="ERROR", mapped="WARN", fine="ok")
    assert world.tick() == [
        f"ClearGrid ERROR: communication_logs.source_agrees fails ({FIRST})",
        f"ClearGrid WARN: communication_logs.mapped fails ({FIRST})",
    ]
    assert [body["type"] for body in world.hook.bodies[-2:]] == ["failure", "warning"]
    assert world.hook.texts[-2] == (
        f"ERROR communication_logs.source_agrees fails ({FIRST})\n"
        "source_agrees is ERROR. Do something.\n"
        "https://dagster.example/ui/assets/cleargrid/communication_logs?view=checks&checkDetail=source_agrees"
    )
    world.run(FIRST, source_agrees="ERROR", mapped="WARN", fine="ok")
    assert world.tick() == []


def test_change_and_recovery_are_told_for_the_days_that_were_judged(world: World) -> None:
    world.run(FIRST, mapped="WARN")
    world.tick()
    world.run(FIRST, mapped="ERROR")
    assert world.tick() == [f"ClearGrid ERROR: communication_logs.mapped is ERROR now ({FIRST})"]
    world.run(SECOND, mapped="ok")
    assert world.tick() == []
    world.run(FIRST, mapped="ok")
    assert world.tick() == [f"ClearGrid Recovered: communication_logs.mapped passes again ({FIRST})"]
    assert world.hook.bodies[-1]["type"] == "success"
    world.run(FIRST, mapped="WARN")
    assert world.tick() == [f"ClearGrid WARN: communication_logs.mapped fails ({FIRST})"]


def test_resync_with_a_day_that_is_known_to_fail_tells_nothing_new(world: World) -> None:
    world.run(SECOND, mapped="WARN")
    world.tick()
    world.run(f"{FIRST} to {THIRD}", mapped="WARN")
    assert world.tick() == []
    world.run(THIRD, mapped="WARN")
    assert world.tick() == [f"ClearGrid WARN: communication_logs.mapped fails ({THIRD})"]
    world.run(f"{FIRST} to {THIRD}", mapped="ok")
    assert world.tick() == [f"ClearGrid Recovered: communication_logs.mapped passes again ({SECOND} to {THIRD})"]


def test_history_check_is_told_per_check(world: World) -> None:
    world.run("", is_fresh="ERROR")
    assert world.tick() == ["ClearGrid ERROR: communication_logs.is_fresh fails"]
    world.run("", is_fresh="ERROR")
    assert world.tick() == []
    world.run("", is_fresh="ok")
    assert world.tick() == ["ClearGrid Recovered: communication_logs.is_fresh passes again"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (dg.Failure("The day has no rows. Ask ClearGrid.", allow_retries=False), "The day has no rows. Ask ClearGrid."),
        (WarehouseError("The file is damaged. Restore a backup."), "The file is damaged. Restore a backup."),
        (dg.DagsterExecutionInterruptedError(PERSONAL), "The run did not fail by itself. Its process was ended"),
        (KeyError(PERSONAL), "The error is KeyError, which this project does not expect. Its text is not shown here"),
    ],
)
def test_failed_run_is_told_with_its_days_and_reason(world: World, error: Exception, sentence: str) -> None:
    run_id = world.run(f"{FIRST} to {THIRD}", error=error)
    assert world.tick() == [f"ClearGrid ERROR: run of a materialization failed ({FIRST} to {THIRD})"]
    first, said, link = world.hook.texts[-1].splitlines()
    assert first.startswith("ERROR run of")
    assert said.startswith(sentence)
    assert link == f"https://dagster.example/ui/runs/{run_id}"
    assert "hush" not in json.dumps(world.hook.bodies[-1])
    assert world.tick() == []


def test_only_the_last_retry_is_told(world: World) -> None:
    world.run(error=KeyError(), tags={"dagster/will_retry": "true"})
    assert world.tick() == []
    world.run(error=KeyError(), tags={"dagster/will_retry": "false"})
    assert len(world.tick()) == 1


def test_run_that_a_blocking_check_failed_is_told_by_the_check_alone(world: World) -> None:
    world.run(is_unique="ERROR", blocking=True)
    [record] = world.instance.get_run_records()
    assert record.dagster_run.status is dg.DagsterRunStatus.FAILURE
    assert world.tick() == [f"ClearGrid ERROR: communication_logs.is_unique fails ({FIRST})"]


def test_run_that_was_ended_from_outside_is_told(world: World) -> None:
    run = dg.DagsterRun(freshness_job.name, status=dg.DagsterRunStatus.STARTED)
    world.instance.add_run(run)
    world.instance.report_run_failed(run)
    assert world.tick() == ["ClearGrid ERROR: run of freshness failed"]
    assert "did not fail by itself" in world.hook.texts[-1]


def test_runs_of_other_code_locations_are_not_told(world: World) -> None:
    other = dg.AssetKey("theirs")
    for run in (
        dg.DagsterRun("their_job", status=dg.DagsterRunStatus.STARTED),
        dg.DagsterRun("__ASSET_JOB", status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset({other})),
    ):
        world.instance.add_run(run)
        world.instance.report_run_failed(run)
    assert world.tick() == []


def test_first_failure_of_a_backfill_is_told_at_once_and_the_rest_at_its_end(world: World) -> None:
    world.instance.add_backfill(PartitionBackfill(BACKFILL_ID, BulkActionStatus.REQUESTED, False, {}, 0.0))
    tags = {BACKFILL: BACKFILL_ID}
    world.run(FIRST, mapped="WARN", tags=tags)
    assert world.tick() == [f"ClearGrid WARN: communication_logs.mapped fails ({FIRST})"]
    world.run(SECOND, mapped="WARN", agrees="ERROR", tags=tags)
    assert world.tick() == [f"ClearGrid ERROR: communication_logs.agrees fails ({SECOND})"]
    world.run(THIRD, mapped="WARN", tags=tags)
    world.run(THIRD, error=dg.Failure("No rows."), tags=tags)
    world.run(FIRST, mapped="ok", tags=tags)
    assert world.tick() == []
    ended = PartitionBackfill(BACKFILL_ID, BulkActionStatus.COMPLETED_FAILED, False, {}, 0.0)
    world.instance.update_backfill(ended)
    assert world.tick() == ["ClearGrid ERROR: a backfill has ended, 3 findings"]
    assert [text.splitlines()[0] for text in world.hook.texts[-1].split("\n\n")] == [
        f"ERROR run of a materialization failed ({THIRD})",
        f"WARN communication_logs.mapped fails ({SECOND} to {THIRD})",
        f"communication_logs.mapped passes again ({FIRST})",
    ]
    assert world.tick() == []
    assert json.loads(str(world.cursor))["backfills"] == {}


def test_backfill_ends_only_once_all_its_runs_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "_RUNS_PER_TICK", 1)
    for day in (FIRST, SECOND):
        world.run(day, mapped="WARN", tags={BACKFILL: BACKFILL_ID})
    assert world.tick() == [f"ClearGrid WARN: communication_logs.mapped fails ({FIRST})"]
    assert world.tick() == ["ClearGrid WARN: a backfill has ended, 1 finding"]
    assert world.hook.bodies[-1]["type"] == "warning"


def test_oldest_of_too_many_backfills_is_told_before_its_end(world: World) -> None:
    held_back = [News(Kind.FAILS, "WARN", "communication_logs.mapped", (), "Do something.", "/")]
    cursor = Cursor(after=1, backfills={str(number): Backfill(held_back=held_back) for number in range(6)})
    for backfill_id in cursor.backfills:
        world.instance.add_backfill(PartitionBackfill(backfill_id, BulkActionStatus.REQUESTED, False, {}, 0.0))
    Watch(world.instance, Settings.from_environment(), (), datetime.now(timezone.utc)).look(cursor)
    assert list(cursor.backfills) == ["1", "2", "3", "4", "5"]
    assert [message.title for message in cursor.unsent] == ["ClearGrid WARN: a backfill has ended, 1 finding"]


def test_failures_of_more_than_a_week_ago_are_not_told(world: World) -> None:
    world.run(mapped="WARN")
    for days, titles in ((8, 0), (6, 1)):
        cursor = Cursor(after=0)
        later = datetime.now(timezone.utc) + timedelta(days=days)
        Watch(world.instance, Settings.from_environment(), {"__ASSET_JOB"}, later).look(cursor)
        assert len(cursor.unsent) == titles
        assert len(list(cursor.failing)) == 1


def test_sensor_without_urls_skips_and_forgets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEARGRID_ALERTS")
    world.run(mapped="WARN")
    assert world.tick() == []
    assert world.said[-1] == "CLEARGRID_ALERTS is not set."
    assert not world.cursor
    assert alerts_sensor.default_status is dg.DefaultSensorStatus.STOPPED


def test_freshness_run_of_the_project_is_told_by_its_checks(
    project: Project, hook: Received, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Dagster's storage on disk, which has a file for each run."""
    monkeypatch.setenv("CLEARGRID_ALERTS", hook.url)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        world = World(hook, instance)
        world.tick()
        replace(project, instance=instance).run_job(freshness_job.name, {})
        assert world.tick() == [
            "ClearGrid ERROR: communication_logs.is_fresh fails",
            "ClearGrid WARN: communication_logs.no_closed_day_is_missing fails",
        ]
    assert "Materialize the partition" in hook.texts[-2]


def test_no_address_subject_or_credential_is_in_a_message(
    world: World, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"status": "hush@example.com", "communication_type": "+966501234567", "subject": "Overdue hush"}
    rows = [
        *(sent_row(f"row-{number}-hush@example.com", f"2026-01-01T12:00:0{number}Z", **words) for number in range(3)),
        sent_row("row+966501234567", "2026-01-02T12:00:00Z", **words, hush=1) | {"duration": "hush@example.com"},
    ]
    with serving(Api(rows)) as api, mailbox() as received:
        monkeypatch.setenv("CLEARGRID_ALERTS", f"{world.hook.url}, {received.url}")
        given = replace(project, instance=world.instance).given(
            CLEARGRID_BASE_URL=api.url, CLEARGRID_LENDER=LENDER, CLEARGRID_EMAIL=EMAIL, CLEARGRID_PASSWORD=PASSWORD
        )
        given.materialize(date(2026, 1, 1), only=[COMMUNICATION_LOGS])
        given.materialize(date(2026, 1, 2), only=[COMMUNICATION_LOGS])
        titles = world.tick()
    told = dict(zip([title.split(":")[0] for title in titles], world.hook.texts[-2:], strict=True))
    assert "run of a materialization failed (2026-01-02)" in told["ClearGrid ERROR"]
    assert "statuses_and_types_are_mapped" in told["ClearGrid WARN"]
    assert [mail["subject"] for mail in received.mails] == titles
    shown = json.dumps(world.hook.bodies[-2:]) + "".join(map(str, received.mails)) + str(world.cursor)
    for secret in ("hush", "966501234567", "Overdue", "example.com", LENDER, EMAIL, PASSWORD):
        assert secret not in shown
