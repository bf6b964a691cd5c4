"""Servers whose pages never end, and honest ones that look like them."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.fetch import FetchError
from cleargrid_assets.exports.fetch import fetch as fetch_and_count
from cleargrid_assets_tests.exports.api import Answer, Api, Request, envelope, rows_at
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, WINDOW, InTurn, connected, fetch, ids
from cleargrid_assets_tests.exports.faults import asks_for_count, large_pages_time_out, spoiling
from cleargrid_assets_tests.rows import Row

MANY = 2000

Rows = Callable[[Request], list[Row]]


def endless(rows: Rows) -> Callable[[Request, Answer], Answer]:
    """Every page has these rows and a cursor to the next. The count is the regular one. Ends after 2,000 pages."""

    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind != "data" or asks_for_count(request):
            return answer
        if request.number > MANY:
            return envelope(403)
        body = {"rows": rows(request), "pagination": {"nextCursor": f"c{request.number}"}}
        return Answer(body=json.dumps({"code": 200, "errors": [], "body": body}).encode())

    return fault


def same_rows_updated(at: list[float]) -> Rows:
    rows = rows_at(at)
    return lambda request: [
        {**row, "updated_at": f"2026-05-20T00:00:00.{request.number:06d}Z"}
        for row in rows
        if request.window[0] <= row["communicated_at"].replace("+00:00", "Z") < request.window[1]
    ]


def renamed(rows: list[Row], request: Request) -> list[Row]:
    return [{**row, "public_id": f"{request.number}-{row['public_id']}"} for row in rows]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("at", [[5.0], [5.0] * 30, [5.0, 40000.0, 80000.0]])
def test_first_page_again_and_again_with_other_updates_is_an_error(
    api: Api, tmp_path: Path, at: list[float], concurrency: int
) -> None:
    api.fault = endless(same_rows_updated(at))
    with pytest.raises(ExportsError, match="101 pages in a row without a new row"):
        fetch(api, tmp_path, concurrency=concurrency)
    assert len(api.data_requests) < 120


def random_rows(rows: int) -> Rows:
    dice = random.Random(1)  # noqa: S311 - not for secrets
    return lambda request: renamed(rows_at([86399 * dice.random() for _ in range(rows)]), request)


def rows_of_one_instant(rows: int) -> Rows:
    return lambda request: renamed(rows_at([36000.0] * rows), request)


def rows_that_creep(rows: int) -> Rows:
    return lambda request: renamed(rows_at([36000.0 + request.number / 1000] * rows), request)


@pytest.mark.parametrize(
    "rows", [random_rows(30), rows_of_one_instant(30), rows_that_creep(30)], ids=["random", "one instant", "creeping"]
)
def test_new_rows_without_end_are_an_error(api: Api, tmp_path: Path, rows: Rows) -> None:
    api.rows, api.fault = rows_at(EVENLY), endless(rows)
    with (
        connected(api, concurrency=1) as client,
        pytest.raises(FetchError, match=r"rows in \d+ pages before .* but counts only 400 rows of the whole day"),
    ):
        fetch_and_count(client, {DAY: WINDOW}, tmp_path, log=lambda line: None)
    assert len(api.data_requests) < MANY


def test_cursor_that_goes_back_is_an_error(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    pages = [api.rows[first : first + 20] for first in range(0, 400, 20)]

    def page(request: Request) -> list[Row]:
        return [{**row, "subject": str(request.number)} for row in pages[request.number % 20]]

    api.fault = endless(page)
    with pytest.raises(ExportsError, match="pages in a row without a new row"):
        fetch(api, tmp_path)


def test_crowded_second_of_50_000_rows_is_delivered(api: Api, tmp_path: Path) -> None:
    row = rows_at([36000.0])[0]
    rows = [{**row, "public_id": f"{number:06d}"} for number in range(50_000)]

    def page(request: Request, answer: Answer) -> Answer:
        if request.kind != "data":
            return answer
        first = int(request.params.get("cursor", 0))
        following = first + int(request.params["limit"])
        cursor = str(following) if following < len(rows) else None
        body: dict[str, Any] = {"rows": rows[first:following], "pagination": {"nextCursor": cursor}}
        return Answer(body=json.dumps({"body": body}).encode())

    api.fault = page
    assert fetch(api, tmp_path, page_size=1000).report.rows == 50_000


def test_count_that_is_not_exact_ends_nothing(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cleargrid_assets.exports.walking.guard._PAGES_TO_COMPARE", 2)
    api.rows = rows_at([36000.0] * 400)
    api.fault = spoiling(
        lambda body: body["pagination"].update(total=10, totalExact=False, totalNote="capped"), when=asks_for_count
    )
    with connected(api, concurrency=1, page_size=20) as client:
        day = fetch_and_count(client, {DAY: WINDOW}, tmp_path, log=lambda line: None)[DAY]
    assert (day.report.rows, day.count.rows) == (400, 10)


def test_pages_made_small_by_timeouts_are_not_many(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cleargrid_assets.exports.walking.guard._MAX_PAGES_IN_A_MINUTE", 5)
    api.rows, api.fault = rows_at([36000.0] * 40), large_pages_time_out(rows=1)
    assert fetch(api, tmp_path, page_size=100).ids == ids(api)


def test_hundreds_of_empty_pages_are_followed(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY[:3])
    api.page_size_of = lambda since, until, page: 1 if page % 100 == 99 else 0
    assert fetch(api, tmp_path).ids == ids(api)


def test_rows_that_arrive_meanwhile_are_delivered(api: Api, tmp_path: Path) -> None:
    rows = rows_at(EVENLY)
    api.rows = rows[::2]

    def arrive(request: Request, answer: Answer) -> Answer:
        api.rows = rows
        return answer

    api.fault = arrive
    fetched = fetch(api, tmp_path, page_size=10)
    assert {row["public_id"] for row in rows[::2]} <= fetched.ids


def test_rows_that_the_source_repeats_are_counted(api: Api, tmp_path: Path) -> None:
    api.rows = [row for row in rows_at(EVENLY) for _ in range(2)]
    report = fetch(api, tmp_path, page_size=33).report
    assert (report.rows, report.repeated_rows) == (800, 400)


def test_overlaps_of_parts_are_no_repetition(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([36000.0 + number // 10 for number in range(400)])
    fetched = fetch(api, tmp_path, concurrency=4, page_size=20, executor=InTurn())
    assert fetched.report.rows > 400
    assert fetched.report.repeated_rows == 0
