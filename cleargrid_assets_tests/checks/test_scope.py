"""Which days a check is about: in a run of one day, of a range, and of checks alone."""

from datetime import date, timedelta

import dagster as dg

from cleargrid_assets.checks.history import HISTORY_CHECKS
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets_tests.assets.project import WEEK, Project, days_between

FIRST, LAST = WEEK


def rows_on(project: Project, *days: date) -> int:
    return sum(len(project.source_rows(day)) for day in days)


def test_run_of_one_day_checks_that_day(copied_week: Project) -> None:
    run = copied_week.materialize(FIRST, only=[COMMUNICATION_LOGS])
    evaluation = run.check("source_agrees")
    assert evaluation.metadata["stored_rows"].value == rows_on(copied_week, FIRST)
    assert evaluation.metadata["days"].value == str(FIRST)


def test_run_of_a_range_checks_all_its_days(project: Project) -> None:
    middle = FIRST + timedelta(days=1)
    run = project.materialize(middle, LAST, only=[COMMUNICATION_LOGS, INTERACTIONS, ATTEMPT_FUNNEL])
    days = days_between(middle, LAST)
    evaluation = run.check("source_agrees")
    assert evaluation.passed
    assert evaluation.metadata["stored_rows"].value == rows_on(project, *days)
    assert {check.metadata.get("days") for check in run.result.get_asset_check_evaluations()} == {
        dg.MetadataValue.text(f"{middle} to {LAST}"),
        None,
    }
    assert {
        check.check_name for check in run.result.get_asset_check_evaluations() if "days" not in check.metadata
    } == HISTORY_CHECKS
    attempts = run.check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL).metadata["attempts"].value
    assert attempts == sum(run.metadata(ATTEMPT_FUNNEL, day)["attempts"] for day in days)


def test_run_of_checks_alone_checks_the_latest_stored_day(week: Project) -> None:
    """The latest day, not the day materialized last, which may be any day of a backfill."""
    evaluation = week.check("source_agrees")
    assert evaluation.metadata["stored_rows"].value == rows_on(week, LAST)
    assert evaluation.metadata["days"].value == str(LAST)


def test_checks_of_an_earlier_day_ignore_later_days(week: Project) -> None:
    day = FIRST + timedelta(days=2)
    assert week.check("source_agrees", day=day).metadata["stored_rows"].value == rows_on(week, day)


def test_each_run_of_a_backfill_checks_its_own_days(project: Project) -> None:
    middle = FIRST + timedelta(days=3)
    later = project.materialize(middle, LAST, only=[COMMUNICATION_LOGS])
    earlier = project.materialize(FIRST, middle - timedelta(days=1), only=[COMMUNICATION_LOGS])
    for run, days in ((later, days_between(middle, LAST)), (earlier, days_between(FIRST, middle - timedelta(days=1)))):
        assert run.check("source_agrees").metadata["stored_rows"].value == rows_on(project, *days)


def test_checks_of_rows_pass_before_anything_is_materialized(
    project: Project,
) -> None:
    of_log = {
        "public_id_is_unique",
        "required_columns_are_not_null",
        "rows_are_inside_their_day",
        "direction_is_known",
        "duration_is_not_negative",
        "source_agrees",
        "no_new_fields",
        "no_row_is_quarantined",
        "statuses_and_types_are_mapped",
    }
    of_funnel = {"stages_contain_each_other", "attempts_are_the_outbound_rows"}
    for table, names in ((COMMUNICATION_LOGS, of_log), (ATTEMPT_FUNNEL, of_funnel)):
        run = project.run_checks(names, table)
        assert run.success, run.failure
        for name in names:
            assert run.check(name, table).passed
            assert "no day" in str(run.check(name, table).description)
