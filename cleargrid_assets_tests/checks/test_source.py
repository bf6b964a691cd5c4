"""Checks against the source: its own count of a day, and the fields it sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets.checks.scope import LastMaterialization
from cleargrid_assets.checks.source import agrees, compare_counts
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.count import Count
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.window import Window
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import WEEK, Project

DAY = WEEK[0] + timedelta(days=4)
OTHER = DAY - timedelta(days=1)
LOG = (COMMUNICATION_LOGS,)
SOURCE_AGREES = agrees(COMMUNICATION_LOGS)
LOSE_ONE = (
    "DELETE FROM log.cleargrid.communication_logs WHERE public_id = "
    f"(SELECT min(public_id) FROM log.cleargrid.communication_logs WHERE communicated_date = '{DAY}')"
)


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Window]]:
    """The windows that the API is asked for meanwhile."""
    windows: list[Window] = []
    fetch = ExportsClient.page

    def page(self: ExportsClient, window: Window, **kwargs: Any) -> Page:
        windows.append(window)
        return fetch(self, window, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(ExportsClient, "page", page)
        yield windows


def test_count_of_the_same_run_that_agrees_is_not_asked_again(
    copied_week: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asked(monkeypatch) as windows:
        run = copied_week.materialize(DAY, only=LOG)
    assert run.check("source_agrees").passed
    assert len(windows) == run.metadata(COMMUNICATION_LOGS, DAY)["requests"]


def test_capped_count_that_equals_the_rows_does_not_agree(
    copied_week: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {DAY: LastMaterialization("this", {"source_rows": 5, "source_rows_note": "capped"})}
    with asked(monkeypatch) as windows, copied_week.entered():
        assert not compare_counts(
            SOURCE_AGREES, ExportsResource(), D21, stored={DAY: 5}, quarantined={DAY: 0}, last=said, run_id="this"
        ).passed
    assert len(windows) == 1


def test_source_without_credentials_is_a_warning(copied_week: Project) -> None:
    with copied_week.given(CLEARGRID_PASSWORD="").entered():
        result = compare_counts(
            SOURCE_AGREES,
            ExportsResource(),
            D21,
            stored={DAY: 5},
            quarantined={DAY: 0},
            last={DAY: LastMaterialization(None, {})},
            run_id="this",
        )
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "CLEARGRID_PASSWORD is not set" in str(result.description)


def test_count_of_an_earlier_run_is_asked_again(week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with asked(monkeypatch) as windows:
        assert week.check("source_agrees", day=DAY).passed
    assert len(windows) == 1


def test_lost_row_is_an_error_with_day_and_both_counts(copied_week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    copied_week.ask(LOSE_ONE)
    source = len(copied_week.source_rows(DAY))
    with asked(monkeypatch) as windows:
        found = copied_week.check("source_agrees", day=DAY)
    assert len(windows) == 1
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert f"{DAY}: {source - 1} rows stored, {source} at the source" in str(found.description)
    assert copied_week.check("source_agrees", day=OTHER).passed


def test_count_that_differs_is_asked_again(copied_week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of the fetch is behind, but the source now says what is stored."""
    copied_week.instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key(COMMUNICATION_LOGS), partition=str(OTHER), metadata={"source_rows": 1})
    )
    with asked(monkeypatch) as windows:
        assert copied_week.check("source_agrees", day=OTHER).passed
    assert len(windows) == 1


def test_capped_count_warns(start: Callable[..., Project]) -> None:
    project = start(total_cap=10)
    found = project.materialize(DAY, only=LOG).check("source_agrees")
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "capped" in str(found.description)
    assert found.metadata["days_not_counted"].value == 1
    assert "source_rows" not in found.metadata


def test_day_too_large_for_one_query_is_counted_in_halves(start: Callable[..., Project]) -> None:
    project = start(max_window_rows=60)
    run = project.materialize(DAY, only=LOG)
    assert run.success, run.failure
    source = len(project.source_rows(DAY))
    assert source > 60
    assert run.metadata(COMMUNICATION_LOGS, DAY)["source_rows"] == source
    assert run.check("source_agrees").passed
    project.ask(LOSE_ONE)
    found = project.check("source_agrees", day=DAY)
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert f"{source - 1} rows stored, {source} at the source" in str(found.description)


def test_count_that_times_out_warns_and_fails_no_run(copied_week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = ExportsClient.page

    def page(self: ExportsClient, window: Window, **kwargs: Any) -> Page:
        if kwargs.get("include_total"):
            raise QueryTimeoutError("the query timed out", status=504)
        return fetch(self, window, **kwargs)

    monkeypatch.setattr(ExportsClient, "page", page)
    run = copied_week.materialize(DAY, only=LOG)
    assert run.success, run.failure
    found = run.check("source_agrees")
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert str(DAY) in str(found.description)
    assert "too slow to count" in str(found.description)


def test_source_that_refuses_warns_and_says_why(copied_week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Page:
        raise ExportsError("the server refused the request", status=403, request_id="req_2")

    copied_week.ask(LOSE_ONE)
    monkeypatch.setattr(ExportsClient, "page", refuse)
    run = copied_week.run_checks(["source_agrees"], day=DAY)
    assert run.success, run.failure
    found = run.check("source_agrees")
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "2026-01-05" in str(found.description)
    assert "the server refused the request (HTTP 403, requestId req_2)" in str(found.description)


def test_several_doubtful_days_cost_one_login(copied_week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cleargrid_assets.checks.export.last_materialization", lambda *_: LastMaterialization(None, {}))
    opened: list[object] = []
    begin = ExportsClient.__init__

    def counted(self: ExportsClient, *args: Any, **kwargs: Any) -> None:
        opened.append(self)
        begin(self, *args, **kwargs)

    monkeypatch.setattr(ExportsClient, "__init__", counted)
    run = copied_week.materialize(OTHER, DAY, only=LOG)
    assert run.check("source_agrees").passed
    # One fetches the days, the other counts them.
    assert len(opened) == 2


def test_new_fields_warn_by_name(copied_week: Project) -> None:
    assert copied_week.check("no_new_fields", day=OTHER).passed
    seen = {"unknown_fields": [["__class__", 1], ["campaign", 2], ["invented", 7]]}
    day = WEEK[0] + timedelta(days=1)
    copied_week.instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key(COMMUNICATION_LOGS), partition=str(day), metadata=seen)
    )
    found = copied_week.check("no_new_fields", day=day)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "__class__, campaign, invented" in str(found.description)
    assert found.metadata["rows_by_field"].value == seen["unknown_fields"]


def test_new_fields_of_an_earlier_version_warn_too(copied_week: Project) -> None:
    copied_week.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key(COMMUNICATION_LOGS), partition=str(DAY), metadata={"unknown_fields": {"campaign": 2}}
        )
    )
    assert copied_week.check("no_new_fields", day=DAY).metadata["rows_by_field"].value == [["campaign", 2]]


@pytest.mark.parametrize(
    ("stored", "quarantined", "repeated", "severity"),
    [
        (120, 0, None, None),
        (118, 2, None, None),
        (118, 2, 5, None),
        (118, 0, 2, dg.AssetCheckSeverity.WARN),
        (118, 1, 2, dg.AssetCheckSeverity.WARN),
        (118, 0, 1, dg.AssetCheckSeverity.ERROR),
        (118, 0, None, dg.AssetCheckSeverity.ERROR),
        (118, 3, 7, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_count_is_compared_with_stored_quarantined_and_repeated_rows(
    week: Project,
    monkeypatch: pytest.MonkeyPatch,
    *,
    stored: int,
    quarantined: int,
    repeated: int | None,
    severity: dg.AssetCheckSeverity | None,
) -> None:
    monkeypatch.setattr("cleargrid_assets.checks.source.count_rows", lambda *_: Count(120))
    last = LastMaterialization("this", {} if repeated is None else {"repeated_rows": repeated})
    with week.entered():
        result = compare_counts(
            SOURCE_AGREES,
            ExportsResource(),
            D21,
            stored={DAY: stored},
            quarantined={DAY: quarantined},
            last={DAY: last},
            run_id="this",
        )
    assert (None if result.passed else result.severity) == severity
