"""`cleargrid check`: tries each part of the configuration, in the order in which a run uses it."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click
import duckdb

from cleargrid_assets.alerts.sending import AlertError, check_urls, send
from cleargrid_assets.analysis.outcomes import OutcomesError, load_outcomes
from cleargrid_assets.configuration import pseudonyms_of
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.count import count_rows
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError
from cleargrid_assets.exports.rows import Page
from cleargrid_assets.exports.spool import try_out
from cleargrid_assets.exports.window import Window
from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect, file_of
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.forms import refuse_other_form, stored_versions
from cleargrid_assets.wording import counted

_MAX_LOOKBACK = timedelta(days=30)
_MIN_LOOKBACK = timedelta(hours=1)
_MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
_MAX_EMPTY_PAGES = 100
_LOCK_TIMEOUT_S = 5.0
_PATIENCE_S = 10.0
"""How long a refused connection is tried again. A run tries for longer, but here somebody waits for the answer."""


def run_check(*, with_alert: bool = False) -> bool:
    """Prints one line per step.

    Args:
        with_alert: Whether to send a test message to `CLEARGRID_ALERTS`.

    Returns:
        Whether a run would work, and everything else that is configured.
    """
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        return _say(False, str(error))
    # A list, so that all steps run and one call shows every problem.
    results = [step(settings) for step in (_check_days, _check_outcomes, _check_database, _check_api)]
    if settings.spool:
        results.append(_check_spool(Path(settings.spool)))
    if with_alert or settings.alerts:
        results.append(_check_alerts(settings, with_alert=with_alert))
    return all(results)


def _check_days(settings: Settings) -> bool:
    first = f"Days: from {settings.start_date}, from midnight to midnight in {settings.timezone.key}."
    if settings.start_date >= datetime.now(settings.timezone).date():
        return _say(False, f"{first} That day is not over, so there is nothing to fetch. Check CLEARGRID_START_DATE.")
    return _say(True, first)


def _check_outcomes(settings: Settings) -> bool:
    def load() -> str:
        outcomes = load_outcomes(settings.outcomes)
        return f"Outcomes file: {len(outcomes.statuses)} statuses, {len(outcomes.channels)} communication types."

    return _try(load, OutcomesError)


def _check_database(settings: Settings) -> bool:
    def open_database() -> str:
        file = file_of(settings.database)
        if file is not None and not file.exists():
            return _check_folder(settings.database, file)
        with connect(settings.database, lock_timeout_s=_LOCK_TIMEOUT_S) as connection:
            tables = connection.execute(
                "SELECT count(*) FROM duckdb_tables() WHERE schema_name = current_schema()"
            ).fetchall()[0][0]
            pseudonyms = pseudonyms_of(settings)
            version = None if pseudonyms is None else pseudonyms.version
            refuse_other_form(COMMUNICATION_LOGS.name, stored_versions(connection, COMMUNICATION_LOGS), version)
            _try_writing(connection)
        return f"Database: {settings.database} is writable and has {tables} tables of this project."

    return _try(open_database, OutcomesError, WarehouseError, duckdb.Error, OSError)


def _try_writing(connection: duckdb.DuckDBPyConnection) -> None:
    """Writes rows and takes them back: the files of a lake are not where its catalog is."""
    connection.begin()
    connection.execute("CREATE TABLE cleargrid_check AS SELECT 1 AS written")
    connection.rollback()


def _check_folder(database: str, file: Path) -> str:
    folder = next(folder for folder in file.resolve().parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise WarehouseError(f"{database} does not exist, and cannot be created: {folder} is not a writable folder.")
    return f"Database: {database} does not exist yet. The first run creates it."


def _check_spool(root: Path) -> bool:
    def use() -> str:
        try_out(root)
        return f"Spool: {root} is writable, and locks work there."

    return _try(use, ExportsError, OSError)


def _check_api(settings: Settings) -> bool:
    def read_one_row() -> str:
        client = ExportsClient(settings, D21, patience_s=_PATIENCE_S)
        try:
            window, page = _first_page(client)
            for _ in range(_MAX_EMPTY_PAGES):
                if page.rows or page.quarantined or page.next_cursor is None:
                    break
                page = client.page(window, cursor=page.next_cursor, limit=1)
            seen = f"Exports API: logged in at {settings.base_url}."
            when = f"since {window.since:%Y-%m-%d %H:%M} UTC"
            if page.quarantined:
                bad = page.quarantined[0]
                return f"{seen} The first row {when} breaks the contract: {bad.field} {bad.reason}."
            if page.first_at is None and page.next_cursor is not None:
                return f"{seen} Its first {_MAX_EMPTY_PAGES + 1} pages {when} are empty, with more to come."
            if page.first_at is None:
                return f"{seen} It holds no communications {when}."
            counted = count_rows(client, window)
        finally:
            client.close()
        count = f"{counted.rows:,}" if counted.rows is not None else "an unknown number of"
        count += f" ({counted.note})" if counted.note else ""
        return f"{seen} It holds {count} communications {when}. Read one, of {page.first_at:%Y-%m-%d %H:%M:%S} UTC."

    return _try(read_one_row, ExportsError, SettingsError)


def _check_alerts(settings: Settings, *, with_alert: bool) -> bool:
    def try_urls() -> str:
        if settings.alerts is None:
            raise SettingsError("CLEARGRID_ALERTS is not set, so there is nobody to tell. It takes Apprise URLs.")
        urls = counted(check_urls(settings.alerts), "URL")
        if not with_alert:
            return f"Alerts: CLEARGRID_ALERTS has {urls}. `cleargrid check --alerts` sends a test message."
        send(settings.alerts, "ClearGrid: a test message", "Sent by `cleargrid check --alerts`. Alerts arrive here.")
        return f"Alerts: a test message was sent to {urls}. See whether it has arrived."

    return _try(try_urls, AlertError, SettingsError)


def _first_page(client: ExportsClient) -> tuple[Window, Page]:
    """The first row of the last 30 days, or of fewer days if the query times out."""
    # Ends a few minutes ago, because the server's clock may be slow.
    until = datetime.now(timezone.utc).replace(microsecond=0) - _MAX_CLOCK_DIFFERENCE
    width = _MAX_LOOKBACK
    while True:
        window = Window(until - width, until)
        try:
            return window, client.page(window, limit=1)
        except QueryTimeoutError:
            width /= 2
            if width < _MIN_LOOKBACK:
                raise


def _try(step: Callable[[], str], *errors: type[Exception]) -> bool:
    try:
        return _say(True, step())
    except errors as error:
        return _say(False, str(error))


def _say(works: bool, sentence: str) -> bool:
    label = click.style("ok  ", fg="green") if works else click.style("FAIL", fg="red")
    click.echo(f"{label}  {sentence}", err=not works)
    return works
