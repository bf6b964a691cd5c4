"""Whole days: pages, connections, journal, errors and progress."""

import base64
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dateutil.parser import isoparse

from cleargrid_assets.exports.errors import AuthenticationError, ContractError, ExportsError, TransientError
from cleargrid_assets.exports.http.retry import MAX_ATTEMPTS
from cleargrid_assets.exports.stats import DayReport
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.api import Answer, Api, Request, rows_at, serving
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, MIDNIGHT, InTurn, counted, fetch, ids
from cleargrid_assets_tests.exports.faults import (
    failing,
    failing_once,
    sending,
    spoiling,
    spoilt,
)
from cleargrid_assets_tests.rows import sent_row


def test_empty_day_is_one_request(api: Api, tmp_path: Path) -> None:
    fetched = fetch(api, tmp_path, concurrency=4)
    assert (fetched.report.rows, fetched.report.pages, len(api.data_requests)) == (0, 1, 1)


def test_small_day_is_one_request_however_many_connections(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetched = fetch(api, tmp_path, concurrency=8)
    assert len(api.data_requests) == 1
    assert fetched.ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_full_page_without_cursor_is_the_end(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows = rows_at(EVENLY)
    fetched = fetch(api, tmp_path, concurrency=concurrency, page_size=400)
    assert len(api.data_requests) == 1
    assert fetched.ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 3, 8])
@pytest.mark.parametrize(
    "page_size_of",
    [
        lambda since, until, page: 7,
        lambda since, until, page: 0 if page == 0 else 50,
        lambda since, until, page: 0 if page % 2 else 50,
        lambda since, until, page: 0 if page < 5 else 1 + page % 30,
    ],
    ids=["short", "first one empty", "every other one empty", "growing"],
)
def test_short_and_empty_pages_are_followed_to_the_end(
    api: Api, tmp_path: Path, concurrency: int, page_size_of: Callable[[str, str, int], int]
) -> None:
    api.rows, api.page_size_of, api.ends_with_an_empty_page = rows_at(EVENLY), page_size_of, True
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=100).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_rows_at_one_instant_survive_page_ends_and_cuts(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows = rows_at([0.0] * 40 + [36000.0] * 150 + [36000.001] * 90 + [50000] * 3 + [86399.999] * 60)
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=20).ids == ids(api)


@pytest.mark.parametrize("shown", [math.floor, math.ceil])
def test_instants_finer_than_shown_survive_cuts(api: Api, tmp_path: Path, shown: Callable[[float], int]) -> None:
    seconds = [cluster * 3600 + 0.3 + 0.00004 * number for cluster in range(24) for number in range(20)]
    api.rows = rows_at(seconds)
    in_milliseconds = {
        sent["public_id"]: row_["communicated_at"]
        for sent, row_ in zip(api.rows, rows_at([shown(second * 1000) / 1000 for second in seconds]), strict=True)
    }

    def coarse(body: dict[str, Any]) -> None:
        for sent in body["rows"]:
            sent["communicated_at"] = in_milliseconds[sent["public_id"]]

    api.fault = spoiling(coarse)
    assert fetch(api, tmp_path, concurrency=4, page_size=11).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_repeated_cursor_is_an_error_with_day_and_window(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.fault = sending(lambda request: {"rows": [], "pagination": {"nextCursor": "again"}})
    with pytest.raises(ExportsError, match=r"day 2026-05-19, window .* the same cursor 2 times"):
        fetch(api, tmp_path, concurrency=concurrency)
    assert len(api.data_requests) == 2


def test_repeated_page_under_new_cursors_is_an_error(api: Api, tmp_path: Path) -> None:
    """An encrypted cursor looks new each time, also if the server is stuck."""
    api.fault = sending(
        lambda request: {"rows": rows_at([1, 2]), "pagination": {"nextCursor": f"c{request.number}"}}, first=49
    )
    with pytest.raises(ExportsError, match="the same page 11 times"):
        fetch(api, tmp_path)
    assert len(api.data_requests) == 11


@pytest.mark.parametrize("concurrency", [1, 4])
def test_rows_stored_twice_at_the_source_may_repeat_a_page(api: Api, tmp_path: Path, concurrency: int) -> None:
    first, second, third = rows_at([1.0, 1.0, 50000.0])
    api.rows, api.order = [first, second, first, second, third], lambda row: row["communicated_at"]
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=2).ids == ids(api)


def test_missing_next_cursor_is_an_error(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = spoiling(
        lambda body: body.update(pagination={}), when=lambda request: request.number == 2 or request.number > 3
    )
    with pytest.raises(TransientError, match=r"day 2026-05-19, window .*nextCursor"):
        fetch(api, tmp_path, page_size=100)


@pytest.mark.parametrize("concurrency", [1, 2, 3, 4, 8])
def test_requests_in_flight_equal_the_concurrency(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows, api.together = rows_at(EVENLY), concurrency
    fetch(api, tmp_path, concurrency=concurrency, page_size=10)
    assert api.most_in_flight == concurrency


def test_one_connection_does_not_cut_the_day(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetched = fetch(api, tmp_path, page_size=100)
    assert len(api.data_requests) == 4
    assert len({request.window for request in api.data_requests}) == 1
    assert fetched.report.rows == 400


@pytest.mark.parametrize("concurrency", [2, 4, 8])
def test_cutting_costs_few_requests(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows = rows_at([86400 * number / 2000 for number in range(2000)])
    fetched = fetch(api, tmp_path, concurrency=concurrency, page_size=20, executor=InTurn())
    assert fetched.ids == ids(api)
    # 100 full pages. Each connection takes over a part about three times, and each part ends with a page that is
    # partly empty.
    assert len(api.data_requests) <= 100 + 3 * concurrency


@pytest.mark.parametrize("second", [0.0, 30000.0])
def test_burst_in_a_second_is_not_the_density_of_the_day(api: Api, tmp_path: Path, second: float) -> None:
    burst = [second + number / 1000 for number in range(500)]
    api.rows = rows_at(sorted([*EVENLY[:100], *burst]))
    assert fetch(api, tmp_path, concurrency=8, page_size=20, executor=InTurn()).ids == ids(api)
    # 30 full pages, and two parts for each connection.
    assert len(api.data_requests) <= 30 + 2 * 8


def test_no_page_request_asks_for_the_count(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetch(api, tmp_path, concurrency=4, page_size=20)
    assert not [request for request in api.data_requests if "includeTotal" in request.params]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_final_status_fails_the_day_after_one_request(api: Api, tmp_path: Path, status: int) -> None:
    api.fault = failing(status, "no such lender")
    with pytest.raises(ExportsError) as caught:
        fetch(api, tmp_path, concurrency=4)
    assert str(caught.value).startswith(
        "day 2026-05-19, window [2026-05-19T00:00:00.000Z, 2026-05-20T00:00:00.000Z): the server refused the request "
        f'(HTTP {status}, the server said "no such lender", requestId req_{status})'
    )
    assert len(api.data_requests) == 1


def test_lasting_500_fails_the_day_after_its_retries(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(500, "boom", after=2)
    with pytest.raises(TransientError, match=r"day 2026-05-19, window \[.*HTTP 500.*boom.*requestId req_500"):
        fetch(api, tmp_path, page_size=100)
    # The page, and the same position without its cursor.
    assert len(api.data_requests) == 2 + 2 * MAX_ATTEMPTS


def test_broken_row_fails_the_day_and_is_named(api: Api, tmp_path: Path) -> None:
    api.rows = [*rows_at(EVENLY), sent_row("broken", "2026-05-19T12:00:00Z", status=None)]
    with pytest.raises(ContractError, match=r"day 2026-05-19, window .*\(brok\.\.\.\): status is missing") as caught:
        fetch(api, tmp_path, page_size=100)
    assert "+966" not in str(caught.value)


def test_wrong_password_costs_few_logins_for_many_days(api: Api, tmp_path: Path) -> None:
    days = {f"day-{number}": Window(MIDNIGHT, MIDNIGHT + timedelta(hours=number)) for number in range(1, 9)}
    with pytest.raises(AuthenticationError, match="day day-"):
        fetch(api, tmp_path, days=days, concurrency=8, password="wrong")
    assert len(api.of_kind("login")) <= 3
    assert api.data_requests == []


def test_part_restarted_at_midnight_does_not_reach_into_the_day_before(api: Api, tmp_path: Path) -> None:
    before, *rows = rows_at([-0.0005, *[0.0] * 40])
    api.rows = [before, *rows]
    api.fault = failing_once(504, number=2)
    assert fetch(api, tmp_path, page_size=20).ids == {sent["public_id"] for sent in rows}


class ApiWithBoundaryCursors(Api):
    """A cursor is the boundary row alone, as documented, whatever the window: it comes again in a narrower one."""

    def _data(self, request: Request) -> Answer:
        if boundary := request.params.get("cursor"):
            since, until = map(isoparse, request.window)
            inside = [sent["public_id"] for sent in self.rows if since <= isoparse(sent["communicated_at"]) < until]
            position = [[*request.window], 1 + inside.index(boundary), 1]
            cursor = base64.b64encode(json.dumps(position).encode()).decode()
            request = replace(request, params={**request.params, "cursor": cursor})
        answer = super()._data(request)
        return spoilt(answer, _boundary_as_cursor) if answer.status == 200 else answer


def _boundary_as_cursor(body: dict[str, Any]) -> None:
    if body["pagination"]["nextCursor"]:
        body["pagination"]["nextCursor"] = body["rows"][-1]["public_id"]


def test_cursor_seen_in_a_wider_window_is_no_repetition(tmp_path: Path) -> None:
    with serving(ApiWithBoundaryCursors(rows_at([900.0 * number for number in range(40)]))) as api:
        api.fault = failing_once(504, number=15)
        assert fetch(api, tmp_path, page_size=1).ids == ids(api)


def test_connections_are_reused(api: Api, tmp_path: Path) -> None:
    api.rows, api.together = rows_at(EVENLY), 3
    fetch(api, tmp_path, concurrency=3, page_size=10)
    assert len({request.port for request in api.data_requests}) == 3


def test_days_of_a_range_are_kept_apart(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    days = {
        name: Window(MIDNIGHT + timedelta(hours=8 * part), MIDNIGHT + timedelta(hours=8 * part + 8))
        for part, name in enumerate("abc")
    }
    fetched = fetch(api, tmp_path, days=days, concurrency=4, page_size=20)
    found = [{row["public_id"] for row in fetched.rows[name]} for name in "abc"]
    assert [len(part) for part in found] == [134, 133, 133]
    assert set().union(*found) == ids(api)
    assert [counted(api, days[name]).rows for name in "abc"] == [134, 133, 133]


def test_progress_is_reported_at_the_end_of_each_day(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    reported: list[tuple[str, int]] = []

    def note(day: str, report: DayReport) -> None:
        reported.append((day, report.rows))

    fetch(api, tmp_path, page_size=100, on_progress=note)
    assert reported == [(DAY, 400)]


def test_progress_is_reported_while_queries_time_out(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=4)
    reported: list[tuple[int, int]] = []

    def note(day: str, report: DayReport) -> None:
        reported.append((report.stats.timeouts, report.rows))

    seconds = iter(range(0, 10000, 10))
    fetched = fetch(api, tmp_path, on_progress=note, clock=lambda: next(seconds))
    assert reported[:4] == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert reported[-1] == (4, 400)
    assert fetched.report.seconds > 0


def test_unknown_fields_are_reported_with_their_rows(api: Api, tmp_path: Path) -> None:
    api.rows = [sent | ({"agent": "x"} if number % 2 else {}) for number, sent in enumerate(rows_at(EVENLY))]
    fetched = fetch(api, tmp_path, page_size=100)
    assert fetched.report.unknown_fields == {"agent": 200}
    assert all("agent" not in sent for sent in fetched.rows[DAY])
