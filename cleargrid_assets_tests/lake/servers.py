"""Servers for tests of a lake: Postgres, Redis and an S3 of their own, on loopback, in a folder of their own.

What belongs here: starting and ending servers, and the variables that lead to them. What does not: any expectation.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import requests

from cleargrid_assets_tests.machine import free_port

PASSWORD = "hush-lake-password"
"""Of the user of Postgres. It is easy to find wherever it shows."""

BUCKET = "lake"

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "postgres"
_PATIENCE_S = 60.0
_HOW = "On Debian: apt-get install postgresql redis-server."


def require_servers() -> None:
    """Skips the test if this machine lacks something for a lake; fails it in CI."""
    if not (lacks := _missing()):
        return
    if os.environ.get("CI"):
        pytest.fail(f"{lacks} CI must not skip the tests of the lake.")
    pytest.skip(lacks)


def _missing() -> str | None:
    """What this machine lacks, and how to get it; None if it lacks nothing."""
    if not all(map(find_spec, ("duckdb_extensions", "moto"))):
        return "The packages of the extra `lake` are not installed. `make test-lake` installs them."
    if _program("initdb") is None:
        return f"There is no Postgres server. {_HOW}"
    if shutil.which("redis-server") is None:
        return f"There is no Redis server. {_HOW}"
    return None


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that the user of Postgres can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="cleargrid-lake-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def postgres(folder: Path) -> Iterator[Mapping[str, str]]:
    """A fresh Postgres cluster in a folder, which its user can reach.

    Yields:
        The variables that lead to it, with the password.
    """
    own, password = folder / "postgres", folder / "postgres.password"
    own.mkdir()
    password.write_text(PASSWORD)
    if os.geteuid() == 0:
        shutil.chown(own, _USER)
        shutil.chown(password, _USER)
    initdb = [_required("initdb"), "--pgdata", str(own / "data"), "--username", _USER, "--auth", "scram-sha-256"]
    subprocess.run(
        _as_user([*initdb, "--no-sync", "--encoding", "UTF8", "--locale", "C", "--pwfile", str(password)]),
        check=True,
        capture_output=True,
        cwd=own,
    )
    port = str(free_port())
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    variables = {
        "PGHOST": "127.0.0.1",
        "PGPORT": port,
        "PGUSER": _USER,
        "PGPASSWORD": PASSWORD,
        "PGDATABASE": "postgres",
    }
    command = _as_user([_required("postgres"), "-D", str(own / "data"), *options])
    # SIGQUIT ends it at once, without waiting for its clients.
    with _serving(command, own / "log", lambda: _accepts(variables), ending=signal.SIGQUIT):
        yield variables


def new_database(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Makes an empty database in the cluster, and returns the variables that lead to it."""
    name = f"lake_{uuid.uuid4().hex[:12]}"
    subprocess.run([_required("createdb"), name], check=True, capture_output=True, env={**os.environ, **variables})
    return {**variables, "PGDATABASE": name}


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """An empty Redis that keeps nothing on disk. Yields its URL."""
    port = str(free_port())
    command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", str(folder)]
    ping = ["redis-cli", "-p", port, "ping"]
    with _serving(command, folder / "redis.log", lambda: _succeeds(ping)):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def s3(folder: Path) -> Iterator[Mapping[str, str]]:
    """An S3 with one empty bucket, `BUCKET`. Yields the variables that lead to it, with credentials."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    with _serving(command, folder / "s3.log", lambda: _makes_bucket(url)):
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "hush-lake-key-id",
            "AWS_SECRET_ACCESS_KEY": "hush-lake-key",
            "AWS_REGION": "us-east-1",
            # Nobody is to be asked for other credentials.
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def home_with_extensions(folder: Path) -> Path:
    """A home folder in which DuckDB finds its extensions, installed from packages, without the internet."""
    from duckdb_extensions import import_extension  # noqa: PLC0415

    home = folder / "home"
    with duckdb.connect(config={"extension_directory": str(home / ".duckdb" / "extensions")}) as connection:
        for name in ("ducklake", "postgres_scanner", "httpfs", "aws"):
            import_extension(name, con=connection)
    return home


@contextmanager
def _serving(
    command: Sequence[str], log: Path, answers: Callable[[], bool], *, ending: signal.Signals = signal.SIGTERM
) -> Iterator[None]:
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not answers():
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} does not answer. It says: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(ending)
        server.wait(_PATIENCE_S)


def _as_user(command: Sequence[str]) -> Sequence[str]:
    """The command as the user of Postgres, whose programs refuse root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", "--", *command]


def _program(name: str) -> str | None:
    """A program of Postgres. Debian keeps those of the server out of the PATH."""
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return next((str(folder / name) for folder in versions if (folder / name).exists()), shutil.which(name))


def _required(name: str) -> str:
    program = _program(name)
    assert program is not None, f"There is no {name}. {_HOW}"
    return program


def _accepts(variables: Mapping[str, str]) -> bool:
    return _succeeds([_required("pg_isready"), "--quiet"], variables)


def _makes_bucket(url: str) -> bool:
    try:
        return requests.put(f"{url}/{BUCKET}", timeout=5).ok
    except requests.ConnectionError:
        return False


def _succeeds(command: Sequence[str], variables: Mapping[str, str] | None = None) -> bool:
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **(variables or {})})
    return done.returncode == 0
