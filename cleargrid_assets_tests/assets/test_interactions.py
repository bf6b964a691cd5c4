"""The asset between the log and the analyses: what it stores, and what it says of a day."""

from datetime import datetime, timezone

from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets_tests.assets.project import WEEK, Project
from cleargrid_assets_tests.checks.evaluating import evaluated

DAY, LAST = WEEK
LOGS = "log.cleargrid.communication_logs"
MORNING = datetime(2026, 1, 8, 7, tzinfo=timezone.utc)


def test_week_has_an_interaction_for_every_row_of_the_log(week: Project) -> None:
    meant, logged = (
        week.ask(f"SELECT public_id, communicated_at, duration FROM log.cleargrid.{table.name} ORDER BY ALL")
        for table in (INTERACTIONS, COMMUNICATION_LOGS)
    )
    assert meant == logged
    assert week.ask("SELECT count(*) FROM log.cleargrid.interactions WHERE contact IS NULL") == [(0,)]


def test_day_says_what_was_merged_withheld_and_unmapped(copied_week: Project) -> None:
    of_day = f"communicated_date = '{DAY}' AND direction = 'outbound' AND communication_type = 'CALL'"
    [(contact,)] = copied_week.ask(f'SELECT min("to") FROM {LOGS} WHERE {of_day}')
    [(others, rows)] = copied_week.ask(
        f"SELECT count(*), (SELECT count(*) FROM {LOGS} WHERE communicated_date = '{DAY}') FROM {LOGS} "
        f"WHERE {of_day} AND \"to\" = '{contact}'"
    )
    copied_week.ask(
        f"""
        INSERT INTO {LOGS}
        SELECT called.* REPLACE (public_id || suffix AS public_id, spelling AS "to", 'ON HOLD' AS status)
        FROM (FROM {LOGS} WHERE {of_day} AND "to" = '{contact}' LIMIT 1) AS called
        CROSS JOIN (VALUES
            ('x', ' {contact}'), ('y', '00{contact[1:]}'), ('z', 'private')) AS spelled (suffix, spelling)
        """
    )
    run = copied_week.given(CLEARGRID_REGION="SA").materialize(DAY, only=[INTERACTIONS], checked=False)
    assert run.success, run.failure
    metadata = run.metadata(INTERACTIONS, DAY)
    assert (metadata["merged_by_spelling"], metadata["withheld"]) == (2, 1)
    assert metadata["unmapped"] == [["status ON_HOLD", 3]]
    assert copied_week.ask(
        f"SELECT count(*), count(*) FILTER (contact = '{contact}' AND direction = 'outbound' AND "
        f"communication_type = 'CALL') FROM log.cleargrid.interactions WHERE communicated_date = '{DAY}'"
    ) == [(rows + 3, others + 2)]


def test_days_made_with_another_region_are_named(copied_week: Project) -> None:
    changed = copied_week.given(CLEARGRID_REGION="sa")
    changed.materialize(LAST, only=[INTERACTIONS], checked=False)
    [(version,)] = changed.ask(
        f"SELECT version FROM log.cleargrid.days WHERE table_name = 'interactions' AND communicated_date = '{LAST}'"
    )
    assert version.endswith(", region SA")
    found = evaluated(changed, MORNING)["made_with_current_version"]
    assert found.metadata["days_by_table"].value == {INTERACTIONS.name: 6}
