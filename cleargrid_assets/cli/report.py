"""`cleargrid report`: makes the digest page of a stored day, without a daemon."""

import os
import webbrowser
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import click
import dagster as dg

from cleargrid_assets.analysis.outcomes import OutcomesError, load_outcomes
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.digest.collecting import collect
from cleargrid_assets.digest.files import reports_folder, write_page
from cleargrid_assets.digest.page import page
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.wording import first_of

_MAX_LISTED = 10


def run_report(settings: Settings, day: date | None, *, open_page: bool) -> None:
    """Makes the page of a day, and prints where it is.

    Args:
        settings: The settings.
        day: A business day; the latest stored one by default.
        open_page: Whether to open the page in a browser.

    Raises:
        click.ClickException: The day is not stored, the outcomes file is broken, or Dagster's history is not there.
        WarehouseError: The database cannot be opened.
        OSError: The page cannot be written.
    """
    warehouse = WarehouseResource(database=settings.database)
    stored = warehouse.ledger(COMMUNICATION_LOGS)
    if not stored:
        raise click.ClickException("No day is stored yet. Materialize one first.")
    chosen = day or max(stored)
    if chosen not in stored:
        raise click.ClickException(f"{chosen} is not stored. Stored: {_ranges(stored)}.")
    try:
        outcomes = load_outcomes(settings.outcomes)
    except OutcomesError as error:
        raise click.ClickException(str(error)) from error
    try:
        with _history() as instance:
            digest = collect(chosen, warehouse, outcomes, instance, datetime.now(timezone.utc))
    except dg.DagsterError as error:
        raise click.ClickException(f"Dagster's history cannot be read. Check DAGSTER_HOME. {error}") from error
    file = write_page(reports_folder(settings.database), chosen, page(digest))
    click.echo(f"Report of {chosen}: {file}")
    if open_page and not webbrowser.open(file.resolve().as_uri()):
        click.echo("No browser could be started. Open the file yourself.", err=True)


@contextmanager
def _history() -> Iterator[dg.DagsterInstance | None]:
    """Dagster's history, where `dagster dev` keeps it; None if it is not known where that is."""
    if os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            yield instance
    elif Path("dagster.yaml").exists():
        with dg.DagsterInstance.from_config(str(Path.cwd())) as instance:
            yield instance
    else:
        yield None


def _ranges(days: Collection[date]) -> str:
    """Days as ranges without gaps, such as `2026-01-01 to 2026-01-07, 2026-01-09`."""
    ranges: list[list[date]] = []
    for day in sorted(days):
        if ranges and day - ranges[-1][-1] == timedelta(days=1):
            ranges[-1][1:] = [day]
        else:
            ranges.append([day])
    return first_of([" to ".join(map(str, each)) for each in ranges], _MAX_LISTED, "range")
