"""The files beside a database. Those that this project creates are readable only by their user.

DuckDB creates its files with the permissions that the umask allows. The umask belongs to the whole process, so the
files are created here before DuckDB opens them.
"""

import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

_PROCESS = uuid.uuid4().hex[:8]
"""Tells apart processes with the same id in different containers."""


def wal_of(file: Path) -> Path:
    """DuckDB's write-ahead log of a database file. DuckDB resolves symbolic links."""
    resolved = file.resolve()
    return resolved.with_name(f"{resolved.name}.wal")


def create_database(file: Path) -> None:
    """Creates an empty database. It gets its name when its permissions are set, so nobody can open it before."""
    resolved = file.resolve()
    with tempfile.TemporaryDirectory(prefix=temporary_prefix(resolved), dir=resolved.parent) as folder:
        new = Path(folder) / resolved.name
        duckdb.connect(str(new)).close()
        new.chmod(0o600)
        # Of a file that was moved away or deleted. DuckDB would apply it to the new one.
        wal_of(file).unlink(missing_ok=True)
        new.rename(resolved)


@contextmanager
def private_wal(file: Path) -> Iterator[None]:
    """Gives the write-ahead log the permissions of the database. Use it while DuckDB has the file open to write."""
    mode, wal = stat.S_IMODE(file.stat().st_mode), wal_of(file)
    with suppress(FileExistsError):
        descriptor = os.open(wal, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, mode)
        os.close(descriptor)
    try:
        yield
    finally:
        # While DuckDB has the file locked: the log of another program could be as empty.
        with suppress(FileNotFoundError):
            if wal.stat().st_size == 0:
                wal.unlink()


def make_private_folders(folder: Path) -> None:
    """Creates a folder and those above it, so that only this user can enter them. What is there is kept.

    Args:
        folder: An absolute path.

    Raises:
        OSError: A folder cannot be created.
    """
    # The mode of `Path.mkdir` with `parents=True` is not for the folders above.
    for each in (*reversed(folder.parents), folder):
        each.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def spill_folder(file: Path) -> Iterator[Path]:
    """A folder for what does not fit into memory.

    DuckDB's default is one folder for all processes that read the file. They overwrite each other's files there.
    """
    resolved = file.resolve()
    folder = resolved.with_name(f"{temporary_prefix(resolved)}{os.getpid()}-{_PROCESS}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:  # for example, the user may only read here
        folder = Path(tempfile.gettempdir()) / folder.name
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        yield folder
    finally:
        # Another connection of this process may use it, or have removed it.
        with suppress(OSError):
            folder.rmdir()


def remove_abandoned_spills(file: Path) -> None:
    """Removes what killed processes spilled. Call it while nobody else has the database open."""
    resolved = file.resolve()
    for folder in resolved.parent.iterdir():
        if folder.name.startswith(temporary_prefix(resolved)):
            shutil.rmtree(folder, ignore_errors=True)


def temporary_prefix(file: Path) -> str:
    """How names of folders beside a database begin that `remove_abandoned_spills` removes."""
    return f"{file.name}.tmp-"
