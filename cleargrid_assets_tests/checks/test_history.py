"""Freshness, inventory and liveness: by the day that is due, not by the time of the last materialization."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

import dagster as dg
import pytest

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.checks.history import build_history_checks, due_day, freshness, inventory
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS, TABLES
from cleargrid_assets.definitions import defs
from cleargrid_assets_tests.assets.project import QUIET, WEEK, Project, days_between

FIRST, LAST = WEEK


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def keys(first: date, last: date) -> set[str]:
    return {str(day) for day in days_between(first, last)}


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-01 05:59", "2026-02-27"),
        ("2026-03-01 06:00", "2026-02-28"),
        ("2026-03-01 23:59", "2026-02-28"),
        ("2026-03-02 00:00", "2026-02-28"),
    ],
)
def test_yesterday_is_due_from_the_deadline_on(now: str, due: str) -> None:
    assert str(due_day(at(now))) == due


@pytest.mark.parametrize(
    ("there", "now", "passes"),
    [
        ({"2026-03-08"}, "2026-03-09 06:00", True),
        # A later day than the due one makes fresh too.
        ({"2026-03-08"}, "2026-03-09 05:59", True),
        # Before the deadline, yesterday may still be on its way.
        ({"2026-03-07"}, "2026-03-09 05:59", True),
        ({"2026-03-07"}, "2026-03-09 06:00", False),
        # A backfill of an old day makes nothing fresh.
        ({"2026-01-05", "2026-03-07"}, "2026-03-09 07:00", False),
        ({"2026-01-05", "2026-03-07", "2026-03-08"}, "2026-03-09 07:00", True),
        (set(), "2026-03-09 07:00", False),
        # On the first day nothing has closed, and until its deadline nothing is due.
        (set(), "2026-01-01 12:00", True),
        (set(), "2026-01-02 05:59", True),
        (set(), "2026-01-02 06:00", False),
        ({"2026-01-01"}, "2026-01-02 06:00", True),
        # Days of before the start date are not asked for, and do not count.
        ({"2025-12-31"}, "2026-01-02 06:00", False),
    ],
)
def test_freshness_asks_for_the_due_day(there: set[str], now: str, passes: bool) -> None:
    found = freshness(COMMUNICATION_LOGS, there, at(now))
    assert found.passed is passes
    assert found.severity is dg.AssetCheckSeverity.ERROR
    if not passes:
        assert f"Materialize the partition {found.metadata['due'].value}" in str(found.description)


def test_before_anything_is_due_freshness_says_so() -> None:
    assert freshness(COMMUNICATION_LOGS, set(), at("2026-01-01 12:00")).description == "No day is due yet."


@pytest.mark.parametrize(
    ("there", "now", "missing"),
    [
        (keys(date(2026, 1, 1), date(2026, 3, 8)), "2026-03-09 06:00", []),
        (keys(date(2026, 1, 1), date(2026, 3, 7)), "2026-03-09 05:59", []),
        (keys(date(2026, 1, 1), date(2026, 3, 7)), "2026-03-09 06:00", ["2026-03-08"]),
        (
            keys(date(2026, 1, 1), date(2026, 3, 8)) - {"2026-01-31", "2026-02-01"},
            "2026-03-09 06:00",
            ["2026-01-31", "2026-02-01"],
        ),
        (set(), "2026-01-01 12:00", []),
        (set(), "2026-01-02 06:00", ["2026-01-01"]),
    ],
)
def test_the_inventory_lists_the_closed_days_that_are_missing(there: set[str], now: str, missing: list[str]) -> None:
    found = inventory(COMMUNICATION_LOGS, there, at(now))
    assert found.passed is (not missing)
    assert found.metadata["missing_days"].value == len(missing)
    assert found.metadata["first_missing"].value == missing
    for day in missing:
        assert day in str(found.description)


def test_a_long_list_of_missing_days_is_counted_and_begun_and_comes_with_its_backfill() -> None:
    found = inventory(
        COMMUNICATION_LOGS, keys(date(2026, 2, 1), date(2026, 3, 8)) - {"2026-03-05"}, at("2026-03-09 06:00")
    )
    said = str(found.description)
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.metadata["missing_days"].value == 32
    assert "32 closed days" in said
    assert "2026-01-05 and others" in said
    assert "2026-01-06" not in said
    assert "backfill of 2026-01-01 to 2026-03-05" in said
    assert "CLEARGRID_START_DATE to 2026-02-01" in said


def test_one_missing_day_is_spoken_of_as_one() -> None:
    found = inventory(COMMUNICATION_LOGS, keys(date(2026, 1, 1), date(2026, 3, 7)), at("2026-03-09 06:00"))
    assert "1 closed day is missing: 2026-03-08." in str(found.description)
    assert "CLEARGRID_START_DATE" not in str(found.description)


def evaluated(project: Project, now: datetime) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """The history checks of all tables at a given time, by table and name."""
    with project.entered() as entered:
        job = dg.Definitions(
            assets=entered.assets, asset_checks=[build_history_checks(lambda: now)], resources=entered.resources
        ).resolve_implicit_global_asset_job_def()
        checks = set(job.asset_layer.asset_graph.asset_check_keys)
        result = job.get_subset(asset_selection=set(), asset_check_selection=checks).execute_in_process(
            instance=project.instance, run_config=QUIET
        )
    return {
        (evaluation.asset_key.path[-1], evaluation.check_name): evaluation
        for evaluation in result.get_asset_check_evaluations()
    }


def test_a_week_that_is_there_is_fresh_whole_and_alive(week: Project) -> None:
    found = evaluated(week, at("2026-01-08 07:00"))
    assert {table.name for table in TABLES} == {table for table, name in found if name == "last_closed_day_is_there"}
    assert all(evaluation.passed for evaluation in found.values())


def test_a_day_that_lands_makes_its_table_fresh_again_and_no_other(project: Project) -> None:
    project.materialize(FIRST, LAST - timedelta(days=1), only=[COMMUNICATION_LOGS, ATTEMPT_FUNNEL], checked=False)
    names = [(table.name, "last_closed_day_is_there") for table in (COMMUNICATION_LOGS, ATTEMPT_FUNNEL)]
    now = at("2026-01-08 07:00")
    assert [evaluated(project, now)[name].passed for name in names] == [False, False]
    project.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    assert not evaluated(project, now)[names[0]].passed
    project.materialize(LAST, only=[COMMUNICATION_LOGS], checked=False)
    assert [evaluated(project, now)[name].passed for name in names] == [True, False]


def gone_quiet(project: Project, day: date) -> None:
    project.ask(f"DELETE FROM log.cleargrid.communication_logs WHERE communicated_date = '{day}'")


def test_a_source_that_goes_quiet_on_a_usual_day_is_noticed(project: Project) -> None:
    # The sandbox's clock stands at the 20th: of the 22nd it has nothing.
    days = [date(2026, 1, number) for number in (1, 8, 15, 22)]
    for day in days:
        project.materialize(day, only=[COMMUNICATION_LOGS], checked=False)
    name = (COMMUNICATION_LOGS.name, "source_is_alive")
    alive = evaluated(project, at("2026-01-16 07:00"))[name]
    assert alive.passed
    assert alive.metadata["same_weekdays_with_rows"].value == 2
    now = at("2026-01-23 07:00")
    found = evaluated(project, now)[name]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "2026-01-22 has no rows, while 3 of the 3 same weekdays before it have some" in str(found.description)
    gone_quiet(project, days[0])
    assert not evaluated(project, now)[name].passed
    # When most of them are quiet too, quiet is what such days are.
    gone_quiet(project, days[1])
    assert evaluated(project, now)[name].passed
    # Half of them are not most.
    gone_quiet(project, days[2])
    project.materialize(days[1], only=[COMMUNICATION_LOGS], checked=False)
    assert not evaluated(project, at("2026-01-16 07:00"))[name].passed


def test_a_quiet_day_with_nothing_to_compare_it_with_is_said_to_be_so(start: Callable[..., Project]) -> None:
    project = start(rows_per_day=0)
    project.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    found = evaluated(project, at("2026-01-02 07:00"))[COMMUNICATION_LOGS.name, "source_is_alive"]
    assert found.passed
    assert "no rows" in str(found.description)
    assert "none of the same weekdays before it" in str(found.description)


def test_the_due_day_counts_for_liveness_and_not_a_later_one(week: Project) -> None:
    found = evaluated(week, at("2026-01-06 07:00"))[COMMUNICATION_LOGS.name, "source_is_alive"]
    assert found.metadata["day"].value == "2026-01-05"


def test_every_table_has_its_history_checks() -> None:
    graph = defs.resolve_asset_graph()
    for table in TABLES:
        names = {key.name for key in graph.asset_check_keys if key.asset_key == asset_key(table)}
        assert names >= {"last_closed_day_is_there", "no_closed_day_is_missing"}
