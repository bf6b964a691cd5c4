"""Runs `dagster dev` (web server and daemon) and launches backfills through its GraphQL API, as the UI does."""

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
    """Result of a backfill.

    Attributes:
        runs: Number of runs.
        failed_runs: Number of runs that failed.
        waited_s: Seconds from the launch to the creation of the first run. The daemon polls every 30 s.
        worked_s: Seconds from the creation of the first run to the end of the last run.
        complete_s: Seconds from the launch until the daemon reports the end.
    """

    runs: int
    failed_runs: int
    waited_s: float
    worked_s: float
    complete_s: float


@contextmanager
def dagster_dev(bin_folder: Path, module: str, variables: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Runs `dagster dev` while the context is open.

    Args:
        bin_folder: Folder of the environment's executables.
        module: Module with the definitions.
        variables: Environment variables.
        folder: Working folder.

    Yields:
        The URL of its GraphQL API.

    Raises:
        RuntimeError: `dagster dev` ended, or did not answer before the timeout.
    """
    port = _free_port()
    command = [str(bin_folder / "dagster"), "dev", "-m", module, "-h", "127.0.0.1", "-p", str(port)]
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
            # Also after a clean exit, because its child processes may still run.
            kill(process)


def backfill(url: str, asset: Sequence[str], days: Sequence[date]) -> Backfill:
    """Launches a backfill and waits for its end.

    Args:
        url: URL of the GraphQL API.
        asset: Asset key, one string per component.
        days: Partitions to fill.

    Raises:
        RuntimeError: The launch failed, or the backfill took longer than 30 minutes.
    """
    params = {"assetSelection": [{"path": list(asset)}], "partitionNames": [str(day) for day in days]}
    launched_at = time.time()
    launched = _query(url, _LAUNCH_BACKFILL, {"params": params})["launchPartitionBackfill"]
    if "backfillId" not in launched:
        raise RuntimeError(f"The launch of the backfill failed: {launched}")
    while time.time() - launched_at < _MAX_BACKFILL_S:
        response = _query(url, _BACKFILL_STATUS, {"id": launched["backfillId"]})
        runs = response["runsOrError"]["results"]
        if response["partitionBackfillOrError"]["status"] not in {"REQUESTED", "CANCELING", "FAILING"}:
            first = min(run["creationTime"] for run in runs)
            return Backfill(
                runs=len(runs),
                failed_runs=sum(run["status"] != "SUCCESS" for run in runs),
                waited_s=first - launched_at,
                worked_s=max(run["endTime"] for run in runs) - first,
                complete_s=time.time() - launched_at,
            )
        time.sleep(_POLL_INTERVAL_S)
    raise RuntimeError(f"The backfill did not end within {_MAX_BACKFILL_S:.0f} s.")


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    started_at = time.monotonic()
    while time.monotonic() - started_at < _MAX_START_S and process.poll() is None:
        try:
            _query(url, "{ version }", {})
        except (URLError, ConnectionError):
            time.sleep(_POLL_INTERVAL_S)
        else:
            return
    raise RuntimeError(f"`dagster dev` ended, or did not answer within {_MAX_START_S:.0f} s.")


def _query(url: str, query: str, variables: Mapping[str, Any]) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as response:
        return json.load(response)["data"]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
