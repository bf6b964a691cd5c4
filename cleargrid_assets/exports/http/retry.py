"""Which failed requests are retried and for how long, and the rate limit of requests."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import tenacity

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError, UnavailableError

MAX_ATTEMPTS = 6
"""Attempts of one request, including the first, without those that the server did not accept (`UnavailableError`)."""

MAX_WAIT_S = 60.0
"""Max wait between two attempts, even if `Retry-After` is longer."""

PATIENCE_S = 600.0
"""How long requests are repeated while the server accepts none. A restart of the API must not fail the nightly run."""

_BACKOFF = tenacity.wait_exponential(multiplier=0.5, max=30.0) + tenacity.wait_random(0, 0.5)

REFUSED_LOGINS = {HTTPStatus.OK, HTTPStatus.INTERNAL_SERVER_ERROR}
"""Statuses of errors that may mean a wrong password. 200 is that of an answer with errors in its body."""


@dataclass(frozen=True)
class RetryPolicy:
    """Which failures of a request are retried, and how often.

    Attributes:
        max_attempts_if_refused: Max attempts if the latest answer was HTTP 500, or HTTP 200 with errors.
        retries_timeouts: Whether a query timeout is retried. By default the caller asks for less instead.
    """

    max_attempts_if_refused: int = MAX_ATTEMPTS
    retries_timeouts: bool = False

    def is_retryable(self, error: BaseException) -> bool:
        """Whether the same request may succeed later."""
        return isinstance(error, TransientError) and (self.retries_timeouts or not isinstance(error, QueryTimeoutError))

    def max_attempts(self, error: BaseException | None) -> int:
        """How many attempts a request has that failed like this."""
        is_refused = isinstance(error, ExportsError) and error.status in REFUSED_LOGINS
        return self.max_attempts_if_refused if is_refused else MAX_ATTEMPTS


DEFAULT_RETRIES = RetryPolicy()


class Outage:
    """Since when the server accepts no requests, as far as all threads know.

    Args:
        patience_s: How long requests are repeated meanwhile.
        clock: Monotonic seconds.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None

    def note(self, error: BaseException | None) -> None:
        """Notes how an attempt ended. Any other end than an `UnavailableError` is the end of the outage."""
        with self._lock:
            if not isinstance(error, UnavailableError):
                self._since = None
            elif self._since is None:
                self._since = self._clock()

    def seconds_left(self) -> float:
        """How long requests are repeated from now on."""
        with self._lock:
            return self.patience_s - (self._clock() - self._since if self._since is not None else 0.0)


class Attempts:
    """The attempts of one request: whether another one follows, and after which wait."""

    def __init__(self, policy: RetryPolicy, outage: Outage) -> None:
        self._policy = policy
        self._outage = outage
        self._taken = 0

    def is_exhausted(self, state: tenacity.RetryCallState) -> bool:
        """Whether the latest attempt was the last one. Called once after each."""
        error = error_of(state)
        if isinstance(error, UnavailableError):
            return self._seconds_left(state) <= 0
        self._taken += 1
        return self._taken >= self._policy.max_attempts(error)

    def seconds_until_next(self, state: tenacity.RetryCallState) -> float:
        """The wait after the latest attempt: what the server asked for, or a longer one each time."""
        error = error_of(state)
        if isinstance(error, TransientError) and error.retry_after:
            return min(error.retry_after, MAX_WAIT_S)
        seconds = _BACKOFF(state)
        if isinstance(error, UnavailableError):
            return max(0.0, min(seconds, self._seconds_left(state)))
        return seconds

    def _seconds_left(self, state: tenacity.RetryCallState) -> float:
        # The request's own waits count too: a server that accepts every other request ends the outage each time.
        return min(self._outage.seconds_left(), self._outage.patience_s - state.idle_for)


class Throttle:
    """Limits the rate of requests of all threads, and delays them all after a `Retry-After`."""

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self) -> float:
        """Reserves the next slot, and returns the seconds until then."""
        with self._lock:
            start = max(self._clock(), self._next)
            self._next = start + self._interval
            return start - self._clock()

    def hold(self, seconds: float) -> None:
        """Delays the next request for at least this long."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


def error_of(state: tenacity.RetryCallState) -> BaseException | None:
    """The error of the latest attempt."""
    return state.outcome.exception() if state.outcome else None
