"""Query timeouts (504): narrower windows, smaller pages, pauses, and when the day fails."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from cleargrid_assets.exports.errors import QueryTimeoutError
from cleargrid_assets.exports.http.transport import Timeouts
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.api import Api, Request, envelope, rows_at
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, MIDNIGHT, WINDOW, InTurn, counted, fetch, ids
from cleargrid_assets_tests.exports.faults import (
    beginning_with,
    failing,
    is_first_page,
    is_later_page,
    large_pages_time_out,
    late,
    wider_than,
    width,
)

HALVINGS = 16
"""From a day to the narrowest window."""

TIMEOUTS_OF_A_ROW = HALVINGS + 3
"""Until a request asks for one row in the narrowest window: pages of 1,000, 100 and 10 rows come before."""


def days(number: int) -> dict[str, Window]:
    return {
        f"day {day}": Window(MIDNIGHT + timedelta(days=day), MIDNIGHT + timedelta(days=day + 1))
        for day in range(number)
    }


@pytest.mark.parametrize("concurrency", [1, 4])
def test_504_halves_the_window_and_the_width_is_remembered(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows, api.most_rows = rows_at(EVENLY), 60
    fetched = fetch(api, tmp_path, concurrency=concurrency, executor=InTurn())
    assert fetched.ids == ids(api)
    assert counted(api).rows == 400
    data = [request for request in api.data_requests if request.params["limit"] == "1000"]
    refused = [request for request in data if width(request) * 400 / WINDOW.seconds > 60]
    # 24, 12 and 6 hours once, and what the other connections had asked for by then.
    assert {24, 12, 6} <= {width(request) / 3600 for request in refused}
    assert len(refused) <= 3 + 3 * (concurrency - 1)
    # 8 windows of 3 hours hold the rows.
    assert len(data) - len(refused) <= 8 + concurrency


def test_503_that_becomes_a_504_is_narrowed(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = beginning_with(envelope(503), envelope(504))
    assert fetch(api, tmp_path).ids == ids(api)


def test_read_timeout_narrows_the_window(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = late(first=2)
    fetched = fetch(api, tmp_path, timeouts=Timeouts(read_s=1.0))
    assert fetched.ids == ids(api)
    # 24 and 12 hours time out. 6 hours are answered, and asked for from then on.
    assert [width(request) / 3600 for request in api.data_requests] == [24, 12, 6, 6, 6, 6]


def test_narrowest_window_with_too_many_rows_fails_and_is_named(api: Api, tmp_path: Path) -> None:
    api.rows, api.most_rows = rows_at([36000.0] * 3), 2
    with pytest.raises(QueryTimeoutError) as caught:
        fetch(api, tmp_path, concurrency=2)
    text = str(caught.value)
    assert "day 2026-05-19, window [2026-05-19T10:00:00.000Z, 2026-05-19T10:00:01.000Z)" in text
    assert "HTTP 504" in text
    assert "requestId req_504" in text
    assert "Even one row at a time in a window of 1 s" in text
    # Each halving, the empty half beside it in up to two windows, smaller pages and the last tries.
    assert len(api.data_requests) <= 3 * HALVINGS + 3 + 7


def test_narrowest_window_is_requested_in_smaller_pages(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([36000.0] * 300)
    api.fault = large_pages_time_out(rows=50)
    assert fetch(api, tmp_path, concurrency=2, page_size=1000).ids == ids(api)
    assert {request.params["limit"] for request in api.data_requests} == {"1000", "100", "10"}


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_pages_get_smaller_though_other_parts_are_answered(api: Api, tmp_path: Path, concurrency: int) -> None:
    """The answers of parts with few rows say nothing about a second with many."""
    api.rows = rows_at([36000 + number / 50 for number in range(50)] + EVENLY[:50])
    api.fault = large_pages_time_out(rows=1)
    assert fetch(api, tmp_path, concurrency=concurrency, page_size=1000).ids == ids(api)


def test_pages_too_large_cost_a_few_timeouts_a_day(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([second / 10 for second in range(0, 864000, 200)])
    api.fault = failing(504, when=lambda request: int(request.params["limit"]) > 100)
    fetched = fetch(api, tmp_path)
    assert fetched.ids == ids(api)
    # The halvings, the limit, then a trial after 32, 64 and 128 answers, of which there are fewer.
    assert fetched.report.stats.timeouts <= HALVINGS + 1 + 2
    # 44 full pages of 100 rows, and for each halving the refused request and a page that is not full.
    assert len(api.data_requests) <= 44 + 2 * HALVINGS + 4


@pytest.mark.parametrize("luck", range(2))
def test_scattered_504s_in_crowded_seconds_lose_no_rows(api: Api, tmp_path: Path, luck: int) -> None:
    chance = random.Random(luck)  # noqa: S311 - not for secrets
    api.rows = rows_at([36000 + number / 400 for number in range(1200)])
    api.fault = failing(504, when=lambda request: chance.random() < 0.05)
    assert fetch(api, tmp_path, concurrency=2, page_size=20).ids == ids(api)


@pytest.mark.parametrize("refused", [TIMEOUTS_OF_A_ROW, TIMEOUTS_OF_A_ROW + 6])
def test_outage_during_the_last_tries_is_survived(api: Api, tmp_path: Path, refused: int) -> None:
    api.rows = rows_at([36000.0] * 5)
    api.fault = failing(504, first=refused)
    assert fetch(api, tmp_path).ids == ids(api)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("refused", [1, 4, 12, 18])
def test_short_outage_costs_a_few_requests(api: Api, tmp_path: Path, refused: int, concurrency: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=refused)
    assert fetch(api, tmp_path, concurrency=concurrency, executor=InTurn()).ids == ids(api)
    # Both parts of each window that was halved or cut. The width grows again after 32 answers, then with each answer.
    assert len(api.data_requests) <= 2 * refused + 32 + 17


def test_answer_of_a_wide_window_ends_narrow_ones(api: Api, tmp_path: Path) -> None:
    api.fault = failing(504, first=1)
    # Several times, because it is arbitrary which of two finished requests is looked at first.
    for attempt in range(10):
        api.requests.clear()
        fetch(api, tmp_path / str(attempt), days=days(6), concurrency=2, executor=InTurn())
        # The two halves of the first day, and every other day as a whole.
        assert len(api.data_requests) == 6 + 2


@pytest.mark.parametrize("refused", [1, 4, 12, 18])
def test_short_outage_of_requests_in_threads_loses_no_rows(api: Api, tmp_path: Path, refused: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=refused)
    assert fetch(api, tmp_path, concurrency=4).ids == ids(api)


def test_pauses_between_timeouts_grow_and_stay_short(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=8)
    waits: list[float] = []
    assert fetch(api, tmp_path, wait=waits.append).ids == ids(api)
    assert waits == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_pages_made_smaller_by_an_outage_grow_again(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=HALVINGS + 2)
    assert fetch(api, tmp_path).ids == ids(api)
    limits = [int(request.params["limit"]) for request in api.data_requests]
    assert (limits[0], limits[HALVINGS + 2]) == (1000, 10)
    assert limits[-1] > 100
    # The refused ones, 32 small ones until the first trial, and 7 to grow to 1,000 rows.
    assert len(limits) <= HALVINGS + 2 + 32 + 7


def test_answers_between_timeouts_end_the_pauses(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([number / 100 for number in range(50)])
    api.fault = failing(504, first=8)
    waits: list[float] = []
    assert fetch(api, tmp_path, page_size=20, wait=waits.append).ids == ids(api)
    assert waits == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_lasting_outage_fails_the_day_within_a_minute(api: Api, tmp_path: Path) -> None:
    api.fault = failing(504)
    waits: list[float] = []
    with pytest.raises(QueryTimeoutError, match=r"day 2026-05-19, window \["):
        fetch(api, tmp_path, wait=waits.append)
    assert len(api.data_requests) == TIMEOUTS_OF_A_ROW + 7
    assert 40 < sum(waits) < 60


def test_width_too_large_is_refused_a_few_times_a_month(api: Api, tmp_path: Path) -> None:
    api.fault = failing(504, when=wider_than(4 * 3600))
    fetched = fetch(api, tmp_path, days=days(30))
    assert sum(report.pages for report in fetched.reports.values()) == 30 * 8
    # 24, 12 and 6 hours, then trials after 32, 64 and 128 answers.
    assert len([request for request in api.data_requests if width(request) > 4 * 3600]) <= 3 + 3


def test_504_near_the_end_of_a_wide_window_is_retried_narrowly(api: Api, tmp_path: Path) -> None:
    """Less than the minimum width remains, but that little has never been requested on its own."""
    api.rows = rows_at([*EVENLY[:99], 86399.2, 86399.4, 86399.6])
    api.fault = failing(504, when=is_later_page)
    assert fetch(api, tmp_path, page_size=101).ids == ids(api)


def test_later_pages_say_nothing_about_the_width(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)

    def is_wide_first_page(request: Request) -> bool:
        return is_first_page(request) and width(request) > 3600

    api.fault = failing(504, when=is_wide_first_page)
    fetched = fetch(api, tmp_path, page_size=2)
    assert fetched.report.pages > 200
    # 24, 12, 6, 3 and 1.5 hours. No wider window is tried before 32 of 0.75 hours were answered.
    assert len([request for request in api.data_requests if is_wide_first_page(request)]) == 5


def test_504_on_a_later_page_does_not_narrow_other_days(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([216.0 * number for number in range(1200)])
    api.fault = failing(504, when=lambda request: is_later_page(request) and width(request) == WINDOW.seconds)
    fetched = fetch(api, tmp_path, days=days(3), concurrency=2, page_size=150)
    assert {row["public_id"] for rows in fetched.rows.values() for row in rows} == ids(api)
    first_pages = [request for request in api.data_requests if is_first_page(request)]
    assert [width(request) for request in first_pages].count(WINDOW.seconds) == 3


def test_both_halves_are_requested_after_pauses(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=16)
    waits: list[float] = []
    assert fetch(api, tmp_path, concurrency=4, wait=waits.append, executor=InTurn()).ids == ids(api)
    # Rounds of 1, 2 and 4 requests begin before the fourth timeout. Each request of the next three rounds waits: the
    # third of them brings the 16th timeout and the first answers.
    assert len(waits) == 3 * 4


def test_narrow_windows_do_not_make_journal_lines_long(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([])
    api.fault = failing(504, when=wider_than(600))
    fetched = fetch(api, tmp_path)
    assert fetched.report.pages > 100
    lines = (tmp_path / DAY / "journal.ndjson").read_bytes().splitlines()
    assert max(map(len, lines)) < 2000
