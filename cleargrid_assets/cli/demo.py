"""`cleargrid demo`: the daily job against the sandbox, then the Dagster UI."""

import os
import shlex
import sys
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
import dagster as dg

from cleargrid_assets.cli.demo_server import END_TIMEOUT_S, running_dagster
from cleargrid_assets.cli.funnel import printed_funnel
from cleargrid_assets.cli.interrupts import end_as_by_ctrl_c
from cleargrid_assets.cli.ports import free_port, require_free_port
from cleargrid_assets.cli.sandbox import sandbox_variables
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.sandbox.serve import running_sandbox
from cleargrid_assets.sandbox.settings import SandboxSettings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import DamagedFileError, NewerFileError
from cleargrid_assets.warehouse.files import make_private_folders
from cleargrid_assets.warehouse.ledger import LedgerEntry, read_ledger
from cleargrid_assets.wording import counted

if TYPE_CHECKING:
    from cleargrid_assets.cli.demo_runs import DemoRuns

_HOME = Path("data") / "demo"
_DATABASE = _HOME / "demo.duckdb"
_QUERY = "SELECT communicated_date, channel, contacts, reached_contacts, reach_rate FROM channel_reach ORDER BY ALL"
_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 2
    dequeue_interval_seconds: 1
"""


def run_demo(*, days: int, rows_per_day: int, ui_port: int | None) -> None:
    """Materializes the last closed days, prints the funnel, and serves the UI until interrupted.

    Args:
        days: Number of days.
        rows_per_day: Rows per weekday.
        ui_port: Port for the UI on 127.0.0.1; None for no UI.

    Raises:
        click.ClickException: The UI's port is in use, or a run failed.
    """
    end_as_by_ctrl_c()
    if ui_port is not None:
        require_free_port(ui_port, 'With make: make demo ARGS="--port 3001".')
    last = datetime.now(timezone.utc).date() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    _enter_demo_environment(str(first))
    # Imported here, because it reads the environment of the demo at import.
    from cleargrid_assets.cli.demo_runs import DemoRuns  # noqa: PLC0415

    keys = [str(first + timedelta(days=day)) for day in range(days)]
    with dg.DagsterInstance.get() as instance:
        runs = DemoRuns(keys, rows_per_day, instance)
        is_stored = runs.have_stored(_ledger())
        if is_stored:
            click.echo(f"{_DATABASE} has {counted(days, 'day')} of an earlier demo.\n")
            _show_tables(last)
        if not is_stored or ui_port is not None:
            _run_dagster(runs, is_stored, ui_port)


def _run_dagster(runs: "DemoRuns", is_stored: bool, ui_port: int | None) -> None:
    """Runs Dagster with the sandbox: for the days that are not stored, and for the UI."""
    settings = SandboxSettings(rows_per_day=runs.rows_per_day)
    runs.forget_interrupted()
    with running_sandbox(settings) as sandbox:
        os.environ.update(sandbox_variables(sandbox.url, settings))
        click.echo(f"A local API with invented data listens at {sandbox.url}.")
        click.echo("Starting Dagster ...")
        port = ui_port or free_port()
        with running_dagster(port, _HOME) as dagster:
            if not is_stored:
                click.echo(f"Materializing {counted(len(runs.days), 'day')} from the API into {_DATABASE}:\n")
                runs.launch(port)
                click.echo()
                _show_tables(date.fromisoformat(runs.days[-1]))
            if ui_port is not None:
                click.echo(f"The Dagster UI is up at http://127.0.0.1:{port}/asset-groups. Press Ctrl-C to stop it.")
                with suppress(KeyboardInterrupt):
                    dagster.wait()
                click.echo(f"\nStopping the Dagster UI (up to {END_TIMEOUT_S} s) ...")


def _show_tables(day: date) -> None:
    """Prints the funnel of a day, where the tables are, and how to query them."""
    click.echo(printed_funnel(_DATABASE, day))
    click.echo(f"The tables are in {_DATABASE.resolve()}. A query to try:\n\n  {_sample_query()}\n")


def _sample_query() -> str:
    """A command that queries the demo's database, as it can be typed in the current folder."""
    program = Path(sys.executable).with_name("cleargrid")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return f"{shlex.quote(str(program))} sql --database {_DATABASE} '{_QUERY}'"


def _enter_demo_environment(start_date: str) -> None:
    """Replaces all variables of the project, so that the demo does not touch the user's data."""
    for name in [name for name in os.environ if name.startswith("CLEARGRID_")]:
        del os.environ[name]
    # Only this user may enter, because the folder has rows, logs and the history of runs.
    home = (_HOME / "dagster").resolve()
    make_private_folders(home)
    (home / "dagster.yaml").write_text(_INSTANCE)
    os.environ.update(
        CLEARGRID_DUCKDB=str(_DATABASE.resolve()),
        CLEARGRID_START_DATE=start_date,
        DAGSTER_HOME=str(home),
    )


def _ledger() -> dict[date, LedgerEntry]:
    """What the demo's database has of the log. If a newer DuckDB wrote it, or if it is damaged, removes it."""
    if not _DATABASE.exists():
        return {}
    try:
        with connect(str(_DATABASE), read_only=True) as connection:
            return read_ledger(connection, COMMUNICATION_LOGS)
    except (NewerFileError, DamagedFileError):
        _DATABASE.unlink()
        return {}
