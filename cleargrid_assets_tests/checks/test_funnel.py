"""Checks that the funnel is consistent and agrees with the log."""

from datetime import timedelta

import pytest

from cleargrid_assets.contracts import ATTEMPT_FUNNEL, INTERACTIONS
from cleargrid_assets_tests.assets.project import WEEK, Project

DAY = WEEK[0] + timedelta(days=4)
FUNNEL = "log.cleargrid.attempt_funnel"
OF_CALLS = f"communicated_date = '{DAY}' AND communication_type = 'CALL'"


@pytest.mark.parametrize(
    "broken",
    [
        f"UPDATE {FUNNEL} SET contacts = contacts + 1000 WHERE {OF_CALLS} AND stage = 'reached'",
        f"UPDATE {FUNNEL} SET attempts = attempts + 1000 WHERE {OF_CALLS} AND stage = 'engaged'",
        f"UPDATE {FUNNEL} SET contacts = attempts + 1 WHERE {OF_CALLS} AND stage = 'attempted'",
        f"DELETE FROM {FUNNEL} WHERE {OF_CALLS} AND stage = 'engaged'",
        f"UPDATE {FUNNEL} SET stage = 'delivered' WHERE {OF_CALLS} AND stage = 'engaged'",
        f"UPDATE {FUNNEL} SET stage_order = 1 WHERE {OF_CALLS}",
    ],
)
def test_a_stage_that_is_too_large_or_missing_is_found(copied_week: Project, broken: str) -> None:
    assert copied_week.check("stages_contain_each_other", ATTEMPT_FUNNEL, DAY).passed
    copied_week.ask(broken)
    found = copied_week.check("stages_contain_each_other", ATTEMPT_FUNNEL, DAY)
    assert not found.passed
    assert found.metadata["funnels"].value == [f"{DAY} CALL"]
    assert copied_week.check("stages_contain_each_other", ATTEMPT_FUNNEL, DAY - timedelta(days=1)).passed


@pytest.mark.parametrize(
    "broken",
    [
        f"DELETE FROM {FUNNEL} WHERE {OF_CALLS}",
        f"UPDATE {FUNNEL} SET attempts = attempts + 1 WHERE {OF_CALLS} AND stage_order = 1",
    ],
)
def test_a_type_without_its_attempts_is_found_though_all_is_right(copied_week: Project, broken: str) -> None:
    copied_week.ask(broken)
    found = copied_week.check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL, DAY)
    assert not found.passed
    assert f"{DAY} `CALL`: " in str(found.description)
    assert f"{DAY} ALL: " not in str(found.description)


def test_a_funnel_older_than_its_log_fails_until_computed_again(copied_week: Project) -> None:
    assert copied_week.check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL, DAY).passed
    copied_week.ask(
        "DELETE FROM log.cleargrid.communication_logs WHERE public_id = (SELECT min(public_id) FROM "
        f"log.cleargrid.communication_logs WHERE direction = 'outbound' AND communicated_date = '{DAY}')"
    )
    found = copied_week.check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL, DAY)
    assert not found.passed
    attempts, rows = (found.metadata[name].value for name in ("attempts", "outbound_rows"))
    assert f"{DAY} `ALL`: {attempts} attempts, {rows} outbound rows" in str(found.description)
    run = copied_week.materialize(DAY, only=[INTERACTIONS, ATTEMPT_FUNNEL])
    assert run.check("attempts_are_the_outbound_rows", ATTEMPT_FUNNEL).passed
