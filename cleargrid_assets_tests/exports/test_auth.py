"""Tokens: got once, renewed once, never shown."""

import base64
import codecs
import html
import json
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from cleargrid_assets.exports.auth import Authenticator, Token
from cleargrid_assets.exports.errors import AuthenticationError, ExportsError
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets.settings import Credentials
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, LENDER_ID, PASSWORD, Answer, Api, Request, envelope
from cleargrid_assets_tests.exports.faults import Fault, answering, failing, without_refresh_token

T = TypeVar("T")


def authenticator(api: Api, **changed: str) -> Authenticator:
    given = {"lender": LENDER, "email": EMAIL, "password": PASSWORD} | changed
    credentials = Credentials(**{name: SecretStr(value) for name, value in given.items()})
    return Authenticator(Transport(api.url, connections=8, wait=lambda seconds: None), credentials)


def kinds(api: Api) -> list[str]:
    return [request.kind for request in api.requests]


def test_the_login_is_as_documented(api: Api) -> None:
    token = authenticator(api).token()
    (login,) = api.requests
    assert (login.method, login.path) == ("POST", f"/admin/auth/{LENDER}/login")
    assert json.loads(login.body) == {"email": EMAIL, "password": PASSWORD}
    assert login.params == {}
    assert "Authorization" not in login.headers
    assert token.lender_public_id == LENDER_ID


def test_the_refresh_is_as_documented(api: Api) -> None:
    auth = authenticator(api)
    auth.renew(auth.token(), RequestStats())
    refresh = api.requests[-1]
    assert (refresh.method, refresh.path) == ("POST", f"/admin/auth/{LENDER}/refresh-token")
    assert json.loads(refresh.body) == {"refreshToken": "refresh-1-secret"}
    assert "Authorization" not in refresh.headers


def test_many_threads_at_the_start_log_in_once(api: Api) -> None:
    auth = authenticator(api)
    together(8, auth.token)
    assert kinds(api) == ["login"]


def test_many_threads_that_fail_together_refresh_once(api: Api) -> None:
    auth = authenticator(api)
    refused, stats = auth.token(), RequestStats()
    renewed = together(8, lambda: auth.renew(refused, stats))
    assert kinds(api) == ["login", "refresh"]
    assert stats.refreshes == 1
    assert len({token.access for token in renewed}) == 1


def test_refresh_token_and_lender_are_kept_for_the_next_refresh(api: Api) -> None:
    auth = authenticator(api)
    first = auth.token()
    third = auth.renew(auth.renew(first, RequestStats()), RequestStats())
    assert kinds(api) == ["login", "refresh", "refresh"]
    assert third.lender_public_id == LENDER_ID


def test_a_refused_refresh_leads_to_a_login(api: Api) -> None:
    auth = authenticator(api)
    token = auth.token()
    api.refresh_tokens.clear()
    assert auth.renew(token, RequestStats()).access == "login-2-secret"
    assert kinds(api) == ["login", "refresh", "login"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refresh_that_fails_in_any_way_leads_to_a_login(api: Api, status: int) -> None:
    api.fault = failing(status, kind="refresh")
    auth = authenticator(api)
    assert auth.renew(auth.token(), RequestStats()).access == "login-2-secret"


def test_a_login_without_a_refresh_token_logs_in_again_instead(api: Api) -> None:
    api.fault = without_refresh_token()
    auth = authenticator(api)
    auth.renew(auth.token(), RequestStats())
    assert kinds(api) == ["login", "login"]


def test_a_wrong_password_stops_after_few_tries_and_says_what_to_check(api: Api) -> None:
    with pytest.raises(AuthenticationError, match="CLEARGRID_PASSWORD") as caught:
        authenticator(api, password="hunter2").token()
    assert "requestId req_500" in str(caught.value)
    assert "answers a wrong password with HTTP 500" in str(caught.value)
    assert len(api.requests) <= 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_login_survives_what_other_requests_do(api: Api, status: int) -> None:
    api.fault = failing(status, first=5, kind="login")
    assert authenticator(api).token().access == "login-6-secret"


def test_unavailable_login_is_not_blamed_on_the_password(api: Api) -> None:
    api.fault = failing(503, kind="login")
    with pytest.raises(AuthenticationError, match="gave up after 6 attempts") as caught:
        authenticator(api).token()
    assert "PASSWORD" not in str(caught.value)
    assert "send the requestId to ClearGrid" in str(caught.value)


@pytest.mark.parametrize("kind", ["login", "refresh"])
def test_login_or_refresh_that_times_out_is_retried(api: Api, kind: str) -> None:
    api.fault = failing(504, first=1, kind=kind)
    auth = authenticator(api)
    auth.renew(auth.token(), RequestStats())
    assert kinds(api) == {"login": ["login", "login", "refresh"], "refresh": ["login", "refresh", "refresh"]}[kind]


def test_a_wrong_password_is_tried_by_one_thread_for_all(api: Api) -> None:
    """Accounts get locked; eight workers must not make it eight times the tries."""
    auth = authenticator(api, password="hunter2")

    def fail() -> None:
        with pytest.raises(AuthenticationError):
            auth.token()

    assert len(together(8, fail)) == 8
    assert len(api.requests) <= 3


@pytest.mark.parametrize(
    ("status", "suspect"),
    [(400, "PASSWORD"), (401, "PASSWORD"), (403, "PASSWORD"), (404, "BASE_URL"), (301, "BASE_URL"), (308, "BASE_URL")],
)
def test_a_login_refused_outright_is_not_repeated_and_says_what_to_check(api: Api, status: int, suspect: str) -> None:
    api.fault = failing(status, "no", kind="login")
    with pytest.raises(AuthenticationError, match=f"HTTP {status}") as caught:
        authenticator(api).token()
    assert len(api.requests) == 1
    said = {name for name in ("PASSWORD", "BASE_URL") if f"CLEARGRID_{name}" in str(caught.value)}
    assert said == {suspect}
    assert "500" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"token": "t"}',
        b'{"token": null, "lenderPublicId": "l"}',
        b'{"token": "", "lenderPublicId": "l"}',
        b'{"token": "t", "lenderPublicId": ""}',
        b'{"token": "shhh\\nX-Evil: 1", "lenderPublicId": "l"}',
        b'{"token": "shhh\\n", "lenderPublicId": "l"}',
        '{"token": "shhh\u4e2d", "lenderPublicId": "l"}'.encode(),
        b"[" * 100_000,
    ],
)
def test_a_login_without_a_usable_token_fails_and_shows_none_of_it(api: Api, document: bytes) -> None:
    api.fault = answering(Answer(body=document))
    with pytest.raises(AuthenticationError) as caught:
        authenticator(api).token()
    assert "shhh" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", ["login", "refresh"])
def test_byte_order_mark_before_a_token_is_ignored(api: Api, kind: str) -> None:
    api.fault = lambda request, answer: (
        replace(answer, body=codecs.BOM_UTF8 + answer.body) if request.kind == kind else answer
    )
    auth = authenticator(api)
    assert auth.renew(auth.token(), RequestStats()).access == "renewed-1-secret"


NO_SUCCESS: list[dict[str, object]] = [
    {"errors": [{"code": "LOCKED", "detail": PASSWORD}]},
    {"errors": {"code": "LOCKED"}},
    {"errors": "locked"},
    {"code": 500},
    {"code": "401"},
    {"code": 0},
    {"success": False},
    {"success": "false"},
    {"success": 0},
    {"status": "error"},
    {"error": "locked"},
]

SUCCESS: list[dict[str, object]] = [
    {"errors": []},
    {"errors": None},
    {"errors": ""},
    {"code": 200},
    {"code": "200"},
    {"code": None},
    {"success": True},
    {"status": "ok"},
    {"success": None},
    {"message": "ok"},
]


def saying_also(said: dict[str, object], kind: str) -> Fault:
    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind != kind:
            return answer
        return replace(answer, body=json.dumps({**answer.document, **said, "requestId": "req_7"}).encode())

    return fault


@pytest.mark.parametrize("said", NO_SUCCESS)
def test_200_that_reports_an_error_is_no_login(api: Api, said: dict[str, object]) -> None:
    api.fault = saying_also(said, "login")
    with pytest.raises(AuthenticationError, match=r"HTTP 200, requestId req_7.*CLEARGRID_PASSWORD") as caught:
        authenticator(api).token()
    # As few attempts as for a wrong password, which this may be.
    assert len(api.requests) == 3
    assert "LOCKED" not in str(caught.value)


@pytest.mark.parametrize("said", NO_SUCCESS)
def test_200_that_reports_an_error_is_no_refresh(api: Api, said: dict[str, object]) -> None:
    api.fault = saying_also(said, "refresh")
    auth = authenticator(api)
    assert auth.renew(auth.token(), RequestStats()).access == "login-2-secret"


@pytest.mark.parametrize("said", SUCCESS)
def test_envelope_of_a_success_around_a_token_is_taken(api: Api, said: dict[str, object]) -> None:
    api.fault = saying_also(said, "login")
    assert authenticator(api).token().access == "login-1-secret"


def _encodings(text: str) -> list[str]:
    return [
        text,
        html.escape(text),
        "".join(f"&#{ord(character)};" for character in text),
        quote(text, safe=""),
        quote(quote(text, safe=""), safe=""),
        json.dumps(text)[1:-1],
        repr(text)[1:-1],
        base64.b64encode(text.encode()).decode(),
        text.encode().hex(),
        text[::-1],
    ]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 407, 429, 500, 503, 504, 511])
def test_password_that_the_login_echoes_in_any_encoding_is_not_shown(api: Api, status: int) -> None:
    password = "p&ss wörd'\"<7>"
    api.fault = answering(envelope(status, f"no: {' '.join(_encodings(password))}"))
    with pytest.raises(AuthenticationError) as caught:
        authenticator(api, password=password).token()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.message)
    assert f"HTTP {status}" in shown
    assert f"req_{status}" in shown
    assert not [encoded for encoded in _encodings(password) if encoded in shown]


@pytest.mark.parametrize("status", [407, 511])
def test_proxy_that_echoes_a_token_in_another_encoding_is_not_quoted(api: Api, status: int) -> None:
    echoed = base64.b64encode(b"the-token").decode()
    api.fault = answering(envelope(status, f"no: {echoed}"))
    transport = Transport(api.url, connections=1, wait=lambda seconds: None)
    with pytest.raises(ExportsError, match=f"HTTP {status}") as caught:
        transport.send("GET", "/x", params={"since": "", "until": ""}, token="the-token")
    assert caught.value.message is None


def test_the_lender_is_escaped_in_the_path(api: Api) -> None:
    with pytest.raises(AuthenticationError):
        authenticator(api, lender="a/../b?c").token()
    assert api.requests[0].path == "/admin/auth/a%2F..%2Fb%3Fc/login"


def test_no_representation_shows_a_secret(api: Api) -> None:
    auth = authenticator(api)
    token = auth.token()
    shown = f"{token!r} {auth!r} {auth.__dict__!r}"
    assert isinstance(token, Token)
    assert not [secret for secret in (token.access, PASSWORD, EMAIL) if secret in shown]


def together(number: int, work: Callable[[], T]) -> list[T]:
    """Does the work in so many threads that begin at once."""
    barrier = threading.Barrier(number)
    results: list[T] = []

    def run() -> None:
        barrier.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
