"""The real client and walk, pointed at the hostile API, with waits that are noted instead of waited for."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.http.transport import Timeouts
from cleargrid_assets.exports.spooling.spool import Spool
from cleargrid_assets.exports.stats import DayReport
from cleargrid_assets.exports.walking.walk import fetch_days
from cleargrid_assets.exports.window import Window
from cleargrid_assets.settings import Settings
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api
from cleargrid_assets_tests.rows import Row

T = TypeVar("T")

DAY = "2026-05-19"
MIDNIGHT = datetime(2026, 5, 19, tzinfo=timezone.utc)
WINDOW = Window(MIDNIGHT, MIDNIGHT + timedelta(days=1))

EVENLY = [86400 * number / 400 for number in range(400)]
"""Seconds of 400 rows over the day."""


def no_wait(seconds: float) -> None:
    """Waits for nothing."""


@contextmanager
def connected(
    api: Api,
    wait: Callable[[float], object] = no_wait,
    timeouts: Timeouts | None = None,
    clock: Callable[[], float] = time.monotonic,
    **variables: str | float,
) -> Iterator[ExportsClient]:
    """A client of the API; `variables` are settings, without their prefix."""
    environment = {
        "CLEARGRID_BASE_URL": api.url,
        "CLEARGRID_LENDER": LENDER,
        "CLEARGRID_EMAIL": EMAIL,
        "CLEARGRID_PASSWORD": PASSWORD,
    } | {f"CLEARGRID_{name.upper()}": str(value) for name, value in variables.items()}
    client = ExportsClient(Settings.from_environment(environment), D21, wait=wait, timeouts=timeouts, clock=clock)
    try:
        yield client
    finally:
        client.close()


@dataclass
class Fetched:
    """What `fetch` brought: reports and, as spooled, rows; by day."""

    reports: Mapping[str, DayReport]
    rows: Mapping[str, list[Row]] = field(default_factory=dict)

    @property
    def report(self) -> DayReport:
        return self.reports[DAY]

    @property
    def ids(self) -> set[str]:
        return {row["public_id"] for row in self.rows[DAY]}


class InTurn(Executor):
    """Runs each request in the calling thread, before `submit` returns.

    So all connections are equally fast: whenever the walk looks, each has answered once. What a day costs then depends
    on the walk alone, not on how busy the machine is.
    """

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        future: Future[T] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except ExportsError as error:
            future.set_exception(error)
        return future


def fetch(
    api: Api,
    folder: Path,
    *,
    concurrency: int = 1,
    days: Mapping[str, Window] | None = None,
    on_progress: Callable[[str, DayReport], None] = lambda day, report: None,
    wait: Callable[[float], object] = no_wait,
    clock: Callable[[], float] = time.monotonic,
    timeouts: Timeouts | None = None,
    executor: Executor | None = None,
    **variables: Any,
) -> Fetched:
    """Fetches the days whole; spools stay in `folder`, so that another call goes on with them.

    Requests run in threads, unless another executor is given.
    """
    windows = days or {DAY: WINDOW}
    now = datetime.now(timezone.utc)
    spools = {day: Spool.open(folder, day, "settings", now) for day in windows}
    executor = executor or ThreadPoolExecutor(concurrency)
    try:
        with connected(api, wait, timeouts, concurrency=concurrency, **variables) as client:
            reports = fetch_days(client, windows, spools, executor=executor, on_progress=on_progress, clock=clock)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for spool in spools.values():
            spool.close()
    return Fetched(reports, {day: spooled(spool.rows_path) for day, spool in spools.items()})


def counted(api: Api, window: Window = WINDOW) -> Count:
    """The server's count of a window."""
    with connected(api) as client:
        return count_rows(client, window)


def ids(api: Api) -> set[str]:
    """The keys of the server's rows."""
    return {row["public_id"] for row in api.rows}


def spooled(path: Path) -> list[Row]:
    """The rows of a spool."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]
