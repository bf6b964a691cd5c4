"""The log, end to end: the API, the asset, the IO manager and the table."""

import gc
import json
import logging
import os
import re
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

from cleargrid_assets.assets.export import spool_root
from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS, COMMUNICATION_LOGS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.spooling.folder_locks import FolderLocks
from cleargrid_assets.exports.spooling.spool import MAX_AGE
from cleargrid_assets.exports.window import Window, day_window
from cleargrid_assets.schema import EXTRACTED_AT
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import LONG_AFTER, QUIET, WEEK, Project, Run, days_between
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api, serving
from cleargrid_assets_tests.exports.faults import changing, failing

DAY = date(2026, 1, 5)
NEXT = date(2026, 1, 6)
LOG = (COMMUNICATION_LOGS,)


def as_stored(row: dict[str, Any], day: date) -> tuple[Any, ...]:
    """A row of the API as the table holds it, but for the last column."""
    values = [
        datetime.fromisoformat(row[column.name].replace("Z", "+00:00"))
        if column.type == "TIMESTAMPTZ"
        else row[column.name]
        for column in COMMUNICATION_LOG_FIELDS
    ]
    return (*values, day)


def without_extraction(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    assert COMMUNICATION_LOGS.column_names[-1] == EXTRACTED_AT
    return [row[:-1] for row in rows]


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


def refuse_second_page_of(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API that answers the first page of a day and then stops."""
    fetch = ExportsClient.page

    def page(self: ExportsClient, window: Window, *, cursor: str | None = None, **kwargs: Any) -> Page:
        if window.since.date() == day and cursor:
            raise ExportsError("the server refused the request", status=403, message="No more", request_id="req_1")
        return fetch(self, window, cursor=cursor, **kwargs)

    monkeypatch.setattr(ExportsClient, "page", page)


def _deadline(run: Run) -> datetime:
    said = re.search(r"A run that starts before (.+) UTC continues", run.failures[0])
    assert said, run.failures
    return datetime.strptime(said[1], "%Y-%m-%d %H:%M").replace(tzinfo=timezone.utc)


def test_failing_api_leaves_the_table_and_the_next_run_continues(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = project.given(CLEARGRID_PAGE_SIZE="20", CLEARGRID_CONCURRENCY="1")
    small.materialize(NEXT, only=LOG, checked=False)
    before = small.rows(COMMUNICATION_LOGS)
    with monkeypatch.context() as failing:
        refuse_second_page_of(NEXT, failing)
        run = small.materialize(DAY, NEXT)
    assert not run.success
    assert run.materialized() == set()
    [said] = run.failures
    for part in (
        "2026-01-06",
        "HTTP 403",
        '"No more"',
        "req_1",
        "the table is unchanged",
        "The other day of this run was not stored either",
    ):
        assert part in said
    assert small.rows(COMMUNICATION_LOGS) == before
    assert small.spools

    again = small.materialize(DAY, NEXT, only=LOG, checked=False)
    assert again.success, again.failure
    assert again.metadata(COMMUNICATION_LOGS, DAY)["resumed_pages"] > 0
    assert again.metadata(COMMUNICATION_LOGS, NEXT)["resumed_pages"] == 1
    assert len(small.rows(COMMUNICATION_LOGS)) == sum(len(small.source_rows(day)) for day in (DAY, NEXT))
    assert small.spools == []


def test_run_elsewhere_continues_the_pages_in_a_shared_folder(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on another machine: neither the working directory nor the path of the database is the same."""
    shared = tmp_path / "shared" / "spool"
    small = project.given(CLEARGRID_PAGE_SIZE="20", CLEARGRID_CONCURRENCY="1", CLEARGRID_SPOOL=str(shared))
    with monkeypatch.context() as failing:
        refuse_second_page_of(DAY, failing)
        assert not small.materialize(DAY, only=LOG, checked=False).success
    assert small.spools == []
    assert [rows.parents[1] for rows in shared.rglob("rows.ndjson")] == [shared]

    elsewhere = replace(small, database=tmp_path / "elsewhere" / "log.duckdb")
    elsewhere.database.parent.mkdir()
    monkeypatch.chdir(elsewhere.database.parent)
    run = elsewhere.given(CLEARGRID_DUCKDB="log.duckdb").materialize(DAY, only=LOG, checked=False)
    assert run.metadata(COMMUNICATION_LOGS, DAY)["resumed_pages"] == 1
    assert without_extraction(elsewhere.rows(COMMUNICATION_LOGS)) == sorted(
        as_stored(row, DAY) for row in project.source_rows(DAY)
    )
    assert list(shared.iterdir()) == []


def test_pages_older_than_the_stored_day_are_not_continued(
    start: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run hangs, another one stores the day meanwhile, the first is killed, and rows change at the source."""
    now = datetime(2026, 1, 6, 0, 5, tzinfo=timezone.utc)
    project = start(clock=lambda: now, rows_per_day=600)
    small = project.given(CLEARGRID_PAGE_SIZE="20", CLEARGRID_CONCURRENCY="1")
    with monkeypatch.context() as failing:
        refuse_second_page_of(DAY, failing)
        assert not small.materialize(DAY, only=LOG, checked=False).success
    [folder] = {path.parent for path in small.spools}
    hanging = FolderLocks()
    assert hanging.take(folder)
    stored = small.materialize(DAY, only=LOG, checked=False)
    assert "resumed_pages" not in stored.metadata(COMMUNICATION_LOGS, DAY)
    hanging.release(folder)

    now = LONG_AFTER
    again = small.materialize(DAY, only=LOG, checked=False)
    assert again.success, again.failure
    assert "resumed_pages" not in again.metadata(COMMUNICATION_LOGS, DAY)
    assert without_extraction(small.rows(COMMUNICATION_LOGS)) == sorted(
        as_stored(row, DAY) for row in small.source_rows(DAY)
    )


def test_count_of_a_continued_day_is_asked_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count of the earlier run would say little about the pages fetched since."""
    small = project.given(CLEARGRID_PAGE_SIZE="20", CLEARGRID_CONCURRENCY="1")
    with monkeypatch.context() as failing:
        refuse_second_page_of(NEXT, failing)
        assert not small.materialize(NEXT, only=LOG).success
    counts: list[bool] = []
    page = ExportsClient.page

    def noted(self: ExportsClient, window: Window, **kwargs: Any) -> Page:
        counts.append(kwargs.get("include_total", False))
        return page(self, window, **kwargs)

    monkeypatch.setattr(ExportsClient, "page", noted)
    run = small.materialize(NEXT, only=LOG)
    assert run.check("source_agrees").passed
    assert run.metadata(COMMUNICATION_LOGS, NEXT)["resumed_pages"] == 1
    # Once for the fetch; the check uses it.
    assert sum(counts) == 1
    assert "source_rows_note" not in run.metadata(COMMUNICATION_LOGS, NEXT)


def test_failed_runs_name_one_deadline_for_using_their_pages(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    small = project.given(CLEARGRID_PAGE_SIZE="20", CLEARGRID_CONCURRENCY="1")
    refuse_second_page_of(NEXT, monkeypatch)
    began = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    first, second = (_deadline(small.materialize(NEXT, only=LOG, checked=False)) for _ in range(2))
    assert first == second
    assert began <= first - MAX_AGE <= datetime.now(timezone.utc)


def test_day_that_could_not_be_stored_is_not_fetched_again(project: Project) -> None:
    project.ask("CREATE SCHEMA cleargrid; CREATE TABLE log.cleargrid.communication_logs (note VARCHAR)")
    run = project.materialize(DAY, only=LOG, checked=False)
    assert not run.success
    assert "Rename the table" in run.failure
    assert project.spools
    project.ask("DROP TABLE log.cleargrid.communication_logs")
    # The failed run holds the spool's lock until it is gone, as it would be with its process.
    del run
    gc.collect()
    said = project.materialize(DAY, only=LOG, checked=False).metadata(COMMUNICATION_LOGS, DAY)
    # The source's count is asked again.
    assert (said["requests"], said["resumed_pages"]) == (1, said["pages"])
    assert said["rows"] == said["source_rows"] == len(project.source_rows(DAY))
    assert project.spools == []


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


def test_a_spool_that_cannot_be_written_fails_the_run_with_where_it_is(project: Project) -> None:
    root = project.database.with_name(f"{project.database.name}.spool")
    root.write_text("in the way")
    run = project.materialize(DAY, only=LOG, checked=False)
    [said] = run.failures
    for part in ("could not be spooled", "File exists", str(root), "the table is unchanged"):
        assert part in said
    assert "continues from" not in said


def test_spool_that_is_a_link_fails_the_run_and_is_not_followed(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    spool_root(str(project.database)).symlink_to(target)

    [failure] = project.materialize(DAY, only=[COMMUNICATION_LOGS], checked=False).failures

    assert "is not used, because it is a link" in failure
    assert "the table is unchanged" in failure
    assert list(target.iterdir()) == []


def test_run_without_credentials_fails_at_once_and_names_the_missing(project: Project) -> None:
    run = project.given(CLEARGRID_EMAIL="", CLEARGRID_PASSWORD="").materialize(DAY)
    assert not run.success
    assert "CLEARGRID_EMAIL and CLEARGRID_PASSWORD are not set" in run.failure
    assert "CLEARGRID_LENDER" not in run.failure
    assert not project.database.exists()


def test_an_unknown_lender_is_said_to_be_one(project: Project) -> None:
    run = project.given(CLEARGRID_LENDER="nobody").materialize(DAY, only=LOG)
    [said] = run.failures
    assert "2026-01-05" in said
    assert "HTTP 401" in said
    assert "Check CLEARGRID_LENDER" in said


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


def test_spool_is_beside_the_database_of_the_warehouse_resource(project: Project, tmp_path: Path) -> None:
    """Not beside the file that the environment names."""
    elsewhere = tmp_path / "elsewhere" / "other.duckdb"
    elsewhere.parent.mkdir()
    root = elsewhere.with_name("other.duckdb.spool")
    root.write_text("in the way")
    with project.entered():
        defs = build_defs({"warehouse": WarehouseResource(database=str(elsewhere))})
        job = defs.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection={asset_key(COMMUNICATION_LOGS)}, asset_check_selection=set()
        )
        result = job.execute_in_process(
            instance=project.instance, partition_key=str(DAY), run_config=QUIET, raise_on_error=False
        )
    assert str(root) in Run(result).failures[0]


def test_export_comes_from_an_external_asset_of_its_dataset(project: Project) -> None:
    with project.entered() as defs:
        graph = defs.resolve_asset_graph()
    source = dg.AssetKey(["cleargrid_exports_api", "D21_export"])
    assert graph.get(asset_key(COMMUNICATION_LOGS)).parent_keys == {source}
    assert graph.get(source).is_external
    assert "D21" in str(graph.get(source).description)


def test_spool_is_beside_a_file_else_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spool_root(str(tmp_path / "log.duckdb")) == tmp_path / "log.duckdb.spool"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    assert spool_root("md:log") == tmp_path / "cleargrid_assets-1234.spool"
