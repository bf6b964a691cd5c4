"""Ports on 127.0.0.1."""

import socket
from contextlib import closing

import click


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
        click.ClickException: The port is in use.
    """
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is in use. Stop the program that listens there, or choose another one with --port."
            raise click.ClickException(f"{message} {advice}".rstrip()) from error
