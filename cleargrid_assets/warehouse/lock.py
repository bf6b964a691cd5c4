"""The project's own lock on the database file.

DuckDB locks the file too. But its locks end as soon as any descriptor of the file is closed in the process, and a
program that waits for the file keeps waiting for the old one when a new one is renamed over it. The lock of this module
is on a file of its own, which is never renamed or deleted.
"""

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cleargrid_assets.foreign import presentable

_PROC = Path("/proc")

_ANNOUNCED_S = 0.3
"""How long a waiting writer counts as waiting after an attempt. It tries again sooner than that."""


class LockedError(Exception):
    """The lock is held elsewhere: by another process, or by another part of this one. The message names the holders."""


@dataclass(frozen=True)
class Lock:
    """A lock that is held, shared by readers or exclusive to one writer.

    Threads of one process, and nested uses in one thread, exclude each other as processes do. A writer that waits sets
    the modification time of the lock file, so that readers can let it go first.
    """

    _descriptor: int

    @classmethod
    def acquired(cls, file: Path, *, exclusive: bool, writers_first: bool = False) -> "Lock":
        """Takes the lock of a file at once, without waiting.

        Args:
            file: The file. All names of it have one lock. Its folder exists.
            exclusive: Whether nobody else may hold the lock.
            writers_first: Whether a reader leaves the lock to a writer that waits for it.

        Raises:
            LockedError: Somebody else holds it, or waits to write.
            OSError: The file of the lock cannot be opened.
        """
        descriptor = _opened(lock_file(file), (os.O_RDWR if exclusive else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            if writers_first:
                _refuse_before_writers(descriptor)
            _take(descriptor, exclusive=exclusive)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Releases the lock. Call it once."""
        # Explicitly, because a forked process may have the descriptor too.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


def lock_file(file: Path) -> Path:
    """The file of the lock, beside the file that it is for."""
    resolved = file.resolve()
    return resolved.with_name(f"{resolved.name}.lock")


def _opened(path: Path, mode: int) -> int:
    with suppress(FileNotFoundError):
        return os.open(path, mode)
    descriptor = os.open(path, mode | os.O_CREAT, 0o600)
    _withdraw(descriptor)  # a new file is no announcement
    return descriptor


def _withdraw(descriptor: int) -> None:
    """Ends the announcement that a writer waits."""
    # Only the owner may. Otherwise readers go on in a moment all the same.
    with suppress(PermissionError):
        os.utime(descriptor, (0, 0))


def _refuse_before_writers(descriptor: int) -> None:
    if time.time() - os.fstat(descriptor).st_mtime < _ANNOUNCED_S:
        raise LockedError("A process waits to write to it.")


def _take(descriptor: int, *, exclusive: bool) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        if exclusive:
            os.utime(descriptor)
        raise LockedError(f"It is held by {_holders(descriptor)}.") from None
    if exclusive:
        _withdraw(descriptor)


def _holders(descriptor: int) -> str:
    """The processes that hold the lock, as Linux lists them."""
    status = os.fstat(descriptor)
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        lines = []
    # For example: "1: FLOCK  ADVISORY  WRITE 4242 fe:00:131 0 EOF"
    found = {int(pid) for _, kind, _, _, pid, at, *_ in map(str.split, lines) if (kind, at) == ("FLOCK", place)}
    return ", ".join(map(_described, sorted(found))) or "another process"


def _described(pid: int) -> str:
    if pid == os.getpid():
        return f"PID {pid} (this process)"
    try:
        # The command without its arguments, which may hold secrets.
        command = (_PROC / str(pid) / "comm").read_text(errors="replace")
    except OSError:
        return f"PID {pid}"
    return f"PID {pid} ({presentable(command)})"
