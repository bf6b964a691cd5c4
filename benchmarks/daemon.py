"""A Dagster instance as a user has it running, web server and daemon, driven as its page drives it: by GraphQL."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.measure import kill, start

_MAX_START_S = 120.0
_MAX_STOP_S = 60.0
_MAX_BACKFILL_S = 1800.0
_POLL_INTERVAL_S = 0.5

_LAUNCH_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    ... on LaunchBackfillSuccess { backfillId }
    ... on Error { message }
  }
}
"""
_BACKFILL_STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } ... on Error { message } }
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}, limit: 1000) {
    ... on Runs { results { status creationTime endTime } }
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class Backfill:
    """How a backfill went.

    Attributes:
        runs: Runs that it was cut into.
        failed_runs: Those among them that failed.
        waited_s: Seconds from its launch to the first run's creation: the daemon looks every half minute.
        worked_s: Seconds from there to the end of the last run.
        complete_s: Seconds from its launch to the daemon's word that it is over.
    """

    runs: int
    failed_runs: int
    waited_s: float
    worked_s: float
    complete_s: float


@contextmanager
def dagster_dev(programs: Path, module: str, variables: Mapping[str, str], folder: Path) -> Iterator[str]:
    """`dagster dev` with a module, for as long as the context lasts; gives the address of its GraphQL.

    Raises:
        RuntimeError: It ended, or did not answer in time.
    """
    port = _free_port()
    command = [str(programs / "dagster"), "dev", "-m", module, "-h", "127.0.0.1", "-p", str(port)]
    process = start(command, variables, folder)
    try:
        url = f"http://127.0.0.1:{port}/graphql"
        _wait_until_ready(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_MAX_STOP_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Whether or not it has ended itself: something that it started may be left.
            kill(process)


def backfill(url: str, asset: Sequence[str], days: Sequence[date]) -> Backfill:
    """Launches a backfill of an asset's days, and waits until it is over.

    Raises:
        RuntimeError: It could not be launched, or took longer than half an hour.
    """
    params = {"assetSelection": [{"path": list(asset)}], "partitionNames": [str(day) for day in days]}
    launched_at = time.time()
    launched = _query(url, _LAUNCH_BACKFILL, {"params": params})["launchPartitionBackfill"]
    if "backfillId" not in launched:
        raise RuntimeError(f"The backfill was not launched: {launched}")
    while time.time() - launched_at < _MAX_BACKFILL_S:
        answer = _query(url, _BACKFILL_STATUS, {"id": launched["backfillId"]})
        runs = answer["runsOrError"]["results"]
        if answer["partitionBackfillOrError"]["status"] not in {"REQUESTED", "CANCELING", "FAILING"}:
            first = min(run["creationTime"] for run in runs)
            return Backfill(
                runs=len(runs),
                failed_runs=sum(run["status"] != "SUCCESS" for run in runs),
                waited_s=first - launched_at,
                worked_s=max(run["endTime"] for run in runs) - first,
                complete_s=time.time() - launched_at,
            )
        time.sleep(_POLL_INTERVAL_S)
    raise RuntimeError("The backfill was not over in time.")


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    began = time.monotonic()
    while time.monotonic() - began < _MAX_START_S and process.poll() is None:
        try:
            _query(url, "{ version }", {})
        except (URLError, ConnectionError):
            time.sleep(_POLL_INTERVAL_S)
        else:
            return
    raise RuntimeError("dagster dev did not come up.")


def _query(url: str, query: str, variables: Mapping[str, Any]) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["data"]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
