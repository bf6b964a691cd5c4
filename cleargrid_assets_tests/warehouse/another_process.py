"""A second process: starting one, and holding the database in it.

What belongs here: nothing that imports Dagster, so that the process is there at once. What it would run with Dagster is
in `another_run`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import duckdb

from cleargrid_assets.warehouse.backups import compaction, copies
from cleargrid_assets.warehouse.connection import connect

Process = subprocess.Popen[str]


def start(
    action: Callable[..., None],
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    below: Sequence[str] = (),
) -> Process:
    """Calls a function of a module, with strings, in a process of its own, or in one that a program starts."""
    call = f"import sys; from {action.__module__} import {action.__name__} as act; act(*sys.argv[1:])"
    return subprocess.Popen(
        [*below, sys.executable, "-W", "ignore", "-c", call, *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hold(database: str, mode: str) -> None:
    """Keeps the database open until standard input ends, to `write` or `read`, or as a `foreign` program does."""
    is_reader = mode in {"read", "foreign"}
    is_ours = mode in {"read", "write"}
    with connect(database, read_only=is_reader) if is_ours else duckdb.connect(database, read_only=is_reader):
        print("held", flush=True)
        sys.stdin.read()


@contextmanager
def held_elsewhere(database: str, mode: str = "write") -> Iterator[Process]:
    """Another process with the database open; it lets go when its standard input is closed, at the latest here."""
    with start(hold, database, mode) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()


def write_as_a_stranger(database: str) -> None:
    """Opens the database to write, as a program that does not know the project's lock does."""
    duckdb.connect(database).close()


def compact_and_die(database: str, moment: str) -> None:
    """Compacts the database, and is killed just `before` or `after` the new file takes its name."""

    def killed(new: Path, file: Path) -> None:
        if moment == "after":
            copies.replace_file(new, file)
        os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(compaction, "replace_file", killed):
        compaction.compact(database, 0)
