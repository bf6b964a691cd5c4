"""Freshness, inventory and liveness: they ask for the due day, not for the time of the last materialization."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets.checks.history import HISTORY_CHECKS, HistoryChecks, due_day
from cleargrid_assets.contracts import ATTEMPT_FUNNEL, CHANNEL_REACH, COMMUNICATION_LOGS, TABLES
from cleargrid_assets.definitions import defs
from cleargrid_assets.partitions import BACKFILL
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import QUIET, WEEK, Project, Run, days_between
from cleargrid_assets_tests.checks.evaluating import DERIVED, evaluated

FIRST, LAST = WEEK
LOGS = COMMUNICATION_LOGS.name
ALONE = HistoryChecks(COMMUNICATION_LOGS)
TOGETHER = HistoryChecks(COMMUNICATION_LOGS, [ATTEMPT_FUNNEL, CHANNEL_REACH])


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
    found = ALONE.freshness({LOGS: there}, at(now))
    assert found.passed is passes
    assert found.severity is dg.AssetCheckSeverity.ERROR
    if not passes:
        assert f"Materialize the partition {found.metadata['due'].value}" in str(found.description)


def test_freshness_says_when_no_day_is_due_yet() -> None:
    assert ALONE.freshness({LOGS: set()}, at("2026-01-01 12:00")).description == "No day is due yet."


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
def test_inventory_lists_missing_closed_days(there: set[str], now: str, missing: list[str]) -> None:
    found = ALONE.inventory({LOGS: there}, at(now))
    assert found.passed is (not missing)
    told = {name: entry.value for name, entry in found.metadata.items()}
    by_table = {"missing_days_by_table": {LOGS: len(missing)}}
    assert told == ({"missing_days": len(missing), "first_missing": missing, **by_table} if missing else {})
    for day in missing:
        assert day in str(found.description)


def test_long_list_of_missing_days_is_shortened_and_has_its_backfill() -> None:
    there = keys(date(2026, 2, 1), date(2026, 3, 8)) - {"2026-03-05"}
    found = ALONE.inventory({LOGS: there}, at("2026-03-09 06:00"))
    said = str(found.description)
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.metadata["missing_days"].value == 32
    assert "32 closed days" in said
    assert "2026-01-05 and 27 more days" in said
    assert "2026-01-06" not in said
    assert "Backfill 2026-01-01 to 2026-03-05" in said
    assert "CLEARGRID_START_DATE to 2026-02-01" in said


def test_one_missing_day_is_named_in_the_singular() -> None:
    found = ALONE.inventory({LOGS: keys(date(2026, 1, 1), date(2026, 3, 7))}, at("2026-03-09 06:00"))
    assert "communication_logs lacks 1 closed day: 2026-03-08." in str(found.description)
    assert "CLEARGRID_START_DATE" not in str(found.description)


def test_stored_week_passes_all_history_checks(week: Project) -> None:
    found = evaluated(week, at("2026-01-08 07:00"))
    assert found.keys() == HISTORY_CHECKS
    assert all(evaluation.passed for evaluation in found.values())


def test_day_is_fresh_once_log_and_derived_tables_have_it(copied_week: Project) -> None:
    now = at("2026-01-08 07:00")
    assert evaluated(copied_week, now)["is_fresh"].passed
    of_last = f"DELETE FROM log.cleargrid.days WHERE communicated_date = '{LAST}'"
    copied_week.ask(f"{of_last} AND table_name <> '{LOGS}'")
    late = evaluated(copied_week, now)["is_fresh"]
    assert not late.passed
    assert late.metadata["late_tables"].value == [table.name for table in DERIVED]
    copied_week.ask(of_last)
    assert evaluated(copied_week, now)["is_fresh"].metadata["late_tables"].value == [table.name for table in TABLES]


def test_backfill_of_an_old_day_makes_nothing_fresh(copied_week: Project) -> None:
    copied_week.forget(LAST)
    copied_week.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    found = evaluated(copied_week, at("2026-01-08 07:00"))["is_fresh"]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert "2026-01-07 was due by 06:00 (UTC)" in str(found.description)
    assert all(f"{table.name} (latest day: 2026-01-06)" in str(found.description) for table in TABLES)


@pytest.mark.parametrize(("tags", "judged"), [({BACKFILL: "one"}, TABLES[:2]), ({}, TABLES)])
def test_run_of_a_backfill_judges_only_the_tables_that_it_stores(
    tags: dict[str, str], judged: Sequence[Table], project: Project
) -> None:
    """Other runs of the backfill store the other tables, later."""
    with project.entered() as entered:
        run = Run(
            entered.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=project.instance,
                run_config=QUIET,
                partition_key=str(FIRST),
                tags=tags,
                asset_selection=[asset_key(table) for table in TABLES[:2]],
            )
        )
    lacking: Any = run.check("no_closed_day_is_missing").metadata["missing_days_by_table"].value
    late: Any = run.check("is_fresh").metadata["late_tables"].value
    assert set(lacking) == set(late) == {table.name for table in judged}


def test_freshness_names_each_table_that_lacks_the_due_day() -> None:
    there = {LOGS: {"2026-03-08"}, "attempt_funnel": {"2026-03-07"}, "channel_reach": set[str]()}
    found = TOGETHER.freshness(there, at("2026-03-09 06:00"))
    assert not found.passed
    assert "attempt_funnel (latest day: 2026-03-07), channel_reach (latest day: none)" in str(found.description)
    assert LOGS not in str(found.description)


def test_inventory_names_tables_with_the_days_they_lack() -> None:
    complete = keys(date(2026, 1, 1), date(2026, 3, 8))
    two = {"2026-02-01", "2026-02-02"}
    there = {LOGS: complete, "attempt_funnel": complete - two, "channel_reach": complete - {"2026-03-08"}}
    found = TOGETHER.inventory(there, at("2026-03-09 06:00"))
    assert "attempt_funnel lacks 2 closed days: 2026-02-01, 2026-02-02." in str(found.description)
    assert "channel_reach lacks 1 closed day: 2026-03-08." in str(found.description)
    assert "Backfill 2026-02-01 to 2026-03-08" in str(found.description)
    assert "The backfill also computes the later days" in str(found.description)
    assert found.metadata["missing_days"].value == 3
    assert found.metadata["missing_days_by_table"].value == {"attempt_funnel": 2, "channel_reach": 1}


@pytest.mark.parametrize(
    ("table", "how"), [(LOGS, "missing partitions only"), ("attempt_funnel", "not only missing partitions, because")]
)
def test_backfill_asks_for_all_days_if_dagster_shows_a_missing_one(table: str, how: str) -> None:
    complete = keys(date(2026, 1, 1), date(2026, 3, 8))
    there = {LOGS: complete, "attempt_funnel": complete - {"2026-02-01", "2026-02-02"}}
    found = TOGETHER.inventory(there, at("2026-03-09 06:00"), recorded={table: complete})
    assert f"Backfill 2026-02-01 to 2026-02-02, {how}" in str(found.description)


def test_inventory_names_tables_that_lack_the_same_days_together() -> None:
    there = {LOGS: set[str](), "attempt_funnel": set[str](), "channel_reach": set[str]()}
    said = str(TOGETHER.inventory(there, at("2026-01-02 06:00")).description)
    assert said.startswith("communication_logs, attempt_funnel, channel_reach lack 1 closed day: 2026-01-01.")
    assert "Materialize 2026-01-01. The next tick of the daily schedule computes the later days" in said


def gone_quiet(project: Project, day: date) -> None:
    """Makes the day one that was stored without rows."""
    project.ask(f"DELETE FROM log.cleargrid.communication_logs WHERE communicated_date = '{day}'")
    project.ask(f"UPDATE log.cleargrid.days SET row_count = 0 WHERE communicated_date = '{day}'")


def test_source_without_rows_on_a_usual_day_warns(project: Project) -> None:
    # The sandbox's clock stands at the 20th: of the 22nd it has nothing.
    days = [date(2026, 1, number) for number in (1, 8, 15, 22)]
    for day in days:
        project.materialize(day, only=[COMMUNICATION_LOGS], checked=False)
    name = "source_is_alive"
    alive = evaluated(project, at("2026-01-16 07:00"))[name]
    assert alive.passed
    assert alive.metadata["same_weekdays_with_rows"].value == 2
    now = at("2026-01-23 07:00")
    found = evaluated(project, now)[name]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "2026-01-22 has no rows, but 3 of the 3 same weekdays before it have some" in str(found.description)
    gone_quiet(project, days[0])
    assert not evaluated(project, now)[name].passed
    # When most of them are quiet too, quiet is what such days are.
    gone_quiet(project, days[1])
    assert evaluated(project, now)[name].passed
    # Half of them are not most.
    gone_quiet(project, days[2])
    project.materialize(days[1], only=[COMMUNICATION_LOGS], checked=False)
    assert not evaluated(project, at("2026-01-16 07:00"))[name].passed


def test_empty_day_without_earlier_weekdays_passes(start: Callable[..., Project]) -> None:
    project = start(rows_per_day=0)
    project.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    found = evaluated(project, at("2026-01-02 07:00"))["source_is_alive"]
    assert found.passed
    assert "no rows" in str(found.description)
    assert "no earlier day of the same weekday is stored" in str(found.description)


def test_liveness_looks_at_the_due_day_and_not_a_later_one(week: Project) -> None:
    found = evaluated(week, at("2026-01-06 07:00"))["source_is_alive"]
    assert found.metadata["day"].value == "2026-01-05"


def test_history_is_checked_once_for_the_export_and_its_tables() -> None:
    graph = defs.resolve_asset_graph()
    history = {key for key in graph.asset_check_keys if key.name in HISTORY_CHECKS}
    assert history == {dg.AssetCheckKey(asset_key(COMMUNICATION_LOGS), name) for name in HISTORY_CHECKS}
