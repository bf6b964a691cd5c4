"""Measures commands as whole processes: imports and child processes are included."""

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MAX_COMMAND_S = 1800.0
_PEAK_UNITS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10
_ERROR_LOG_CHARS = 3000


@dataclass(frozen=True)
class Usage:
    """Time and memory that a process used.

    Attributes:
        wall_s: Seconds from start to end.
        cpu_s: Seconds of CPU time, user and system, of the process and the children it waited for.
        peak_mb: Max resident memory of a single process among them, in 2**20 bytes.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


class CommandFailedError(Exception):
    """A command ended with a non-zero exit status. The message has the last lines of its output."""


def start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    """Starts a command in `folder`. Its output goes to `output.log` there.

    The command gets its own process group, so that Ctrl-C reaches the harness alone. The harness then stops it.
    """
    with (folder / "output.log").open("ab") as log:
        return subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kills a command from `start` and its child processes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def measure(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Usage:
    """Runs a command to its end and measures it.

    Memory is the kernel's own figure (`ru_maxrss` of `wait4`). Sampling could miss a peak.

    Raises:
        CommandFailedError: The command failed, or took longer than 30 minutes.
    """
    started_at = time.monotonic()
    process = start(command, environment, folder)
    timeout = threading.Timer(_MAX_COMMAND_S, os.killpg, (process.pid, signal.SIGKILL))
    timeout.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        kill(process)
        raise
    finally:
        timeout.cancel()
    wall_s = time.monotonic() - started_at
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        log_tail = (folder / "output.log").read_text(errors="replace")[-_ERROR_LOG_CHARS:]
        raise CommandFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{log_tail}")
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _PEAK_UNITS_PER_MB)


def median(usages: Sequence[Usage]) -> Usage:
    """The median of each field."""
    return Usage(
        statistics.median(usage.wall_s for usage in usages),
        statistics.median(usage.cpu_s for usage in usages),
        statistics.median(usage.peak_mb for usage in usages),
    )
