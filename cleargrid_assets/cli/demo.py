"""`cleargrid demo`: the main job, end to end, against the embedded sandbox."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click

from cleargrid_assets.cli.funnel import printed_funnel
from cleargrid_assets.cli.sandbox import sandbox_variables
from cleargrid_assets.sandbox.serve import running_sandbox
from cleargrid_assets.sandbox.settings import SandboxSettings
from cleargrid_assets.warehouse.connection import NewerFileError, connect

_HOME = Path("data") / "demo"
_DATABASE = _HOME / "demo.duckdb"
_INSTANCE = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"
_UI_STARTS_WITHIN_S = 120


def run_demo(*, days: int, rows_per_day: int, ui_port: int | None) -> None:
    """Materializes the last closed days, prints the funnel, and serves the UI until interrupted.

    Args:
        days: How many days.
        rows_per_day: Rows of a working day.
        ui_port: Where the UI listens, on loopback; None for no UI.

    Raises:
        click.ClickException: The UI's port is taken, or a run failed.
    """
    # Both, because a shell script's background processes are started with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if ui_port is not None and _is_taken(ui_port):
        raise click.ClickException(f"Port {ui_port} is in use: stop what listens there, or choose another with --port.")
    last = datetime.now(timezone.utc).date() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    settings = SandboxSettings(rows_per_day=rows_per_day)
    with running_sandbox(settings) as sandbox:
        _enter_demo_environment(sandbox_variables(sandbox.url, settings), str(first))
        _remove_unreadable_database()
        click.echo(f"An invented ClearGrid API listens at {sandbox.url}. Fetching {days} days into {_DATABASE}:\n")
        _materialize([str(first + timedelta(days=day)) for day in range(days)])
        click.echo(f"\n{printed_funnel(_DATABASE, last)}")
        click.echo(f"The tables are in {_DATABASE.resolve()}. A query to try:\n")
        click.echo(
            f"  {_python()} -c \"import duckdb; duckdb.connect('{_DATABASE}', read_only=True)"
            ".sql('FROM cleargrid.channel_reach ORDER BY ALL').show()\"\n"
        )
        if ui_port is not None:
            with _dagster_ui(ui_port) as ui:
                click.echo(f"The Dagster UI is up at http://127.0.0.1:{ui_port} (Ctrl-C ends it).")
                with suppress(KeyboardInterrupt):
                    ui.wait()
                click.echo("\nEnding the UI.")


def _python() -> Path:
    """The interpreter that has DuckDB, as briefly as it can be typed here."""
    python = Path(sys.executable)
    return python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python


def _is_taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _enter_demo_environment(variables: dict[str, str], start_date: str) -> None:
    """Replaces every variable of the project, so that the demo neither reads nor writes anything real."""
    for name in [name for name in os.environ if name.startswith("CLEARGRID_")]:
        del os.environ[name]
    home = (_HOME / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_INSTANCE)
    os.environ.update(
        variables,
        CLEARGRID_DUCKDB=str(_DATABASE.resolve()),
        CLEARGRID_START_DATE=start_date,
        DAGSTER_HOME=str(home),
    )


def _remove_unreadable_database() -> None:
    """Removes the demo's own database if a newer DuckDB wrote it: its data is invented and soon made again."""
    try:
        with connect(str(_DATABASE)):
            pass
    except NewerFileError:
        _DATABASE.unlink()


def _materialize(keys: list[str]) -> None:
    # Only now: the definitions read the environment as they are imported.
    import dagster as dg  # noqa: PLC0415

    from cleargrid_assets.automation import daily_job  # noqa: PLC0415
    from cleargrid_assets.contracts import COMMUNICATION_LOGS  # noqa: PLC0415
    from cleargrid_assets.definitions import defs  # noqa: PLC0415

    job = defs.resolve_job_def(daily_job.name)
    with dg.DagsterInstance.get() as instance:
        for key in keys:
            began = time.monotonic()
            result = job.execute_in_process(
                partition_key=key,
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
                raise_on_error=False,
            )
            if not result.success:
                raise click.ClickException(f"The run of {key} failed; see above.")
            stored = next(
                event.materialization.metadata
                for event in result.get_asset_materialization_events()
                if event.asset_key and event.asset_key.path[-1] == COMMUNICATION_LOGS.name
            )
            click.echo(
                f"  {key}  {stored['rows'].value:>9,} rows, 5 analyses and their checks"
                f"  {time.monotonic() - began:5.1f} s"
            )


@contextmanager
def _dagster_ui(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The UI and the daemon, once they answer; ended with all they have started."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "cleargrid_assets.definitions"]
    log = _HOME / "dagster.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            # Not here, where Dagster would read the user's .env over the demo's environment.
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
        # Whatever of its group is left.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _UI_STARTS_WITHIN_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.3)
    raise click.ClickException(f"The Dagster UI did not start; {log} says why.")
