"""The log, end to end: the API, the asset, the IO manager and the table."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.window import day_window
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import (
    LONG_AFTER,
    WEEK,
    Project,
    Run,
    as_stored,
    days_between,
    without_extraction,
)
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api, serving
from cleargrid_assets_tests.exports.faults import changing, failing

DAY = date(2026, 1, 5)
NEXT = date(2026, 1, 6)
LOG = (COMMUNICATION_LOGS,)


def test_the_table_holds_exactly_what_the_api_holds(week: Project) -> None:
    held = [as_stored(row, day) for day in days_between(*WEEK) for row in week.source_rows(day)]
    assert len(held) > 300
    assert without_extraction(week.rows(COMMUNICATION_LOGS)) == sorted(held, key=lambda row: row[0])


def test_rows_say_when_their_day_began_to_be_fetched(project: Project) -> None:
    before = datetime.now(timezone.utc)
    project.materialize(DAY, only=LOG, checked=False)
    instants = {row[-1] for row in project.rows(COMMUNICATION_LOGS)}
    assert len(instants) == 1
    assert before <= instants.pop() <= datetime.now(timezone.utc)


def test_the_same_day_twice_changes_nothing_but_when_it_was_extracted(project: Project) -> None:
    project.materialize(DAY, only=LOG, checked=False)
    first = project.rows(COMMUNICATION_LOGS)
    again = project.materialize(DAY, only=LOG, checked=False).metadata(COMMUNICATION_LOGS, DAY)
    second = project.rows(COMMUNICATION_LOGS)
    assert without_extraction(first) == without_extraction(second)
    assert first[0][-1] < second[0][-1]
    assert (again["rows"], again["new_rows"], again["changed_rows"], again["removed_rows"]) == (len(first), 0, 0, 0)


def test_each_day_of_a_range_says_what_is_true_of_it_alone(project: Project) -> None:
    run = project.materialize(*WEEK, only=LOG, checked=False)
    for day in days_between(*WEEK):
        said = run.metadata(COMMUNICATION_LOGS, day)
        rows = len(project.source_rows(day))
        assert (said["rows"], said["source_rows"]) == (rows, rows)
        assert (said["new_rows"], said["changed_rows"], said["removed_rows"]) == (rows, 0, 0)
        # One request for each page, and one for the source's count. The login belongs to no day.
        assert said["pages"] + 1 == said["requests"] >= 2
        assert (said["retries"], said["refreshes"]) == (0, 0)
        assert not {"resumed_pages", "timeouts", "asked_differently", "repeated_rows", "unknown_fields"} & said.keys()
        assert 0 < said["seconds"] < 60
        assert said["window"] == f"[{day}T00:00:00.000Z, {day + timedelta(days=1)}T00:00:00.000Z)"
    assert len({run.metadata(COMMUNICATION_LOGS, day)["rows"] for day in days_between(*WEEK)}) > 1


def test_an_expired_token_is_refreshed_and_counted(start: Callable[..., Project]) -> None:
    now = LONG_AFTER

    def clock() -> datetime:
        # Time passes between requests, so that tokens expire while days are fetched.
        nonlocal now
        now += timedelta(seconds=4)
        return now

    project = start(clock=clock, token_lifetime_s=30)
    run = project.materialize(*WEEK, only=LOG, checked=False)
    assert run.success, run.failure
    assert sum(run.metadata(COMMUNICATION_LOGS, day)["refreshes"] for day in days_between(*WEEK)) > 0
    assert len(project.rows(COMMUNICATION_LOGS)) == sum(len(project.source_rows(day)) for day in days_between(*WEEK))


def test_late_and_edited_rows_are_found_by_fetching_again_and_reported(start: Callable[..., Project]) -> None:
    now = datetime(2026, 1, 6, 0, 5, tzinfo=timezone.utc)
    project = start(clock=lambda: now, rows_per_day=600)
    early = {row["public_id"]: row for row in project.source_rows(DAY)}
    first = project.materialize(DAY, only=LOG, checked=False).metadata(COMMUNICATION_LOGS, DAY)
    assert first["new_rows"] == first["rows"] == len(early)

    now = LONG_AFTER
    late = {row["public_id"]: row for row in project.source_rows(DAY)}
    again = project.materialize(DAY, only=LOG, checked=False).metadata(COMMUNICATION_LOGS, DAY)
    new = late.keys() - early.keys()
    changed = {key for key in early if early[key] != late[key]}
    assert new
    assert changed
    assert (again["rows"], again["new_rows"], again["changed_rows"]) == (len(late), len(new), len(changed))
    assert without_extraction(project.rows(COMMUNICATION_LOGS)) == sorted(as_stored(row, DAY) for row in late.values())


def test_nothing_personal_and_no_secret_is_told_to_anyone(
    project: Project, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []
    token_of = ExportsClient.page

    def page(self: ExportsClient, *args: Any, **kwargs: Any) -> Page:
        answer = token_of(self, *args, **kwargs)
        tokens.append(self._authenticator.token().access)
        return answer

    monkeypatch.setattr(ExportsClient, "page", page)
    caplog.set_level(logging.DEBUG)
    run = project.materialize(DAY)
    assert run.success, run.failure

    rows = project.source_rows(DAY)
    secrets = {row[name] for row in rows for name in ("from", "to", "subject")} - {None}
    secrets |= {project.environment["CLEARGRID_EMAIL"], *tokens}
    assert len(secrets) > 50
    assert tokens
    told = [dg.serialize_value(entry) for entry in project.instance.all_logs(run.result.run_id)]
    told += [json.dumps(dict(run.result.dagster_run.tags)), caplog.text]
    assert len(told) > 50
    # Spelled as in JSON too, where other alphabets are escaped.
    spellings = {spelled for secret in secrets for spelled in (secret, json.dumps(secret)[1:-1])}
    assert [secret for secret in spellings if any(secret in text for text in told)] == []


def test_a_day_of_23_hours_is_fetched_whole_by_the_documented_command(
    start: Callable[..., Project], tmp_path: Path
) -> None:
    """In a process whose own zone is a third one."""
    day = date(2026, 3, 29)
    project = start(timezone="Europe/London", clock=lambda: datetime(2026, 4, 20, tzinfo=timezone.utc))
    variables = {"CLEARGRID_TIMEZONE": "Europe/London", "TZ": "America/New_York", "DAGSTER_HOME": ""}
    command = "asset materialize -m cleargrid_assets.definitions --partition 2026-03-29 --select"
    subprocess.run(
        [sys.executable, "-m", "dagster", *command.split(), 'key:"cleargrid/communication_logs"'],
        env={**os.environ, **project.environment, **variables, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    held = [as_stored(row, day) for row in project.source_rows(day)]
    assert held
    assert without_extraction(project.rows(COMMUNICATION_LOGS)) == sorted(held, key=lambda row: row[0])
    first, last = day_window(day, ZoneInfo("Europe/London")).since, datetime(2026, 3, 29, 23, tzinfo=timezone.utc)
    position = COMMUNICATION_LOGS.column_names.index("communicated_at")
    assert all(first <= row[position] < last for row in held)


def _run_against(api: Api, project: Project, *days: date) -> tuple[Run, list[str]]:
    """A run of the log against another server, and the lines of its log."""
    variables = {"BASE_URL": api.url, "LENDER": LENDER, "EMAIL": EMAIL, "PASSWORD": PASSWORD}
    pointed = project.given(**{f"CLEARGRID_{name}": value for name, value in variables.items()})
    run = pointed.materialize(*days, only=LOG, checked=False)
    return run, [record.user_message for record in pointed.instance.all_logs(run.result.run_id)]


def test_answers_of_a_cache_are_a_warning_once_a_day(project: Project) -> None:
    with serving(Api(fault=changing(lambda answer: replace(answer, headers={"Age": "1234"})))) as api:
        run, lines = _run_against(api, project, DAY, NEXT)
    for day in (DAY, NEXT):
        assert run.metadata(COMMUNICATION_LOGS, day)["cached_answers"] == 2
    warnings = [line for line in lines if "came from a cache" in line]
    assert [line.split(" came")[0] for line in warnings] == [f"{DAY}: 2 answers", f"{NEXT}: 2 answers"]
    assert "up to 1,234 s old" in warnings[0]


def test_long_wait_is_told_in_the_log_of_the_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Transport, "pause", lambda transport, seconds: None)
    with serving(Api(fault=failing(503, first=1, Retry_After="60"))) as api:
        run, lines = _run_against(api, project, DAY)
    assert run.success
    assert "Attempt 1: the server failed (HTTP 503). The next one follows in 60 s." in lines


def test_export_comes_from_an_external_asset_of_its_dataset(project: Project) -> None:
    with project.entered() as defs:
        graph = defs.resolve_asset_graph()
    source = dg.AssetKey(["cleargrid_exports_api", "D21_export"])
    assert graph.get(asset_key(COMMUNICATION_LOGS)).parent_keys == {source}
    assert graph.get(source).is_external
    assert "D21" in str(graph.get(source).description)
