"""The analyses as assets: what they store, show and read. A new one is tested as soon as it is registered."""

import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.assets.presenting import report_command
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    COMMUNICATION_LOGS,
    CONTACT_FREQUENCY,
    HOURLY_REACH,
    INTERACTIONS,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
    TABLES,
)
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.partitions import BACKFILL, DAILY
from cleargrid_assets.pictures.text import INLINE_LIMIT
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import LONG_AFTER, WEEK, Project, Run, days_between

DERIVED = tuple(analysis.table for analysis in ANALYSES)
TRAILING = [analysis.table for analysis in ANALYSES if analysis.trailing_days > 1]
FIRST, LAST = WEEK
LEDGER = "log.cleargrid.days"
NUMBERS = {
    ATTEMPT_FUNNEL.name: {"attempts", "contacts", "reach_rate", "engagement_rate"},
    REACH_BY_ATTEMPT.name: {"phone_reach_rate", "email_reach_rate"},
    CHANNEL_REACH.name: {"phone_reach_rate", "phone_contacts", "phone_per_reached"},
    HOURLY_REACH.name: {"attempts", "reach_rate"},
    OPERATIONAL_HEALTH.name: {"communications", "failure_rate", "unmapped", "logging_lag_p95_s"},
}


def named(each: Table | Analysis) -> str:
    return each.name if isinstance(each, Table) else each.table.name


def test_every_derived_table_is_registered_once() -> None:
    assert sorted(map(named, DERIVED)) == sorted(
        named(table) for table in TABLES if table not in (COMMUNICATION_LOGS, INTERACTIONS)
    )


@pytest.fixture(scope="module")
def week_and_a_day(week: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    """A copy of the week, and a run of the day after it with pictures."""
    copy = week.copied_to(tmp_path_factory.mktemp("drawn"))
    run = copy.materialize(LAST + timedelta(days=1), drawn=True, checked=False)
    assert run.success, run.failure
    return copy, run


@pytest.fixture
def drawn(week_and_a_day: tuple[Project, Run]) -> Run:
    """The run of the day after the week, with pictures."""
    return week_and_a_day[1]


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


def test_day_in_a_run_of_its_own_has_the_same_rows_as_in_a_run_of_all(week: Project, copied_week: Project) -> None:
    copied_week.forget(LAST)
    run = copied_week.materialize(LAST, checked=False)
    assert run.success, run.failure
    assert run.materialized() == {(table.name, str(LAST)) for table in TABLES}
    for table in DERIVED:
        assert copied_week.rows(table) == week.rows(table)


def test_a_day_without_rows_is_a_day_like_any_other(start: Callable[..., Project]) -> None:
    quiet = start(rows_per_day=0)
    run = quiet.materialize(FIRST)
    assert run.success, run.failure
    assert run.materialized() == {(table.name, str(FIRST)) for table in TABLES}
    assert all(quiet.rows(table) == [] for table in TABLES)
    assert all(evaluation.passed for evaluation in run.result.get_asset_check_evaluations() if evaluation.blocking)


@pytest.mark.parametrize("table", DERIVED, ids=named)
def test_a_day_has_a_summary_a_picture_and_numbers_that_plot(drawn: Run, table: Table) -> None:
    entries = drawn.entries(table, LAST + timedelta(days=1))
    summary, picture = entries["summary"], entries["picture"]
    assert isinstance(summary, dg.MarkdownMetadataValue)
    assert 0 < len(str(summary.value)) <= INLINE_LIMIT
    assert isinstance(picture, dg.MarkdownMetadataValue)
    assert "data:image/png;base64," in str(picture.value)
    numbers = {name for name, value in entries.items() if isinstance(value, dg.FloatMetadataValue)}
    assert numbers >= NUMBERS.get(table.name, set())
    assert numbers
    assert all(math.isfinite(float(str(entries[name].value))) for name in numbers)


@pytest.mark.parametrize("table", DERIVED, ids=named)
def test_only_the_last_day_of_a_run_is_drawn(week: Project, table: Table) -> None:
    records = week.instance.fetch_materializations(asset_key(table), limit=100).records
    metadata = {record.partition_key: each.metadata for record in records if (each := record.asset_materialization)}
    assert [day for day, entries in metadata.items() if "picture" in entries] == [str(LAST)]
    for day in days_between(FIRST, LAST - timedelta(days=1)):
        summary = str(metadata[str(day)]["summary"].value)
        assert summary.startswith(f"**{day:%a} {day} (UTC): ")
        assert f" (an older day: the latest is {LAST:%a} {LAST})**" in summary
        command = f"`cleargrid report --day {day}`, with CLEARGRID_DUCKDB set to `{week.database}`"
        assert metadata[str(day)]["picture_command"].value == command
        assert len(summary) <= INLINE_LIMIT


@pytest.mark.parametrize("table", DERIVED, ids=named)
def test_numbers_have_four_significant_digits_at_most(drawn: Run, table: Table) -> None:
    entries = drawn.entries(table, LAST + timedelta(days=1)).items()
    numbers = {name: float(str(entry.value)) for name, entry in entries if isinstance(entry, dg.FloatMetadataValue)}
    assert {name: number for name, number in numbers.items() if not number.is_integer()} == pytest.approx(
        {name: float(f"{number:.4g}") for name, number in numbers.items() if not number.is_integer()}, rel=1e-12
    )


def test_each_day_of_a_range_has_numbers_of_its_own(week: Project) -> None:
    told = {table.name: numbers_by_day(week, table) for table in DERIVED}
    for day in days_between(*WEEK):
        [(attempts,)] = week.ask(
            f"SELECT count(*) FROM log.cleargrid.communication_logs "
            f"WHERE communicated_date = '{day}' AND direction = 'outbound'"
        )
        assert told[ATTEMPT_FUNNEL.name][day]["attempts"] == attempts
        assert told[HOURLY_REACH.name][day]["attempts"] == attempts
        for name, numbers in told.items():
            [(rows,)] = week.ask(f"SELECT count(*) FROM log.cleargrid.{name} WHERE communicated_date = '{day}'")
            assert numbers[day]["rows"] == rows


def numbers_by_day(project: Project, table: Table) -> dict[date, dict[str, object]]:
    """The metadata of the materializations of a table as plain values."""
    records = project.instance.fetch_materializations(asset_key(table), limit=100).records
    return {
        date.fromisoformat(str(record.partition_key)): {name: entry.value for name, entry in each.metadata.items()}
        for record in records
        if (each := record.asset_materialization)
    }


def test_a_day_is_shown_beside_the_stored_days_before_it(week: Project, tmp_path: Path) -> None:
    copy = week.copied_to(tmp_path)
    after = LAST + timedelta(days=1)
    copy.ask(
        f"INSERT INTO {LEDGER} SELECT * REPLACE (DATE '{after}' AS communicated_date, 0 AS row_count) FROM {LEDGER} "
        f"WHERE table_name = 'interactions' AND communicated_date = '{LAST}'"
    )
    run = copy.materialize(LAST, after, only=[HOURLY_REACH, CHANNEL_REACH], checked=False)
    assert "highest share reached in 7 days: " in run.metadata(HOURLY_REACH, LAST)["summary"]
    # The second day has no rows, so it has no hours; the oldest day is no longer shown.
    assert "highest share reached in 7 days (6 with attempts): " in run.metadata(HOURLY_REACH, after)["summary"]
    assert "Median difference of 6 days before" in run.metadata(CHANNEL_REACH, LAST)["summary"]


def test_analysis_without_the_interactions_of_its_day_is_refused(copied_week: Project) -> None:
    before = copied_week.rows(ATTEMPT_FUNNEL)
    copied_week.ask("DROP TABLE log.cleargrid.interactions")
    copied_week.ask(f"DELETE FROM {LEDGER} WHERE table_name = 'interactions'")
    run = copied_week.materialize(LAST, only=[ATTEMPT_FUNNEL], checked=False)
    assert run.failures == [
        f"interactions does not have {LAST}, so attempt_funnel cannot be computed. Materialize interactions together "
        "with attempt_funnel."
    ]
    assert copied_week.rows(ATTEMPT_FUNNEL) == before


def test_backfill_leaves_out_later_days_whose_interactions_are_not_stored(project: Project) -> None:
    """A backfill asks for the days that look back on its days, also for those that were never fetched."""
    stored, never = [FIRST, FIRST + timedelta(days=1)], FIRST + timedelta(days=7)
    assert project.materialize(*stored, only=[COMMUNICATION_LOGS, INTERACTIONS], checked=False).success
    for first, last in ((stored[0], stored[1] + timedelta(days=2)), (stored[1] + timedelta(days=3), never)):
        run = project.materialize(first, last, only=TRAILING, checked=False, tags={BACKFILL: "one"})
        assert run.success, run.failure
        for table in TRAILING:
            left_out = run.metadata(table, last)
            assert str(left_out["summary"]).startswith("**Not computed.** The interactions of this day are not stored.")
            assert "rows" not in left_out
    for table in TRAILING:
        found = project.ask(f"SELECT communicated_date FROM {LEDGER} WHERE table_name = '{table.name}' ORDER BY ALL")
        assert [day for (day,) in found] == stored
    assert project.check("stored_days_are_intact").passed


@pytest.mark.parametrize("table", [REACH_BY_ATTEMPT, ATTEMPT_FUNNEL], ids=named)
def test_backfill_refuses_a_day_that_looks_back_on_no_stored_day(project: Project, table: Table) -> None:
    project.materialize(FIRST, only=[COMMUNICATION_LOGS, INTERACTIONS], checked=False)
    day = FIRST + timedelta(days=7 if table is REACH_BY_ATTEMPT else 1)
    run = project.materialize(day, only=[table], checked=False, tags={BACKFILL: "one"})
    [said] = run.failures
    assert said.startswith(f"interactions does not have {day}, so {table.name} cannot be computed.")


@pytest.mark.parametrize("is_newer", [True, False])
def test_figures_of_interactions_older_than_the_log_come_with_a_warning(
    copied_week: Project, *, is_newer: bool
) -> None:
    if is_newer:
        copied_week.ask(
            f"UPDATE {LEDGER} SET stored_at = now() "
            f"WHERE table_name = 'communication_logs' AND communicated_date = '{LAST}'"
        )
    run = copied_week.materialize(FIRST, LAST, only=[HOURLY_REACH], checked=False)
    logged = [entry.user_message for entry in copied_week.instance.all_logs(run.result.run_id)]
    warned = f"The interactions of {LAST} are older than the log, and so are the figures of hourly_reach."
    assert any(message.startswith(warned) for message in logged) == is_newer
    assert run.success, run.failure


def test_statuses_that_are_not_mapped_are_named_with_their_counts(project: Project, tmp_path: Path) -> None:
    project.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    project.ask("UPDATE log.cleargrid.communication_logs SET status = 'on hold' WHERE status = 'NO_ANSWER'")
    [(count,)] = project.ask("SELECT count(*) FROM log.cleargrid.communication_logs WHERE status = 'on hold'")
    run = project.materialize(FIRST, only=[INTERACTIONS, ATTEMPT_FUNNEL, OPERATIONAL_HEALTH], checked=False)
    assert run.metadata(ATTEMPT_FUNNEL, FIRST)["unmapped"] == [["status ON_HOLD", count]]
    assert run.metadata(OPERATIONAL_HEALTH, FIRST)["unmapped"] == count > 0


@pytest.mark.parametrize("table", [INTERACTIONS, *DERIVED], ids=named)
def test_lineage_covers_all_columns_and_names_only_existing_ones(table: Table) -> None:
    asset = build_defs().resolve_assets_def(asset_key(table))
    lineage = asset.metadata_by_key[asset_key(table)]["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage)
    assert set(lineage.deps_by_column) == set(table.column_names)
    sources = [source for deps in lineage.deps_by_column.values() for source in deps]
    upstream = COMMUNICATION_LOGS if table is INTERACTIONS else INTERACTIONS
    assert {source.asset_key for source in sources} == {asset_key(upstream)}
    assert {source.column_name for source in sources} <= set(upstream.column_names)


@pytest.mark.parametrize("analysis", ANALYSES, ids=named)
@pytest.mark.parametrize("day", [FIRST, FIRST + timedelta(days=3), LAST + timedelta(days=5)])
def test_a_day_reads_the_days_of_its_trailing_window_in_the_history(analysis: Analysis, day: date) -> None:
    asset = build_defs().resolve_assets_def(asset_key(analysis.table))
    mapping = asset.get_partition_mapping(asset_key(INTERACTIONS))
    assert mapping
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
        DAILY.subset_with_partition_keys([str(day)]), DAILY, DAILY, current_time=LONG_AFTER
    )
    first = max(FIRST, day - timedelta(days=analysis.trailing_days - 1))
    assert set(upstream.partitions_subset.get_partition_keys()) == {str(read) for read in days_between(first, day)}
    assert upstream.required_but_nonexistent_subset.is_empty


@pytest.mark.parametrize(
    ("table", "trailing_days"), [(REACH_BY_ATTEMPT, 7), (CONTACT_FREQUENCY, 7), (OPERATIONAL_HEALTH, 1)]
)
def test_trailing_windows_have_the_documented_length(table: Table, trailing_days: int) -> None:
    assert [analysis.trailing_days for analysis in ANALYSES if analysis.table is table] == [trailing_days]


def test_trailing_figures_look_back_over_exactly_seven_days(week_and_a_day: tuple[Project, Run]) -> None:
    copy, _ = week_and_a_day
    day = LAST + timedelta(days=1)
    [(contacts,)] = copy.ask(
        'SELECT count(DISTINCT lower(trim("to"))) FROM log.cleargrid.communication_logs '
        "WHERE direction = 'outbound' AND communication_type = 'EMAIL' AND communicated_date > '2026-01-01'"
    )
    attempted = copy.ask(
        "SELECT contacts_attempted FROM log.cleargrid.reach_by_attempt "
        f"WHERE communicated_date = '{day}' AND channel = 'email' AND attempt_number = 1"
    )
    assert attempted == [(contacts,)]


def test_report_command_names_a_database_that_is_not_the_default() -> None:
    assert report_command(LAST, "data/warehouse.duckdb") == f"`cleargrid report --day {LAST}`"
    command = report_command(LAST, "data/demo.duckdb")
    assert command == f"`cleargrid report --day {LAST}`, with CLEARGRID_DUCKDB set to `data/demo.duckdb`"
