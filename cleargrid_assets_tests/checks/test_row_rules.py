"""Checks of stored rows, each on a table that another program has written to."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets_tests.assets.project import WEEK, Project

DAY = WEEK[0] + timedelta(days=4)
NEXT = DAY + timedelta(days=1)
LOGS = "log.cleargrid.communication_logs"
OF_ONE = f"public_id = (SELECT min(public_id) FROM {LOGS} WHERE communicated_date = '{DAY}')"
BROKEN = {
    "public_id_is_unique": f"INSERT INTO {LOGS} SELECT * FROM {LOGS} WHERE {OF_ONE}",
    "required_columns_are_not_null": f'ALTER TABLE {LOGS} ALTER "to" DROP NOT NULL; '
    f'UPDATE {LOGS} SET "to" = NULL WHERE {OF_ONE}',
    "rows_are_inside_their_day": f"UPDATE {LOGS} SET communicated_at = '{NEXT} 00:00:00+00' WHERE {OF_ONE}",
    "direction_is_known": f"UPDATE {LOGS} SET direction = 'sideways' WHERE {OF_ONE}",
    "duration_is_not_negative": f"UPDATE {LOGS} SET duration = -0.5 WHERE {OF_ONE}",
}


def test_fetched_rows_keep_all_rules(week: Project) -> None:
    assert week.run_checks(BROKEN, day=DAY).failing == set()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_row_fails_one_check_on_its_day(copied_week: Project, name: str) -> None:
    [(public_id,)] = copied_week.ask(f"SELECT min(public_id) FROM {LOGS} WHERE communicated_date = '{DAY}'")
    copied_week.ask(BROKEN[name])
    run = copied_week.run_checks(BROKEN, day=DAY)
    assert run.failing == {name}
    found = run.check(name)
    assert found.metadata["offending_rows"].value == 1
    assert found.metadata["public_ids"].value == [public_id]
    assert str(DAY) in str(found.description)
    # Other days are not affected.
    assert copied_week.run_checks(BROKEN, day=DAY - timedelta(days=1)).failing == set()


@pytest.mark.parametrize("column", ["status", "communication_type"])
def test_missing_word_fails_one_check_and_stops_no_other(copied_week: Project, column: str) -> None:
    copied_week.ask(
        f"ALTER TABLE {LOGS} ALTER {column} DROP NOT NULL; UPDATE {LOGS} SET {column} = NULL WHERE {OF_ONE}"
    )
    run = copied_week.run_checks([*BROKEN, "statuses_and_types_are_mapped"], day=DAY)
    assert run.failing == {"required_columns_are_not_null"}


def test_row_at_midnight_belongs_to_the_day_that_begins(copied_week: Project) -> None:
    copied_week.ask(f"UPDATE {LOGS} SET communicated_at = '{DAY} 00:00:00+00' WHERE {OF_ONE}")
    assert copied_week.check("rows_are_inside_their_day", day=DAY).passed


def test_public_id_that_another_day_has_too_is_found(copied_week: Project) -> None:
    elsewhere = DAY - timedelta(days=2)
    copied_week.ask(
        f"INSERT INTO {LOGS} SELECT * REPLACE (DATE '{elsewhere}' AS communicated_date) FROM {LOGS} WHERE {OF_ONE}"
    )
    assert not copied_week.check("public_id_is_unique", day=DAY).passed


def test_direction_with_spaces_is_unknown_as_in_the_analyses(copied_week: Project) -> None:
    """The check and the analyses compare directions in the same way."""
    copied_week.ask(f"UPDATE {LOGS} SET direction = ' outbound' WHERE {OF_ONE}")
    assert not copied_week.check("direction_is_known", day=DAY).passed
    assert (
        copied_week.materialize(DAY, only=[INTERACTIONS, ATTEMPT_FUNNEL])
        .check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL)
        .passed
    )


def test_duration_of_zero_is_not_negative(copied_week: Project) -> None:
    copied_week.ask(f"UPDATE {LOGS} SET duration = 0")
    assert copied_week.check("duration_is_not_negative", day=DAY).passed


def test_all_offending_rows_are_counted_and_a_few_are_shown(copied_week: Project) -> None:
    copied_week.ask(f"UPDATE {LOGS} SET duration = -1")
    metadata = copied_week.check("duration_is_not_negative", day=DAY).metadata
    [(rows,)] = copied_week.ask(f"SELECT count(*) FROM {LOGS} WHERE communicated_date = '{DAY}'")
    assert metadata["offending_rows"].value == rows
    shown = metadata["public_ids"].value
    assert isinstance(shown, list)
    assert len(shown) == 5


def test_ids_that_may_be_personal_are_cut_and_a_query_finds_them(copied_week: Project) -> None:
    copied_week.ask(f"UPDATE {LOGS} SET public_id = 'jane.doe@mail.example', direction = 'sideways' WHERE {OF_ONE}")

    found = copied_week.check("direction_is_known", day=DAY)

    assert found.metadata["public_ids"].value == ["jane..."]
    assert "The entry `query` finds them." in str(found.description)
    query = str(found.metadata["query"].value).replace("FROM cleargrid.", "FROM log.cleargrid.")
    assert copied_week.ask(query) == [("jane.doe@mail.example",)]


def test_direction_in_capitals_is_known(copied_week: Project) -> None:
    copied_week.ask(f"UPDATE {LOGS} SET direction = upper(direction)")
    assert copied_week.check("direction_is_known", day=DAY).passed


def test_rows_outside_their_day_stop_everything_downstream(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check uses another zone than the fetch did, as after a change of CLEARGRID_TIMEZONE."""
    monkeypatch.setattr("cleargrid_assets.checks.row_rules.BUSINESS_ZONE", ZoneInfo("Pacific/Kiritimati"))
    run = project.materialize(DAY)
    assert not run.success
    assert run.materialized() == {(COMMUNICATION_LOGS.name, str(DAY))}
    found = run.check("rows_are_inside_their_day")
    assert not found.passed
    assert found.blocking
    assert "CLEARGRID_TIMEZONE" in str(found.description)


def test_only_checks_whose_failure_misleads_analyses_block(week: Project) -> None:
    with week.entered() as defs:
        keys = defs.resolve_asset_graph().asset_check_keys
        blocking = {key.name for key in keys if defs.resolve_asset_graph().get(key).blocking}
    assert blocking == {"public_id_is_unique", "required_columns_are_not_null", "rows_are_inside_their_day"}
