"""Answers that refuse a request: by which status, and what an error shows of them."""

import json
import time

import pytest

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError
from cleargrid_assets_tests.exports.api import Answer, Api, envelope
from cleargrid_assets_tests.exports.faults import answering
from cleargrid_assets_tests.exports.sending import SECRET, get, to


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 410, 422])
def test_other_statuses_fail_after_exactly_one_request(api: Api, waits: list[float], status: int) -> None:
    api.fault = answering(envelope(status, "no", Location="/elsewhere"))
    with pytest.raises(ExportsError, match=f"HTTP {status}") as caught:
        get(api, waits.append)
    assert not isinstance(caught.value, TransientError)
    assert (len(api.requests), waits) == (1, [])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ExportsError),
        (403, ExportsError),
        (504, QueryTimeoutError),
        (522, QueryTimeoutError),
        (524, QueryTimeoutError),
    ],
)
def test_a_refusal_that_breaks_off_is_told_by_its_status(api: Api, status: int, kind: type[ExportsError]) -> None:
    api.fault = answering(Answer(status, b"elsewhere", {"Location": "/elsewhere"}, sent=3))
    with pytest.raises(kind, match=f"HTTP {status}"):
        get(api)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:hunter2@login.example.com:8443/path?key=value", "the server redirects to login.example.com ("),
        ("/elsewhere", "the server redirects ("),
        ("http://[broken", "the server redirects ("),
        ("", "the server redirects ("),
    ],
)
def test_redirect_is_refused_at_once_and_shows_the_host_alone(api: Api, status: int, location: str, shown: str) -> None:
    # A length without a body: to read it would end in an error of the connection.
    api.fault = answering(Answer(status, b"", {"Location": location}, content_length=1000, sent=0))
    with pytest.raises(ExportsError, match=f"HTTP {status}") as caught:
        get(api)
    assert not isinstance(caught.value, TransientError)
    assert str(caught.value).startswith(shown)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [202, 206, 207])
def test_status_of_an_answer_that_is_not_whole_is_no_success(api: Api, status: int) -> None:
    api.fault = answering(Answer(status, b"{}"))
    with pytest.raises(TransientError, match=rf"the answer is not whole; gave up .* \(HTTP {status}\)"):
        get(api)


def test_a_proxys_error_that_is_no_json_is_told_by_its_status(api: Api) -> None:
    for body in (b"<html>Bad Gateway</html>", b"", b"[1]", b'"text"', b"\xff", b"[" * 100_000):
        api.fault = answering(Answer(403, body))
        with pytest.raises(ExportsError, match="HTTP 403"):
            get(api)


def test_a_504_is_not_retried_but_left_to_the_caller(api: Api, waits: list[float]) -> None:
    api.fault = answering(envelope(504, "gateway timeout"))
    with pytest.raises(QueryTimeoutError, match="requestId req_504"):
        get(api, waits.append)
    assert (len(api.requests), waits) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 403, 500, 504])
def test_a_server_that_echoes_secrets_does_not_get_them_into_our_errors(api: Api, status: int) -> None:
    api.fault = answering(envelope(status, f"bad {SECRET} for ops@acme.example with hunter2"))
    with to(api.url) as transport_, pytest.raises(ExportsError) as caught:
        transport_.send("POST", "/login", json={"email": "ops@acme.example", "password": "hunter2"}, token=SECRET)
    text = f"{caught.value} {caught.value!r} {caught.value.message}"
    assert not [secret for secret in (SECRET, "ops@acme.example", "hunter2") if secret in text]
    assert "bad" in text


def test_addresses_that_a_server_quotes_are_not_in_our_errors(api: Api) -> None:
    said = 'no cast of "jane.doe@mail.example", <+447700900123> or 0097150123456 to uuid on 2026-05-19'
    api.fault = answering(envelope(400, said))
    with to(api.url) as transport_, pytest.raises(ExportsError) as caught:
        transport_.send("GET", "/x")
    assert caught.value.message == "no cast of [masked] or [masked] to uuid on 2026-05-19"


def test_a_request_id_that_is_none_is_cut(api: Api) -> None:
    api.fault = answering(Answer(400, json.dumps({"message": "no", "requestId": f"req-{SECRET}"}).encode()))
    with to(api.url) as transport_, pytest.raises(ExportsError) as caught:
        transport_.send("GET", "/x", token=SECRET)
    assert caught.value.request_id == "req-..."


@pytest.mark.parametrize("text", ["x" * 1_000_000, "1 " * 500_000, "a.b " * 250_000, "@" * 1_000_000])
def test_a_megabyte_is_redacted_in_a_tenth_of_a_second(text: str) -> None:
    error = ExportsError("refused", message=text, request_id=text)
    started = time.process_time()
    error.redact(["secret", "password", "x" * 40])
    shown = str(error)
    assert time.process_time() - started < 0.1
    assert len(shown) < 200


def test_a_secret_is_masked_before_the_message_is_cut() -> None:
    error = ExportsError("refused", message=f"{'no ' * 17}pass word-of-ops")
    error.redact(["pass word-of-ops"])
    assert "pass" not in str(error)
