"""What tests ask the machine: modes of files, free ports, and disks without room."""

import resource
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def mode_of(path: Path) -> int:
    """The permissions of a file or folder, such as 0o600."""
    return stat.S_IMODE(path.stat().st_mode)


def free_port() -> int:
    """A port on loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Lets this process write no larger files, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
