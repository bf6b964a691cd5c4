"""Waits for requests in a way that a cancelled run ends."""

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

T = TypeVar("T")


def first_done(futures: Iterable[Future[T]]) -> set[Future[T]]:
    """Waits until some of the futures are done, and returns those.

    It wakes every second. A signal that arrives just before a wait raises its exception only after the wait, and the
    requests may hang for minutes.
    """
    done: set[Future[T]] = set()
    while not done:
        done, _ = wait(futures, timeout=1.0, return_when=FIRST_COMPLETED)
    return done
