"""The server's own count of a window."""

import random

import pytest

from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets_tests.exports.api import Api, rows_at
from cleargrid_assets_tests.exports.driving import EVENLY, WINDOW, connected, counted
from cleargrid_assets_tests.exports.faults import asks_for_count, failing, slow_count, spoiling, width


def test_count_is_one_request_for_one_row(api: Api) -> None:
    api.rows = rows_at(EVENLY)
    assert counted(api) == Count(400)
    [request] = api.data_requests
    assert (request.params["limit"], request.params["includeTotal"]) == ("1", "true")


@pytest.mark.parametrize(
    ("pagination", "count"),
    [
        ({"total": None, "totalNote": "timeout"}, Count(None, "timeout")),
        ({}, Count(None, "not given")),
        ({"total": 10, "totalExact": False, "totalNote": "capped"}, Count(10, "capped")),
    ],
)
def test_missing_or_capped_count_has_its_reason(api: Api, pagination: dict[str, object], count: Count) -> None:
    api.fault = spoiling(lambda body: body.update(pagination={"nextCursor": None, **pagination}))
    assert counted(api) == count
    assert not count.is_exact


def test_slow_count_is_given_up_after_two_requests(api: Api) -> None:
    api.rows, api.fault = rows_at(EVENLY), slow_count()
    assert counted(api) == Count(None, "too slow to count")
    assert [asks_for_count(request) for request in api.data_requests] == [True, False]


def test_window_too_large_is_counted_in_halves(api: Api) -> None:
    api.rows, api.most_rows = rows_at(EVENLY), 60
    assert counted(api) == Count(400)
    # 24 hours with and without the count, 12 and 6 hours; then 8 times 3 hours.
    assert [width(request) / 3600 for request in api.data_requests] == [24, 24, 12, 6] + [3] * 8


def test_capped_count_of_one_half_is_not_forgotten(api: Api) -> None:
    api.rows = rows_at(EVENLY)

    def cap_morning(body: dict[str, dict[str, object]]) -> None:
        if str(body["meta"]["since"]) < "2026-05-19T06":
            body["pagination"] |= {"total": 10, "totalNote": "capped"}

    capped, too_wide = spoiling(cap_morning, when=lambda request: width(request) <= 43200), failing(504, first=2)
    api.fault = lambda request, answer: too_wide(request, capped(request, answer))
    assert counted(api) == Count(10 + 200, "capped")


def test_lasting_outage_ends_the_count_after_a_few_requests(api: Api) -> None:
    api.fault = failing(504)
    assert counted(api) == Count(None, "timeout")
    # 8 widths, and once without the count.
    assert len(api.data_requests) == 8 + 1


@pytest.mark.parametrize("luck", range(3))
def test_count_with_many_scattered_504s_is_given_up(api: Api, luck: int) -> None:
    chance = random.Random(luck)  # noqa: S311 - not for secrets
    api.fault = failing(504, when=lambda request: request.number < 8 or chance.random() < 0.3)
    assert counted(api) == Count(None, "timeout")
    # 8 timeouts, once without the count, and 128 windows of 11 minutes.
    assert len(api.data_requests) <= 8 + 1 + 128


def test_refused_request_is_the_reason_for_no_count(api: Api) -> None:
    api.fault = failing(403, "No")
    count = counted(api)
    assert count.rows is None
    assert 'HTTP 403, the server said "No"' in str(count.note)


def test_requests_are_added_to_the_stats(api: Api) -> None:
    api.rows, api.fault = rows_at(EVENLY), slow_count()
    stats = RequestStats()
    with connected(api) as client:
        count_rows(client, WINDOW, stats)
    assert (stats.requests, stats.timeouts) == (2, 1)
