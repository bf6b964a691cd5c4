"""Pages that the server keeps failing to send: what is requested instead, and when the day fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cleargrid_assets.exports.errors import AuthenticationError, ContractError, ExportsError
from cleargrid_assets.exports.http.retry import MAX_ATTEMPTS
from cleargrid_assets_tests.exports.api import Answer, Api, Request, envelope, rows_at
from cleargrid_assets_tests.exports.driving import EVENLY, WINDOW, InTurn, fetch, ids
from cleargrid_assets_tests.exports.faults import failing, is_first_page, is_later_page, wider_than

SERVER_FAILURES = [500, 502, 503, 408]
REFUSALS = [400, 409, 410, 422]


def ending_sessions(status: int, pages: int) -> Callable[[Request, Answer], Answer]:
    """Refuses the cursors of a session after so many pages. A first page begins a new session."""
    left = pages

    def fault(request: Request, answer: Answer) -> Answer:
        nonlocal left
        if request.kind != "data":
            return answer
        left = pages if is_first_page(request) else left - 1
        return envelope(status, "session ended") if left < 1 else answer

    return fault


@pytest.mark.parametrize("status", [*SERVER_FAILURES, *REFUSALS, 200])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_ended_session_is_continued_without_its_cursor(api: Api, tmp_path: Path, status: int, concurrency: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = ending_sessions(status, pages=4)
    fetched = fetch(api, tmp_path, concurrency=concurrency, page_size=20, executor=InTurn())
    assert fetched.ids == ids(api)
    assert 1 <= fetched.report.alternatives <= 10


def test_restart_loses_no_row_of_a_crowded_second(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([36000.0] * 90 + [36000.5] * 70 + [50000.0] * 40)
    api.fault = ending_sessions(410, pages=9)
    assert fetch(api, tmp_path, page_size=20).ids == ids(api)


def test_restart_of_an_unordered_day_is_from_its_start(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY[:100])
    api.order = lambda row: -int(row["public_id"][3:])
    api.fault = failing(410, after=3, first=4)
    fetched = fetch(api, tmp_path, page_size=20)
    assert fetched.ids == ids(api)
    assert [request.window for request in api.data_requests if is_first_page(request)][1:] == [
        api.data_requests[0].window
    ]


@pytest.mark.parametrize("status", SERVER_FAILURES)
def test_window_that_fails_is_requested_in_halves(api: Api, tmp_path: Path, status: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(status, when=wider_than(WINDOW.seconds / 2))
    fetched = fetch(api, tmp_path)
    assert fetched.ids == ids(api)
    assert fetched.report.alternatives == 1
    assert len(api.data_requests) == MAX_ATTEMPTS + 2


def test_second_half_that_fails_is_halved_again(api: Api, tmp_path: Path) -> None:
    api.rows, api.most_rows = rows_at([43200.0 + 216 * number for number in range(200)]), 150
    api.fault = lambda request, answer: envelope(500) if answer.status == 504 else answer
    fetched = fetch(api, tmp_path)
    assert fetched.ids == ids(api)
    assert fetched.report.alternatives == 2


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("status", SERVER_FAILURES)
def test_server_that_fails_everything_costs_one_different_request(
    api: Api, tmp_path: Path, status: int, concurrency: int
) -> None:
    api.fault = failing(status, "boom")
    with pytest.raises(ExportsError) as caught:
        fetch(api, tmp_path, concurrency=concurrency, executor=InTurn())
    text = str(caught.value)
    assert text.startswith(f"day 2026-05-19, window {WINDOW}: the server failed; gave up after {MAX_ATTEMPTS} attempts")
    assert "A different request, for [2026-05-19T00:00:00.000Z, 2026-05-19T12:00:00.000Z) without a cursor" in text
    assert f"failed too (HTTP {status})" in text
    # With more connections, the other half is requested at the same time.
    assert len(api.data_requests) <= (2 if concurrency == 1 else 4) * MAX_ATTEMPTS


@pytest.mark.parametrize("status", [500, 410])
def test_page_that_fails_either_way_fails_with_the_first_error(api: Api, tmp_path: Path, status: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(status, "boom", after=2)
    with pytest.raises(ExportsError) as caught:
        fetch(api, tmp_path, page_size=100)
    assert str(caught.value).startswith(f"day 2026-05-19, window {WINDOW}: ")
    assert f"failed too (HTTP {status})" in str(caught.value)
    assert len(api.data_requests) == 2 + (2 * MAX_ATTEMPTS if status == 500 else 2)


def test_day_is_asked_differently_20_times_at_most(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(410, when=is_later_page)
    with pytest.raises(ExportsError, match=r"HTTP 410.*used up its 20 different requests"):
        fetch(api, tmp_path, page_size=15)
    # 21 first pages, and 21 refused cursors.
    assert len(api.data_requests) == 42
    # The next run goes on from there.
    assert fetch(api, tmp_path, page_size=15).ids == ids(api)


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_refusal_without_a_cursor_is_final(api: Api, tmp_path: Path, status: int) -> None:
    api.fault = failing(status)
    with pytest.raises(ExportsError, match=f"HTTP {status}"):
        fetch(api, tmp_path, concurrency=4)
    assert len(api.data_requests) == 1


@pytest.mark.parametrize("status", [403, 404, 302, 429])
def test_refusal_that_is_not_about_the_cursor_is_final(api: Api, tmp_path: Path, status: int) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(status, when=is_later_page)
    with pytest.raises(ExportsError, match=f"HTTP {status}"):
        fetch(api, tmp_path, page_size=100)
    assert len([request for request in api.data_requests if is_first_page(request)]) == 1


def test_refused_token_on_a_later_page_is_not_asked_differently(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(401, when=is_later_page)
    with pytest.raises(AuthenticationError):
        fetch(api, tmp_path, page_size=100)
    assert len([request for request in api.data_requests if is_first_page(request)]) == 1


def test_bad_row_in_a_different_request_is_named(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.rows[150]["status"] = None
    api.fault = failing(410, first=2, after=1)
    with pytest.raises(ContractError, match=r"\(id-0\.\.\.\): status is missing"):
        fetch(api, tmp_path, page_size=100)


def test_lost_connection_of_a_different_request_gives_the_first_error(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)

    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind != "data" or request.number < 2:
            return answer
        return envelope(410) if request.number == 2 else Answer(raw=b"")

    api.fault = fault
    with pytest.raises(ExportsError, match=r"HTTP 410.*failed too \(the connection to .* failed"):
        fetch(api, tmp_path, page_size=100)
