"""Failed runs explain a missing day."""

from datetime import datetime, timedelta, timezone

from cleargrid_assets.checks.failed_runs import failed_runs
from cleargrid_assets_tests.assets.project import WEEK, Project
from cleargrid_assets_tests.checks.evaluating import evaluated

FIRST = WEEK[0]
SECOND, THIRD = (FIRST + timedelta(days=number) for number in (1, 2))


def test_missing_day_says_when_it_was_attempted_in_vain(project: Project) -> None:
    project.materialize(FIRST, checked=False)
    broken = project.given(CLEARGRID_PASSWORD="")
    before = datetime.now(timezone.utc)
    assert not broken.materialize(SECOND, checked=False).success
    assert not broken.materialize(SECOND, THIRD, checked=False).success
    failed = failed_runs(project.instance, {str(FIRST), str(SECOND), str(THIRD)}, {})
    assert {day: each.number for day, each in failed.items()} == {str(SECOND): 2, str(THIRD): 1}
    assert not any(each.is_given_up for each in failed.values())
    said = str(evaluated(project, datetime(2026, 1, 4, 7, tzinfo=timezone.utc))["no_closed_day_is_missing"].description)
    assert f"{SECOND} was attempted on {before:%Y-%m-%d}" in said
    assert "and failed (2 failed runs) and is not requested again by the schedules; " in said
    assert f"{THIRD} was attempted on" in said
    assert said.count("not requested again") == 1


def test_stored_day_has_no_failed_runs(week: Project) -> None:
    assert failed_runs(week.instance, {str(FIRST)}, {}) == {}
