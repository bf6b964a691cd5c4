"""Runs a command as a process of its own and measures it whole, imports and the processes it starts included."""

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
    """What a process took.

    Attributes:
        wall_s: Seconds from its start to its end.
        cpu_s: Seconds of processor time, user and system, of it and of the processes it waited for.
        peak_mb: Largest resident memory of one process among them, in 2**20 bytes.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


class CommandFailedError(Exception):
    """A command ended with another status than 0; the message ends with the end of what it printed."""


def start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    """Starts a command in a group of its own, in `folder`, printing to `output.log` there.

    In a group of its own, Ctrl-C does not reach it before it reaches the harness, which ends it.
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
    """Kills a command started with `start`, and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def measure(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Usage:
    """Runs a command to its end.

    Memory is what the kernel noted (`ru_maxrss` of `wait4`): no sampling, so no peak is missed.

    Raises:
        CommandFailedError: It failed, or took longer than half an hour.
    """
    began = time.monotonic()
    process = start(command, environment, folder)
    limit = threading.Timer(_MAX_COMMAND_S, os.killpg, (process.pid, signal.SIGKILL))
    limit.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        kill(process)
        raise
    finally:
        limit.cancel()
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        end_of_log = (folder / "output.log").read_text(errors="replace")[-_ERROR_LOG_CHARS:]
        raise CommandFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{end_of_log}")
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _PEAK_UNITS_PER_MB)


def median(usages: Sequence[Usage]) -> Usage:
    """The median of each measure."""
    return Usage(
        statistics.median(usage.wall_s for usage in usages),
        statistics.median(usage.cpu_s for usage in usages),
        statistics.median(usage.peak_mb for usage in usages),
    )
