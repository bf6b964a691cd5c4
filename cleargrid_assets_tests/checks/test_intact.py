"""The checks notice rows that were deleted, an older copy of the file, and another file."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets.checks.intact import find_differences, stored_days_are_intact
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS, REACH_BY_ATTEMPT
from cleargrid_assets.warehouse.event_log import Recorded
from cleargrid_assets.warehouse.ledger import Difference, LedgerEntry, StoredDays
from cleargrid_assets_tests.assets.project import WEEK, Project
from cleargrid_assets_tests.checks.evaluating import evaluated

FIRST, LAST = WEEK
MIDDLE = FIRST + timedelta(days=3)
MORNING = datetime(2026, 1, 8, 7, tzinfo=timezone.utc)
LOGS = COMMUNICATION_LOGS.name
SPEC = stored_days_are_intact(COMMUNICATION_LOGS, [])
ENTRY = LedgerEntry(LOGS, MIDDLE, 5, "hash", MORNING, MORNING, "run", "code 1, UTC")


def failing(project: Project, now: datetime = MORNING) -> set[str]:
    return {name for name, evaluation in evaluated(project, now).items() if not evaluation.passed}


def delete(project: Project, table: str, day: date, condition: str = "true") -> None:
    project.ask(f"DELETE FROM log.cleargrid.{table} WHERE communicated_date = '{day}' AND {condition}")


def test_deleted_last_day_is_missing_late_and_named(copied_week: Project) -> None:
    rows = len(copied_week.source_rows(LAST))
    delete(copied_week, LOGS, LAST)
    found = evaluated(copied_week, MORNING)
    assert {name for name, each in found.items() if not each.passed} == {
        "is_fresh",
        "no_closed_day_is_missing",
        "stored_days_are_intact",
    }
    said = str(found["stored_days_are_intact"].description)
    assert found["stored_days_are_intact"].severity is dg.AssetCheckSeverity.ERROR
    assert f"communication_logs {LAST} (0 rows, but {rows:,} were stored)" in said
    assert f"materialize all tables for {LAST} again" in said
    assert f"communication_logs lacks 1 closed day: {LAST}." in str(found["no_closed_day_is_missing"].description)


@pytest.mark.parametrize("table", [LOGS, "hourly_reach"])
def test_day_without_some_of_its_rows_is_no_stored_day(copied_week: Project, table: str) -> None:
    delete(
        copied_week,
        table,
        MIDDLE,
        f"rowid = (SELECT max(rowid) FROM log.cleargrid.{table} WHERE communicated_date = '{MIDDLE}')",
    )
    found = {name: each for name, each in evaluated(copied_week, MORNING).items() if not each.passed}
    assert found.keys() == {"no_closed_day_is_missing", "stored_days_are_intact"}
    # Not merely "lacks", because most of its rows are there.
    said = f"{table} lacks 1 closed day, or has other rows of it than were stored: {MIDDLE}."
    assert said in str(found["no_closed_day_is_missing"].description)


def test_deleted_day_is_missed_by_the_windows_that_need_it(copied_week: Project) -> None:
    delete(copied_week, INTERACTIONS.name, MIDDLE)
    found = copied_week.check("trailing_days_are_there", REACH_BY_ATTEMPT, LAST)
    assert not found.passed
    assert f"without the interactions of {MIDDLE}" in str(found.description)


def test_materializing_a_deleted_day_again_makes_the_checks_green(copied_week: Project) -> None:
    delete(copied_week, LOGS, MIDDLE)
    copied_week.materialize(MIDDLE, only=[COMMUNICATION_LOGS], checked=False)
    assert failing(copied_week) == set()


def test_older_copy_of_the_file_lacks_days_and_has_outdated_ones(start: Callable[..., Project], tmp_path: Path) -> None:
    now = datetime(2026, 1, 6, 0, 5, tzinfo=timezone.utc)
    project = start(clock=lambda: now)
    logs, derived = COMMUNICATION_LOGS, [INTERACTIONS]
    project.materialize(FIRST, LAST - timedelta(days=2), only=[logs, *derived], checked=False)
    shutil.copy(project.database, tmp_path / "copy")
    now = datetime(2026, 1, 20, tzinfo=timezone.utc)
    project.materialize(LAST - timedelta(days=2), LAST, only=[logs, *derived], checked=False)
    assert all(each.passed for each in evaluated(project, MORNING, derived).values())
    shutil.copy(tmp_path / "copy", project.database)
    found = evaluated(project, MORNING, derived)
    assert {name for name, each in found.items() if not each.passed} == {
        "is_fresh",
        "no_closed_day_is_missing",
        "stored_days_are_intact",
    }
    said = str(found["stored_days_are_intact"].description)
    assert "Dagster recorded 2 days of communication_logs, interactions that " in said
    assert f"the database does not have: {LAST - timedelta(days=1)}, {LAST}." in said
    assert f"newer rows of communication_logs than the database has: {LAST - timedelta(days=2)}." in said
    assert "not only missing partitions" in str(found["no_closed_day_is_missing"].description)
    # A later day does not hide them.
    project.materialize(LAST, only=[logs, *derived], checked=False)
    assert not evaluated(project, MORNING, derived)["stored_days_are_intact"].passed


def test_another_file_has_none_of_the_days(copied_week: Project, tmp_path: Path) -> None:
    other = copied_week.given(CLEARGRID_DUCKDB=str(tmp_path / "other.duckdb"))
    found = evaluated(other, MORNING)
    assert {name for name, each in found.items() if not each.passed} == {
        "is_fresh",
        "no_closed_day_is_missing",
        "stored_days_are_intact",
    }
    assert "Check that CLEARGRID_DUCKDB names the right file" in str(found["stored_days_are_intact"].description)
    assert not (tmp_path / "other.duckdb").exists()
    run = other.materialize(LAST, only=[COMMUNICATION_LOGS, INTERACTIONS, REACH_BY_ATTEMPT])
    assert run.success, run.failure
    assert {"trailing_days_are_there", "no_closed_day_is_missing"} <= run.failing
    assert f"{FIRST}, " in str(run.check("trailing_days_are_there", REACH_BY_ATTEMPT).description)


def test_database_of_an_earlier_version_passes_before_and_after_its_first_write(copied_week: Project) -> None:
    copied_week.ask("DROP TABLE log.cleargrid.days")
    assert failing(copied_week) == set()
    copied_week.materialize(LAST, only=[COMMUNICATION_LOGS], checked=False)
    assert failing(copied_week) == set()


def test_old_copy_of_an_earlier_version_is_found_outdated_after_its_first_write(copied_week: Project) -> None:
    copied_week.ask("DROP TABLE log.cleargrid.days")
    delete(
        copied_week,
        LOGS,
        MIDDLE,
        "public_id = (SELECT min(public_id) FROM log.cleargrid.communication_logs "
        f"WHERE communicated_date = '{MIDDLE}')",
    )
    copied_week.materialize(LAST, only=[COMMUNICATION_LOGS], checked=False)
    found = evaluated(copied_week, MORNING)["stored_days_are_intact"]
    assert f"newer rows of communication_logs than the database has: {MIDDLE}." in str(found.description)


def damage(**changes: Any) -> dg.AssetCheckResult:
    """What is found where nothing is wrong but the given."""
    given: dict[str, Any] = {"entries": {MIDDLE: ENTRY}, "differences": {}, "lost": set(), "last": {}, **changes}
    stored = {LOGS: StoredDays(given["entries"], given["differences"])}
    return find_differences(SPEC, COMMUNICATION_LOGS, stored, {LOGS: given["lost"]}, given["last"])


@pytest.mark.parametrize(
    ("entry", "said", "is_outdated"),
    [
        (ENTRY, Recorded(5, "hash", MORNING.timestamp()), False),
        (ENTRY, Recorded(6, "other", MORNING.timestamp() + 1), True),
        # The same number of rows with other content.
        (ENTRY, Recorded(5, "other", MORNING.timestamp() + 1), True),
        (ENTRY, Recorded(5, "hash", MORNING.timestamp() + 1), False),
        # A run was killed between its commit and its event: the ledger is ahead.
        (ENTRY, Recorded(6, "other", MORNING.timestamp() - 1), False),
        # An event of an earlier version, which is older than every entry of a run.
        (ENTRY, Recorded(6, None, None), False),
        (replace(ENTRY, run_id=None), Recorded(6, None, None), True),
        (replace(ENTRY, run_id=None), Recorded(5, None, None), False),
        (replace(ENTRY, run_id=None), Recorded(5, "other", MORNING.timestamp() - 1), True),
        # Reported by hand, without numbers.
        (replace(ENTRY, run_id=None), Recorded(None, None, None), False),
    ],
)
def test_day_is_outdated_if_dagster_recorded_later_and_other_rows(
    entry: LedgerEntry, said: Recorded, is_outdated: bool
) -> None:
    found = damage(entries={MIDDLE: entry}, last={MIDDLE: said})
    assert found.passed is not is_outdated
    assert {name: entry.value for name, entry in found.metadata.items() if name == "days_outdated"} == (
        {"days_outdated": 1} if is_outdated else {}
    )


def test_all_that_is_wrong_is_said_at_once_with_one_remedy() -> None:
    found = damage(
        differences={MIDDLE: Difference(LOGS, MIDDLE, None, 2)},
        lost={LAST},
        last={MIDDLE: Recorded(9, "other", MORNING.timestamp() + 1)},
    )
    said = str(found.description)
    assert (
        f"Rows were deleted or added outside of this project: communication_logs {MIDDLE} (2 rows, but not in" in said
    )
    assert f"Dagster recorded 1 day of communication_logs that the database does not have: {LAST}." in said
    assert f"materialize all tables for {MIDDLE} to {LAST} again" in said
