"""What `cleargrid check` asks the API: one row, the time, and the number of rows of yesterday."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from http import HTTPStatus

import duckdb

from cleargrid_assets.alerts.day_ranges import merged, shown
from cleargrid_assets.cli.findings import Finding, about
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import AuthenticationError, ContractError, ExportsError, QueryTimeoutError
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets.exports.window import Window, day_window
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import read_ledger
from cleargrid_assets.warehouse.tables import stored_columns
from cleargrid_assets.wording import counted

_MAX_LOOKBACK = timedelta(days=30)
_MIN_LOOKBACK = timedelta(hours=1)
_MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
_WARN_OF_CLOCK_FROM_S = 30
_MAX_EMPTY_PAGES = 100
_LOCK_TIMEOUT_S = 5.0
_PATIENCE_S = 10.0
"""How long a refused connection is tried again. A run tries for longer, but here somebody waits for the answer."""

_NOT_COMPARED = Finding("yesterday", "skip", "Yesterday: not compared, because the API could not be read.")


@dataclass(frozen=True)
class _Stored:
    """What is stored by the ledger.

    Attributes:
        rows: The rows of a day with the quarantined ones; None if the day is not stored.
        zones: The time zone of each stored day; None if unknown.
    """

    rows: int | None
    zones: Mapping[date, str | None]


def check_api(settings: Settings, *, compares: bool) -> Iterator[Finding]:
    """Logs in, reads one row, and compares the clocks.

    Args:
        settings: The settings, with credentials.
        compares: Whether to compare yesterday with the ledger, too.
    """
    stats = RequestStats()
    compared = _NOT_COMPARED
    try:
        with closing(ExportsClient(settings, D21, patience_s=_PATIENCE_S)) as client:
            seen = _read_one_row(client, stats)
            yield Finding("api", "ok", f"Exports API: logged in at {settings.base_url}. {seen}")
            if compares:
                compared = _check_yesterday(settings, client)
    except ExportsError as error:
        yield _failed(settings, error)
    yield _check_clock(stats.clock_ahead_s)
    if compares:
        yield compared


def _failed(settings: Settings, error: ExportsError) -> Finding:
    action = error.advice or "Try again later, and report it to ClearGrid if it persists."
    found = f"Exports API: {str(error).removesuffix(error.advice or '').rstrip()}"
    if isinstance(error, AuthenticationError) and error.status is not None:
        variable = "CLEARGRID_LENDER" if error.status == HTTPStatus.NOT_FOUND else "CLEARGRID_PASSWORD"
        return about(variable, "api", "fail", found, action=action)
    if error.status is not None or isinstance(error, ContractError):
        return Finding("api", "fail", found, action=action)
    return about("CLEARGRID_BASE_URL", "api", "fail", found, value=settings.base_url, action=action)


def _read_one_row(client: ExportsClient, stats: RequestStats) -> str:
    """What the API has of the last 30 days, in whole sentences."""
    window, page = _first_page(client, stats)
    for _ in range(_MAX_EMPTY_PAGES):
        if page.rows or page.quarantined or page.next_cursor is None:
            break
        page = client.page(window, cursor=page.next_cursor, limit=1, stats=stats)
    when = f"the last {_length(window.until - window.since)}"
    if page.quarantined:
        bad = page.quarantined[0]
        return f"The first row of {when} breaks the contract: {bad.field} {bad.reason}."
    if page.first_at is None and page.next_cursor is not None:
        return f"Its first {_MAX_EMPTY_PAGES + 1} pages of {when} are empty, with more to come."
    if page.first_at is None:
        return f"It holds no communications of {when}."
    count = count_rows(client, window, stats)
    rows = "an unknown number of communications" if count.rows is None else counted(count.rows, "communication")
    rows += f" ({count.note})" if count.note else ""
    return f"It holds {rows} of {when}. Read one row, of {page.first_at:%Y-%m-%d %H:%M:%S} UTC."


def _length(width: timedelta) -> str:
    """The length of a window as text, such as `30 days` or `22.5 hours`."""
    days = width / timedelta(days=1)
    return f"{days:.3g} days" if days > 1 else f"{24 * days:.3g} hours"


def _first_page(client: ExportsClient, stats: RequestStats) -> tuple[Window, Page]:
    """The first row of the last 30 days, or of fewer days if the query times out."""
    # Ends a few minutes ago, because the server's clock may be slow.
    until = datetime.now(timezone.utc).replace(microsecond=0) - _MAX_CLOCK_DIFFERENCE
    width = _MAX_LOOKBACK
    while True:
        window = Window(until - width, until)
        try:
            return window, client.page(window, limit=1, stats=stats)
        except QueryTimeoutError:
            width /= 2
            if width < _MIN_LOOKBACK:
                raise


def _check_clock(ahead_s: float | None) -> Finding:
    if ahead_s is None:
        return Finding("clock", "skip", "Clock: not compared, because no answer to a request for rows said the time.")
    off = counted(abs(round(ahead_s)), "second")
    seen = f"{off} {'ahead of' if ahead_s > 0 else 'behind'} the server's"
    if abs(ahead_s) <= _WARN_OF_CLOCK_FROM_S:
        return Finding("clock", "ok", f"Clock: {seen}.")
    effect = "so days may be fetched before they are over" if ahead_s > 0 else "so days are fetched late"
    return Finding("clock", "warn", f"Clock: {seen}, {effect}.", action="Synchronize the clock of this machine.")


def _check_yesterday(settings: Settings, client: ExportsClient) -> Finding:
    """Compares the server's count of the last closed day with the ledger."""
    day = datetime.now(settings.timezone).date() - timedelta(days=1)
    if day < settings.start_date:
        return Finding("yesterday", "skip", f"Yesterday: not compared, because {day} is before the first day.")
    try:
        stored = _stored(settings.database, day)
    except (WarehouseError, duckdb.Error, OSError):
        # The finding about the database says why.
        return Finding("yesterday", "skip", "Yesterday: not compared, because the database cannot be read.")
    if found := _of_other_zones(day, stored, settings.timezone.key):
        return found
    return _compared(day, count_rows(client, day_window(day, settings.timezone)), stored)


def _of_other_zones(day: date, stored: _Stored, zone: str) -> Finding | None:
    """What is wrong if days were stored with another time zone: their counts are those of other hours."""
    others = {other: key for other, key in stored.zones.items() if key not in (None, zone)}
    if not others:
        return None
    days = shown(merged((other, other) for other in others))
    names = ", ".join(sorted(map(str, set(others.values()))))
    found = (
        f"Yesterday ({day}): not compared, because CLEARGRID_TIMEZONE is {zone}, but {counted(len(others), 'day')} "
        f"({days}) {'was' if len(others) == 1 else 'were'} stored with {names}."
    )
    action = f"Set it to what it was, or materialize all tables of {days} again, so that all days have one zone."
    return about("CLEARGRID_TIMEZONE", "yesterday", "warn", found, value=zone, action=action)


def _compared(day: date, count: Count, stored: _Stored) -> Finding:
    if count.exact_rows is None:
        return Finding("yesterday", "warn", f"Yesterday ({day}): the API gave no exact count ({count.note}).")
    found = f"Yesterday ({day}): {counted(count.exact_rows, 'row')} at ClearGrid"
    if not stored.zones:
        return Finding("yesterday", "ok", f"{found}. No day is stored yet.")
    if stored.rows is None:
        action = f"Materialize {day}, or leave it to the schedules."
        return Finding("yesterday", "warn", f"{found}, but the ledger does not have the day.", action=action)
    if stored.rows == count.exact_rows:
        return Finding("yesterday", "ok", f"{found}, and as many in the ledger.")
    action = f"Materialize {day} again, or leave it to the schedules, which fetch the last days again every day."
    return Finding("yesterday", "warn", f"{found}, but {stored.rows:,} in the ledger.", action=action)


def _stored(database: str, day: date) -> _Stored:
    """What the database has of a day."""
    quarantine = quarantine_of(COMMUNICATION_LOGS)
    with connect(database, read_only=True, lock_timeout_s=_LOCK_TIMEOUT_S) as connection:
        ledger = read_ledger(connection, COMMUNICATION_LOGS)
        zones = {stored: entry.zone for stored, entry in ledger.items()}
        if day not in ledger:
            return _Stored(None, zones)
        quarantined = 0
        if stored_columns(connection, quarantine):
            is_day = duckdb.ColumnExpression(PARTITION_COLUMN) == duckdb.ConstantExpression(day)
            [(quarantined,)] = connection.table(quarantine.name).filter(is_day).count("*").fetchall()
    return _Stored(ledger[day].row_count + quarantined, zones)
