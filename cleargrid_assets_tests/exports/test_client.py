"""One page at a time, with a token that works."""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.errors import AuthenticationError, ContractError, ExportsError, TransientError
from cleargrid_assets.exports.http.retry import MAX_ATTEMPTS
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets_tests.exports.api import (
    EMAIL,
    LENDER_ID,
    PASSWORD,
    Answer,
    Api,
    Request,
    envelope,
    rows_at,
)
from cleargrid_assets_tests.exports.driving import WINDOW, connected
from cleargrid_assets_tests.exports.faults import (
    NOT_A_WHOLE_PAGE,
    Change,
    beginning_with,
    changing,
    echoing_secrets,
    failing,
    telling,
)

SECRETS = (PASSWORD, EMAIL, "login-1-secret", "refresh-1-secret", "renewed-1-secret", "renewed-2-secret")


def test_a_page_is_asked_for_as_documented(api: Api) -> None:
    with connected(api, page_size=250) as client:
        client.page(WINDOW)
        client.page(WINDOW, limit=1, include_total=True)
    first, second = api.data_requests
    assert (first.method, first.path) == ("GET", f"/admin/v3/lenders/{LENDER_ID}/exports/S4/D21")
    assert first.headers["Authorization"] == "Bearer login-1-secret"
    bounds = {"since": "2026-05-19T00:00:00.000Z", "until": "2026-05-20T00:00:00.000Z", "sort": "asc"}
    assert first.params == bounds | {"limit": "250"}
    assert second.params == bounds | {"limit": "1", "includeTotal": "true"}


def test_rate_of_requests_is_bounded_by_the_variable(api: Api) -> None:
    waits: list[float] = []
    with connected(api, waits.append, max_requests_per_second=0.1) as client:
        for _ in range(3):
            client.page(WINDOW)
    # Each page starts ten seconds after the request before. The waits are only noted, so they add up.
    assert [round(wait, -1) for wait in waits] == [10, 20, 30]


@pytest.mark.parametrize("cursor", ["a+b/c==", "100%&x=?#", "\u0645 \U0001f600", "null", "0"])
def test_a_cursor_arrives_verbatim(api: Api, cursor: str) -> None:
    api.fault = failing(404)
    with connected(api) as client, pytest.raises(ExportsError):
        client.page(WINDOW, cursor=cursor)
    assert api.data_requests[0].params["cursor"] == cursor


def test_no_secret_is_in_any_url(api: Api) -> None:
    with connected(api) as client:
        client.page(WINDOW)
        api.valid_tokens.clear()
        client.page(WINDOW)
    assert {request.kind for request in api.requests} == {"login", "refresh", "data"}
    for request in api.requests:
        assert not [secret for secret in SECRETS if secret in f"{request.path} {request.params}"]


def test_a_missing_credential_is_named_before_anything_is_sent(api: Api) -> None:
    with pytest.raises(SettingsError, match="CLEARGRID_PASSWORD"), connected(api, password=""):
        pass
    assert api.requests == []


def test_an_expired_token_is_renewed_and_the_request_repeated_once(api: Api) -> None:
    api.rows = rows_at([1])
    stats = RequestStats()
    with connected(api) as client:
        client.page(WINDOW)
        api.valid_tokens.clear()
        assert client.page(WINDOW, stats=stats).rows == 1
    assert [request.kind for request in api.requests] == ["login", "data", "data", "refresh", "data"]
    assert api.data_requests[-1].params == api.data_requests[-2].params
    assert api.data_requests[-1].headers["Authorization"] == "Bearer renewed-1-secret"
    assert (stats.requests, stats.retries, stats.refreshes) == (2, 0, 1)


def test_requests_that_fail_together_share_one_refresh(api: Api) -> None:
    api.together = 8
    with connected(api, concurrency=8) as client, ThreadPoolExecutor(8) as threads:
        client.page(WINDOW)
        api.valid_tokens.clear()
        list(threads.map(lambda _: client.page(WINDOW), range(8)))
    assert len(api.of_kind("refresh")) == 1


def test_a_refresh_token_that_has_died_leads_to_a_login(api: Api) -> None:
    with connected(api) as client:
        client.page(WINDOW)
        api.valid_tokens.clear()
        api.refresh_tokens.clear()
        client.page(WINDOW)
    assert [request.kind for request in api.requests] == ["login", "data", "data", "refresh", "login", "data"]


def test_token_that_expires_repeatedly_is_renewed_repeatedly(api: Api) -> None:
    with connected(api) as client:
        for _ in range(4):
            client.page(WINDOW)
            api.valid_tokens.clear()
    assert len(api.of_kind("refresh")) == 3


def test_a_fresh_token_that_is_refused_stops_with_what_the_server_said(api: Api) -> None:
    api.fault = failing(401, "Lender inactive")
    with connected(api) as client, pytest.raises(AuthenticationError) as caught:
        client.page(WINDOW)
    assert [request.kind for request in api.requests] == ["login", "data", "refresh", "data"]
    assert 'HTTP 401, the server said "Lender inactive", requestId req_401' in str(caught.value)


def _dying_while_others_work(api: Api, client: ExportsClient, deaths: int) -> Callable[[Request, Answer], Answer]:
    """A fault: the tokens of requests for one row die before the server looks at them, new ones after some use."""

    def fault(request: Request, answer: Answer) -> Answer:
        slow = [each for each in api.data_requests if each.params["limit"] == "1"]
        if request not in slow or len(slow) > deaths:
            return answer
        if len(slow) > 1:
            client.page(WINDOW)
        api.valid_tokens.clear()
        return envelope(401, "Token expired")

    return fault


def test_fresh_token_that_worked_for_another_request_is_renewed_again(api: Api) -> None:
    api.rows = rows_at([1])
    with connected(api, concurrency=2) as client:
        api.fault = _dying_while_others_work(api, client, deaths=2)
        assert client.page(WINDOW, limit=1).rows == 1
    assert len(api.of_kind("refresh")) == 2


def test_fresh_token_that_waited_for_a_retry_is_renewed_again(api: Api) -> None:
    api.rows = rows_at([1])
    expired = envelope(401, "Token expired")
    fault = beginning_with(expired, envelope(503, Retry_After="60"), expired)
    api.fault = telling(lambda request: api.valid_tokens.clear(), fault, first=3)
    with connected(api) as client:
        assert client.page(WINDOW).rows == 1
    assert len(api.of_kind("refresh")) == 2


def test_request_refused_with_every_token_fails(api: Api) -> None:
    with connected(api, concurrency=2) as client:
        api.fault = _dying_while_others_work(api, client, deaths=100)
        with pytest.raises(AuthenticationError, match="Token expired"):
            client.page(WINDOW, limit=1)
    assert len(api.of_kind("refresh")) == 3


def test_refused_fresh_tokens_stop_many_threads_after_few_requests(api: Api) -> None:
    api.together = 8
    api.fault = failing(401)
    errors = []
    with connected(api, concurrency=8) as client, ThreadPoolExecutor(8) as threads:
        for future in [threads.submit(client.page, WINDOW) for _ in range(8)]:
            with pytest.raises(AuthenticationError) as caught:
                future.result()
            errors.append(caught.value)
    assert len(errors) == 8
    assert len(api.of_kind("login")) == 1
    assert len(api.of_kind("refresh")) <= 8
    assert len(api.data_requests) <= 8 * 9


@pytest.mark.parametrize("status", [400, 403, 404, 301, 302])
def test_final_status_fails_after_exactly_one_request(api: Api, status: int) -> None:
    api.fault = failing(status, "no", Location=f"{api.url}/elsewhere")
    with connected(api) as client, pytest.raises(ExportsError, match=f"HTTP {status}"):
        client.page(WINDOW)
    assert len(api.data_requests) == 1


@pytest.mark.parametrize("change", NOT_A_WHOLE_PAGE.values(), ids=list(NOT_A_WHOLE_PAGE))
def test_200_without_a_whole_page_is_retried_then_fails(api: Api, change: Change) -> None:
    api.rows = [{**row, "subject": "s"} for row in rows_at(range(50))]
    api.fault = changing(change, first=2)
    with connected(api) as client:
        assert client.page(WINDOW).rows == 50
        assert len(api.data_requests) == 3
        api.fault = changing(change)
        with pytest.raises(TransientError):
            client.page(WINDOW)
    assert len(api.data_requests) == 3 + MAX_ATTEMPTS


def test_a_broken_contract_is_not_asked_for_again(api: Api) -> None:
    api.rows = [row | {"to": None} for row in rows_at([1])]
    with connected(api) as client, pytest.raises(ContractError, match=r"page \(id-0\.\.\.\): to is missing"):
        client.page(WINDOW)
    assert len(api.data_requests) == 1


@pytest.mark.parametrize("kind", ["login", "data"])
@pytest.mark.parametrize("status", [400, 401, 403, 500, 504])
def test_no_secret_is_in_any_error_or_its_causes(api: Api, kind: str, status: int) -> None:
    api.fault = echoing_secrets(status, kind)
    with connected(api) as client, pytest.raises(ExportsError) as caught:
        client.page(WINDOW)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client.__dict__)
    assert f"HTTP {status}" in shown
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_client_that_is_closed_does_not_hang_its_threads(api: Api) -> None:
    api.fault = failing(503, Retry_After="60")
    errors: list[ExportsError] = []
    entered = threading.Event()

    def ask() -> None:
        try:
            client.page(WINDOW)
        except ExportsError as error:
            errors.append(error)

    with connected(api, wait=lambda seconds: entered.set()) as client:
        thread = threading.Thread(target=ask)
        thread.start()
        entered.wait(60)
    thread.join(60)
    assert len(errors) == 1
