"""Starts the fixture server, and asks it how often it was asked."""

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
    """What a server has done so far.

    Attributes:
        requests: Of any kind.
        data_requests: For rows.
        cpu_s: Seconds of processor time that the server took.
    """

    requests: int
    data_requests: int
    cpu_s: float


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: The root of the API.
        dataset: What it serves.
    """

    url: str
    dataset: Dataset

    def counts(self) -> Counts:
        """What it has done so far; asking is not counted."""
        with urlopen(self.url + COUNTS_PATH) as answer:
            return Counts(**json.load(answer))


@contextmanager
def serving(dataset: Dataset, latency_ms: float = 0) -> Iterator[Server]:
    """A server in its own process, for as long as the context lasts.

    Args:
        dataset: What to serve; made first if it is not there yet.
        latency_ms: How long each request waits before it is answered.

    Raises:
        RuntimeError: It did not start.
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
