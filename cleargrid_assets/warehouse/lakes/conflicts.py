"""Conflicts of transactions of a lake with those of others. A DuckDB file has none, because one process holds it."""

import logging
from collections.abc import Callable
from typing import TypeVar

import duckdb
import tenacity

_MAX_ATTEMPTS = 10

_Result = TypeVar("_Result")


def again_on_conflict(transact: Callable[[], _Result]) -> _Result:
    """Runs a transaction, and runs it again if it conflicted with another one, which does not know the locks."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_conflict),
        stop=tenacity.stop_after_attempt(_MAX_ATTEMPTS),
        wait=tenacity.wait_random(0.1, 1),
        before_sleep=lambda _: logging.getLogger(__name__).warning("Another program changed the lake. Trying again."),
        reraise=True,
    )
    return retrying(transact)


def _is_conflict(error: BaseException) -> bool:
    said = str(error)
    return isinstance(error, duckdb.Error) and (
        "conflict" in said.lower()
        # Two processes create the lake at once.
        or "Failed to initialize DuckLake" in said
    )
