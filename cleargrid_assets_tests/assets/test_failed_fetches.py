"""Fetches of the log that fail: what is said, what stays as it was, and where the next run continues."""

import gc
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from cleargrid_assets.assets.export import spool_root
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.spooling.folder_locks import FolderLocks
from cleargrid_assets.exports.spooling.spool import MAX_AGE
from cleargrid_assets.exports.window import Window
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import (
    LONG_AFTER,
    QUIET,
    Project,
    Run,
    as_stored,
    without_extraction,
)

DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
LOG = (COMMUNICATION_LOGS,)


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


def test_spool_is_beside_a_file_else_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spool_root(str(tmp_path / "log.duckdb")) == tmp_path / "log.duckdb.spool"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    assert spool_root("md:log") == tmp_path / "cleargrid_assets-1234.spool"
