"""Which failed requests are retried, and the rate limit of requests."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import tenacity

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError

MAX_ATTEMPTS = 6
"""Attempts of one request, including the first."""


@dataclass(frozen=True)
class RetryPolicy:
    """Which failures of a request are retried, and how often.

    Attributes:
        max_attempts_at_500: Max attempts if the latest response was HTTP 500.
        retries_timeouts: Whether a query timeout is retried. By default the caller asks for less instead.
    """

    max_attempts_at_500: int = MAX_ATTEMPTS
    retries_timeouts: bool = False

    def is_retryable(self, error: BaseException) -> bool:
        """Whether the same request may succeed later."""
        return isinstance(error, TransientError) and (self.retries_timeouts or not isinstance(error, QueryTimeoutError))

    def is_exhausted(self, state: tenacity.RetryCallState) -> bool:
        """Whether the latest attempt was the last one."""
        error = error_of(state)
        is_500 = isinstance(error, ExportsError) and error.status == HTTPStatus.INTERNAL_SERVER_ERROR
        return state.attempt_number >= (self.max_attempts_at_500 if is_500 else MAX_ATTEMPTS)


DEFAULT_RETRIES = RetryPolicy()


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
