"""A day that lost many rows is refused or warned of, in runs of the whole project."""

from datetime import timedelta

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports import fetch
from cleargrid_assets.exports.count import Count
from cleargrid_assets_tests.assets.project import WEEK, Project

DAY = WEEK[0] + timedelta(days=4)
LOG = (COMMUNICATION_LOGS,)
CHECK = "no_day_has_shrunk"


@pytest.fixture
def larger(copied_week: Project) -> Project:
    """A week in which the day has twice the rows that the source has now."""
    of_day = f"communicated_date = '{DAY}'"
    copied_week.ask(
        "INSERT INTO log.cleargrid.communication_logs "
        f"SELECT * REPLACE (public_id || ' gone' AS public_id) FROM log.cleargrid.communication_logs WHERE {of_day}; "
        f"UPDATE log.cleargrid.days SET row_count = 2 * row_count WHERE table_name = 'communication_logs' AND {of_day}"
    )
    return copied_week


def without_count(monkeypatch: pytest.MonkeyPatch, count: Count) -> None:
    monkeypatch.setattr(fetch, "count_rows", lambda *_: count)


@pytest.mark.parametrize("note", ["capped", "timeout"])
def test_count_that_is_not_exact_confirms_nothing(larger: Project, monkeypatch: pytest.MonkeyPatch, note: str) -> None:
    rows = len(larger.source_rows(DAY))
    without_count(monkeypatch, Count(rows if note == "capped" else None, note))
    before = larger.rows(COMMUNICATION_LOGS)
    run = larger.materialize(DAY, only=LOG)
    assert not run.success
    [said] = run.failures
    assert f"{DAY} was stored with {2 * rows} rows, but the fetch returned {rows}" in said
    assert "the source gave no exact count" in said
    assert larger.rows(COMMUNICATION_LOGS) == before
    assert larger.spools == []


def test_run_config_in_the_refusal_accepts_the_day(larger: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    without_count(monkeypatch, Count(None, "timeout"))
    config = {"ops": {"cleargrid__communication_logs": {"config": {"accept_shrinking": True}}}}
    run = larger.materialize(DAY, only=LOG, config=config)
    assert run.success, run.failure
    rows = len(larger.source_rows(DAY))
    found = run.check(CHECK)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert f"{DAY} from {2 * rows} to {rows} rows" in str(found.description)


def test_shrinking_that_the_source_confirms_is_stored_with_a_warning(larger: Project) -> None:
    run = larger.materialize(DAY, only=LOG)
    assert run.success, run.failure
    assert CHECK in run.failing
    assert CHECK not in larger.materialize(DAY, only=LOG).failing


def test_allowed_share_is_a_variable(larger: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    without_count(monkeypatch, Count(None, "timeout"))
    assert larger.given(CLEARGRID_MAX_SHRINK="0.5").materialize(DAY, only=LOG, checked=False).success
