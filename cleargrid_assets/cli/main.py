"""The command group; each command's work is in a module of its own, imported when it is called."""

import sys

import click
from dotenv import load_dotenv

from cleargrid_assets import __version__

_rows_per_day = click.option(
    "--rows-per-day",
    default=2000,
    show_default=True,
    type=click.IntRange(1, 2_000_000),
    help="Rows of a working day; weekends have a quarter.",
)


@click.group()
@click.version_option(__version__)
def main() -> None:
    """ClearGrid communication logs in DuckDB, a business day at a time."""


@main.command(short_help="Try the variables: log in, read one row.")
def check() -> None:
    """Are my variables right? Logs in, reads one row, says what it sees.

    Exit status 0 if a run would work, 1 if not. Reads `.env` of the current folder, as `dagster dev` does.
    """
    load_dotenv(".env", override=True)  # over the environment, as Dagster does
    from cleargrid_assets.cli.check import run_check  # noqa: PLC0415 - the environment comes first

    sys.exit(0 if run_check() else 1)


@main.command(short_help="A week of invented outreach, with the UI.")
@click.option("--no-ui", is_flag=True, help="Stop once the funnel is printed.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 60), help="Closed days to materialize.")
@_rows_per_day
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Of the Dagster UI.")
def demo(no_ui: bool, days: int, rows_per_day: int, port: int) -> None:
    """The main job against an invented API: materializes the last closed days, prints the funnel, opens the UI.

    Nothing of yours is touched: the demo has its own database and its own Dagster history, in `data/demo`.
    """
    from cleargrid_assets.cli.demo import run_demo  # noqa: PLC0415 - Dagster takes a second to import

    run_demo(days=days, rows_per_day=rows_per_day, ui_port=None if no_ui else port)


@main.command()
@click.option("--port", default=8321, show_default=True, type=click.IntRange(1, 65535), help="On loopback.")
@_rows_per_day
def sandbox(port: int, rows_per_day: int) -> None:
    """The invented API alone, on loopback, until Ctrl-C."""
    from cleargrid_assets.cli.sandbox import run_sandbox  # noqa: PLC0415 - brings a web server

    run_sandbox(port=port, rows_per_day=rows_per_day)
