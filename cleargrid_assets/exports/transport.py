"""HTTP requests to the API: connection pool, timeouts, retries, and an `ExportsError` for every failure.

Only this module retries the same request; the connection pool and Dagster do not. `auth` repeats a request with a new
token, and `walk` asks for less after a timeout.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import tenacity
import urllib3

from cleargrid_assets import __version__
from cleargrid_assets.exports.backoff import Backoff
from cleargrid_assets.exports.base_url import checked_root
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError
from cleargrid_assets.exports.retry import DEFAULT_RETRIES, RetryPolicy, Throttle, error_of
from cleargrid_assets.exports.stats import RequestStats

MAX_WAIT_S = 60.0
"""Max wait between two attempts, even if `Retry-After` is longer."""

_BACKOFF = Backoff(first_s=0.5, max_s=30.0, jitter_s=0.5)
_MAX_PIECE = 1 << 20
_GATEWAY_TIMEOUTS = {HTTPStatus.GATEWAY_TIMEOUT, 522, 524}
"""Statuses for a query that took too long: 504, and what Cloudflare's proxies answer instead."""

_RETRYABLE = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

_ADVICE: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "The token is not valid for this lender. Check CLEARGRID_LENDER.",
    HTTPStatus.NOT_FOUND: "The lender, section or dataset is unknown or reserved. Check CLEARGRID_BASE_URL, and ask "
    "ClearGrid whether the dataset is enabled for you.",
}


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of one request, in seconds.

    Attributes:
        connect_s: For the connection.
        read_s: Between two reads.
        answer_s: From the first byte to the last. A server that sends slowly never exceeds the read timeout.
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
        wait: Waits a number of seconds. The default wait is ended by `close`.
        timeouts: Timeouts of one request.

    Raises:
        ExportsError: The URL is unusable. Nothing has been sent.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connections: int,
        max_requests_per_second: float | None = None,
        wait: Callable[[float], object] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._root = checked_root(base_url)
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._throttle = Throttle(max_requests_per_second)
        self._secrets: set[str] = set()
        self._session = requests.Session()
        # Proxies from the environment are used for https only, because plain http must not leave the machine.
        self._session.trust_env = urlsplit(self._root).scheme == "https"
        self._session.headers["User-Agent"] = f"cleargrid-assets/{__version__}"
        self._session.headers["Accept"] = "application/json"
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount(self._root, adapter)

    def close(self) -> None:
        """Closes the pool, and ends the waits between retries."""
        self._closing.set()
        self._session.close()

    def pause(self, seconds: float) -> None:
        """Waits before a request.

        Raises:
            ExportsError: The transport was closed meanwhile.
        """
        self._wait(seconds)
        if self._closing.is_set():
            raise ExportsError("the request was not sent, because the run is ending")

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        token: str | None = None,
        retry: RetryPolicy = DEFAULT_RETRIES,
        stats: RequestStats | None = None,
        parse: Callable[[bytes], Any] = bytes,
    ) -> Any:
        """Sends one request, retries transient failures, and parses the body of a success.

        The request is also retried if `parse` raises `TransientError`, for example because the body is truncated.

        Raises:
            QueryTimeoutError: HTTP 504, or no response in time.
            TransientError: The last attempt failed too.
            ExportsError: Any other failure.
        """
        stats = stats or RequestStats()
        self._secrets.update(filter(None, (token, *(json or {}).values())))

        def attempt() -> Any:
            if (seconds := self._throttle.reserve()) > 0:
                self.pause(seconds)
            stats.requests += 1
            try:
                return parse(self._body(method, path, params, json, token))
            except QueryTimeoutError:
                stats.timeouts += 1
                raise

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(retry.is_retryable),
            stop=retry.is_exhausted,
            wait=self._seconds_until_retry,
            sleep=self.pause,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except ExportsError as error:
            error.redact(tuple(self._secrets))
            if retry.is_retryable(error):
                _mention_retries(error, retrying.statistics["attempt_number"])
            raise
        finally:
            stats.retries += retrying.statistics["attempt_number"] - 1

    def _seconds_until_retry(self, state: tenacity.RetryCallState) -> float:
        error = error_of(state)
        asked = error.retry_after if isinstance(error, TransientError) else None
        if not asked:
            # Zero too: a `Retry-After` date may be in the past by our clock, and retries need a wait.
            return _BACKOFF.seconds(state.attempt_number)
        seconds = min(asked, MAX_WAIT_S)
        self._throttle.hold(seconds)
        return seconds

    def _body(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Mapping[str, str] | None,
        token: str | None,
    ) -> bytes:
        with (
            _library_errors_translated(self._timeouts),
            self._session.request(
                method,
                self._root + path,
                params=params,
                json=json,
                # Not a header, because an entry for the host in .netrc would replace it.
                auth=_Bearer(token),
                timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                raise _error_for(response, self._timeouts)
            return _read(response.raw, self._timeouts)


@contextmanager
def _library_errors_translated(timeouts: Timeouts) -> Iterator[None]:
    """Raises our errors in place of those of requests and urllib3.

    `from None`, because their messages may contain bytes of the response, which may be personal data.
    """
    try:
        yield
    except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        raise QueryTimeoutError(f"no response within {timeouts.read_s:.0f} s") from None
    # requests parses `Location` even with allow_redirects=False; a malformed URL raises ValueError.
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise TransientError(f"the connection failed ({_root_cause(error)})") from None


def _read(raw: urllib3.BaseHTTPResponse, timeouts: Timeouts) -> bytes:
    """The body. `response.content` reads 10 kB at a time, which is slower."""
    deadline = time.monotonic() + timeouts.answer_s
    pieces: list[bytes] = []
    while piece := raw.read1(_MAX_PIECE, decode_content=True):
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise QueryTimeoutError(f"the response was not complete after {timeouts.answer_s:.0f} s")
    return b"".join(pieces)


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _error_for(response: requests.Response, timeouts: Timeouts) -> ExportsError:
    """The error for a status that is not a success, with the server's message and requestId."""
    status = response.status_code
    try:
        message, request_id = _message_and_request_id(_read(response.raw, timeouts))
    except urllib3.exceptions.HTTPError:
        # The body is truncated, but the status is known.
        message, request_id = None, None
    if status in _GATEWAY_TIMEOUTS:
        return QueryTimeoutError("the query timed out", status=status, message=message, request_id=request_id)
    if status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error = TransientError("the server failed", status=status, message=message, request_id=request_id)
        error.retry_after = _retry_after(response.headers.get("Retry-After"))
        return error
    return ExportsError(
        "the server refused the request",
        status=status,
        message=message,
        request_id=request_id,
        advice=_ADVICE.get(status, "A retry would be refused again. Send the server's message to ClearGrid."),
    )


def _mention_retries(error: ExportsError, attempts: int) -> None:
    """Adds to an error that retries did not help, and what to do then."""
    error.what += f"; gave up after {attempts} attempts"
    if error.status is None and error.request_id is None:
        error.advice = "Try again later. If it persists, check CLEARGRID_BASE_URL and the network."
        return
    what = "send the requestId to ClearGrid" if error.request_id else "report it to ClearGrid"
    error.advice = f"Try again later. If it persists, {what}."


def _message_and_request_id(body: bytes) -> tuple[str | None, str | None]:
    """`message` and `requestId` of an error response. A response of a proxy may not be JSON."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    if not isinstance(document, dict):
        return None, None
    message, request_id = document.get("message"), document.get("requestId")
    return (str(message) if message else None, str(request_id) if request_id else None)


def _retry_after(value: str | None) -> float | None:
    """The seconds of a Retry-After header, which has seconds or a date; None if it is absent or malformed."""
    if value is None:
        return None
    try:
        return float(urllib3.Retry().parse_retry_after(value))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def _root_cause(error: BaseException) -> str:
    """The innermost exception. Only an OSError is shown with its text, because other texts may quote the response."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}: {error}"[:200] if isinstance(error, OSError) else type(error).__name__
