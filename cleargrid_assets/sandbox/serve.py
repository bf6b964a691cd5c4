"""Runs the sandbox: in the foreground, or in a thread of the caller's process."""

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
        settings: The settings it was started with.
    """

    url: str
    settings: SandboxSettings


@contextmanager
def running_sandbox(settings: SandboxSettings) -> Iterator[RunningSandbox]:
    """Runs a sandbox in a thread of this process, at a free port of 127.0.0.1, until the context ends.

    Yields:
        The sandbox, once its port accepts connections.
    """
    config = uvicorn.Config(
        create_app(settings),
        lifespan="off",
        log_config=None,  # the caller's process has its own logging
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    # It queues connections until the server accepts them.
    with socket.create_server((LOOPBACK, 0), backlog=BACKLOG) as listener:
        thread = Thread(target=server.run, args=([listener],), name="cleargrid-sandbox", daemon=True)
        thread.start()
        try:
            yield RunningSandbox(f"http://{LOOPBACK}:{listener.getsockname()[1]}", settings)
        finally:
            server.should_exit = True
            thread.join()


def serve(settings: SandboxSettings, port: int) -> None:
    """Serves on 127.0.0.1 until interrupted, and logs the address."""
    uvicorn.run(
        create_app(settings),
        host=LOOPBACK,
        port=port,
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
