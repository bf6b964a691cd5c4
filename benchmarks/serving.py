"""Starts the fixture server and reads its counters."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import urlopen

from benchmarks.rows import Dataset
from benchmarks.server import COUNTS_PATH

_MAX_STOP_S = 10.0


@dataclass(frozen=True)
class Counts:
    """Counters of a server.

    Attributes:
        requests: All requests.
        data_requests: Requests for rows.
        cpu_s: Seconds of CPU time that the server used.
    """

    requests: int
    data_requests: int
    cpu_s: float


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: Root of the API.
        dataset: Rows that it serves.
    """

    url: str
    dataset: Dataset

    def counts(self) -> Counts:
        """The counters. This request itself is not counted."""
        with urlopen(self.url + COUNTS_PATH) as response:
            return Counts(**json.load(response))


@contextmanager
def serving(dataset: Dataset, latency_ms: float = 0) -> Iterator[Server]:
    """Runs a server in its own process while the context is open.

    Args:
        dataset: Rows to serve. They are generated if they are missing.
        latency_ms: Delay of each response.

    Yields:
        The running server.

    Raises:
        RuntimeError: The server did not start.
    """
    arguments = [dataset.folder, dataset.first_day, dataset.days, dataset.rows_per_day, latency_ms]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin and process.stdout  # noqa: S101, PT018
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("The fixture server did not start.")
        yield Server(f"http://127.0.0.1:{port}", dataset)
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(_MAX_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
