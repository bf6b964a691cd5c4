"""A fetch that returns far fewer rows than are stored is refused, unless the source or the user confirms it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, HOURLY_REACH
from cleargrid_assets.schema import QuarantinedRow
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice
from cleargrid_assets.warehouse.storing.partitions import Changes
from cleargrid_assets.warehouse.storing.shrinking import ShrinkingError, Shrunk, refuse_unconfirmed, shrunk_days
from cleargrid_assets_tests.warehouse.materializing import (
    DAY_1,
    DAY_2,
    DAY_3,
    EXTRACTED,
    Warehouse,
    frame,
    log,
    reach,
    stored,
)

LATER = EXTRACTED + timedelta(hours=1)


def rows(number: int, day: date = DAY_1) -> list[dict[str, Any]]:
    return [log(f"{day} {each}", day) for each in range(number)]


def fetched(warehouse: Warehouse, days: dict[date, int], source_rows: int | None = None, **values: Any) -> SpooledSlice:
    """Days with a number of rows each, of which the source counts another number."""
    slice_ = warehouse.spooled({day: rows(number, day) for day, number in days.items()}, extracted_at=LATER)
    partitions = [replace(partition, source_rows=source_rows) for partition in slice_.partitions]
    return replace(slice_, partitions=partitions, max_shrink=values.pop("max_shrink", 0.2), **values)


def counted(source_rows: int | None, max_shrink: float = 0.2) -> SpooledSlice:
    """A fetched day whose rows are not read."""
    partition = SpooledPartition(DAY_1, Path("not read"), LATER, source_rows)
    return SpooledSlice([partition], lambda: None, max_shrink)


def shrunk(before: int, after: int, source_rows: int | None = None, max_shrink: float = 0.2) -> list[Shrunk]:
    entry = LedgerEntry(COMMUNICATION_LOGS.name, DAY_1, before, "", EXTRACTED, EXTRACTED, None, None)
    return shrunk_days(counted(source_rows, max_shrink), {DAY_1: entry}, {DAY_1: Changes(after)})


def store(warehouse: Warehouse, slice_: SpooledSlice, *days: date) -> dg.ExecuteInProcessResult:
    return warehouse.materialize([stored(COMMUNICATION_LOGS, lambda: slice_)], days, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> Any:
    [data] = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return data.user_failure_data


def counts(warehouse: Warehouse) -> dict[date, int]:
    entries = WarehouseResource(database=warehouse.database).ledger(COMMUNICATION_LOGS)
    return {day: entry.row_count for day, entry in entries.items()}


@pytest.mark.parametrize(
    ("before", "after", "max_shrink", "has_shrunk"),
    [
        (477, 0, 0.2, True),
        (50, 40, 0.2, False),
        (50, 39, 0.2, True),
        (49, 0, 0.2, False),
        (50, 0, 1.0, False),
        (50, 49, 0.0, True),
        (50, 50, 0.0, False),
        (100, 51, 0.5, False),
        (100, 49, 0.5, True),
    ],
)
def test_day_has_shrunk_from_the_allowed_share_on(before: int, after: int, max_shrink: float, has_shrunk: bool) -> None:
    assert bool(shrunk(before, after, max_shrink=max_shrink)) is has_shrunk


@pytest.mark.parametrize(
    ("source_rows", "said"),
    [
        (None, "the source gave no exact count"),
        (477, "the source itself counts 477"),
        (1, "the source itself counts 1"),
    ],
)
def test_refusal_says_what_the_source_counts(source_rows: int | None, said: str) -> None:
    with pytest.raises(ShrinkingError, match=f"2024-05-01 was stored with 477 rows, .* returned 0, and {said}\\."):
        refuse_unconfirmed(shrunk(477, 0, source_rows), counted(source_rows), "op")


def test_refused_fetch_keeps_the_rows_and_says_how_to_accept_it(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows(60))
    before = warehouse.everything()
    failed = failure(store(warehouse, fetched(warehouse, {DAY_1: 0}), DAY_1))
    assert "2024-05-01 was stored with 60 rows, but the fetch returned 0" in failed.description
    assert "Nothing was stored, and the table is unchanged. Materialize" in failed.description
    assert "ops: {cleargrid__communication_logs: {config: {accept_shrinking: true}}}" in failed.description
    assert warehouse.everything() == before
    assert counts(warehouse) == {DAY_1: 60}


def test_rows_of_a_refused_fetch_are_discarded_and_not_retried(warehouse: Warehouse) -> None:
    """The next run would continue from them, and be refused again without asking the source."""
    warehouse.store_day(DAY_1, *rows(60))
    warehouse.discarded.clear()
    slice_ = fetched(warehouse, {DAY_1: 0})
    retried = stored(COMMUNICATION_LOGS, lambda: slice_, retry_policy=dg.RetryPolicy(max_retries=2))
    assert not warehouse.materialize([retried], [DAY_1], raise_on_error=False).success
    assert warehouse.discarded == [[DAY_1]]


@pytest.mark.parametrize("options", [{"source_rows": 10}, {"accept_shrinking": True}], ids=["confirmed", "accepted"])
def test_confirmed_or_accepted_day_is_stored_and_says_what_it_was(
    warehouse: Warehouse, options: dict[str, Any]
) -> None:
    warehouse.store_day(DAY_1, *rows(60))
    slice_ = fetched(warehouse, {DAY_1: 10}, **options)
    metadata = warehouse.store_for_metadata(slice_, DAY_1)[DAY_1]
    assert (metadata["shrunk_from"], metadata["rows"]) == (60, 10)
    assert counts(warehouse) == {DAY_1: 10}
    again = warehouse.store_for_metadata(fetched(warehouse, {DAY_1: 10}), DAY_1)[DAY_1]
    assert "shrunk_from" not in again


@pytest.mark.parametrize(
    ("days", "others"),
    [([DAY_1, DAY_2], "The other day of this run was"), ([DAY_1, DAY_2, DAY_3], "The other 2 days of this run were")],
)
def test_one_shrunk_day_fails_its_run_and_is_named(warehouse: Warehouse, days: Sequence[date], others: str) -> None:
    warehouse.store_day(DAY_2, *rows(60, DAY_2))
    slice_ = fetched(warehouse, {day: 0 if day == DAY_2 else 5 for day in days})
    failed = failure(store(warehouse, slice_, *days))
    assert failed.description.startswith("2024-05-02 was stored with 60 rows")
    assert f"{others} not stored either." in failed.description
    assert counts(warehouse) == {DAY_2: 60}


def test_first_fetch_of_a_day_and_growth_are_not_judged(warehouse: Warehouse) -> None:
    assert store(warehouse, fetched(warehouse, {DAY_1: 50}), DAY_1).success
    assert store(warehouse, fetched(warehouse, {DAY_1: 90}), DAY_1).success


def test_day_whose_rows_were_deleted_is_compared_with_the_ledger(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows(60))
    warehouse.execute("DELETE FROM cleargrid.communication_logs")
    assert not store(warehouse, fetched(warehouse, {DAY_1: 10}), DAY_1).success
    assert store(warehouse, fetched(warehouse, {DAY_1: 60}), DAY_1).success


def test_day_that_another_run_fetched_later_is_not_judged(warehouse: Warehouse) -> None:
    newest = warehouse.spooled({DAY_1: rows(60)}, extracted_at=LATER + timedelta(hours=1))
    warehouse.store(newest, DAY_1)
    assert store(warehouse, fetched(warehouse, {DAY_1: 0}), DAY_1).success
    assert counts(warehouse) == {DAY_1: 60}


def test_old_database_is_guarded_by_its_first_write(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows(60))
    warehouse.execute("DROP TABLE cleargrid.days")
    assert not store(warehouse, fetched(warehouse, {DAY_1: 0}), DAY_1).success
    assert len(warehouse.everything()) == 60


def test_rows_of_an_analysis_may_become_fewer(warehouse: Warehouse) -> None:
    hours = [reach(hour=hour, channel=f"c{number}") for hour in range(24) for number in range(3)]
    warehouse.store(frame(hours), DAY_1, table=HOURLY_REACH)
    assert warehouse.store(frame([]), DAY_1, table=HOURLY_REACH)[DAY_1].rows == 0


def test_quarantined_rows_count_as_rows_that_the_source_confirms(warehouse: Warehouse) -> None:
    store(warehouse, fetched(warehouse, {DAY_1: 100}), DAY_1)
    shrunk = fetched(warehouse, {DAY_1: 58}, source_rows=60)
    apart = [QuarantinedRow(key, "status", "is not a string", "{}") for key in "ab"]
    confirmed = replace(shrunk, partitions=[replace(each, quarantined=apart) for each in shrunk.partitions])
    assert not store(warehouse, shrunk, DAY_1).success
    assert store(warehouse, confirmed, DAY_1).success
    assert counts(warehouse) == {DAY_1: 58}


def test_rows_that_moved_to_another_day_of_the_run_are_not_missing(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows(60))
    moved = [log(f"{DAY_1} {each}", DAY_2, updated_at="2024-05-03T00:00:00Z") for each in range(60)]
    slice_ = replace(warehouse.spooled({DAY_1: [], DAY_2: moved}, extracted_at=LATER), max_shrink=0.2)
    assert store(warehouse, slice_, DAY_1, DAY_2).success
    assert counts(warehouse) == {DAY_1: 0, DAY_2: 60}


def test_rows_that_are_missing_besides_those_that_moved_are_refused(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, *rows(60))
    moved = [log(f"{DAY_1} {each}", DAY_2, updated_at="2024-05-03T00:00:00Z") for each in range(40)]
    slice_ = replace(warehouse.spooled({DAY_1: [], DAY_2: moved}, extracted_at=LATER), max_shrink=0.2)
    assert not store(warehouse, slice_, DAY_1, DAY_2).success
    assert counts(warehouse) == {DAY_1: 60}
