"""Checks of trailing windows: whether what an analysis looks back at is there."""

from datetime import timedelta

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, OPERATIONAL_HEALTH, REACH_BY_ATTEMPT, Table
from cleargrid_assets_tests.assets.project import WEEK, Project

CHECK = "trailing_days_are_there"
LAST = WEEK[1]


def test_a_window_with_all_its_days_passes(week: Project) -> None:
    for table in (REACH_BY_ATTEMPT, OPERATIONAL_HEALTH):
        assert week.check(CHECK, table, LAST).passed


def test_days_before_the_history_begins_are_not_missed(week: Project) -> None:
    assert week.check(CHECK, REACH_BY_ATTEMPT, WEEK[0]).passed


def test_a_missing_day_of_the_window_warns_and_says_what_to_materialize(week: Project) -> None:
    after = LAST + timedelta(days=2)
    found = week.check(CHECK, REACH_BY_ATTEMPT, after)
    missing = after - timedelta(days=1)
    assert not found.passed
    assert f"{missing}, {after}" in str(found.description)
    assert f"Materialize those, then reach_by_attempt from {missing} to {after}." in str(found.description)


@pytest.mark.parametrize(("table", "before"), [(REACH_BY_ATTEMPT, 6), (OPERATIONAL_HEALTH, 7)])
def test_the_furthest_day_of_a_window_is_missed_and_no_day_before_it(
    project: Project, table: Table, before: int
) -> None:
    furthest = WEEK[0] + timedelta(days=before)
    for day, is_missed in ((furthest, True), (furthest + timedelta(days=1), False)):
        found = project.check(CHECK, table, day)
        assert found.severity is dg.AssetCheckSeverity.WARN
        assert found.metadata["missing_days"].value == before + 1
        assert (str(WEEK[0]) in str(found.description)) is is_missed


def test_a_day_computed_before_the_days_it_looks_back_at_is_found_in_its_own_run(project: Project) -> None:
    run = project.materialize(LAST)
    assert run.success, run.failure
    found = run.check(CHECK, OPERATIONAL_HEALTH)
    assert not found.passed
    assert str(WEEK[0]) in str(found.description)
    assert run.materialized() >= {(COMMUNICATION_LOGS.name, str(LAST))}
