"""A cluster on one machine: webserver, daemon and workers, each started by the script of `deploy/cluster`.

What belongs here: starting, asking and killing services. What does not: any expectation.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from cleargrid_assets_tests.machine import free_port

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy" / "cluster"

_PATIENCE_S = 240.0
_POLL_S = 0.5

_READY = "query { workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
_BACKFILL = """
mutation ($what: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $what) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
} }
"""


@dataclass(frozen=True)
class Cluster:
    """Running services.

    Attributes:
        url: The webserver.
        workers: The processes of the workers, by name. Each leads a process group of its own.
        logs: The folder of what the services say.
    """

    url: str
    workers: Mapping[str, "subprocess.Popen[bytes]"]
    logs: Path

    def query(self, text: str, **variables: Any) -> Any:
        """The data of a GraphQL query."""
        answer = requests.post(f"{self.url}/graphql", json={"query": text, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def backfill(self, assets: list[list[str]], days: list[str]) -> str:
        """Launches a backfill, as the UI does. Returns its id."""
        what = {"assetSelection": [{"path": path} for path in assets], "partitionNames": days}
        launched = self.query(_BACKFILL, what=what)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def kill(self, worker: str) -> None:
        """Kills a worker with all its processes, as a power cut does."""
        process = self.workers[worker]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def until(self, condition: Callable[[], bool], patience_s: float) -> None:
        """Waits for a condition.

        Raises:
            TimeoutError: It did not come true. The message has the ends of the logs.
        """
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                said = (f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in self.logs.glob("*.log"))
                raise TimeoutError("\n".join(said))
            time.sleep(_POLL_S)


@contextmanager
def running_cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Starts a webserver, a daemon and the workers `w1` and `w2` with two processes each, and ends them.

    Args:
        folder: Of the instance and of the logs.
        environment: All variables that the services see, besides those of this process.
    """
    home = folder / "home"
    home.mkdir()
    shutil.copy(DEPLOYED / "dagster.yaml", home)
    port = str(free_port())
    variables = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))},
        **environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DAGSTER_HOME": str(home),
        "DAGSTER_COMPUTE_LOGS": str(folder / "compute_logs"),
    }
    with ExitStack() as stack:

        def started(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
            return stack.enter_context(_service(folder / f"{name}.log", variables, *arguments))

        web = started("webserver", "webserver", "-p", port)
        started("daemon", "daemon")
        running = {name: started(name, "worker", "-n", f"{name}@%h") for name in ("w1", "w2")}
        cluster = Cluster(f"http://127.0.0.1:{port}", running, folder)
        cluster.until(lambda: web.poll() is not None or _is_ready(cluster), _PATIENCE_S)
        yield cluster


@contextmanager
def _service(log: Path, variables: Mapping[str, str], *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [DEPLOYED / "start.sh", *arguments],
            env=variables,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # With its children, which the leader may have left behind.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_ready(cluster: Cluster) -> bool:
    try:
        entries = cluster.query(_READY)["workspaceOrError"]["locationEntries"]
    except requests.ConnectionError:
        return False
    return [entry["loadStatus"] for entry in entries] == ["LOADED"]
