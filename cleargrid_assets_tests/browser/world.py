"""A lender's first day: an API whose rows and behaviour tests change, and a `dagster dev` that fetches from it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import requests

from cleargrid_assets.sandbox import SandboxSettings, rows_of_day
from cleargrid_assets_tests.docs.pages import ROOT
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Answer, Api, Request, envelope, serving
from cleargrid_assets_tests.machine import free_port

DAYS = 14
_SETTINGS = SandboxSettings(rows_per_day=200)
_START_TIMEOUT_S = 180
_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
run_queue:
  dequeue_interval_seconds: 1
"""
HOSTILE = ("<b>VOID</b>", "**BAD**", "![x](//other.example/x)", "[y](//other.example)")
"""Statuses with HTML and Markdown."""


@dataclass(frozen=True)
class World:
    """A code location with an empty history, its source, and its UI.

    Attributes:
        api: The source.
        url: The root of the UI.
        days: The closed days from the first partition on.
    """

    api: Api
    url: str
    days: list[date]

    def change(self, day: date, change: Callable[[list[dict[str, object]]], None]) -> None:
        """Changes the rows that the source has of a day."""
        of_day = [row for row in self.api.rows if row["communicated_at"].startswith(str(day))]
        others = [row for row in self.api.rows if not row["communicated_at"].startswith(str(day))]
        change(of_day)
        self.api.rows = [*others, *of_day]

    @contextmanager
    def down(self) -> Iterator[None]:
        """The source is out of service meanwhile."""

        def unavailable(_request: Request, _answer: Answer) -> Answer:
            return envelope(503, "Service Unavailable", Retry_After="1")

        regular, self.api.fault = self.api.fault, unavailable
        try:
            yield
        finally:
            self.api.fault = regular


def spoil(rows: list[dict[str, object]]) -> None:
    """Gives the first rows statuses without a meaning, and the last one a duration that breaks a rule."""
    for row, status in zip(rows, HOSTILE, strict=False):
        row["status"] = status
    rows[-1]["duration"] = -1


def lose_a_row(rows: list[dict[str, object]]) -> None:
    """Takes the last row away."""
    rows.pop()


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Starts the API and `dagster dev`, and ends both, with all processes that the latter has started."""
    today = datetime.now(timezone.utc).date()
    days = [today - timedelta(days=DAYS - number) for number in range(DAYS)]
    rows = [row for day in days for row in rows_of_day(_SETTINGS, day, datetime.now(timezone.utc))]
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(_INSTANCE)
    port = free_port()
    with serving(Api(rows=rows)) as api, (folder / "dagster.log").open("wb") as log:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CLEARGRID_")},
            "DAGSTER_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "CLEARGRID_BASE_URL": api.url,
            "CLEARGRID_LENDER": LENDER,
            "CLEARGRID_EMAIL": EMAIL,
            "CLEARGRID_PASSWORD": PASSWORD,
            "CLEARGRID_DUCKDB": str(folder / "warehouse.duckdb"),
            "CLEARGRID_START_DATE": str(days[0]),
            # One run of all days is quicker than two.
            "CLEARGRID_DAYS_PER_RUN": str(DAYS),
        }
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "dagster",
                "dev",
                "-m",
                "cleargrid_assets.definitions",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
            ],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(process, url, folder / "dagster.log")
            yield World(api, url, days)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with suppress(requests.RequestException):
            if requests.get(f"{url}/server_info", timeout=5).ok:
                return
        time.sleep(0.2)
    raise TimeoutError(log.read_text())
