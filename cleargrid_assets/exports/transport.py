"""HTTP to the API's root: pooled, timed out, retried a bounded number of times, every failure classified.

What belongs here: everything about requests and statuses that holds for any endpoint. What does not: tokens beyond
attaching one, windows, rows. Retries live here and nowhere else: the pool and Dagster add none, the client repeats a
request only with another token, and the walk only after a timeout, for less; where there is no less, a few times.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import tenacity
import urllib3

from cleargrid_assets import __version__
from cleargrid_assets.exports.effort import Effort
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError

ATTEMPTS = 6
"""Tries of one request, the first included."""

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
LONGEST_ANSWER_S = 300.0
"""From the first byte to the last: an answer that trickles would never meet the read timeout."""

LONGEST_WAIT_S = 60.0
"""No wait between two tries is longer, whatever `Retry-After` asks."""

_BACKOFF = tenacity.wait_exponential(multiplier=0.5, max=30) + tenacity.wait_random(0, 0.5)
_LARGEST_PIECE = 1 << 20
_RETRYABLE = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

_ADVICE: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "The lender in the URL is not the token's: check CLEARGRID_LENDER.",
    HTTPStatus.NOT_FOUND: "The lender, section or dataset is unknown or reserved: check CLEARGRID_BASE_URL and ask "
    "ClearGrid whether the dataset is enabled for you.",
}


class Throttle:
    """Spaces requests out over all threads, and holds them all back when the server asks for it."""

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self) -> float:
        """Takes the next free moment, and says how many seconds away it is."""
        with self._lock:
            start = max(self._clock(), self._next)
            self._next = start + self._interval
            return start - self._clock()

    def hold(self, seconds: float) -> None:
        """Lets no request start for so long."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


class Transport:
    """One pool of connections to one API root, shared by all threads of a run.

    Args:
        base_url: Root of the API. Plain http is refused unless the host is loopback.
        connections: Size of the pool.
        max_requests_per_second: Bound on the rate of requests, or None.
        wait: Waits so many seconds; by default, `close` cuts it short.

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
    ) -> None:
        self._root = _checked_root(base_url)
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._throttle = Throttle(max_requests_per_second)
        self._secrets: set[str] = set()
        self._session = requests.Session()
        # The environment's proxies are for https alone: to one of them, plain http to loopback would leave the machine.
        self._session.trust_env = urlsplit(self._root).scheme == "https"
        self._session.headers["User-Agent"] = f"cleargrid-assets/{__version__}"
        self._session.headers["Accept"] = "application/json"
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount(self._root, adapter)

    def close(self) -> None:
        """Closes the pool, and ends the waits of threads that were going to try again."""
        self._closing.set()
        self._session.close()

    def pause(self, seconds: float) -> None:
        """Waits.

        Raises:
            ExportsError: The transport was closed meanwhile.
        """
        self._wait(seconds)
        if self._closing.is_set():
            raise ExportsError("given up, because the run is ending")

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        token: str | None = None,
        attempts_at_500: int = ATTEMPTS,
        retry_timeouts: bool = False,
        effort: Effort | None = None,
        parse: Callable[[bytes], Any] = bytes,
    ) -> Any:
        """Sends one request, again while it fails in passing, and parses the body of its 200.

        `parse` runs inside the retries, so a body cut short counts as a failure in passing if it raises
        `TransientError`. A request is tried `ATTEMPTS` times, but after a 500 no more than `attempts_at_500` in all.

        Raises:
            QueryTimeoutError: 504, or no answer in time. Not retried unless `retry_timeouts`: asking again for less is
                the caller's part.
            TransientError: It still failed when its tries were used up.
            ExportsError: Any other status; `status` holds it.
        """
        spent = effort or Effort()
        self._secrets.update(filter(None, (token, *(json or {}).values())))

        def attempt() -> Any:
            seconds = self._throttle.reserve()
            if seconds > 0:
                self.pause(seconds)
            spent.requests += 1
            try:
                return parse(self._once(method, path, params, json, token))
            except QueryTimeoutError:
                spent.timeouts += 1
                raise

        def count(_: tenacity.RetryCallState) -> None:
            spent.retries += 1

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, TransientError) and (retry_timeouts or not isinstance(error, QueryTimeoutError))

        def is_used_up(state: tenacity.RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            is_500 = isinstance(error, ExportsError) and error.status == HTTPStatus.INTERNAL_SERVER_ERROR
            return state.attempt_number >= (attempts_at_500 if is_500 else ATTEMPTS)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass),
            stop=is_used_up,
            wait=self._seconds_until_retry,
            sleep=self.pause,
            before_sleep=count,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except ExportsError as error:
            error.redact(tuple(self._secrets))
            if may_pass(error):
                error.what += f"; gave up after {retrying.statistics['attempt_number']} tries"
                error.advice = _persisting(error)
            raise

    def _seconds_until_retry(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        if not asked:
            # Zero is also what a date gives that is past by our clock; tries in a volley would soon be used up.
            return _BACKOFF(state)
        seconds = min(asked, LONGEST_WAIT_S)
        self._throttle.hold(seconds)
        return seconds

    def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Mapping[str, str] | None,
        token: str | None,
    ) -> bytes:
        try:
            with self._session.request(
                method,
                self._root + path,
                params=params,
                json=json,
                # An auth object, not a header: a .netrc entry for the host would replace the header.
                auth=_Bearer(token),
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
            ) as response:
                if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                    raise _classified(response)
                return _read(response.raw)
        # From None, both: the errors of the layers below quote what they could not read, which may be rows.
        except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
            raise QueryTimeoutError(f"no answer within {READ_TIMEOUT_S:.0f} s") from None
        # A redirect is not followed, but where to is read, and an address that is none is a ValueError.
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise TransientError(f"the connection failed ({_root_cause(error)})") from None


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """The body, in pieces as large as they come: response.content's of 10 kB cost more than the rest of the request."""
    deadline = time.monotonic() + LONGEST_ANSWER_S
    pieces: list[bytes] = []
    while piece := raw.read1(_LARGEST_PIECE, decode_content=True):
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise QueryTimeoutError(f"the answer was not whole after {LONGEST_ANSWER_S:.0f} s")
    return b"".join(pieces)


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _checked_root(base_url: str) -> str:
    try:
        url = urlsplit(base_url)
        host = url.hostname if url.scheme in {"http", "https"} and url.port != 0 else None
    except ValueError:
        host = None
    if not host:
        # Without the value: it may hold credentials.
        raise ExportsError("CLEARGRID_BASE_URL is not an http(s) URL with a host")
    if url.username or url.password or url.query or url.fragment:
        raise ExportsError("CLEARGRID_BASE_URL holds credentials or a query; it takes the root of the API alone")
    if url.scheme == "http" and not _is_loopback(host):
        raise ExportsError(
            f"CLEARGRID_BASE_URL is plain http to {host}, which would send the password in the clear",
            advice="Use https. Nothing has been sent.",
        )
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _classified(response: requests.Response) -> ExportsError:
    """The error for an answer that is no success, with what the server said of it."""
    status = response.status_code
    try:
        message, request_id = _said(_read(response.raw))
    except urllib3.exceptions.HTTPError:
        # Cut off: the status says enough.
        message, request_id = None, None
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return QueryTimeoutError("the query outran the server", status=status, message=message, request_id=request_id)
    if status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error = TransientError("the server failed", status=status, message=message, request_id=request_id)
        error.retry_after = _retry_after(response.headers.get("Retry-After"))
        return error
    return ExportsError(
        "the server refused the request",
        status=status,
        message=message,
        request_id=request_id,
        advice=_ADVICE.get(
            status, "The same request would be refused again: ask ClearGrid, with what the server said."
        ),
    )


def _persisting(error: ExportsError) -> str:
    """What to do about a failure that retries have not outlived."""
    if error.status is None and error.request_id is None:
        return "Try again later; if it persists, check CLEARGRID_BASE_URL and the network."
    what = "give ClearGrid the requestId" if error.request_id else "tell ClearGrid"
    return f"Try again later, and {what} if it persists."


def _said(body: bytes) -> tuple[str | None, str | None]:
    """`message` and `requestId` of an error answer; a proxy's may not be JSON at all."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    if not isinstance(document, dict):
        return None, None
    message, request_id = document.get("message"), document.get("requestId")
    return (str(message) if message else None, str(request_id) if request_id else None)


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, in either of its forms; None if absent or unreadable."""
    if value is None:
        return None
    try:
        return float(urllib3.Retry().parse_retry_after(value))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def _root_cause(error: BaseException) -> str:
    """The innermost exception: the outer ones repeat the URL and say less. Its text only where the system wrote it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}: {error}"[:200] if isinstance(error, OSError) else type(error).__name__
