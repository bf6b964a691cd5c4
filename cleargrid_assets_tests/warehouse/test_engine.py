"""What the project needs of DuckDB, and what its own lock gives, when the lock of a file comes late or not at all."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import tenacity

from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.warehouse.another_process import Process, start

MAX_S = 60.0
"""Far more than a process takes, however busy the machine is."""


def insert(database: str, value: str) -> None:
    """Adds a row as a program does that does not know the project's lock, when standard input says so."""
    _when_told()
    retrying = tenacity.Retrying(retry=tenacity.retry_if_exception_type(duckdb.IOException))  # of a busy machine
    with retrying(duckdb.connect, database) as connection:
        connection.execute("INSERT INTO cleargrid.t VALUES ($value)", {"value": value})


def insert_locked(database: str, value: str) -> None:
    """Adds a row as the project does, when standard input says so twice: to open the file, and to write to it."""
    _when_told()
    with connect(database) as connection:
        _when_told()
        connection.execute("INSERT INTO t VALUES ($value)", {"value": value})


def _when_told() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


@pytest.fixture
def database(tmp_path: Path) -> str:
    database = str(tmp_path / "x.duckdb")
    with connect(database) as connection:
        connection.execute("CREATE TABLE t (value VARCHAR)")
    return database


@pytest.fixture(scope="module")
def strace() -> str:
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed")
    if subprocess.run([program, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace may not trace processes here")
    return program


def tampered(strace: str, fault: str, action: Callable[..., None], database: str, value: str) -> Process:
    """A process whose calls to lock the database file are delayed, or do nothing and succeed."""
    options = ["-f", "-o", "/dev/null", "-P", database, "-e", "trace=fcntl", "-e", f"inject=fcntl:{fault}"]
    return start(action, database, value, below=[strace, *options])


def is_ready(process: Process) -> bool:
    """Waits until the process is ready."""
    assert process.stdout is not None
    return process.stdout.readline() == "ready\n"


def go_on(process: Process) -> None:
    """Lets the process go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def wait_until_open(process: Process, database: str) -> None:
    """Waits until the traced process has the file open. It is then about to lock it."""
    [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    deadline = time.monotonic() + MAX_S
    while database not in {os.path.realpath(link) for link in Path(f"/proc/{child}/fd").iterdir()}:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def both_end(*processes: Process) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=MAX_S)
        assert process.returncode == 0, errors


def stored(database: str) -> list[str]:
    with duckdb.connect(database, read_only=True) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM cleargrid.t ORDER BY 1").fetchall()]


def test_commit_while_the_engines_lock_is_delayed_is_kept(strace: str, database: str) -> None:
    """What DuckDB itself must do, without the project's lock. DuckDB 2.0.0 and 2.0.1 lose the commit of `b`.

    Whoever widens the bound on DuckDB in pyproject.toml must make this green with every version that is let in.
    """
    late = tampered(strace, "delay_enter=3000000:when=1", insert, database, "late")
    meanwhile = start(insert, database, "meanwhile")
    assert is_ready(late)
    assert is_ready(meanwhile)
    go_on(late)
    wait_until_open(late, database)
    go_on(meanwhile)
    both_end(meanwhile, late)
    assert stored(database) == ["late", "meanwhile"]


def test_projects_lock_keeps_commits_that_an_engine_without_locks_loses(strace: str, database: str) -> None:
    """DuckDB's calls to lock the file do nothing, so it would let two processes write at the same time."""
    first, second = (tampered(strace, "retval=0", insert_locked, database, value) for value in ("first", "second"))
    assert is_ready(first)
    assert is_ready(second)
    go_on(first)
    assert is_ready(first)  # and has the file open
    go_on(second)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(timeout=1)
    go_on(first)
    first.wait(timeout=MAX_S)
    assert is_ready(second)
    go_on(second)
    both_end(first, second)
    assert stored(database) == ["first", "second"]
