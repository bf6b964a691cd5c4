"""Servers that break the documented order: slower, but no row is lost."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cleargrid_assets_tests.exports.api import Api, rows_at
from cleargrid_assets_tests.exports.driving import EVENLY, WINDOW, InTurn, fetch, ids
from cleargrid_assets_tests.exports.faults import failing_once, width
from cleargrid_assets_tests.rows import Row


def shuffled(seed: int) -> Callable[[Row], float]:
    return lambda row: random.Random(f"{seed}{row['public_id']}").random()  # noqa: S311 - not for secrets


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("seed", range(4))
def test_shuffled_rows_are_all_delivered(api: Api, tmp_path: Path, concurrency: int, seed: int) -> None:
    api.rows = rows_at(EVENLY)
    api.order = shuffled(seed)
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=20).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("page_size", [1, 20])
def test_descending_rows_are_all_delivered(api: Api, tmp_path: Path, concurrency: int, page_size: int) -> None:
    api.rows = rows_at(EVENLY[:100])
    api.order = lambda row: -int(row["public_id"][3:])
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=page_size).ids == ids(api)


@pytest.mark.parametrize("seed", range(6))
def test_504_with_shuffled_pages_loses_no_rows(api: Api, tmp_path: Path, seed: int) -> None:
    """Each page is in order, but the pages are not in order among each other."""
    api.rows = rows_at(EVENLY[:200])
    blocks = random.Random(seed).sample(range(10), 10)  # noqa: S311 - not for secrets
    api.order = lambda row: (blocks[int(row["public_id"][3:]) // 20], row["public_id"])
    api.fault = failing_once(504, number=6)
    assert fetch(api, tmp_path, page_size=20).ids == ids(api)


def test_late_rows_in_order_of_creation_are_delivered(api: Api, tmp_path: Path) -> None:
    """The early row lies before the place where a cut part starts again. The late one shows that it may be missing."""
    api.rows = rows_at(EVENLY)
    late = {"id-000005": "id-000055", "id-000060": "id-000110"}
    api.order = lambda row: (late.get(row["public_id"], row["public_id"]), row["public_id"])
    assert fetch(api, tmp_path, concurrency=2, page_size=20).ids == ids(api)


def test_rows_out_of_order_late_are_not_trusted_early(api: Api, tmp_path: Path) -> None:
    hours = [1, 2, 9, 10, 3, 4, 5, 6, 7, 8, *range(11, 24)]
    api.rows = rows_at([3600.0 * hour for hour in sorted(hours)])
    api.order = lambda row: hours.index(1 + int(row["public_id"][3:]))
    assert fetch(api, tmp_path, concurrency=4, page_size=2).ids == ids(api)


def test_unordered_page_of_a_cut_part_restarts_the_day_uncut(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    evening = {f"id-{number:06d}" for number in range(300, 400)}
    api.order = lambda row: (row["public_id"] in evening, 0 if row["public_id"] in evening else 1, _late(row))
    fetched = fetch(api, tmp_path, concurrency=4, page_size=20, executor=InTurn())
    assert fetched.ids == ids(api)
    # From some request on, the whole day from its start, in pages that follow each other.
    whole_days = [request for request in api.data_requests if width(request) == WINDOW.seconds]
    assert len(whole_days) >= 20
    # Rows of the parts that were given up came twice; pages in flight then are not kept.
    assert 400 < fetched.report.rows < 800


def _late(row: Row) -> int:
    number = int(row["public_id"][3:])
    return number if number < 300 else -number


def test_504_in_an_unordered_day_halves_it_from_its_start(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.order = shuffled(7)
    api.fault = failing_once(504, number=10)
    fetched = fetch(api, tmp_path, page_size=20)
    assert fetched.ids == ids(api)
    # 9 pages before the 504, and both halves of the day whole.
    assert fetched.report.rows == 9 * 20 + 400
