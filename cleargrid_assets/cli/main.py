"""The command group. The modules of the commands are imported when they run."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cleargrid_assets import __version__
from cleargrid_assets.cli.env_file import load_env
from cleargrid_assets.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from datetime import datetime

    from cleargrid_assets.settings import Settings

_rows_per_day = click.option(
    "--rows-per-day",
    default=2000,
    show_default=True,
    type=click.IntRange(1, 2_000_000),
    help="Invented rows per weekday; a Saturday or Sunday has a quarter.",
)


@click.group()
@click.version_option(__version__)
def main() -> None:
    """ClearGrid communication logs in DuckDB, one business day at a time.

    Like `dagster dev`, the commands init, check, sql, backup, restore, compact, up and report read `.env` in the
    current folder. Its values override the environment.
    """


@main.command(short_help="Check the configuration: log in and read one row.")
@click.option("--alerts", is_flag=True, help="Send a test message to `CLEARGRID_ALERTS`.")
@click.option("--json", "as_json", is_flag=True, help="Print `works` and `findings` as JSON, for programs.")
def check(alerts: bool, as_json: bool) -> None:
    """Check whether a run would work with the current configuration.

    Names unknown and unusable variables. Checks the first day, the outcomes file and the database, logs in to the API
    and reads one row. Compares the clock with the server's, and the server's count of yesterday with the ledger. Looks
    for a living Dagster daemon. If `CLEARGRID_ALERTS` is set, its URLs are checked too.

    Prints one line per finding. The exit status is 1 if any is `FAIL`, else 0.
    """
    from cleargrid_assets.cli.check import run_check  # noqa: PLC0415 - loads the HTTP library and DuckDB

    sys.exit(0 if run_check(with_alert=alerts, as_json=as_json) else 1)


@main.command(short_help="Ask for your variables, write them to `.env`, and check them.")
def init() -> None:
    """Ask for lender, e-mail, password, time zone and first day, write them to `.env`, and run the check.

    `CLEARGRID_BASE_URL` is written, too, if it is set in the environment. Other lines of `.env` are kept, and only its
    user may read it. Without a terminal, the answers are lines of the standard input, in this order; an empty line
    keeps the present value. The exit status is that of `cleargrid check`.
    """
    load_env()
    with _errors_shown():
        from cleargrid_assets.cli.init import run_init  # noqa: PLC0415 - loads the HTTP library and DuckDB

        works = run_init()
    sys.exit(0 if works else 1)


@main.command(short_help="Query the database.")
@click.argument("query", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@click.option("--database", help="The database file.  [default: `CLEARGRID_DUCKDB`]")
@click.option("--contact", metavar="ADDRESS", help="Find this address: `$contact` in QUERY is how it is stored.")
def sql(query: str | None, as_csv: bool, database: str | None, contact: str | None) -> None:
    """Run QUERY on the database, read-only, and print the rows.

    Bare table names are those of the schema `cleargrid`. COPY ... TO writes rows to a file. Runs that want to write
    wait until the command ends.

    With --contact, `$contact` in QUERY stands for what the column `contact` of `interactions` holds for ADDRESS: its
    pseudonym if `CLEARGRID_PSEUDONYM_KEY` is set, else its usual spelling. Without QUERY, that is printed. Put
    QUERY in single quotes, or the shell replaces `$contact`.
    """
    with _errors_shown():
        from cleargrid_assets.cli.contact import sought_contact  # noqa: PLC0415 - loads pydantic
        from cleargrid_assets.cli.sql import run_sql  # noqa: PLC0415 - loads DuckDB

        sought = None if contact is None else sought_contact(_settings(), contact)
        if query is not None:
            run_sql(database or _settings().database, query, as_csv=as_csv, contact=sought)
        elif sought is not None:
            click.echo(sought.stored_as)
        else:
            raise click.UsageError("Give a QUERY, or --contact with an address.")


_file = click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))


@main.command(short_help="Make a verified copy of the database.")
@_file
def backup(file: Path | None) -> None:
    """Copy the database file, compare the copy with the ledger, and keep it.

    Without FILE, the copy goes to the folder `backups` beside the database, which keeps the last `CLEARGRID_BACKUPS`
    copies. With FILE, it goes there, in place of a file that is there already.
    """
    with _errors_shown():
        from cleargrid_assets.cli.backup import run_backup  # noqa: PLC0415 - loads DuckDB

        run_backup(_settings(), file)


@main.command(short_help="Replace the database with a backup.")
@_file
def restore(file: Path | None) -> None:
    """Put back FILE, or the newest intact backup.

    The backup is compared with its ledger first. The present database is kept beside it under another name.
    """
    with _errors_shown():
        from cleargrid_assets.cli.backup import run_restore  # noqa: PLC0415 - loads DuckDB

        run_restore(_settings(), file)


@main.command(short_help="Run Dagster for your data: the UI and the schedules.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port for the Dagster UI.")
def up(port: int) -> None:
    """Run Dagster's web server and its daemon, on this machine only, until Ctrl-C.

    Settings and history of Dagster are in `DAGSTER_HOME`; if that is not set, in the folder `dagster` beside the
    database, which is made with a `dagster.yaml` the first time. If one of the two processes ends, so does the other.
    """
    with _errors_shown():
        # Before `.env` is read: Dagster reads it again when definitions are reloaded.
        environment = dict(os.environ)
        settings = _settings()
        from cleargrid_assets.cli.up import run_up  # noqa: PLC0415 - loads DuckDB

        run_up(settings, environment, port)


@main.command(short_help="Make the database file smaller.")
def compact() -> None:
    """Rewrite the database file without the space that replaced rows left in it.

    The new file is compared with the old one and with the ledger before it replaces it. Runs and readers wait
    meanwhile. The disk needs room for both.
    """
    with _errors_shown():
        from cleargrid_assets.cli.compact import run_compact  # noqa: PLC0415 - loads DuckDB

        run_compact(_settings())


@main.command(short_help="Make the digest page of a day.")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="A stored business day.  [default: the latest one]", metavar="DAY"
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
def report(day: "datetime | None", open_page: bool) -> None:
    """Make the HTML page of a stored day, with its pictures, in the folder `reports` beside the database.

    Failing checks and changes of rows come from Dagster's history: that of `DAGSTER_HOME`; if that is not set, that of
    `cleargrid up`, else that of the `dagster.yaml` in the current folder. No Dagster process needs to run.
    """
    with _errors_shown():
        settings = _settings()
        from cleargrid_assets.cli.report import run_report  # noqa: PLC0415 - loads Dagster

        run_report(settings, day.date() if day else None, open_page=open_page)


def _settings() -> "Settings":
    """The settings of `.env` and the environment."""
    load_env()
    from cleargrid_assets.settings import Settings  # noqa: PLC0415 - loads pydantic

    return Settings.from_environment()


@contextmanager
def _errors_shown() -> Iterator[None]:
    """Ends the command with the message of an error of settings, of the database or of a file."""
    import duckdb  # noqa: PLC0415 - takes a moment to load

    from cleargrid_assets.analysis.outcomes import OutcomesError  # noqa: PLC0415 - loads DuckDB
    from cleargrid_assets.setting_types import SettingsError  # noqa: PLC0415 - loads pydantic

    try:
        yield
    except (OutcomesError, SettingsError, WarehouseError) as error:
        raise click.ClickException(str(error)) from error
    except duckdb.Error as error:
        advice = "Check CLEARGRID_DUCKDB." if isinstance(error, duckdb.IOException) else ""
        said = f"The database cannot be used. DuckDB says: {str(error).rstrip('.')}. {advice}"
        raise click.ClickException(said.rstrip()) from error
    except BrokenPipeError:
        # Nobody reads on, for example `head`. Click ends the command without a message.
        raise
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'The command failed'}: {error.strerror}.") from error


@main.command(short_help="Try the project with a week of invented data.")
@click.option("--no-ui", is_flag=True, help="Stop after the funnel is printed; do not start the Dagster UI.")
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 366), help="Number of closed days to materialize."
)
@_rows_per_day
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port for the Dagster UI.")
def demo(no_ui: bool, days: int, rows_per_day: int, port: int) -> None:
    """Run the daily job against a local API with invented data, print a funnel and start the Dagster UI.

    The demo needs no account. It ignores your configuration and keeps its database and its Dagster history in
    `data/demo`.
    """
    with _errors_shown():
        from cleargrid_assets.cli.demo import run_demo  # noqa: PLC0415 - loads Dagster

        run_demo(days=days, rows_per_day=rows_per_day, ui_port=None if no_ui else port)


@main.command()
@click.option(
    "--port",
    default=8321,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen on (127.0.0.1 only).",
)
@_rows_per_day
def sandbox(port: int, rows_per_day: int) -> None:
    """Run only the local API with invented data, until Ctrl-C."""
    from cleargrid_assets.cli.sandbox import run_sandbox  # noqa: PLC0415 - loads a web server

    run_sandbox(port=port, rows_per_day=rows_per_day)
