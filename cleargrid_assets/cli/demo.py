"""`cleargrid demo`: the daily job against the sandbox, then the Dagster UI."""

import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click
import dagster as dg

from cleargrid_assets.cli.funnel import printed_funnel
from cleargrid_assets.cli.ports import require_free_port
from cleargrid_assets.cli.sandbox import sandbox_variables
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.sandbox.serve import running_sandbox
from cleargrid_assets.sandbox.settings import SandboxSettings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import DamagedFileError, NewerFileError
from cleargrid_assets.wording import counted

_HOME = Path("data") / "demo"
_DATABASE = _HOME / "demo.duckdb"
_INSTANCE = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"
_UI_START_TIMEOUT_S = 120


def run_demo(*, days: int, rows_per_day: int, ui_port: int | None) -> None:
    """Materializes the last closed days, prints the funnel, and serves the UI until interrupted.

    Args:
        days: Number of days.
        rows_per_day: Rows per weekday.
        ui_port: Port for the UI on 127.0.0.1; None for no UI.

    Raises:
        click.ClickException: The UI's port is in use, or a run failed.
    """
    # Shell scripts start background processes with SIGINT ignored, and SIGTERM would skip the clean-up.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if ui_port is not None:
        require_free_port(ui_port, 'With make: make demo ARGS="--port 3001".')
    last = datetime.now(timezone.utc).date() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    settings = SandboxSettings(rows_per_day=rows_per_day)
    with running_sandbox(settings) as sandbox:
        _enter_demo_environment(sandbox_variables(sandbox.url, settings), str(first))
        _remove_unreadable_database()
        click.echo(f"A local API with invented data listens at {sandbox.url}.")
        click.echo(f"Materializing {counted(days, 'day')} from it into {_DATABASE}:\n")
        _materialize([str(first + timedelta(days=day)) for day in range(days)])
        click.echo(f"\n{printed_funnel(_DATABASE, last)}")
        click.echo(f"The tables are in {_DATABASE.resolve()}. A query to try:\n\n  {_sample_query()}\n")
        if ui_port is not None:
            _serve_ui(ui_port)


def _sample_query() -> str:
    """A command that queries the demo's database, as it can be typed in the current folder."""
    program = Path(sys.executable).with_name("cleargrid")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return f"{shlex.quote(str(program))} sql --database {_DATABASE} 'FROM channel_reach ORDER BY ALL'"


def _serve_ui(port: int) -> None:
    click.echo("Starting the Dagster UI ...")
    with _dagster_ui(port) as ui:
        click.echo(f"The Dagster UI is up at http://127.0.0.1:{port}. Press Ctrl-C to stop it.")
        with suppress(KeyboardInterrupt):
            ui.wait()
        click.echo("\nStopping the Dagster UI.")


def _enter_demo_environment(variables: dict[str, str], start_date: str) -> None:
    """Replaces all variables of the project, so that the demo does not touch the user's data."""
    for name in [name for name in os.environ if name.startswith("CLEARGRID_")]:
        del os.environ[name]
    # Only this user may enter, because the folder has rows, logs and the history of runs.
    _HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = (_HOME / "dagster").resolve()
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "dagster.yaml").write_text(_INSTANCE)
    os.environ.update(
        variables,
        CLEARGRID_DUCKDB=str(_DATABASE.resolve()),
        CLEARGRID_START_DATE=start_date,
        DAGSTER_HOME=str(home),
    )


def _remove_unreadable_database() -> None:
    """Removes the demo's own database if a newer DuckDB wrote it, or if it is damaged. The demo makes it again."""
    try:
        with connect(str(_DATABASE)):
            pass
    except (NewerFileError, DamagedFileError):
        _DATABASE.unlink()


def _materialize(days: list[str]) -> None:
    # Imported here, because they read the environment of the demo at import.
    from cleargrid_assets.automation import daily_job  # noqa: PLC0415
    from cleargrid_assets.definitions import defs  # noqa: PLC0415

    job = defs.resolve_job_def(daily_job.name)
    with dg.DagsterInstance.get() as instance:
        for day in days:
            start = time.monotonic()
            result = job.execute_in_process(
                partition_key=day,
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
                raise_on_error=False,
            )
            if not result.success:
                raise click.ClickException(f"The run of {day} failed. The log above says why.")
            stored = {
                event.asset_key.path[-1]: event.materialization.metadata
                for event in result.get_asset_materialization_events()
                if event.asset_key
            }
            analyses = len(stored.keys() - {COMMUNICATION_LOGS.name, INTERACTIONS.name})
            click.echo(
                f"  {day}  {stored[COMMUNICATION_LOGS.name]['rows'].value:>9,} rows, {analyses} analyses"
                f"  {time.monotonic() - start:5.1f} s"
            )
    # Of the last run only. In earlier runs the check for missing days fails, because later days are not there yet.
    checks = result.get_asset_check_evaluations()
    failed = sorted({check.check_name for check in checks if not check.passed})
    outcome = f"failed: {', '.join(failed)}" if failed else "all passed"
    click.echo(f"\n{len(checks)} checks ran on {day}; {outcome}.")


@contextmanager
def _dagster_ui(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Starts the UI and the daemon. Stops them and their child processes at the end."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "cleargrid_assets.definitions"]
    log = _HOME / "dagster.log"
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            # In the current folder, Dagster would read the user's .env, which overrides the environment.
            cwd=_HOME,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_up(process, port, log)
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        # Kills the child processes that are left.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _UI_START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.3)
    raise click.ClickException(f"The Dagster UI did not start. {log} says why.")
