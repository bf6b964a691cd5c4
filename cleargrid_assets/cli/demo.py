"""`cleargrid demo`: the daily job against the sandbox, then the Dagster UI."""

import os
import shlex
import signal
import sys
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
import dagster as dg

from cleargrid_assets.cli.demo_server import running_dagster
from cleargrid_assets.cli.funnel import printed_funnel
from cleargrid_assets.cli.ports import free_port, require_free_port
from cleargrid_assets.cli.sandbox import sandbox_variables
from cleargrid_assets.sandbox.serve import running_sandbox
from cleargrid_assets.sandbox.settings import SandboxSettings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import DamagedFileError, NewerFileError
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
        click.echo(f"A local API with invented data listens at {sandbox.url}.")
        # Imported here, because it reads the environment of the demo at import.
        from cleargrid_assets.cli.demo_runs import DemoRuns  # noqa: PLC0415

        keys = [str(first + timedelta(days=day)) for day in range(days)]
        with dg.DagsterInstance.get() as instance:
            _show(DemoRuns(keys, rows_per_day, instance), ui_port)


def _show(runs: "DemoRuns", ui_port: int | None) -> None:
    is_stored = _has_database() and runs.are_done
    runs.forget_interrupted()
    click.echo("Starting Dagster ...")
    port = ui_port or free_port()
    with running_dagster(port, _HOME) as dagster:
        days = counted(len(runs.days), "day")
        if is_stored:
            click.echo(f"{_DATABASE} has these {days} of an earlier demo.")
        else:
            click.echo(f"Materializing {days} from the API into {_DATABASE}:\n")
            runs.launch(port)
        click.echo(f"\n{printed_funnel(_DATABASE, date.fromisoformat(runs.days[-1]))}")
        click.echo(f"The tables are in {_DATABASE.resolve()}. A query to try:\n\n  {_sample_query()}\n")
        if ui_port is not None:
            click.echo(f"The Dagster UI is up at http://127.0.0.1:{port}/asset-groups. Press Ctrl-C to stop it.")
            with suppress(KeyboardInterrupt):
                dagster.wait()
            click.echo("\nStopping the Dagster UI.")


def _sample_query() -> str:
    """A command that queries the demo's database, as it can be typed in the current folder."""
    program = Path(sys.executable).with_name("cleargrid")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return f"{shlex.quote(str(program))} sql --database {_DATABASE} '{_QUERY}'"


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


def _has_database() -> bool:
    """Whether the demo's database can be used. If a newer DuckDB wrote it, or if it is damaged, removes it."""
    if not _DATABASE.exists():
        return False
    try:
        with connect(str(_DATABASE)):
            return True
    except (NewerFileError, DamagedFileError):
        _DATABASE.unlink()
        return False
