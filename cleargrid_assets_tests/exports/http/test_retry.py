"""How long requests are repeated, and what is logged meanwhile."""

import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from cleargrid_assets.exports.errors import AuthenticationError, TransientError, UnavailableError
from cleargrid_assets.exports.http.retry import MAX_ATTEMPTS, PATIENCE_S, Outage, Throttle
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets_tests.exports.api import Answer, Api, envelope
from cleargrid_assets_tests.exports.driving import WINDOW, connected
from cleargrid_assets_tests.exports.faults import answering, answering_by
from cleargrid_assets_tests.exports.raw_server import saying, speaking
from cleargrid_assets_tests.machine import free_port

PARAMS = {"since": "", "until": ""}
TEMPORARY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@dataclass
class FakeTime:
    """A clock that only waits move on."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def to(url: str, time: FakeTime, **options: object) -> "closing[Transport]":
    return closing(Transport(url, connections=2, wait=time.wait, clock=time.clock, **options))  # type: ignore[arg-type]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def closed_port() -> int:
    return free_port()


def raising(error: OSError) -> Callable[..., None]:
    def raise_it(*args: object, **kwargs: object) -> None:
        raise error

    return raise_it


def test_refused_connection_is_retried_for_ten_minutes_then_fails(time: FakeTime, closed_port: int) -> None:
    with to(f"http://127.0.0.1:{closed_port}", time) as transport, pytest.raises(UnavailableError) as caught:
        transport.send("GET", "/x")
    assert sum(time.waits) == pytest.approx(PATIENCE_S)
    assert max(time.waits) <= 31
    assert f"the connection to 127.0.0.1:{closed_port} failed (Connection refused); gave up after" in str(caught.value)
    assert str(caught.value).endswith("check CLEARGRID_BASE_URL and the network.")


def test_server_that_is_restarted_within_ten_minutes_costs_nothing(time: FakeTime, closed_port: int) -> None:
    def restart() -> Generator[None, None, None]:
        with speaking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"), port=closed_port):
            yield

    restarted = restart()

    def wait(seconds: float) -> None:
        time.wait(seconds)
        if time.now >= 1000 + 590:
            next(restarted, None)

    transport = Transport(f"http://127.0.0.1:{closed_port}", connections=1, wait=wait, clock=time.clock)
    assert transport.send("GET", "/x") == b"whole"
    transport.close()
    restarted.close()


@pytest.mark.parametrize("hint", [{}, {"Retry_After": "0"}, {"Retry_After": "soon"}])
def test_429_without_a_hint_is_retried_for_ten_minutes(api: Api, time: FakeTime, hint: dict[str, str]) -> None:
    api.fault = answering(envelope(429, "slow down", **hint))
    with to(api.url, time) as transport, pytest.raises(UnavailableError, match="HTTP 429"):
        transport.send("GET", "/x", params=PARAMS)
    assert sum(time.waits) == pytest.approx(PATIENCE_S)


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_other_failures_keep_their_number_of_attempts(api: Api, time: FakeTime, status: int) -> None:
    api.fault = answering(envelope(status))
    with to(api.url, time) as transport, pytest.raises(TransientError, match=f"HTTP {status}"):
        transport.send("GET", "/x", params=PARAMS)
    assert len(api.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize("status", [521, 523])
def test_proxy_that_cannot_reach_the_server_is_asked_for_ten_minutes(api: Api, time: FakeTime, status: int) -> None:
    api.fault = answering(envelope(status))
    with to(api.url, time) as transport, pytest.raises(UnavailableError, match=f"HTTP {status}"):
        transport.send("GET", "/x", params=PARAMS)
    assert sum(time.waits) == pytest.approx(PATIENCE_S)


def test_429_with_a_hint_keeps_its_number_of_attempts(api: Api, time: FakeTime) -> None:
    api.fault = answering(envelope(429, Retry_After="20"))
    with to(api.url, time) as transport, pytest.raises(TransientError, match="HTTP 429"):
        transport.send("GET", "/x", params=PARAMS)
    assert time.waits[0] == 20
    assert len(api.requests) == MAX_ATTEMPTS


def test_failures_while_a_server_starts_do_not_count_the_refusals_before(api: Api, time: FakeTime) -> None:
    starting = [envelope(429)] * 12 + [envelope(503)] * (MAX_ATTEMPTS - 1)
    api.fault = answering(*starting, Answer(body=b"whole"))
    with to(api.url, time) as transport:
        assert transport.send("GET", "/x", params=PARAMS) == b"whole"


@pytest.mark.parametrize(
    ("error", "is_patient"),
    [
        (TEMPORARY, True),
        (ConnectionResetError(104, "Connection reset by peer"), True),
        (OSError(113, "No route to host"), True),
        (UNKNOWN, False),
        (PermissionError(1, "Operation not permitted"), False),
    ],
)
def test_failure_to_connect_is_retried_as_long_as_it_may_pass(
    error: OSError, is_patient: bool, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", raising(error))
    with to("https://api.example", time) as transport, pytest.raises(TransientError) as caught:
        transport.send("GET", "/x")
    assert f"the connection to api.example failed ({error.strerror})" in str(caught.value)
    assert (sum(time.waits) == pytest.approx(PATIENCE_S)) == is_patient
    assert (len(time.waits) == MAX_ATTEMPTS - 1) != is_patient


def test_ten_minutes_are_those_of_the_run_and_not_of_each_request(time: FakeTime, closed_port: int) -> None:
    with to(f"http://127.0.0.1:{closed_port}", time) as transport:
        for _ in range(5):
            with pytest.raises(UnavailableError):
                transport.send("GET", "/x")
    assert sum(time.waits) == pytest.approx(PATIENCE_S)


def test_requests_that_fail_together_share_the_ten_minutes(closed_port: int) -> None:
    time, lock = FakeTime(), threading.Lock()

    def wait(seconds: float) -> None:
        with lock:
            time.now += seconds

    transport = Transport(f"http://127.0.0.1:{closed_port}", connections=4, wait=wait, clock=time.clock)
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(transport.send, "GET", "/x") for _ in range(8)]:
            assert isinstance(future.exception(), UnavailableError)
    transport.close()
    # Each of the four threads may begin its last wait just before the end.
    assert 1600 <= time.now <= 1600 + 4 * 31


def test_request_that_alone_is_refused_fails_after_ten_minutes_too(api: Api, time: FakeTime) -> None:
    """A server that takes all other requests is not down."""
    api.fault = answering_by(lambda request: envelope(429) if request.path == "/x" else Answer())

    def wait(seconds: float) -> None:
        time.wait(seconds)
        transport.send("GET", "/y", params=PARAMS)

    transport = Transport(api.url, connections=2, wait=wait, clock=time.clock)
    with pytest.raises(UnavailableError):
        transport.send("GET", "/x", params=PARAMS)
    transport.close()
    assert sum(time.waits) == pytest.approx(PATIENCE_S)


def test_outage_ends_with_any_other_answer() -> None:
    time = FakeTime()
    outage = Outage(600, time.clock)
    outage.note(UnavailableError("refused"))
    time.wait(100)
    outage.note(UnavailableError("refused"))
    assert outage.seconds_left() == 500
    outage.note(TransientError("the server failed", status=503))
    assert outage.seconds_left() == 600


def test_renewal_of_a_token_and_login_share_the_ten_minutes(api: Api) -> None:
    time = FakeTime()
    with connected(api, time.wait, clock=time.clock) as client:
        client.page(WINDOW)
        api.valid_tokens.clear()
        api.fault = lambda request, answer: answer if request.kind == "data" else envelope(429)
        with pytest.raises(AuthenticationError, match="HTTP 429"):
            client.page(WINDOW)
    assert sum(time.waits) == pytest.approx(PATIENCE_S)


def test_long_waits_are_told_once_a_minute(api: Api, time: FakeTime) -> None:
    api.fault = answering(envelope(429, "for jo@mail.example"))
    lines: list[str] = []
    with to(api.url, time, warn=lines.append) as transport, pytest.raises(UnavailableError):
        transport.send("GET", "/x", params=PARAMS, token="the-token")
    assert lines[0] == "Attempt 6: the server failed (HTTP 429). The next one follows in 16 s."
    assert 8 <= len(lines) <= 11
    assert not any(text in "".join(lines) for text in ("example", "the-token"))


def test_short_waits_are_not_told(api: Api, time: FakeTime) -> None:
    api.fault = answering(*[envelope(500)] * 4, Answer())
    lines: list[str] = []
    with to(api.url, time, warn=lines.append) as transport:
        transport.send("GET", "/x", params=PARAMS)
    assert lines == []


def test_last_attempt_announces_no_other(api: Api, time: FakeTime) -> None:
    api.fault = answering(*[envelope(503, Retry_After="60")])
    lines: list[str] = []
    with to(api.url, time, warn=lines.append) as transport, pytest.raises(TransientError):
        transport.send("GET", "/x", params=PARAMS)
    assert [line.split(":")[0] for line in lines] == [f"Attempt {number}" for number in range(1, MAX_ATTEMPTS)]


def test_requests_are_spaced_out_by_the_rate() -> None:
    throttle = Throttle(4, clock=lambda: 100.0)
    assert [throttle.reserve() for _ in range(3)] == [0, 0.25, 0.5]


@pytest.mark.parametrize(
    ("age", "cached"), [("7", 1), ("7, 8", 1), ("0", 0), (None, 0), ("", 0), ("-7", 0), ("soon", 0), ("9" * 50, 0)]
)
def test_answer_of_a_cache_is_counted(api: Api, time: FakeTime, age: str | None, cached: int) -> None:
    api.fault = answering(Answer(headers={} if age is None else {"Age": age}))
    stats = RequestStats()
    with to(api.url, time) as transport:
        transport.send("GET", "/x", params=PARAMS, stats=stats)
    assert (stats.cached, stats.max_age_s) == (cached, 7 * cached)
    assert api.requests[0].headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "date", ["soon", "Mon, 01 Jan 2026 00:00:00 +" + "9" * 30, "Mon, 01 Jan " + "9" * 30 + " 00:00:00 GMT"]
)
def test_answer_with_an_impossible_date_is_read_without_it(api: Api, time: FakeTime, date: str) -> None:
    api.fault = answering(Answer(headers={"Date": date}))
    stats = RequestStats()
    with to(api.url, time) as transport:
        transport.send("GET", "/x", params=PARAMS, stats=stats)
    assert (stats.requests, stats.clock_ahead_s) == (1, None)
