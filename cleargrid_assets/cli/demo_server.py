"""The Dagster of the demo: web server, daemon and code location, in one process group."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from cleargrid_assets.cli.ports import UI_TIMEOUT_S, ui_answers

CODE_LOCATION = "cleargrid_assets.definitions"
"""Its module, which `dagster dev` makes its name too."""

END_TIMEOUT_S = 20
"""Max seconds until the processes have ended."""


@contextmanager
def running_dagster(port: int, home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs `dagster dev`. Stops it and its child processes at the end.

    Args:
        port: The port of the UI on 127.0.0.1.
        home: Where it starts and logs. It has no `.env`, which Dagster would read over the environment.

    Yields:
        The process, once the UI answers.

    Raises:
        click.ClickException: It ended, or its UI did not answer in time.
    """
    command = [sys.executable, "-m", "dagster", "dev", "-m", CODE_LOCATION]
    log = home / "dagster.log"
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            cwd=home,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        if not ui_answers(port, lambda: process.poll() is None):
            if process.poll() is None:
                raise click.ClickException(
                    f"Dagster did not start within {UI_TIMEOUT_S} s. Run the demo again when the machine is less busy. "
                    f"{log} says how far it came."
                )
            raise click.ClickException(f"Dagster did not start. {log} says why.")
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_TIMEOUT_S)
        # Kills the child processes that are left.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
