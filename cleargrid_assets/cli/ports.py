"""Ports on 127.0.0.1."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing

import click

UI_TIMEOUT_S = 120
"""Max seconds until the Dagster UI answers."""

_POLL_S = 0.3


def free_port() -> int:
    """A port on 127.0.0.1 at which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def require_free_port(port: int, advice: str = "") -> None:
    """Checks that nothing listens on the port.

    Args:
        port: A port on 127.0.0.1.
        advice: Further advice for the error.

    Raises:
        click.ClickException: The port is in use, or only for root.
    """
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            message = f"This user may not listen at port {port}. Choose one from 1024 on with --port."
            raise click.ClickException(f"{message} {advice}".rstrip()) from error
        except OSError as error:
            message = f"Port {port} is in use. Stop the program that listens there, or choose another one with --port."
            raise click.ClickException(f"{message} {advice}".rstrip()) from error


def ui_answers(port: int, may_come: Callable[[], bool]) -> bool:
    """Waits until the Dagster UI answers at the port.

    Args:
        port: A port on 127.0.0.1.
        may_come: Whether to go on waiting.

    Returns:
        Whether it answers. If not, it took longer than `UI_TIMEOUT_S`, or waiting has no point.
    """
    deadline = time.monotonic() + UI_TIMEOUT_S
    while may_come() and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(_POLL_S)
    return False
