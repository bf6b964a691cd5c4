"""What a materialization leaves in the table, and what it says of that."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg
import duckdb
import pandas as pd
import pytest

from cleargrid_assets.contracts import CHANNEL_REACH, COMMUNICATION_LOGS, HOURLY_REACH, OPERATIONAL_HEALTH, TABLES
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.slices import StoredSlice
from cleargrid_assets_tests.rows import Row
from cleargrid_assets_tests.warehouse.materializing import (
    DAY_1,
    DAY_2,
    DAY_3,
    EXTRACTED,
    Counts,
    Warehouse,
    frame,
    log,
    reach,
    stored,
)


def ids(warehouse: Warehouse, *days: date) -> list[str]:
    return list(warehouse.frame(*days)["public_id"])


def test_a_day_is_stored_with_every_value_as_it_came(warehouse: Warehouse) -> None:
    row = log("a", subject='Grüße 🙂 "quoted"\nline', communicated_at="2024-05-01T14:00:00.123456+04:00")
    warehouse.store_day(DAY_1, row)
    assert warehouse.frame(DAY_1).iloc[0].to_dict() == {
        **row,
        "communicated_at": pd.Timestamp("2024-05-01T10:00:00.123456Z"),
        "created_at": pd.Timestamp(row["created_at"]),
        "updated_at": pd.Timestamp(row["updated_at"]),
        "communicated_date": pd.Timestamp(DAY_1),
        "extracted_at": pd.Timestamp(EXTRACTED),
    }


def test_day_1_then_day_2_then_day_1_again_leaves_both_days_whole(warehouse: Warehouse) -> None:
    assert warehouse.store_day(DAY_1, log("a"), log("b")) == Counts(rows=2, new=2, changed=0, removed=0)
    assert warehouse.store_day(DAY_2, log("c", DAY_2)) == Counts(rows=1, new=1, changed=0, removed=0)
    again = warehouse.store_day(DAY_1, log("a"), log("b", status="BUSY"), log("d"))
    assert again == Counts(rows=3, new=1, changed=1, removed=0)
    assert ids(warehouse, DAY_1) == ["a", "b", "d"]
    assert ids(warehouse, DAY_2) == ["c"]


def test_storing_the_same_rows_again_changes_nothing_but_the_extraction(warehouse: Warehouse) -> None:
    rows = [log("a"), log("b", subject="x", duration=None)]
    warehouse.store_day(DAY_1, *rows)
    before = warehouse.everything()
    later = EXTRACTED + timedelta(hours=1)
    assert warehouse.store(warehouse.spooled({DAY_1: reversed(rows)}, extracted_at=later), DAY_1) == {
        DAY_1: Counts(rows=2, new=0, changed=0, removed=0)
    }
    assert warehouse.everything() == before
    assert set(warehouse.frame(DAY_1)["extracted_at"]) == {pd.Timestamp(later)}


def test_a_row_that_the_source_no_longer_has_is_removed(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    assert warehouse.store_day(DAY_1, log("b")) == Counts(rows=1, new=0, changed=0, removed=1)
    assert ids(warehouse, DAY_1) == ["b"]


def test_a_day_that_becomes_empty_is_emptied(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    assert warehouse.store_day(DAY_1) == Counts(rows=0, new=0, changed=0, removed=2)
    assert warehouse.everything() == []


def test_an_edit_of_any_field_is_reported_as_a_change(warehouse: Warehouse) -> None:
    edits: list[Row] = [
        {"status": "BUSY"},
        {"subject": "now there is one"},
        {"duration": None},
        {"updated_at": "2024-05-01T10:01:41.119Z"},
        {"from": log("")["to"], "to": log("")["from"]},
    ]
    warehouse.store_day(DAY_1, log("same"), *(log(str(number)) for number in range(5)))
    edited = [{**log(str(number)), **edit} for number, edit in enumerate(edits)]
    assert warehouse.store_day(DAY_1, log("same"), *edited) == Counts(rows=6, new=0, changed=5, removed=0)


def test_each_partition_of_a_range_reports_its_own_rows_and_changes(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    warehouse.store_day(DAY_3, log("z", DAY_3))
    slice_ = warehouse.spooled(
        {
            DAY_1: [log("a", status="BUSY"), log("c"), log("d")],
            DAY_2: [],
            DAY_3: [log("z", DAY_3)],
        }
    )
    metadata = warehouse.store_for_metadata(slice_, DAY_1, DAY_3)
    names = ("rows", "new_rows", "changed_rows", "removed_rows")
    assert {day: tuple(of_day[name] for name in names) for day, of_day in metadata.items()} == {
        DAY_1: (3, 2, 1, 1),
        DAY_2: (0, 0, 0, 0),
        DAY_3: (1, 0, 0, 0),
    }
    assert not any("dagster/row_count" in of_day for of_day in metadata.values())


def test_a_frame_of_a_range_reports_rows_of_each_partition_and_no_changes(warehouse: Warehouse) -> None:
    rows = frame([reach(DAY_1, 9), reach(DAY_1, 10), reach(DAY_2, 9)])
    assert warehouse.store(rows, DAY_1, DAY_2, table=HOURLY_REACH) == {DAY_1: Counts(rows=2), DAY_2: Counts(rows=1)}


def test_metadata_of_a_retried_write_is_that_of_the_last_attempt(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    tries = [warehouse.spooled({DAY_2: [log("b", DAY_2)]}), warehouse.spooled({DAY_1: [log("a"), log("c")]})]
    retried = stored(COMMUNICATION_LOGS, lambda: tries.pop(0), retry_policy=dg.RetryPolicy(max_retries=1))
    # The first try has rows of another day, which is refused.
    [event] = warehouse.materialize([retried], [DAY_1]).get_asset_materialization_events()
    assert event.materialization.metadata["new_rows"].value == 1
    assert ids(warehouse, DAY_1) == ["a", "c"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_empty_first_day_leaves_an_empty_table_with_contract_types(warehouse: Warehouse, table: Table) -> None:
    assert warehouse.store(frame([], table), DAY_1, table=table) == {DAY_1: Counts(0)}
    with connect(warehouse.database, read_only=True) as connection:
        described = connection.execute(f"DESCRIBE {table.name}").fetchall()
    long = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    assert [(name, type_, null) for name, type_, null, *_ in described] == [
        (column.name, long.get(column.type, column.type), "YES" if column.nullable else "NO")
        for column in table.columns
    ]


def test_inputs_from_an_empty_first_day_are_empty_and_typed(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1)
    for rows in (warehouse.load(pd.DataFrame, DAY_1), warehouse.load(StoredSlice, DAY_1).frame()):
        assert list(rows.columns) == COMMUNICATION_LOGS.column_names
        assert len(rows) == 0
        assert rows["duration"].dtype == "float64"
        assert str(rows["communicated_at"].dtype).endswith("UTC]")


def test_an_empty_frame_needs_no_types(warehouse: Warehouse) -> None:
    empty = frame([reach()]).astype({"attempts": "float64"})[:0]
    assert warehouse.store(empty, DAY_1, table=HOURLY_REACH) == {DAY_1: Counts(0)}


def test_column_null_on_the_first_day_takes_values_on_the_second(warehouse: Warehouse) -> None:
    health = {
        **dict.fromkeys(OPERATIONAL_HEALTH.column_names),
        "communicated_date": DAY_1,
        "communication_type": "CALL",
        **dict.fromkeys(("communications", "failed", "unmapped", "withheld", "answered_without_duration"), 0),
    }
    late = {
        **health,
        "communicated_date": DAY_2,
        "failure_rate": 0.5,
        "first_at": pd.Timestamp("2024-05-02T08:00Z"),
    }
    warehouse.store(frame([health], OPERATIONAL_HEALTH), DAY_1, table=OPERATIONAL_HEALTH)
    warehouse.store(frame([late], OPERATIONAL_HEALTH), DAY_2, table=OPERATIONAL_HEALTH)
    warehouse.store_day(DAY_1, log("a", subject=None, duration=None))
    warehouse.store_day(DAY_2, log("b", DAY_2, subject="s", duration=1.5))
    stored_health = warehouse.frame(DAY_1, DAY_2, table=OPERATIONAL_HEALTH)
    assert list(stored_health["failure_rate"].isna()) == [True, False]
    assert stored_health["first_at"][1] == late["first_at"]
    assert list(warehouse.frame(DAY_1, DAY_2)["duration"].fillna(0)) == [0, 1.5]


def test_nan_in_a_frame_is_null_in_the_table(warehouse: Warehouse) -> None:
    warehouse.store(frame([reach(hour=9, reach_rate=float("nan")), reach(hour=10)]), DAY_1, table=HOURLY_REACH)
    assert [rate for *_, rate in warehouse.everything(HOURLY_REACH)] == [None, 0.25]


def test_the_one_value_of_an_otherwise_empty_object_column_is_kept(warehouse: Warehouse) -> None:
    """DuckDB guesses the type of such columns from a sample of the rows."""
    rates = pd.Series([None] * 20_001, dtype=object)
    rates[7_777] = 0.5
    rows = pd.DataFrame(reach() | {"hour": range(20_001)}).assign(reach_rate=rates)
    warehouse.store(rows, DAY_1, table=HOURLY_REACH)
    assert warehouse.frame(DAY_1, table=HOURLY_REACH)["reach_rate"].count() == 1


def test_the_columns_of_a_frame_are_taken_by_name(warehouse: Warehouse) -> None:
    rows = frame([reach(attempts=9, reached_attempts=2)])[reversed(HOURLY_REACH.column_names)]
    warehouse.store(rows, DAY_1, table=HOURLY_REACH)
    assert warehouse.everything(HOURLY_REACH) == [(DAY_1, "phone", 10, 9, 2, 0.25)]


def test_what_a_frame_holds_is_what_comes_back(warehouse: Warehouse) -> None:
    rows = frame([reach(hour=9, reach_rate=None), reach(hour=10)])
    warehouse.store(rows, DAY_1, table=HOURLY_REACH)
    once = warehouse.load(pd.DataFrame, DAY_1, table=HOURLY_REACH)
    assert warehouse.store(once, DAY_1, table=HOURLY_REACH) == {DAY_1: Counts(2)}
    pd.testing.assert_frame_equal(warehouse.load(pd.DataFrame, DAY_1, table=HOURLY_REACH), once)


def test_of_a_communication_that_came_twice_the_newest_is_kept(warehouse: Warehouse) -> None:
    old, new = (log("a", updated_at=f"2024-05-01T1{hour}:00:00Z", status=f"S{hour}") for hour in (1, 2))
    assert warehouse.store_day(DAY_1, new, log("b"), old, log("b")) == Counts(rows=2, new=2, changed=0, removed=0)
    assert list(warehouse.frame(DAY_1)["status"]) == ["S2", "ANSWERED"]


def test_of_two_equally_new_versions_the_one_fetched_last_is_kept(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a", status="FIRST"), log("a", status="LAST"))
    assert list(warehouse.frame(DAY_1)["status"]) == ["LAST"]


def test_a_communication_spooled_for_two_days_of_a_range_is_stored_in_one(warehouse: Warehouse) -> None:
    moved = log("a", DAY_2, updated_at="2024-05-03T00:00:00Z")
    counts = warehouse.store(warehouse.spooled({DAY_1: [log("a")], DAY_2: [moved]}), DAY_1, DAY_2)
    assert counts == {DAY_1: Counts(0, 0, 0, 0), DAY_2: Counts(1, 1, 0, 0)}


def test_a_row_that_moved_to_another_day_is_not_left_behind(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    warehouse.store_day(DAY_3, log("c", DAY_3))
    assert warehouse.store_day(DAY_2, log("a", DAY_2)) == Counts(rows=1, new=0, changed=1, removed=0)
    assert [ids(warehouse, day) for day in (DAY_1, DAY_2, DAY_3)] == [["b"], ["a"], ["c"]]


def test_a_row_that_moved_without_an_update_is_not_left_behind_either(warehouse: Warehouse) -> None:
    """As when the business zone was changed, and with it the day of every row."""
    row = log("a", communicated_at=f"{DAY_2}T00:30:00Z", updated_at="2024-05-02T00:31:00Z")
    warehouse.store_day(DAY_1, row, log("b"))
    assert warehouse.store_day(DAY_2, row) == Counts(rows=1, new=0, changed=1, removed=0)
    assert [ids(warehouse, day) for day in (DAY_1, DAY_2)] == [["b"], ["a"]]


def test_row_that_moved_after_its_day_was_fetched_stays_moved(warehouse: Warehouse) -> None:
    """As when a run goes on from what an earlier one had fetched."""
    warehouse.store_day(DAY_2, log("a", DAY_2, updated_at="2024-05-04T00:00:00Z"))
    outdated = [log("a", updated_at="2024-05-03T00:00:00Z"), log("b")]
    assert warehouse.store_day(DAY_1, *outdated) == Counts(rows=1, new=1, changed=0, removed=0)
    assert [ids(warehouse, day) for day in (DAY_1, DAY_2)] == [["b"], ["a"]]


def test_superseded_run_leaves_the_rows_of_the_later_fetch(
    warehouse: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    slow = warehouse.spooled({DAY_1: [log("a"), log("deleted since")], DAY_2: [log("c", DAY_2)]})
    fast = Warehouse(warehouse.database, warehouse.folder / "fast", warehouse.instance)
    edited = log("a", status="NO_ANSWER", updated_at="2024-05-02T08:00:00Z")
    fast.store(fast.spooled({DAY_1: [edited, log("late")]}, extracted_at=EXTRACTED + timedelta(minutes=1)), DAY_1)
    assert warehouse.store(slow, DAY_1, DAY_2) == {DAY_1: Counts(2, 0, 0, 0), DAY_2: Counts(1, 1, 0, 0)}
    assert ids(warehouse, DAY_1, DAY_2) == ["a", "c", "late"]
    assert warehouse.frame(DAY_1)["status"].tolist() == ["NO_ANSWER", "ANSWERED"]
    assert capfd.readouterr().err.count("Another run began to fetch 2024-05-01 later than this run") == 1


def test_rows_stored_while_the_clock_was_ahead_are_replaced_all_the_same(warehouse: Warehouse) -> None:
    ahead = datetime.now(timezone.utc) + timedelta(days=400)
    warehouse.store(warehouse.spooled({DAY_1: [log("a")]}, extracted_at=ahead), DAY_1)
    assert warehouse.store_day(DAY_1, log("b")) == Counts(1, 1, 0, 1)


def test_row_moved_within_a_range_counts_as_changed_in_its_new_day(
    warehouse: Warehouse,
) -> None:
    warehouse.store(warehouse.spooled({DAY_1: [log("a"), log("b")], DAY_2: []}), DAY_1, DAY_2)
    moved = warehouse.spooled({DAY_1: [log("b")], DAY_2: [log("a", DAY_2)]})
    assert warehouse.store(moved, DAY_1, DAY_2) == {DAY_1: Counts(1, 0, 0, 0), DAY_2: Counts(1, 0, 1, 0)}
    assert len(warehouse.everything()) == 2


def test_the_same_channel_and_hour_of_another_day_is_another_row(warehouse: Warehouse) -> None:
    warehouse.store(frame([reach(DAY_1)]), DAY_1, table=HOURLY_REACH)
    warehouse.store(frame([reach(DAY_2)]), DAY_2, table=HOURLY_REACH)
    assert len(warehouse.everything(HOURLY_REACH)) == 2


def test_downstream_reads_only_its_own_days_and_named_columns(warehouse: Warehouse) -> None:
    warehouse.store(warehouse.spooled({day: [log(f"{day}", day)] for day in (DAY_1, DAY_2, DAY_3)}), DAY_1, DAY_3)
    rows = warehouse.load(pd.DataFrame, DAY_2, DAY_3, columns=["public_id", "from"])
    assert list(rows.columns) == ["public_id", "from"]
    assert set(rows["public_id"]) == {str(DAY_2), str(DAY_3)}


def test_a_stored_slice_is_a_relation_over_its_days(warehouse: Warehouse) -> None:
    warehouse.store(warehouse.spooled({day: [log(f"{day}", day)] for day in (DAY_1, DAY_2)}), DAY_1, DAY_2)
    with warehouse.load(StoredSlice, DAY_2).open() as rows:
        assert rows.aggregate('min(public_id), max("to"), count(*)').fetchall() == [
            (str(DAY_2), log("")["to"], 1),
        ]


def test_a_table_that_nobody_has_stored_yet_reads_as_empty(warehouse: Warehouse) -> None:
    assert warehouse.frame(DAY_1).empty
    warehouse.store_day(DAY_1, log("a"))
    assert warehouse.frame(DAY_1, table=CHANNEL_REACH).empty
    assert warehouse.frame(DAY_2).empty


def test_a_slice_of_no_days_has_no_rows(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    assert StoredSlice(warehouse.database, 0.0, COMMUNICATION_LOGS, []).frame().empty


def test_a_table_of_the_same_name_outside_the_schema_is_not_ours(warehouse: Warehouse) -> None:
    warehouse.execute(
        "CREATE TABLE main.communication_logs AS SELECT 1 AS other, DATE '2024-05-01' AS communicated_date"
    )
    assert warehouse.frame(DAY_1).empty
    warehouse.store_day(DAY_1, log("a"))
    assert ids(warehouse, DAY_1) == ["a"]


def test_the_query_in_the_metadata_finds_the_rows_of_the_run(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_3, log("c", DAY_3))
    slice_ = warehouse.spooled({DAY_1: [log("a")], DAY_2: [log("b", DAY_2)]})
    metadata = warehouse.store_for_metadata(slice_, DAY_1, DAY_2)
    assert "Query" not in metadata[DAY_1]
    query = metadata[DAY_2]["Query"]
    with duckdb.connect(warehouse.database, read_only=True) as connection:
        assert {row[0] for row in connection.execute(query).fetchall()} == {"a", "b"}


def test_the_metadata_has_no_path_of_the_database(warehouse: Warehouse) -> None:
    metadata = warehouse.store_for_metadata(warehouse.spooled({DAY_1: [log("a")]}), DAY_1)[DAY_1]
    assert not any(warehouse.database in str(value) for value in metadata.values())


def test_instants_of_a_frame_land_as_they_are_whatever_their_zone(warehouse: Warehouse) -> None:
    instant = datetime(2024, 5, 1, 21, 30, tzinfo=timezone.utc)
    rows = pd.DataFrame([{**log("a"), "communicated_date": DAY_1, "extracted_at": instant}])
    for name in ("communicated_at", "created_at", "updated_at", "extracted_at"):
        rows[name] = pd.Timestamp(instant).tz_convert("Asia/Dubai")
    warehouse.store(rows, DAY_1)
    assert warehouse.frame(DAY_1)["communicated_at"][0] == pd.Timestamp(instant)


def test_days_that_rows_have_left_are_named(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"), log("d"))
    moved = [log(key, DAY_2, updated_at="2024-05-03T00:00:00Z") for key in "ad"]
    metadata = warehouse.store_for_metadata(warehouse.spooled({DAY_2: [*moved, log("c", DAY_2)]}), DAY_2)
    assert metadata[DAY_2]["moved_from"] == [str(DAY_1)]
    assert metadata[DAY_2]["changed_rows"] == 2
    again = warehouse.store_for_metadata(warehouse.spooled({DAY_2: moved}), DAY_2)
    assert "moved_from" not in again[DAY_2]
