"""The check that operations are usual, and the view that it judges by."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.assets.presenting import presentation_of
from cleargrid_assets.contracts import OPERATIONAL_HEALTH
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets_tests.assets.project import WEEK, Project

CHECK = "operations_are_usual"
DAY = WEEK[1]
HEALTH = "log.cleargrid.operational_health"
OF_DAY = f"communicated_date = '{DAY}'"


@pytest.fixture
def usual(copied_week: Project) -> Project:
    """The week, with three weeks before it that are like its last day."""
    for week in (1, 2, 3):
        copied_week.ask(
            f"INSERT INTO {HEALTH} SELECT * REPLACE (communicated_date - {7 * week} AS communicated_date) "
            f"FROM {HEALTH} WHERE {OF_DAY}"
        )
        copied_week.ask(
            f"INSERT INTO log.cleargrid.days SELECT * REPLACE (communicated_date - {7 * week} AS communicated_date) "
            f"FROM log.cleargrid.days WHERE {OF_DAY} AND table_name = 'operational_health'"
        )
    return copied_week


def test_usual_day_passes_in_the_view_and_the_check(usual: Project) -> None:
    found = usual.check(CHECK, OPERATIONAL_HEALTH, DAY)
    assert found.passed
    assert found.description == "Operations are as usual."
    judged = usual.ask(
        f"SELECT DISTINCT is_unusual, volume_ratio FROM log.cleargrid.operational_baselines WHERE {OF_DAY}"
    )
    assert judged == [(False, 1.0)]
    columns = [name for name, *_ in usual.ask("DESCRIBE log.cleargrid.operational_baselines")]
    assert columns == OPERATIONAL_BASELINES.column_names


def test_silent_type_is_an_error_that_says_what_is_usual_and_what_to_do(usual: Project) -> None:
    [(volume,)] = usual.ask(f"SELECT communications FROM {HEALTH} WHERE {OF_DAY} AND communication_type = 'EMAIL'")
    assert volume >= 10
    usual.ask(f"DELETE FROM {HEALTH} WHERE {OF_DAY} AND communication_type = 'EMAIL'")
    found = usual.check(CHECK, OPERATIONAL_HEALTH)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert str(found.description).startswith(f"`EMAIL`: no communications, usually {volume} (")
    assert "Ask ClearGrid whether these communications were stopped" in str(found.description)
    assert "`[calendar] days_off`" in str(found.description)
    assert (found.metadata["silent_types"].value, found.metadata["days"].value) == (1, str(DAY))


def test_unusual_figures_are_a_warning_with_value_and_range(usual: Project) -> None:
    usual.ask(f"UPDATE {HEALTH} SET communications = 1, failure_rate = 1, logging_lag_p95_s = 7200 WHERE {OF_DAY}")
    found = usual.check(CHECK, OPERATIONAL_HEALTH, DAY)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert str(found.description).startswith("All types: 1 communication, usually 116 (84 to 148); ")
    assert "All types: logging lag 2.0 h, usually " in str(found.description)
    assert "more unusual figures. The picture of operational_health shows since when." in str(found.description)


def test_days_off_of_the_outcomes_file_of_the_moment_are_not_judged(usual: Project, tmp_path: Path) -> None:
    usual.ask(f"DELETE FROM {HEALTH} WHERE {OF_DAY}")
    outcomes = tmp_path / "outcomes.toml"
    outcomes.write_text(f"[calendar]\ndays_off = [{DAY}]\n")
    found = usual.given(CLEARGRID_OUTCOMES=str(outcomes)).check(CHECK, OPERATIONAL_HEALTH, DAY)
    assert found.passed
    assert found.description == f"{DAY} is not judged, because it is a day off."
    # the view follows with the next run
    named = "SELECT bool_or(is_day_off) FROM log.cleargrid.operational_baselines WHERE"
    assert usual.ask(f"{named} {OF_DAY}") == [(False,)]
    usual.given(CLEARGRID_OUTCOMES=str(outcomes)).materialize(WEEK[0], only=[OPERATIONAL_HEALTH], checked=False)
    assert usual.ask(f"{named} {OF_DAY}") == [(True,)]


def test_day_with_too_few_weeks_before_it_passes_and_says_so(week: Project, project: Project) -> None:
    before = WEEK[1] - timedelta(days=1)
    found = week.check(CHECK, OPERATIONAL_HEALTH, before)
    assert found.passed
    assert found.description == (
        f"{before} is not judged, because fewer than 3 of the 6 {before:%A}s before are stored with communications."
    )
    assert project.check(CHECK, OPERATIONAL_HEALTH).passed


def test_day_that_is_not_stored_is_not_presented_as_silent(usual: Project) -> None:
    [health] = [analysis for analysis in ANALYSES if analysis.table is OPERATIONAL_HEALTH]
    warehouse = WarehouseResource(database=str(usual.database))
    shown = {
        day: presentation_of(health, day, warehouse, load_outcomes(None)).headline
        for day in (DAY, DAY + timedelta(days=7))
    }
    assert ": as usual for a Wednesday: 116 communications, " in shown[DAY]
    assert shown[DAY + timedelta(days=7)].endswith(": no communications are stored")


def test_table_of_an_earlier_version_is_rebuilt_and_its_days_are_computed_again(copied_week: Project) -> None:
    copied_week.ask(f"ALTER TABLE {HEALTH} ADD COLUMN is_anomalous BOOLEAN")
    copied_week.ask("DROP VIEW log.cleargrid.operational_baselines")
    assert copied_week.check(CHECK, OPERATIONAL_HEALTH, DAY).passed
    copied_week.materialize(DAY, only=[OPERATIONAL_HEALTH], checked=False)
    stored = "SELECT DISTINCT communicated_date FROM log.cleargrid.{} ORDER BY 1"
    assert copied_week.ask(stored.format("operational_baselines")) == [(DAY,)]
    # the days that the ledger lacks are what the next tick requests
    assert copied_week.ask(stored.format("days WHERE table_name = 'operational_health'")) == [(DAY,)]
