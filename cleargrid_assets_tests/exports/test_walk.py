"""Whole days, from a server that does its worst."""

import base64
import json
import math
import random
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from dateutil.parser import isoparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleargrid_assets.exports import transport, walk
from cleargrid_assets.exports.errors import (
    AuthenticationError,
    ContractError,
    ExportsError,
    QueryTimeoutError,
    TransientError,
)
from cleargrid_assets.exports.spool import Entry
from cleargrid_assets.exports.walk import DayReport
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.api import Answer, Api, Request, Row, envelope, row, rows_at, serving
from cleargrid_assets_tests.exports.driving import DAY, MIDNIGHT, fetch

EVENLY = [86400 * number / 400 for number in range(400)]


def ids(api: Api) -> set[str]:
    return {row["public_id"] for row in api.rows}


def shuffled(seed: int) -> Callable[[Row], float]:
    return lambda row: random.Random(f"{seed}{row['public_id']}").random()  # noqa: S311 - not for secrets


def spoilt(answer: Answer, change: Callable[[dict[str, Any]], object]) -> Answer:
    document = answer.document
    change(document["body"])
    return Answer(body=json.dumps(document).encode())


def test_an_empty_day_is_one_request_and_no_row(api: Api, tmp_path: Path) -> None:
    fetched = fetch(api, tmp_path, concurrency=4)
    assert (fetched.report.rows, fetched.report.pages, len(api.data_requests)) == (0, 1, 1)
    assert fetched.report.source_rows == 0


def test_a_small_day_is_one_request_however_many_connections(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetched = fetch(api, tmp_path, concurrency=8)
    assert len(api.data_requests) == 1
    assert fetched.ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_page_that_is_just_full_ends_where_the_server_says_so(api: Api, tmp_path: Path, concurrency: int) -> None:
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
)
def test_short_and_empty_pages_are_followed_to_the_end(
    api: Api, tmp_path: Path, concurrency: int, page_size_of: Callable[[str, str, int], int]
) -> None:
    api.rows, api.page_size_of, api.ends_with_an_empty_page = rows_at(EVENLY), page_size_of, True
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=100).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_many_rows_at_one_instant_survive_page_boundaries_and_cuts(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows = rows_at([0.0] * 40 + [36000.0] * 150 + [36000.001] * 90 + [50000] * 3 + [86399.999] * 60)
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=20).ids == ids(api)


@pytest.mark.parametrize("shown", [math.floor, math.ceil])
def test_instants_finer_than_the_server_shows_them_survive_cuts(
    api: Api, tmp_path: Path, shown: Callable[[float], int]
) -> None:
    seconds = [cluster * 3600 + 0.3 + 0.00004 * number for cluster in range(24) for number in range(20)]
    api.rows = rows_at(seconds)
    in_milliseconds = {
        sent["public_id"]: row_["communicated_at"]
        for sent, row_ in zip(api.rows, rows_at([shown(second * 1000) / 1000 for second in seconds]), strict=True)
    }

    def coarse(body: dict[str, Any]) -> None:
        for sent in body["rows"]:
            sent["communicated_at"] = in_milliseconds[sent["public_id"]]

    api.fault = lambda request, answer: spoilt(answer, coarse) if request.kind == "data" else answer
    assert fetch(api, tmp_path, concurrency=4, page_size=11).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_cursor_sent_twice_is_an_error_that_names_day_and_window(api: Api, tmp_path: Path, concurrency: int) -> None:
    page = {"rows": [], "pagination": {"nextCursor": "again"}}
    api.fault = lambda request, answer: (
        Answer(body=json.dumps({"body": page}).encode()) if request.kind == "data" else answer
    )
    with pytest.raises(ExportsError, match=r"day 2026-05-19, window .* the same cursor 2 times"):
        fetch(api, tmp_path, concurrency=concurrency)
    assert len(api.data_requests) == 2


def test_a_page_sent_again_under_a_new_cursor_is_an_error_and_no_endless_walk(api: Api, tmp_path: Path) -> None:
    """A cursor that is encrypted looks new each time, also where the server is stuck."""
    page = {"rows": rows_at([1, 2]), "pagination": {}}
    api.fault = lambda request, answer: (
        Answer(body=json.dumps({"body": page | {"pagination": {"nextCursor": f"c{request.number}"}}}).encode())
        if request.kind == "data" and request.number < 50
        else answer
    )
    with pytest.raises(ExportsError, match="the same page 11 times"):
        fetch(api, tmp_path)
    assert len(api.data_requests) == 11


@pytest.mark.parametrize("concurrency", [1, 4])
def test_rows_that_the_source_holds_twice_may_fill_the_same_page_again(
    api: Api, tmp_path: Path, concurrency: int
) -> None:
    first, second, third = rows_at([1.0, 1.0, 50000.0])
    api.rows, api.order = [first, second, first, second, third], lambda row: row["communicated_at"]
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=2).ids == ids(api)


def test_empty_pages_without_end_are_an_error(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_MOST_EMPTY_PAGES", 50)
    api.rows, api.page_size_of = rows_at([1.0]), lambda since, until, page: 0
    with pytest.raises(ExportsError, match=r"day 2026-05-19, window .* 51 empty pages in a row"):
        fetch(api, tmp_path)


def test_empty_pages_with_others_between_them_are_followed_however_many(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "_MOST_EMPTY_PAGES", 3)
    api.rows, api.page_size_of = rows_at(EVENLY), lambda since, until, page: 0 if page % 3 else 50
    assert fetch(api, tmp_path).ids == ids(api)


def test_a_missing_next_cursor_is_an_error_and_not_the_end(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: (
        spoilt(answer, lambda body: body.update(pagination={})) if request.number == 2 or request.number > 3 else answer
    )
    with pytest.raises(TransientError, match=r"day 2026-05-19, window .*nextCursor"):
        fetch(api, tmp_path, page_size=100)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("seed", range(4))
def test_rows_in_no_order_at_all_are_delivered_all_the_same(
    api: Api, tmp_path: Path, concurrency: int, seed: int
) -> None:
    api.rows = rows_at(EVENLY)
    api.order = shuffled(seed)
    fetched = fetch(api, tmp_path, concurrency=concurrency, page_size=20)
    assert fetched.ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("page_size", [1, 20])
def test_rows_in_descending_order_are_delivered_all_the_same(
    api: Api, tmp_path: Path, concurrency: int, page_size: int
) -> None:
    api.rows = rows_at(EVENLY[:100])
    api.order = lambda row: -int(row["public_id"][3:])
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=page_size).ids == ids(api)


@pytest.mark.parametrize("seed", range(6))
def test_pages_in_order_that_are_not_in_order_among_themselves_lose_no_row_to_a_504(
    api: Api, tmp_path: Path, seed: int
) -> None:
    api.rows = rows_at(EVENLY[:200])
    blocks = random.Random(seed).sample(range(10), 10)  # noqa: S311 - not for secrets
    api.order = lambda row: (blocks[int(row["public_id"][3:]) // 20], row["public_id"])
    api.fault = lambda request, answer: envelope(504) if request.number == 6 else answer
    assert fetch(api, tmp_path, page_size=20).ids == ids(api)


def test_late_rows_that_come_when_they_were_created_are_delivered_all_the_same(api: Api, tmp_path: Path) -> None:
    """The early one is before where the walk begins again; that rows come late there tells that it may be missing."""
    api.rows = rows_at(EVENLY)
    late = {"id-000005": "id-000055", "id-000060": "id-000110"}
    api.order = lambda row: (late.get(row["public_id"], row["public_id"]), row["public_id"])
    assert fetch(api, tmp_path, concurrency=2, page_size=20).ids == ids(api)


def test_requests_in_flight_never_exceed_the_concurrency(api: Api, tmp_path: Path) -> None:
    api.rows, api.gap = rows_at(EVENLY), 0.005
    fetch(api, tmp_path, concurrency=3, page_size=10)
    assert api.most_in_flight == 3


def test_one_connection_walks_pages_without_cutting(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetched = fetch(api, tmp_path, page_size=100)
    assert len(api.data_requests) == 4
    assert len({request.window for request in api.data_requests}) == 1
    assert (fetched.report.rows, fetched.report.source_rows) == (400, 400)


@pytest.mark.parametrize("concurrency", [2, 4, 8])
def test_cutting_costs_few_requests_and_keeps_connections_busy(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows, api.gap = rows_at([86400 * number / 2000 for number in range(2000)]), 0.01
    fetched = fetch(api, tmp_path, concurrency=concurrency, page_size=20)
    assert fetched.ids == ids(api)
    assert len(api.data_requests) <= 100 + 3 * concurrency
    assert api.most_in_flight == concurrency


@pytest.mark.parametrize("second", [0.0, 30000.0])
def test_a_burst_within_a_second_does_not_pass_for_the_density_of_the_day(
    api: Api, tmp_path: Path, second: float
) -> None:
    burst = [second + number / 1000 for number in range(500)]
    api.rows, api.gap = rows_at(sorted([*EVENLY[:100], *burst])), 0.01
    assert fetch(api, tmp_path, concurrency=8, page_size=20).ids == ids(api)
    assert len(api.data_requests) <= 30 + 2 * 8


def test_only_the_first_request_asks_for_the_count(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetched = fetch(api, tmp_path, concurrency=4, page_size=20)
    assert [request.number for request in api.data_requests if "includeTotal" in request.params] == [1]
    assert (fetched.report.source_rows, fetched.report.source_note) == (400, None)


def test_a_count_that_the_server_does_not_give_is_none_with_its_reason(api: Api, tmp_path: Path) -> None:
    api.fault = lambda request, answer: (
        spoilt(answer, lambda body: body.update(pagination={"nextCursor": None, "total": None, "totalNote": "timeout"}))
        if request.kind == "data"
        else answer
    )
    report = fetch(api, tmp_path).report
    assert (report.source_rows, report.source_note) == (None, "timeout")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_windows_too_wide_are_halved_and_the_width_that_worked_is_remembered(
    api: Api, tmp_path: Path, concurrency: int
) -> None:
    api.rows, api.most_rows = rows_at(EVENLY), 60
    fetched = fetch(api, tmp_path, concurrency=concurrency)
    assert fetched.ids == ids(api)
    assert fetched.report.source_rows == 400
    refused = [request for request in api.data_requests if "cursor" not in request.params][:3]
    assert len(refused) == 3
    assert len(api.data_requests) <= 3 * concurrency + 8 + 2


def test_a_503_that_becomes_a_504_is_narrowed(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: (
        envelope((503, 504)[request.number - 1]) if request.kind == "data" and request.number < 3 else answer
    )
    assert fetch(api, tmp_path).ids == ids(api)


def test_a_read_timeout_narrows_the_window(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT_S", 0.4)
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: Answer(delay=0.8) if request.kind == "data" and request.number < 3 else answer
    fetched = fetch(api, tmp_path)
    assert fetched.ids == ids(api)
    assert len({request.window for request in api.data_requests}) == 3


def test_a_window_of_the_minimum_width_that_is_still_too_much_fails_by_name(api: Api, tmp_path: Path) -> None:
    api.rows, api.most_rows = rows_at([36000.0] * 3), 2
    with pytest.raises(QueryTimeoutError) as caught:
        fetch(api, tmp_path, concurrency=2)
    text = str(caught.value)
    assert "day 2026-05-19, window [2026-05-19T10:00:00.000Z, 2026-05-19T10:00:01.000Z)" in text
    assert "HTTP 504" in text
    assert "requestId req_504" in text
    assert "Even a row at a time in a window of 1 s" in text
    assert len(api.data_requests) < 60


def test_a_window_of_the_minimum_width_is_asked_for_in_smaller_pages(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([36000.0] * 300)
    api.fault = lambda request, answer: (
        envelope(504) if request.kind == "data" and len(answer.document["body"]["rows"]) > 50 else answer
    )
    assert fetch(api, tmp_path, concurrency=2, page_size=1000).ids == ids(api)
    assert {request.params["limit"] for request in api.data_requests} == {"1000", "100", "10"}


def test_pages_too_large_for_the_server_cost_a_few_timeouts_in_a_day(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([second / 10 for second in range(0, 864000, 200)])
    api.fault = lambda request, answer: (
        envelope(504) if request.kind == "data" and int(request.params["limit"]) > 100 else answer
    )
    fetched = fetch(api, tmp_path)
    assert fetched.ids == ids(api)
    # The count, 16 halvings, the count again, the limit; then a trial now and then.
    assert fetched.report.effort.timeouts <= 25
    assert len(api.data_requests) < 120


@pytest.mark.parametrize("luck", range(4))
def test_scattered_timeouts_in_crowded_seconds_cost_requests_and_no_rows(api: Api, tmp_path: Path, luck: int) -> None:
    chance = random.Random(luck)  # noqa: S311 - not for secrets
    api.rows = rows_at([36000 + number / 400 for number in range(1200)])
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and chance.random() < 0.05 else answer
    assert fetch(api, tmp_path, concurrency=2, page_size=20).ids == ids(api)


def test_a_gateway_that_is_out_while_windows_are_narrowest_is_outlived(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([36000.0] * 5)
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number <= 25 else answer
    assert fetch(api, tmp_path).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_count_that_always_takes_too_long_is_done_without(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: envelope(504) if "includeTotal" in request.params else answer
    fetched = fetch(api, tmp_path, concurrency=concurrency)
    assert fetched.ids == ids(api)
    assert (fetched.report.source_rows, fetched.report.source_note) == (None, "too slow to count")
    assert len(api.data_requests) <= 2 + 2 * (concurrency - 1)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("refused", [1, 4, 12, 18])
def test_a_gateway_that_is_out_for_a_moment_costs_a_few_requests(
    api: Api, tmp_path: Path, refused: int, concurrency: int
) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: (
        envelope(504) if request.kind == "data" and request.number <= refused else answer
    )
    assert fetch(api, tmp_path, concurrency=concurrency).ids == ids(api)
    assert len(api.data_requests) <= 2 * refused + 60


def test_timeouts_in_a_row_are_asked_again_after_pauses_that_stay_short(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number <= 8 else answer
    waits: list[float] = []
    assert fetch(api, tmp_path, wait=waits.append).ids == ids(api)
    assert waits == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_pages_that_a_passing_outage_made_smaller_grow_again(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number <= 20 else answer
    assert fetch(api, tmp_path).ids == ids(api)
    limits = [int(request.params["limit"]) for request in api.data_requests]
    assert (limits[0], limits[20]) == (1000, 10)
    assert limits[-1] > 100
    assert len(limits) < 70


def test_timeouts_that_answers_come_between_cost_no_pauses(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([number / 100 for number in range(50)])
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number <= 8 else answer
    waits: list[float] = []
    assert fetch(api, tmp_path, page_size=20, wait=waits.append).ids == ids(api)
    assert waits == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_a_gateway_that_stays_out_fails_the_day_within_a_minute(api: Api, tmp_path: Path) -> None:
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" else answer
    waits: list[float] = []
    with pytest.raises(QueryTimeoutError, match=r"day 2026-05-19, window \["):
        fetch(api, tmp_path, wait=waits.append)
    assert len(api.data_requests) < 35
    assert 40 < sum(waits) < 60


def test_a_width_that_is_too_much_is_refused_a_few_times_in_a_month(api: Api, tmp_path: Path) -> None:
    days = {
        f"day {number}": Window(MIDNIGHT + timedelta(days=number), MIDNIGHT + timedelta(days=number + 1))
        for number in range(30)
    }
    refused: list[Request] = []

    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind == "data" and _seconds(request) > 4 * 3600:
            refused.append(request)
            return envelope(504)
        return answer

    api.fault = fault
    fetched = fetch(api, tmp_path, days=days)
    assert sum(report.pages for report in fetched.reports.values()) == 30 * 8
    assert len(refused) <= 1 + 3 + 3


def test_a_504_near_the_end_of_a_wide_window_is_asked_for_again_in_a_narrow_one(api: Api, tmp_path: Path) -> None:
    """Less than the minimum width remained, but that little had never been asked for on its own."""
    api.rows = rows_at([*EVENLY[:99], 86399.2, 86399.4, 86399.6])
    api.fault = lambda request, answer: envelope(504) if request.params.get("cursor") else answer
    assert fetch(api, tmp_path, page_size=101).ids == ids(api)


def test_pages_that_follow_the_first_say_nothing_of_the_width_that_works(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    refused: list[Request] = []

    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind == "data" and "cursor" not in request.params and _seconds(request) > 3600:
            refused.append(request)
            return envelope(504)
        return answer

    api.fault = fault
    fetched = fetch(api, tmp_path, page_size=2)
    assert fetched.report.pages > 200
    # Of 24 hours with and without the count, 12, 6, 3 and 1.5; no wider window is tried before 32 of 0.75 have come.
    assert len(refused) == 6


def test_a_504_on_a_page_that_follows_does_not_narrow_what_other_days_ask_for(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([216.0 * number for number in range(1200)])
    days = {
        f"day {number}": Window(MIDNIGHT + timedelta(days=number), MIDNIGHT + timedelta(days=number + 1))
        for number in range(3)
    }
    api.fault = lambda request, answer: (
        envelope(504) if request.params.get("cursor") and _seconds(request) == 86400 else answer
    )
    fetched = fetch(api, tmp_path, days=days, concurrency=2, page_size=150)
    assert {row["public_id"] for rows in fetched.rows.values() for row in rows} == ids(api)
    first_pages = [request for request in api.data_requests if "cursor" not in request.params]
    assert [_seconds(request) for request in first_pages].count(86400) == 3


def test_both_halves_of_a_window_that_timed_out_are_asked_for_after_pauses(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number <= 16 else answer
    waits: list[float] = []
    assert fetch(api, tmp_path, concurrency=4, wait=waits.append).ids == ids(api)
    # All but the first few requests, whichever half they are for.
    assert len(waits) >= 10


def test_narrow_windows_do_not_make_the_journal_grow_with_their_square(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([])
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and _seconds(request) > 600 else answer
    fetched = fetch(api, tmp_path)
    assert fetched.report.pages > 100
    lines = (tmp_path / DAY / "journal.ndjson").read_bytes().splitlines()
    assert max(map(len, lines)) < 2000


def _seconds(request: Request) -> float:
    since, until = map(isoparse, request.window)
    return (until - since).total_seconds()


@pytest.mark.parametrize("status", [400, 403, 404, 302])
def test_what_cannot_be_mended_fails_the_day_by_name_after_one_request(api: Api, tmp_path: Path, status: int) -> None:
    api.fault = lambda request, answer: envelope(status, "no such lender") if request.kind == "data" else answer
    with pytest.raises(ExportsError) as caught:
        fetch(api, tmp_path, concurrency=4)
    assert str(caught.value).startswith(
        "day 2026-05-19, window [2026-05-19T00:00:00.000Z, 2026-05-20T00:00:00.000Z): the server refused the request "
        f'(HTTP {status}, the server said "no such lender", requestId req_{status})'
    )
    assert len(api.data_requests) == 1


def test_a_500_that_outlives_its_retries_fails_the_day_by_name(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: envelope(500, "boom") if request.number > 2 else answer
    with pytest.raises(TransientError, match=r"day 2026-05-19, window \[.*HTTP 500.*boom.*requestId req_500"):
        fetch(api, tmp_path, page_size=100)
    assert len(api.data_requests) == 2 + transport.ATTEMPTS


def test_a_broken_row_fails_the_day_by_name(api: Api, tmp_path: Path) -> None:
    api.rows = [*rows_at(EVENLY), row("broken", "2026-05-19T12:00:00Z", status=None)]
    with pytest.raises(ContractError, match=r"day 2026-05-19, window .*row broken: status is missing") as caught:
        fetch(api, tmp_path, page_size=100)
    assert "+966" not in str(caught.value)


def test_a_wrong_password_costs_few_logins_however_many_days_are_fetched(api: Api, tmp_path: Path) -> None:
    days = {f"day-{number}": Window(MIDNIGHT, MIDNIGHT + timedelta(hours=number)) for number in range(1, 9)}
    with pytest.raises(AuthenticationError, match="day day-"):
        fetch(api, tmp_path, days=days, concurrency=8, password="wrong")
    assert len(api.of_kind("login")) <= 3
    assert api.data_requests == []


def test_rows_that_prove_out_of_order_late_are_not_taken_for_ordered_early(api: Api, tmp_path: Path) -> None:
    hours = [1, 2, 9, 10, 3, 4, 5, 6, 7, 8, *range(11, 24)]
    api.rows = rows_at([3600.0 * hour for hour in sorted(hours)])
    api.order = lambda row: hours.index(1 + int(row["public_id"][3:]))
    assert fetch(api, tmp_path, concurrency=4, page_size=2).ids == ids(api)


def test_a_walk_that_begins_again_at_its_first_instant_does_not_reach_into_the_day_before(
    api: Api, tmp_path: Path
) -> None:
    before, *rows = rows_at([-0.0005, *[0.0] * 40])
    api.rows = [before, *rows]
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number == 2 else answer
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


def test_a_cursor_that_was_seen_in_a_wider_window_is_not_taken_for_a_circle(tmp_path: Path) -> None:
    with serving(ApiWithBoundaryCursors(rows_at([900.0 * number for number in range(40)]))) as api:
        api.fault = lambda request, answer: envelope(504) if request.number == 15 else answer
        assert fetch(api, tmp_path, page_size=1).ids == ids(api)


def test_a_capped_count_of_one_window_is_not_forgotten_with_the_next() -> None:
    report = DayReport()
    report.add(Entry(1, [], total=10, total_note="capped", counted=True))
    report.add(Entry(1, [], total=1, counted=True))
    assert (report.source_rows, report.source_note) == (11, "capped")


def test_each_connection_is_used_again(api: Api, tmp_path: Path) -> None:
    api.rows, api.gap = rows_at(EVENLY), 0.005
    fetch(api, tmp_path, concurrency=3, page_size=10)
    assert len({request.port for request in api.data_requests}) == 3


def test_faults_of_every_kind_at_random_lose_no_row(api: Api, tmp_path: Path) -> None:
    luck = random.Random(7)  # noqa: S311 - not for secrets
    kinds: list[Callable[[Answer], Answer]] = [
        lambda answer: envelope(500),
        lambda answer: envelope(429, Retry_After="1"),
        lambda answer: envelope(504),
        lambda answer: envelope(401),
        lambda answer: Answer(body=b"<html>"),
        lambda answer: Answer(body=answer.body, sent=luck.randrange(len(answer.body))),
    ]

    def fault(request: Request, answer: Answer) -> Answer:
        # Each kind at most once for the same page, so that neither retries nor a token's second chance are used up.
        tries = sum(request.params == earlier.params for earlier in api.data_requests)
        if request.kind != "data" or tries > len(kinds) or luck.random() > 0.4:
            return answer
        return kinds[(tries + zlib.crc32(repr(request.params).encode())) % len(kinds)](answer)

    api.rows, api.fault = rows_at(EVENLY), fault
    fetched = fetch(api, tmp_path, concurrency=4, page_size=7)
    assert fetched.ids == ids(api)
    assert fetched.report.effort.retries > 0
    assert fetched.report.effort.refreshes > 0
    assert fetched.report.effort.requests == len(api.data_requests)


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
    assert [fetched.reports[name].source_rows for name in "abc"] == [134, 133, 133]


def test_progress_is_told_at_the_end_of_each_day(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    told: list[tuple[str, int]] = []

    def note(day: str, report: DayReport) -> None:
        told.append((day, report.rows))

    fetch(api, tmp_path, page_size=100, on_progress=note)
    assert told == [(DAY, 400)]


def test_progress_is_told_while_queries_outrun_the_server(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = lambda request, answer: envelope(504) if request.kind == "data" and request.number < 5 else answer
    told: list[tuple[int, int]] = []

    def note(day: str, report: DayReport) -> None:
        told.append((report.effort.timeouts, report.rows))

    seconds = iter(range(0, 10000, 10))
    fetched = fetch(api, tmp_path, on_progress=note, clock=lambda: next(seconds))
    assert told[:4] == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert told[-1] == (4, 400)
    assert fetched.report.seconds > 0


def test_unknown_fields_are_reported_with_the_rows_that_have_them(api: Api, tmp_path: Path) -> None:
    api.rows = [sent | ({"agent": "x"} if number % 2 else {}) for number, sent in enumerate(rows_at(EVENLY))]
    fetched = fetch(api, tmp_path, page_size=100)
    assert fetched.report.unknown_fields == {"agent": 200}
    assert all("agent" not in sent for sent in fetched.rows[DAY])


def test_a_finished_day_is_not_asked_for_again(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetch(api, tmp_path, concurrency=4, page_size=50)
    api.requests.clear()
    told: list[str] = []
    again = fetch(api, tmp_path, concurrency=4, page_size=50, on_progress=lambda day, report: told.append(day))
    assert api.requests == []
    assert told == [DAY]
    assert again.ids == ids(api)
    assert (again.report.source_rows, again.report.resumed_pages) == (400, again.report.pages)


seconds_of_rows = st.lists(
    st.one_of(
        st.integers(0, 86_399_999).map(lambda milliseconds: milliseconds / 1000),
        st.sampled_from([0.0, 43200.0, 43200.001, 43200.999, 43201.0, 86399.999]),
        st.integers(36_000_000, 36_002_000).map(lambda milliseconds: milliseconds / 1000),
    ),
    max_size=120,
)
page_sizes = st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any)
unhurried = settings(deadline=None, max_examples=25, database=None, suppress_health_check=[HealthCheck.too_slow])


def short_pages(sizes: list[int]) -> Callable[[str, str, int], int]:
    return lambda since, until, page: sizes[(page + len(until) + int(since[-6:-1].replace(".", ""))) % len(sizes)]


@given(st.data())
@unhurried
def test_whatever_the_rows_pages_and_bounds_exactly_the_servers_rows_arrive(data: st.DataObject) -> None:
    seconds = data.draw(seconds_of_rows)
    api = Api(
        rows_at(sorted(seconds)),
        page_size_of=short_pages(data.draw(page_sizes)),
        ends_with_an_empty_page=data.draw(st.booleans()),
    )
    if data.draw(st.booleans()):
        # A window of less than two seconds is not cut, so one with too many rows would rightly fail.
        most_in_a_second = max(Counter(int(second) for second in seconds).values(), default=0)
        api.most_rows = 2 * most_in_a_second + data.draw(st.integers(1, 60))
    concurrency, page_size = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 40))
    with serving(api), TemporaryDirectory() as folder:
        fetched = fetch(api, Path(folder), concurrency=concurrency, page_size=page_size)
    assert fetched.ids == ids(api)
    assert fetched.report.source_rows == len(api.rows)
    assert api.most_in_flight <= concurrency


@given(st.integers(1, 60), st.integers(1, 8), st.data())
@unhurried
def test_a_fetch_that_dies_anywhere_is_gone_on_with(requests: int, concurrency: int, data: st.DataObject) -> None:
    seconds = sorted(data.draw(st.lists(st.integers(0, 86399), min_size=30, max_size=150)))
    api = Api(rows_at(seconds))
    api.fault = lambda request, answer: (
        envelope(403) if request.kind == "data" and request.number > requests else answer
    )
    with serving(api), TemporaryDirectory() as folder:
        try:
            fetch(api, Path(folder), concurrency=concurrency, page_size=5)
        except ExportsError:
            for name in ("rows.ndjson", "journal.ndjson"):
                path = Path(folder) / DAY / name
                size = path.stat().st_size
                path.write_bytes(path.read_bytes()[: size - data.draw(st.integers(0, min(size, 1000)))])
        api.fault = lambda request, answer: answer
        fetched = fetch(api, Path(folder), concurrency=concurrency, page_size=5)
    assert fetched.ids == ids(api)
    assert fetched.report.source_rows == len(seconds)
