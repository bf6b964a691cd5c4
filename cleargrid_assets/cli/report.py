"""`cleargrid report`: makes the digest page of a stored day, without a daemon."""

import webbrowser
from datetime import date, datetime, timezone

import click

from cleargrid_assets.alerts.day_ranges import merged, shown
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.cli.history import history
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.digest.collecting import collect
from cleargrid_assets.digest.files import reports_folder, write_page
from cleargrid_assets.digest.page import page
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.resource import WarehouseResource


def run_report(settings: Settings, day: date | None, *, open_page: bool) -> None:
    """Makes the page of a day, and prints where it is.

    Args:
        settings: The settings.
        day: A business day; the latest stored one by default.
        open_page: Whether to open the page in a browser.

    Raises:
        click.ClickException: The day is not stored.
        HomeError: `DAGSTER_HOME` is unusable, or Dagster's history cannot be read.
        OutcomesError: The outcomes file is broken.
        WarehouseError: The database cannot be opened.
        OSError: The page cannot be written.
    """
    warehouse = WarehouseResource(database=settings.database)
    stored = warehouse.ledger(COMMUNICATION_LOGS)
    if not stored:
        raise click.ClickException(
            f"No day is stored yet in {settings.database}. Materialize one first, or set CLEARGRID_DUCKDB to the "
            "database that has days."
        )
    chosen = day or max(stored)
    if chosen not in stored:
        raise click.ClickException(f"{chosen} is not stored. Stored: {shown(merged((each, each) for each in stored))}.")
    outcomes = load_outcomes(settings.outcomes)
    with history(settings.database) as instance:
        click.echo(f"Drawing the pictures of {chosen} ...", err=True)
        digest = collect(chosen, warehouse, outcomes, instance, datetime.now(timezone.utc))
    file = write_page(reports_folder(settings.database), chosen, page(digest))
    click.echo(f"Report of {chosen}: {file}")
    if digest.history is None:
        click.echo(
            "Failing checks are not known: there is no history of Dagster here. Set DAGSTER_HOME, or start the command "
            "in the folder of dagster.yaml.",
            err=True,
        )
    if open_page and not webbrowser.open(file.resolve().as_uri()):
        click.echo("No browser could be started. Open the file yourself.", err=True)
