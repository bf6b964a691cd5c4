"""`cleargrid up`: the Dagster UI and the daemon, until one of them ends or the command is interrupted."""

import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import requests

from cleargrid_assets.cli.dagster_home import prepared_home
from cleargrid_assets.cli.interrupts import end_as_by_ctrl_c, ignore_endings
from cleargrid_assets.cli.ports import UI_TIMEOUT_S, require_free_port, ui_answers
from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets.settings import Settings

_HOST = "127.0.0.1"
_STOP_TIMEOUT_S = 20
_POLL_S = 0.3
_NOT_LOADED = (
    "the project cannot be loaded, so no schedule runs. The output above says why. Correct it, then choose Reload "
    "definitions in the UI"
)

Process = subprocess.Popen[bytes]


def run_up(settings: Settings, environment: Mapping[str, str], port: int) -> None:
    """Runs web server and daemon with one `DAGSTER_HOME`, and ends both when one ends.

    Args:
        settings: They say where the home is, if `DAGSTER_HOME` does not.
        environment: The environment of both processes, besides `DAGSTER_HOME`. They read `.env` themselves, so that
            a reload of the definitions reads it again.
        port: Port for the UI on 127.0.0.1.

    Raises:
        click.ClickException: The port or the home is in use, or a process ended by itself.
    """
    end_as_by_ctrl_c()
    home = prepared_home(settings)
    with home.held(), suppress(KeyboardInterrupt):
        require_free_port(port, 'With make: make up ARGS="--port 3001".')
        click.echo(f"Starting Dagster with its home in {home.folder} ...")
        home.create_storage()
        with _running(_commands(home.workspace, port), {**environment, "DAGSTER_HOME": str(home.folder)}) as started:
            _wait_until_up(started, port)
            schedules = "schedules run" if _is_loaded(port) else _NOT_LOADED
            _warn_without_credentials(settings)
            click.echo(
                f"The Dagster UI is up at http://{_HOST}:{port}/asset-groups, and {schedules}. The UI has no login, so "
                "only this machine can open it. Press Ctrl-C to stop both."
            )
            _wait_until_one_ends(started)


def _commands(workspace: Path, port: int) -> dict[str, Sequence[str]]:
    # The sensors log at the level `info` every 30 seconds, so the address of the UI would soon be out of sight.
    levels = ("--dagster-log-level", "warning", "--code-server-log-level", "warning")
    return {
        "web server": ("dagster-webserver", "-w", str(workspace), "-h", _HOST, "-p", str(port), *levels),
        "daemon": ("dagster-daemon", "run", "-w", str(workspace), "--log-level", "warning"),
    }


def _warn_without_credentials(settings: Settings) -> None:
    try:
        settings.credentials()
    except SettingsError as error:
        click.echo(f"Runs will fail: {error}", err=True)


@contextmanager
def _running(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> Iterator[Mapping[str, Process]]:
    """Starts each command in a process group of its own, and ends the groups: with runs and code servers."""
    started: dict[str, Process] = {}
    try:
        for name, (program, *arguments) in commands.items():
            path = Path(sysconfig.get_path("scripts")) / program
            started[name] = subprocess.Popen(  # noqa: S603 - a program of our own environment
                [path, *arguments], env=environment, start_new_session=True
            )
        yield started
    finally:
        # A second Ctrl-C must not leave processes behind.
        ignore_endings()
        with suppress(OSError):  # the terminal may be gone
            click.echo(f"\nStopping Dagster (up to {_STOP_TIMEOUT_S} s) ...")
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for process in started.values():
            _end_group(process, signal.SIGTERM)
        for process in started.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0, deadline - time.monotonic()))
            _end_group(process, signal.SIGKILL)
            process.wait()


def _end_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _wait_until_up(started: Mapping[str, Process], port: int) -> None:
    if not ui_answers(port, lambda: all(process.poll() is None for process in started.values())):
        _raise_if_one_ended(started)
        raise click.ClickException(f"The Dagster UI did not start within {UI_TIMEOUT_S} s. The output above says why.")


def _is_loaded(port: int) -> bool:
    """Whether the web server has loaded the project. It answers when it has tried to.

    Raises:
        click.ClickException: It does not answer in time.
    """
    query = "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        try:
            answer = session.post(f"http://{_HOST}:{port}/graphql", json={"query": query}, timeout=UI_TIMEOUT_S).json()
        except requests.RequestException as error:
            raise click.ClickException(
                "The web server of Dagster does not answer whether the project is loaded "
                f"({type(error).__name__}). The output above says why. Start it again with `cleargrid up`."
            ) from error
    locations = [
        entry["locationOrLoadError"] for entry in answer["data"]["workspaceOrError"].get("locationEntries", [])
    ]
    return bool(locations) and all(each and each["__typename"] == "RepositoryLocation" for each in locations)


def _wait_until_one_ends(started: Mapping[str, Process]) -> None:
    while True:
        _raise_if_one_ended(started)
        time.sleep(_POLL_S)


def _raise_if_one_ended(started: Mapping[str, Process]) -> None:
    for name, process in started.items():
        if process.poll() is not None:
            raise click.ClickException(
                f"The {name} of Dagster has ended with status {process.returncode}, so the other process was stopped, "
                "too. The output above says why. Start it again with `cleargrid up`."
            )
