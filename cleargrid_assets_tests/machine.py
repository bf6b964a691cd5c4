"""What tests ask the machine: modes of files, and free ports."""

import socket
import stat
from pathlib import Path


def mode_of(path: Path) -> int:
    """The permissions of a file or folder, such as 0o600."""
    return stat.S_IMODE(path.stat().st_mode)


def free_port() -> int:
    """A port on loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
