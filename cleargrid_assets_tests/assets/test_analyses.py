"""The five analyses as assets: what they store, what they show, and what they read."""

import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    COMMUNICATION_LOGS,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
    TABLES,
    Table,
)
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.partitions import DAILY
from cleargrid_assets.pictures.text import INLINE_LIMIT
from cleargrid_assets_tests.assets.project import LONG_AFTER, WEEK, Project, Run, days_between

ANALYSES = tuple(table for table in TABLES if table is not COMMUNICATION_LOGS)
FIRST, LAST = WEEK
NUMBERS = {
    ATTEMPT_FUNNEL.name: {"attempts", "contacts", "reach_rate", "engagement_rate"},
    REACH_BY_ATTEMPT.name: {"phone_reach_rate", "email_reach_rate"},
    CHANNEL_REACH.name: {"phone_reach_rate", "phone_contacts", "phone_attempts_per_reached_contact"},
    HOURLY_REACH.name: {"attempts", "reach_rate"},
    OPERATIONAL_HEALTH.name: {
        "communications",
        "failure_rate",
        "unmapped",
        "logging_lag_p95_s",
        "anomalous_types",
    },
}


def named(table: Table) -> str:
    return table.name


@pytest.fixture(scope="module")
def drawn(week: Project, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The day after the week, in a copy of it, with pictures."""
    run = week.copied_to(tmp_path_factory.mktemp("drawn")).materialize(
        LAST + timedelta(days=1), drawn=True, checked=False
    )
    assert run.success, run.failure
    return run


@pytest.mark.parametrize("table", TABLES, ids=named)
def test_a_range_in_one_run_stores_every_day_by_the_contract(week: Project, table: Table) -> None:
    found = week.ask(f"DESCRIBE log.cleargrid.{table.name}")
    described = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    assert [(name, kind) for name, kind, *_ in found] == [
        (column.name, described.get(column.type, column.type)) for column in table.columns
    ]
    rows = [dict(zip(table.column_names, row, strict=True)) for row in week.rows(table)]
    assert {row["communicated_date"] for row in rows} == set(days_between(*WEEK))
    assert len({tuple(row[name] for name in table.key) for row in rows}) == len(rows)
    required = [column.name for column in table.columns if not column.nullable]
    assert [name for name in required if any(row[name] is None for row in rows)] == []


def test_days_one_by_one_give_the_same_tables_as_all_in_one_run(week: Project, project: Project) -> None:
    until = FIRST + timedelta(days=1)
    for day in days_between(FIRST, until):
        run = project.materialize(day, checked=False)
        assert run.success, run.failure
    for table in ANALYSES:
        at = table.column_names.index("communicated_date")
        assert project.rows(table) == [row for row in week.rows(table) if row[at] <= until]


def test_a_day_without_rows_is_a_day_like_any_other(start: Callable[..., Project]) -> None:
    quiet = start(rows_per_day=0)
    run = quiet.materialize(FIRST)
    assert run.success, run.failure
    assert run.materialized() == {(table.name, str(FIRST)) for table in TABLES}
    assert all(quiet.rows(table) == [] for table in TABLES)
    assert all(evaluation.passed for evaluation in run.result.get_asset_check_evaluations() if evaluation.blocking)


@pytest.mark.parametrize("table", ANALYSES, ids=named)
def test_a_day_has_a_summary_a_picture_and_numbers_that_plot(drawn: Run, table: Table) -> None:
    entries = drawn.entries(table, LAST + timedelta(days=1))
    summary, picture = entries["summary"], entries["picture"]
    assert isinstance(summary, dg.MarkdownMetadataValue)
    assert 0 < len(str(summary.value)) <= INLINE_LIMIT
    assert isinstance(picture, dg.MarkdownMetadataValue)
    assert "data:image/png;base64," in str(picture.value)
    numbers = {name for name, value in entries.items() if isinstance(value, dg.FloatMetadataValue)}
    assert numbers >= NUMBERS[table.name]
    assert all(math.isfinite(float(str(entries[name].value))) for name in numbers)


def test_each_day_of_a_range_has_numbers_of_its_own(project: Project) -> None:
    run = project.materialize(FIRST, FIRST + timedelta(days=1), checked=False)
    for day in days_between(FIRST, FIRST + timedelta(days=1)):
        [(attempts,)] = project.ask(
            f"SELECT count(*) FROM log.cleargrid.communication_logs "
            f"WHERE communicated_date = '{day}' AND direction = 'outbound'"
        )
        assert run.metadata(ATTEMPT_FUNNEL, day)["attempts"] == attempts
        assert run.metadata(HOURLY_REACH, day)["attempts"] == attempts
        for table in ANALYSES:
            [(rows,)] = project.ask(
                f"SELECT count(*) FROM log.cleargrid.{table.name} WHERE communicated_date = '{day}'"
            )
            assert run.metadata(table, day)["dagster/partition_row_count"] == rows


def test_a_picture_of_a_later_day_shows_the_days_before_it_that_are_stored(
    week: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[pd.DataFrame, date]] = []

    def summary(rows: pd.DataFrame, day: date) -> str:
        shown.append((rows, day))
        return "shown"

    monkeypatch.setattr("cleargrid_assets.pictures.hours.summary", summary)
    copy = week.copied_to(tmp_path)
    copy.materialize(LAST, LAST + timedelta(days=1), only=[HOURLY_REACH], checked=False)
    [(first_week, first_day), (second_week, second_day)] = shown
    assert (first_day, second_day) == (LAST, LAST + timedelta(days=1))
    assert {at.date() for at in first_week["communicated_date"]} == set(days_between(*WEEK))
    # The log of the second day is not stored, so it has no hours; the oldest day has left the picture.
    assert {at.date() for at in second_week["communicated_date"]} == set(days_between(FIRST + timedelta(days=1), LAST))


def test_statuses_that_are_not_mapped_are_named_with_their_counts(project: Project, tmp_path: Path) -> None:
    project.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    project.ask("UPDATE log.cleargrid.communication_logs SET status = 'on hold' WHERE status = 'NO_ANSWER'")
    [(count,)] = project.ask("SELECT count(*) FROM log.cleargrid.communication_logs WHERE status = 'on hold'")
    run = project.materialize(FIRST, only=[ATTEMPT_FUNNEL, OPERATIONAL_HEALTH], checked=False)
    assert run.metadata(ATTEMPT_FUNNEL, FIRST)["unmapped"] == {"status ON_HOLD": count}
    assert run.metadata(OPERATIONAL_HEALTH, FIRST)["unmapped"] == count > 0


@pytest.mark.parametrize("table", ANALYSES, ids=named)
def test_column_lineage_covers_every_column_and_names_only_columns_that_exist(week: Project, table: Table) -> None:
    event = week.instance.get_latest_materialization_event(asset_key(table))
    assert event
    assert event.asset_materialization
    lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    assert set(lineage.deps_by_column) == set(table.column_names)
    sources = [source for deps in lineage.deps_by_column.values() for source in deps]
    assert {source.asset_key for source in sources} == {asset_key(COMMUNICATION_LOGS)}
    assert {source.column_name for source in sources} <= set(COMMUNICATION_LOGS.column_names)


@pytest.mark.parametrize(
    ("table", "trailing"),
    [(table, {"reach_by_attempt": 7, "operational_health": 8}.get(table.name, 1)) for table in ANALYSES],
)
@pytest.mark.parametrize("day", [FIRST, FIRST + timedelta(days=3), LAST + timedelta(days=5)])
def test_a_day_reads_the_days_of_its_trailing_window_that_the_history_has(
    table: Table, trailing: int, day: date
) -> None:
    asset = build_defs().resolve_assets_def(asset_key(table))
    mapping = asset.get_partition_mapping(asset_key(COMMUNICATION_LOGS))
    assert mapping
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
        DAILY.subset_with_partition_keys([str(day)]), DAILY, DAILY, current_time=LONG_AFTER
    )
    first = max(FIRST, day - timedelta(days=trailing - 1))
    assert set(upstream.partitions_subset.get_partition_keys()) == {str(read) for read in days_between(first, day)}
    assert upstream.required_but_nonexistent_subset.is_empty


def test_trailing_figures_look_back_over_exactly_seven_days(week: Project, tmp_path: Path) -> None:
    copy = week.copied_to(tmp_path)
    day = LAST + timedelta(days=1)
    run = copy.materialize(day, checked=False)
    assert run.success, run.failure
    [(contacts,)] = copy.ask(
        'SELECT count(DISTINCT lower(trim("to"))) FROM log.cleargrid.communication_logs '
        "WHERE direction = 'outbound' AND communication_type = 'EMAIL' AND communicated_date > '2026-01-01'"
    )
    attempted = copy.ask(
        "SELECT contacts_attempted FROM log.cleargrid.reach_by_attempt "
        f"WHERE communicated_date = '{day}' AND channel = 'email' AND attempt_number = 1"
    )
    assert attempted == [(contacts,)]
    [(median,)] = copy.ask(
        "SELECT median(n) FROM (SELECT count(*) AS n FROM log.cleargrid.communication_logs "
        f"WHERE communication_type = 'EMAIL' AND communicated_date < '{day}' GROUP BY communicated_date)"
    )
    baseline = copy.ask(
        "SELECT baseline_communications FROM log.cleargrid.operational_health "
        f"WHERE communicated_date = '{day}' AND communication_type = 'EMAIL'"
    )
    assert baseline == [(median,)]
