"""Requests that fail in every way that a network, a proxy or a server can make them fail."""

import email.utils
import gzip
import json
import random
import socket
import threading
import time
import traceback
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from cleargrid_assets import __version__
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError
from cleargrid_assets.exports.http.retry import MAX_ATTEMPTS, MAX_WAIT_S
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets_tests.exports.api import Answer, Api, envelope, gzipped
from cleargrid_assets_tests.exports.faults import answering, answering_by, telling
from cleargrid_assets_tests.exports.sending import SECRET, get, to

PERSONAL = b'{"to": "+966512345678"}'


@pytest.mark.parametrize(
    "url",
    [
        "http://v3-api.cleargrid.ai",
        "http://192.0.2.1",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "http://127.1",
        "http://localhost.example.org",
        "http://0.0.0.0",
        "HTTP://example.org",
        "ftp://127.0.0.1",
        "https://",
        "https://host?key=value",
        "https://user:hunter2@host",
        "https://host:notaport",
        "https://[::1",
        "cleargrid.ai",
        "",
    ],
)
def test_a_root_that_is_no_https_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ExportsError, match="CLEARGRID_BASE_URL") as caught:
        Transport(url, connections=1)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.8.9.1", "https://example.org/x/"]
)
def test_https_and_plain_http_on_loopback_are_taken(url: str) -> None:
    Transport(url, connections=1).close()


def test_a_200_gives_its_body_after_one_request(api: Api) -> None:
    api.fault = answering(Answer(body=b"whole"))
    stats = RequestStats()
    assert get(api, stats=stats) == b"whole"
    assert (stats.requests, stats.retries, len(api.requests)) == (1, 0, 1)


def test_a_compressed_body_is_unpacked(api: Api) -> None:
    api.fault = answering(gzipped(Answer(body=b"whole" * 1000)))
    assert get(api) == b"whole" * 1000


def test_the_user_agent_names_project_and_version(api: Api) -> None:
    api.fault = answering(Answer())
    get(api)
    assert api.requests[0].headers["User-Agent"] == f"cleargrid-assets/{__version__}"


def test_connections_are_used_again(api: Api) -> None:
    api.fault = answering(Answer())
    with to(api.url) as transport_:
        for _ in range(3):
            transport_.send("GET", "/x", params={"since": "", "until": ""})
    assert len({request.port for request in api.requests}) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 520, 599, 429, 408])
def test_a_failure_that_passes_is_tried_again(api: Api, status: int) -> None:
    api.fault = answering(envelope(status), envelope(status), Answer(body=b"whole"))
    stats = RequestStats()
    assert get(api, stats=stats) == b"whole"
    assert (stats.requests, stats.retries) == (3, 2)


def test_lasting_500_quotes_the_server_after_its_retries(api: Api, waits: list[float]) -> None:
    api.fault = answering(envelope(500, "lender misconfigured"))
    with pytest.raises(TransientError) as caught:
        get(api, waits.append)
    assert (len(api.requests), len(waits)) == (MAX_ATTEMPTS, MAX_ATTEMPTS - 1)
    assert 'HTTP 500, the server said "lender misconfigured", requestId req_500' in str(caught.value)
    assert f"gave up after {MAX_ATTEMPTS} attempts" in str(caught.value)
    assert str(caught.value).endswith("If it persists, send the requestId to ClearGrid.")


def test_a_proxys_500_without_a_request_id_asks_for_none(api: Api) -> None:
    api.fault = answering(Answer(502, b"<html>Bad gateway</html>"))
    with pytest.raises(TransientError) as caught:
        get(api)
    assert "requestId" not in str(caught.value)


def test_waits_grow_and_differ(api: Api, waits: list[float]) -> None:
    api.fault = answering(envelope(500))
    for _ in range(2):
        with pytest.raises(TransientError):
            get(api, waits.append)
    first, second = waits[: MAX_ATTEMPTS - 1], waits[MAX_ATTEMPTS - 1 :]
    assert all(later > earlier for earlier, later in pairwise(first))
    assert first != second
    assert 0.5 <= first[0] <= 1


@pytest.mark.parametrize("status", [200, 201, 203])
def test_any_success_is_one(api: Api, status: int) -> None:
    api.fault = answering(Answer(status, b"{}"))
    assert get(api) == b"{}"


def test_a_read_timeout_is_not_retried_but_left_to_the_caller(api: Api) -> None:
    api.fault = answering(Answer(delay=5))
    with pytest.raises(QueryTimeoutError, match="no response within"):
        get(api, read_s=0.05)
    assert len(api.requests) == 1


def test_a_body_that_stops_half_way_is_a_read_timeout(api: Api) -> None:
    api.fault = answering(Answer(body=b"ab", trickle=5))
    with pytest.raises(QueryTimeoutError):
        get(api, read_s=0.05)


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("7", 7.0),
        ("100000", MAX_WAIT_S),
        ("0", None),
        ("0.5", None),
        ("-3", None),
        ("soon", None),
        ("9" * 5000, None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_retry_after_in_seconds_is_honoured_and_capped(
    api: Api, waits: list[float], retry_after: str, expected: float | None
) -> None:
    api.fault = answering(envelope(429, Retry_After=retry_after), Answer())
    get(api, waits.append)
    assert waits[0] == expected if expected else 0.5 <= waits[0] <= 1


def test_retry_after_as_a_date_is_honoured_and_capped(api: Api, waits: list[float]) -> None:
    for seconds in (20, 100_000):
        date = email.utils.formatdate(time.time() + seconds, usegmt=True)
        api.requests.clear()
        api.fault = answering(envelope(503, Retry_After=date), Answer())
        get(api, waits.append)
    asked, *_ = (wait for wait in waits if wait < MAX_WAIT_S - 1)
    assert 18 <= asked <= 20
    assert MAX_WAIT_S in waits


def test_past_retry_after_date_leads_to_a_normal_backoff(api: Api, waits: list[float]) -> None:
    api.fault = answering(envelope(429, Retry_After=email.utils.formatdate(time.time() - 300, usegmt=True)), Answer())
    get(api, waits.append)
    assert waits[0] >= 0.5


def test_a_retry_after_holds_back_the_requests_of_all_threads(api: Api, waits: list[float]) -> None:
    api.fault = answering(envelope(429, Retry_After="30"), Answer())
    with to(api.url, waits.append) as transport_:
        transport_.send("GET", "/x", params={"since": "", "until": ""})
        waits.clear()
        transport_.send("GET", "/another", params={"since": "", "until": ""})
    assert 20 <= waits[0] <= 30


WHOLE = json.dumps({"rows": list(range(500))}).encode()


SPOILT = {
    "cut before the body": Answer(body=WHOLE, sent=0),
    "cut within the body": Answer(body=WHOLE, sent=100),
    "shorter than announced": Answer(body=WHOLE, content_length=len(WHOLE) + 10, sent=len(WHOLE)),
    "cut within a compressed body": gzipped(Answer(body=WHOLE, sent=100)),
    "compressed without its end": Answer(body=gzip.compress(WHOLE)[:-30], headers={"Content-Encoding": "gzip"}),
    "not compressed as announced": Answer(body=WHOLE, headers={"Content-Encoding": "gzip"}),
    "nothing": Answer(raw=b""),
    "cut within a header": Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Le"),
    "not HTTP": Answer(raw=PERSONAL + b"\r\n\r\n"),
    "a chunk without a size": Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + PERSONAL + b"\r\n"),
    "cut between chunks": Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n"),
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=list(SPOILT))
def test_a_spoilt_answer_is_tried_again_and_shown_nowhere(api: Api, spoilt: Answer) -> None:
    """A body cut short inside gzip is for the parser to notice: it is valid as far as it goes."""
    api.fault = answering(spoilt, Answer(body=WHOLE))

    def parse(body: bytes) -> object:
        try:
            return json.loads(body)
        except ValueError:
            raise TransientError("not complete") from None

    with to(api.url) as transport_:
        params = {"since": "", "until": ""}
        assert transport_.send("GET", "/x", params=params, parse=parse) == json.loads(WHOLE)
        api.fault = answering(spoilt)
        with pytest.raises(TransientError) as caught:
            transport_.send("GET", "/x", params=params, parse=parse)
    assert "+966" not in "".join(traceback.format_exception(caught.value))


def test_a_length_too_short_leaves_nothing_for_the_next_answer(api: Api) -> None:
    api.fault = answering_by(lambda request: Answer(body=b"%d-whole" % request.number, content_length=2))
    with to(api.url) as transport_:
        bodies = [transport_.send("GET", "/x", params={"since": "", "until": ""}) for _ in range(4)]
    assert all(body.endswith(b"-") for body in bodies)


def test_eight_percent_of_500s_are_survived(api: Api) -> None:
    luck = random.Random(1)  # noqa: S311 - not for secrets
    api.fault = answering_by(lambda request: envelope(500) if luck.random() < 0.08 else Answer(body=b"whole"))
    stats = RequestStats()
    with to(api.url) as transport_:
        for _ in range(200):
            assert transport_.send("GET", "/x", params={"since": "", "until": ""}, stats=stats) == b"whole"
    assert stats.requests == len(api.requests) == 200 + stats.retries
    assert stats.retries > 5


def test_a_netrc_entry_does_not_replace_the_token(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api.fault = answering(Answer())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    # As it is over https, whatever the transport sets for plain http.
    always = property(lambda session: True, lambda session, value: None)
    monkeypatch.setattr(requests.Session, "trust_env", always, raising=False)
    with to(api.url) as transport_:
        transport_.send("GET", "/x", params={"since": "", "until": ""}, token=SECRET)
        transport_.send("POST", "/admin/auth/x/login", json={"email": "e", "password": "p"})
    assert [request.headers.get("Authorization") for request in api.requests] == [f"Bearer {SECRET}", None]


def test_plain_http_goes_to_loopback_and_through_no_proxy(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.fault = answering(Answer())
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        get(api, read_s=60)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_closing_ends_the_wait_of_a_thread_that_was_going_to_try_again(api: Api) -> None:
    asked = threading.Event()
    api.fault = telling(lambda request: asked.set(), answering(envelope(503, Retry_After="60")))
    transport_ = Transport(api.url, connections=1)
    errors: list[ExportsError] = []

    def ask() -> None:
        try:
            transport_.send("GET", "/x", params={"since": "", "until": ""})
        except ExportsError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(60)
    transport_.close()
    thread.join(60)
    assert not thread.is_alive()
    assert "the run is ending" in str(errors[0])
