"""HTTP requests to the API: connection pool, timeouts, retries, and an `ExportsError` for every failure.

Only this module retries the same request; the connection pool and Dagster do not. `auth` repeats a request with a new
token, and `walk` asks for less after a timeout.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3

from cleargrid_assets import __version__
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError
from cleargrid_assets.exports.http.answers import MAX_BODY, SUCCESSES, failed_answer, read_body
from cleargrid_assets.exports.http.base_url import checked_root
from cleargrid_assets.exports.http.connections import Adapter, Session
from cleargrid_assets.exports.http.failures import library_failure, mention_retries
from cleargrid_assets.exports.http.in_flight import Exchange, InFlight
from cleargrid_assets.exports.http.retry import (
    DEFAULT_RETRIES,
    PATIENCE_S,
    Attempts,
    Outage,
    RetryPolicy,
    Throttle,
    error_of,
)
from cleargrid_assets.exports.stats import RequestStats

_LOG = logging.getLogger(__name__)

_LIBRARY_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
_READ_TIMEOUTS = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)

_LONG_WAIT_S = 15.0
_WARN_EVERY_S = 60.0


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of one request, in seconds.

    Attributes:
        connect_s: For the connection, and for the TLS handshake.
        read_s: Between two reads.
        answer_s: For everything, from the name lookup to the last byte. A server that sends slowly never exceeds the
            read timeout.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    answer_s: float = 300.0


class Transport:
    """A connection pool for one API, shared by all threads of a run.

    Args:
        base_url: Root of the API. Plain http is refused unless the host is loopback.
        connections: Size of the pool.
        max_requests_per_second: Max rate of requests, or None.
        patience_s: How long requests are repeated while the server accepts none.
        wait: Waits a number of seconds. The default wait is ended by `close`.
        warn: Called with a line of text about a long wait; the default writes to the log of this process.
        timeouts: Timeouts of one request.
        clock: Monotonic seconds.

    Raises:
        ExportsError: The URL is unusable. Nothing has been sent.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connections: int,
        max_requests_per_second: float | None = None,
        patience_s: float = PATIENCE_S,
        wait: Callable[[float], object] | None = None,
        warn: Callable[[str], object] | None = None,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._root = checked_root(base_url)
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._warn = warn or _LOG.warning
        self._clock = clock
        self._warned_at = -_WARN_EVERY_S
        self._throttle = Throttle(max_requests_per_second)
        self._outage = Outage(patience_s, clock)
        self._in_flight = InFlight(self._timeouts.answer_s)
        self._secrets: set[str] = set()
        self._session = Session()
        # Proxies from the environment are used for https only, because plain http must not leave the machine.
        self._session.trust_env = urlsplit(self._root).scheme == "https"
        self._session.headers["User-Agent"] = f"cleargrid-assets/{__version__}"
        self._session.headers["Accept"] = "application/json"
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.headers["Cache-Control"] = "no-cache"
        self._session.mount(self._root, Adapter(pool_connections=1, pool_maxsize=connections, max_retries=0))

    def close(self) -> None:
        """Cuts off the requests of all threads, ends their waits, and closes the pool. Nothing is retried."""
        self._closing.set()
        self._in_flight.close()
        self._session.close()

    def pause(self, seconds: float) -> None:
        """Waits before a request.

        Raises:
            ExportsError: The transport was closed meanwhile.
        """
        self._wait(seconds)
        self._check_open()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        token: str | None = None,
        quotes_server: bool = True,
        retry: RetryPolicy = DEFAULT_RETRIES,
        stats: RequestStats | None = None,
        parse: Callable[[bytes], Any] = bytes,
    ) -> Any:
        """Sends one request, retries transient failures, and parses the body of a success.

        The request is also retried if `parse` raises `TransientError`, for example because the body is truncated.

        Args:
            method: HTTP method.
            path: Path below the root, escaped.
            params: The query.
            json: The body.
            token: Access token.
            quotes_server: Whether errors have the server's message. It may repeat what was sent, in any encoding.
            retry: Which failures are retried.
            stats: Counts to add this request to, also if it fails.
            parse: Makes the result from the body.

        Raises:
            QueryTimeoutError: HTTP 504, or no whole answer in time.
            TransientError: The last attempt failed too.
            ExportsError: Any other failure.
        """
        stats = stats or RequestStats()
        request = _Request(method, path, params, json, token, quotes_server)
        self._secrets.update(filter(None, (token, *(json or {}).values())))
        retrying = self._retrying(retry)
        try:
            return retrying(self._attempt, request, parse, stats)
        except ExportsError as error:
            error.redact(tuple(self._secrets))
            if retry.is_retryable(error):
                mention_retries(error, retrying.statistics["attempt_number"])
            raise
        finally:
            stats.retries += retrying.statistics["attempt_number"] - 1

    def _retrying(self, policy: RetryPolicy) -> tenacity.Retrying:
        attempts = Attempts(policy, self._outage)
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(policy.is_retryable),
            stop=attempts.is_exhausted,
            wait=partial(self._seconds_until_next, attempts),
            sleep=self.pause,
            before_sleep=self._announce,
            reraise=True,
        )

    def _attempt(self, request: "_Request", parse: Callable[[bytes], Any], stats: RequestStats) -> Any:
        if (seconds := self._throttle.reserve()) > 0:
            self.pause(seconds)
        self._check_open()
        stats.requests += 1
        try:
            answer = parse(self._body(request, stats))
        except ExportsError as error:
            self._outage.note(error)
            stats.timeouts += isinstance(error, QueryTimeoutError)
            raise
        self._outage.note(None)
        return answer

    def _seconds_until_next(self, attempts: Attempts, state: tenacity.RetryCallState) -> float:
        seconds = attempts.seconds_until_next(state)
        error = error_of(state)
        if isinstance(error, TransientError) and error.retry_after:
            self._throttle.hold(seconds)
        return seconds

    def _announce(self, state: tenacity.RetryCallState) -> None:
        """Warns of a long wait, once a minute and not for each thread."""
        error, seconds, now = error_of(state), state.upcoming_sleep, self._clock()
        is_due = seconds >= _LONG_WAIT_S and now - self._warned_at >= _WARN_EVERY_S
        if not is_due or self._closing.is_set() or not isinstance(error, ExportsError):
            return
        self._warned_at = now
        status = f" (HTTP {error.status})" if error.status else ""
        self._warn(f"Attempt {state.attempt_number}: {error.what}{status}. The next one follows in {seconds:.0f} s.")

    def _body(self, request: "_Request", stats: RequestStats) -> bytes:
        with self._in_flight.exchange() as exchange:
            try:
                body = self._answered(request, stats)
            except _LIBRARY_ERRORS as error:
                raise self._failure(exchange, error) from None
            except ExportsError as error:
                # A body that was cut off may look truncated. A status is the better explanation, where there is one.
                if exchange.is_cut and error.status is None:
                    raise self._failure(exchange) from None
                raise
            if exchange.is_cut:
                # A body without a length looks whole then.
                raise self._failure(exchange)
            return body

    def _answered(self, request: "_Request", stats: RequestStats) -> bytes:
        with self._session.request(
            request.method,
            self._root + request.path,
            params=request.params,
            json=request.json,
            # Not a header, because an entry for the host in .netrc would replace it.
            auth=_Bearer(request.token),
            timeout=(self._timeouts.connect_s, self._timeouts.read_s),
            allow_redirects=False,
            stream=True,
        ) as response:
            stats.note_date(response.headers)
            if response.status_code not in SUCCESSES:
                raise failed_answer(response, quotes_server=request.quotes_server)
            body = read_body(response.raw, MAX_BODY)
            stats.note_age(response.headers.get("Age"))
            return body

    def _failure(self, exchange: Exchange, error: Exception | None = None) -> ExportsError:
        if self._closing.is_set():
            return _ending()
        if exchange.is_cut or error is None:
            return QueryTimeoutError(f"the response was not complete after {self._timeouts.answer_s:.0f} s")
        if exchange.is_sent and isinstance(error, _READ_TIMEOUTS):
            return QueryTimeoutError(f"no response within {self._timeouts.read_s:.0f} s")
        return library_failure(error, self._root)

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise _ending()


@dataclass(frozen=True)
class _Request:
    """What is sent. Its token and body are secret."""

    method: str
    path: str
    params: Mapping[str, str] | None
    json: Mapping[str, str] | None = field(repr=False)
    token: str | None = field(repr=False)
    quotes_server: bool


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _ending() -> ExportsError:
    return ExportsError("the request was not sent or was cut off, because the run is ending")
