"""The run requests of the catch-up, for the ticks of the schedules."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

import dagster as dg
import duckdb

from cleargrid_assets.catch_up.plan import CatchUp, Ledgers, Request
from cleargrid_assets.catch_up.runs import read_runs
from cleargrid_assets.contracts import TABLES
from cleargrid_assets.partitions import RANGE_END, RANGE_START, kept_days
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import read_ledger
from cleargrid_assets.warehouse.retention import dropped_days
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import first_of

CATCH_UP = "cleargrid/catch_up"
"""Tag of the runs that the catch-up requests: `missing` days, or `outdated` figures."""

_MAX_LISTED = 10
_LOCK_TIMEOUT_S = 5.0
"""A tick must not hang. It requests its usual days if the database is in use for longer."""


def catch_up_requests(context: dg.ScheduleEvaluationContext, usual: Sequence[str]) -> list[dg.RunRequest]:
    """The run requests for missing days and outdated figures. Empty if the database cannot be read now.

    Args:
        context: The tick.
        usual: The partition keys that the tick requests anyway.
    """
    settings = Settings.from_environment()
    try:
        ledgers, dropped = read_stored(settings.database)
    except (WarehouseError, duckdb.Error, OSError) as error:
        context.log.warning(f"The database could not be read, so this tick requests its usual days only. {error}")
        return []
    now = context.scheduled_execution_time
    closed, requested = ([date.fromisoformat(key) for key in keys] for keys in (kept_days(now), usual))
    catch_up = CatchUp(ledgers, closed, usual=frozenset(requested), dropped=dropped, days_per_run=settings.days_per_run)
    if catch_up.is_complete:
        return []
    catch_up = replace(catch_up, runs=read_runs(context.instance, catch_up))
    left = [f"{day} of {name} (failed runs: {failures})" for (name, day), failures in catch_up.given_up().items()]
    if left:
        context.log.warning(
            f"Days whose runs failed are not requested any more: {first_of(left, _MAX_LISTED, 'day')}. Look at the "
            "errors of their runs, then materialize the days."
        )
    return list(_run_requests(catch_up.requests(), now))


def read_stored(database: str) -> tuple[Ledgers, set[date]]:
    """The ledger of every table, by its name, and the days that were dropped. Empty if there is no file.

    Args:
        database: The database.

    Raises:
        WarehouseError: The database was in use for more than a few seconds, or cannot be opened.
    """
    with connect(database, read_only=True, lock_timeout_s=_LOCK_TIMEOUT_S) as connection:
        return {table.name: read_ledger(connection, table) for table in TABLES}, dropped_days(connection)


def _run_requests(requests: Sequence[Request], now: datetime) -> Iterator[dg.RunRequest]:
    for each in requests:
        why = "outdated" if each.tables else "missing"
        is_one_day = each.first == each.last
        yield dg.RunRequest(
            # Dagster launches a run key once.
            run_key=f"{why} {each.first} to {each.last}, failures: {each.failures}, {now.isoformat()}",
            partition_key=each.first.isoformat() if is_one_day else None,
            tags={
                CATCH_UP: why,
                **({} if is_one_day else {RANGE_START: each.first.isoformat(), RANGE_END: each.last.isoformat()}),
            },
            asset_selection=[asset_key(table) for table in TABLES if table.name in each.tables] or None,
        )
