"""Running the sandbox: in the foreground for the command line, or beside the caller in a thread.

What belongs here: sockets, threads and their end. What does not: what the server answers (`server`).
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import uvicorn

from cleargrid_assets.sandbox.server import create_app
from cleargrid_assets.sandbox.settings import SandboxSettings

LOOPBACK = "127.0.0.1"
BACKLOG = 128
GRACE_S = 2


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that accepts connections.

    Attributes:
        url: Its root, without a slash at the end.
        settings: What it was started with.
    """

    url: str
    settings: SandboxSettings


@contextmanager
def running_sandbox(settings: SandboxSettings, port: int = 0) -> Iterator[RunningSandbox]:
    """A sandbox in a thread of this process for as long as the context lasts.

    Args:
        settings: Of the sandbox.
        port: On loopback; 0 for any free one.

    Yields:
        The sandbox, once its port accepts connections.

    Raises:
        OSError: The port is taken.
    """
    config = uvicorn.Config(
        create_app(settings),
        lifespan="off",
        log_config=None,  # the process that the thread lives in has its own logging
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    with _listener(port) as listener:
        thread = Thread(target=server.run, args=([listener],), name="cleargrid-sandbox", daemon=True)
        thread.start()
        try:
            yield RunningSandbox(f"http://{LOOPBACK}:{listener.getsockname()[1]}", settings)
        finally:
            server.should_exit = True
            thread.join()


def serve(settings: SandboxSettings, port: int) -> None:
    """Serve on loopback until interrupted, and log the address."""
    uvicorn.run(
        create_app(settings),
        host=LOOPBACK,
        port=port,
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def _listener(port: int) -> socket.socket:
    """A listening socket: connections wait in it from now on, even before the server takes them."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
