"""A dataset that the product does not know gets a table, checks, backfills and schedules without any product change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import dagster as dg
import pytest
from dateutil.parser import isoparse

from cleargrid_assets.automation import daily_job, daily_schedule, resync_job, resync_recent_days_schedule
from cleargrid_assets.checks.export import export_checks
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.sandbox import ServedDataset
from cleargrid_assets.schema import COLUMN_TYPES, EXTRACTED_AT
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import Project, Run, days_between
from cleargrid_assets_tests.sibling import COMMUNICATION_OUTCOMES, D23, build_defs_with_sibling, outcome

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 4)
INSTANTS = ("communicated_at", "created_at", "updated_at")
HISTORY_CHECKS = {"is_fresh", "no_closed_day_is_missing", "source_is_alive"}
"""These compare the stored days with today, so here they fail, rightly."""

Row = dict[str, Any]


def rows_of(day: date) -> list[Row]:
    """Thirty rows of a day: the first at its midnight, several at one instant, each boolean in each of its values."""
    midnight = datetime.combine(day, time(), timezone.utc)
    return [
        outcome(
            f"{day:%Y%m%d}{number:04x}",
            midnight + timedelta(minutes=45 * (number - number % 3)),
            is_active=number % 2 == 0,
            is_ptp_broken=(True, False, None)[number % 3],
            outcome_option=None if number == 7 else "PROMISE_TO_PAY",
        )
        for number in range(30)
    ]


@pytest.fixture
def served() -> list[Row]:
    """The rows that the sandbox serves. A test may change them."""
    return [row for day in days_between(FIRST, LAST) for row in rows_of(day)]


@pytest.fixture
def project(start: Callable[..., Project], served: list[Row]) -> Project:
    """The project with the sibling dataset, and an API that serves it."""
    dataset = ServedDataset(D23.section, D23.code, D23.cursor_field, served)
    return replace(start(datasets=(dataset,)), build=build_defs_with_sibling)


def materialize(project: Project, first: date, last: date | None = None) -> Run:
    run = project.materialize(first, last, only=[COMMUNICATION_OUTCOMES])
    assert run.success, run.failure
    return run


def stored(project: Project) -> list[Row]:
    """All stored rows, without the instant at which they were fetched."""
    names = COMMUNICATION_OUTCOMES.column_names
    rows = [dict(zip(names, values, strict=True)) for values in project.rows(COMMUNICATION_OUTCOMES)]
    return [{name: value for name, value in row.items() if name != EXTRACTED_AT} for row in rows]


def as_stored(served: list[Row], *days: date) -> list[Row]:
    """What the table must hold of the days."""
    typed = [{**row, **{name: isoparse(row[name]) for name in INSTANTS}} for row in served]
    dated = [{**row, "communicated_date": row["communicated_at"].date()} for row in typed]
    return sorted((row for row in dated if row["communicated_date"] in days), key=lambda row: str(row["public_id"]))


def tick(project: Project, schedule_name: str, at: datetime) -> dg.RunRequest:
    """What a schedule of the merged definitions requests at an instant."""
    with project.entered() as defs:
        schedule = defs.resolve_schedule_def(schedule_name)
        context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=defs.get_repository_def())
        [request] = schedule.evaluate_tick(context).run_requests or []
    return request


def covered(project: Project, job: str) -> set[str]:
    """The tables that a job of the merged definitions materializes."""
    with project.entered() as defs:
        return {key.path[-1] for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}


def expected_checks() -> set[str]:
    return {key.name for checks in export_checks(D23, COMMUNICATION_OUTCOMES) for key in checks.check_keys}


def evaluated_checks(run: Run) -> dict[str, bool]:
    """Whether each check of the sibling's table passed."""
    return {
        evaluation.check_name: evaluation.passed
        for evaluation in run.result.get_asset_check_evaluations()
        if evaluation.asset_key == asset_key(COMMUNICATION_OUTCOMES)
    }


def test_materialized_day_equals_the_source_in_every_column(project: Project, served: list[Row]) -> None:
    run = materialize(project, FIRST)
    assert stored(project) == as_stored(served, FIRST)
    assert len(stored(project)) == 30
    metadata = run.metadata(COMMUNICATION_OUTCOMES, FIRST)
    assert (metadata["rows"], metadata["new_rows"]) == (30, 30)
    assert project.spools == []


def test_columns_have_the_types_of_the_contract(project: Project) -> None:
    materialize(project, FIRST)
    columns = project.ask("SELECT column_name, column_type FROM (DESCRIBE log.cleargrid.communication_outcomes)")
    assert columns == [
        (column.name, COLUMN_TYPES[column.type].described_as) for column in COMMUNICATION_OUTCOMES.columns
    ]


def test_rematerialized_day_is_replaced(project: Project, served: list[Row]) -> None:
    materialize(project, FIRST, LAST)
    served[1]["is_active"] = not served[1]["is_active"]
    del served[0]
    served.append(outcome("late", datetime(2026, 1, 1, 23, 59, 59, 999_000, timezone.utc), is_ptp_broken=None))
    run = materialize(project, FIRST)
    assert stored(project) == as_stored(served, *days_between(FIRST, LAST))
    metadata = run.metadata(COMMUNICATION_OUTCOMES, FIRST)
    changes = [metadata[name] for name in ("rows", "new_rows", "changed_rows", "removed_rows")]
    assert changes == [30, 1, 1, 1]


def test_range_of_days_is_stored_in_one_run(project: Project, served: list[Row]) -> None:
    run = materialize(project, FIRST, LAST - timedelta(days=1))
    days = days_between(FIRST, LAST - timedelta(days=1))
    assert run.materialized() == {(COMMUNICATION_OUTCOMES.name, str(day)) for day in days}
    assert stored(project) == as_stored(served, *days)


def test_bad_row_goes_to_the_quarantine_of_the_dataset(project: Project, served: list[Row]) -> None:
    served[3]["is_active"] = "yes"
    run = materialize(project.given(CLEARGRID_QUARANTINE="on"), FIRST)
    assert len(stored(project)) == 29
    assert project.ask("SELECT public_id, field FROM log.cleargrid.quarantined_communication_outcomes") == [
        (served[3]["public_id"], "is_active")
    ]
    assert not run.check("no_row_is_quarantined", COMMUNICATION_OUTCOMES).passed
    assert run.check("source_agrees", COMMUNICATION_OUTCOMES).passed


def test_key_does_not_matter_without_personal_columns(project: Project) -> None:
    materialize(project, FIRST)
    materialize(project.given(CLEARGRID_PSEUDONYM_KEY="k" * 32), LAST)
    assert len(stored(project)) == 60


def test_daily_schedule_covers_the_dataset_and_its_checks(project: Project, served: list[Row]) -> None:
    request = tick(project, daily_schedule.name, datetime(2026, 1, 5, 1, tzinfo=timezone.utc))
    assert (request.tags[PARTITION], request.asset_selection) == (str(LAST), None)
    assert COMMUNICATION_OUTCOMES.name in covered(project, daily_job.name)
    run = materialize(project, LAST)
    assert stored(project) == as_stored(served, LAST)
    checks = evaluated_checks(run)
    assert checks.keys() == expected_checks()
    assert {"source_agrees", "no_new_fields"} | HISTORY_CHECKS <= checks.keys()
    assert {name for name, passed in checks.items() if not passed} <= HISTORY_CHECKS


def test_resync_schedule_covers_the_dataset(project: Project) -> None:
    request = tick(project, resync_recent_days_schedule.name, datetime(2026, 1, 5, 4, tzinfo=timezone.utc))
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(LAST - timedelta(days=2)), str(LAST))
    assert request.asset_selection is None
    assert COMMUNICATION_OUTCOMES.name in covered(project, resync_job.name)


def test_source_agrees_fails_when_a_stored_row_is_lost(project: Project) -> None:
    materialize(project, FIRST)
    assert project.check("source_agrees", COMMUNICATION_OUTCOMES, FIRST).passed
    project.ask("DELETE FROM log.cleargrid.communication_outcomes WHERE public_id LIKE '%0003'")
    assert not project.check("source_agrees", COMMUNICATION_OUTCOMES, FIRST).passed


def test_new_field_of_the_source_is_reported(project: Project, served: list[Row]) -> None:
    served[4]["invented"] = "x"
    run = materialize(project, FIRST)
    assert not run.check("no_new_fields", COMMUNICATION_OUTCOMES).passed


def test_lineage_begins_at_the_dataset_of_the_api(project: Project) -> None:
    with project.entered() as defs:
        graph = defs.resolve_asset_graph()
    source = dg.AssetKey(["cleargrid_exports_api", "D23_export"])
    assert graph.get(asset_key(COMMUNICATION_OUTCOMES)).parent_keys == {source}
    assert graph.get(source).is_external
