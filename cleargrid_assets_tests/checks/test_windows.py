"""Checks of trailing windows: whether the days that a figure is computed from are stored."""

from datetime import timedelta

import dagster as dg
import pytest

from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS, REACH_BY_ATTEMPT
from cleargrid_assets_tests.assets.project import WEEK, Project

CHECK = "trailing_days_are_there"
LAST = WEEK[1]
TRAILING = [analysis for analysis in ANALYSES if analysis.trailing_days > 1]


def named(analysis: Analysis) -> str:
    return analysis.table.name


@pytest.mark.parametrize("analysis", TRAILING, ids=named)
def test_a_window_with_all_its_days_passes(week: Project, analysis: Analysis) -> None:
    assert week.check(CHECK, analysis.table, LAST).passed


def test_days_before_the_history_begins_are_not_missed(week: Project) -> None:
    assert week.check(CHECK, REACH_BY_ATTEMPT, WEEK[0]).passed


def test_a_missing_day_warns_and_says_what_to_materialize(week: Project) -> None:
    after = LAST + timedelta(days=2)
    found = week.check(CHECK, REACH_BY_ATTEMPT, after)
    missing = after - timedelta(days=1)
    assert not found.passed
    assert f"{missing}, {after}" in str(found.description)
    assert f"Materialize those days, then reach_by_attempt from {missing} to {after}." in str(found.description)


@pytest.mark.parametrize("analysis", TRAILING, ids=named)
def test_the_oldest_day_of_a_window_is_missed_and_no_day_before_it(project: Project, analysis: Analysis) -> None:
    oldest = WEEK[0] + timedelta(days=analysis.trailing_days - 1)
    for day, is_missed in ((oldest, True), (oldest + timedelta(days=1), False)):
        found = project.check(CHECK, analysis.table, day)
        assert found.severity is dg.AssetCheckSeverity.WARN
        assert found.metadata["missing_days"].value == analysis.trailing_days
        assert (str(WEEK[0]) in str(found.description)) is is_missed


def test_a_day_computed_before_its_window_is_found_in_its_own_run(project: Project) -> None:
    run = project.materialize(LAST, only=[COMMUNICATION_LOGS, INTERACTIONS, REACH_BY_ATTEMPT])
    assert run.success, run.failure
    found = run.check(CHECK, REACH_BY_ATTEMPT)
    assert not found.passed
    assert str(WEEK[0]) in str(found.description)
    assert run.materialized() >= {(COMMUNICATION_LOGS.name, str(LAST))}
