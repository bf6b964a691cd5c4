"""The log itself: from the API's window of each day to a spooled slice that the IO manager stores."""

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg

from cleargrid_assets import __version__
from cleargrid_assets.assets.declaration import asset_args, without_beta_warnings
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.contract import D21
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.spool import LONGEST_AGE, Spool, remove_abandoned
from cleargrid_assets.exports.walk import DayReport, fetch_days
from cleargrid_assets.exports.window import Window
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import is_path
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice

_COUNT_LASTS = timedelta(minutes=5)
"""A count that an earlier process got longer ago says little of the pages fetched since; the check asks again then."""


with without_beta_warnings():
    _asset = dg.asset(**asset_args(COMMUNICATION_LOGS), code_version="1")


@_asset
def communication_logs(
    context: dg.AssetExecutionContext, exports: ExportsResource
) -> dg.MaterializeResult[SpooledSlice]:
    """Fetches the days of the run and hands them to the IO manager as spooled files."""
    settings = Settings.from_environment()
    days = {key: day_window(date.fromisoformat(key), BUSINESS_ZONE) for key in context.partition_keys}

    def log_progress(day: str, report: DayReport) -> None:
        count = report.effort.timeouts
        aside = ""
        if count:
            # Nor is the source's count told: windows that were cut are counted one by one, some of them later.
            aside = f"; {count:,} {'query' if count == 1 else 'queries'} outran the server"
        elif report.source_rows is not None:
            twice = ", some of them twice" if report.rows > report.source_rows else ""
            aside = f"{twice}; {report.source_rows:,} at the source"
        context.log.info(
            f"{day}: {report.rows:,} rows received in {report.pages:,} {'page' if report.pages == 1 else 'pages'} "
            f"after {report.seconds:.1f} s{aside}"
        )

    with exports.client(D21) as client:
        spools: dict[str, Spool] = {}
        try:
            _open_spools(settings, days, spools)
            reports = fetch_days(client, days, spools, concurrency=settings.concurrency, on_progress=log_progress)
        except (ExportsError, OSError) as error:
            for spool in spools.values():
                spool.close()
            # From None: the description has all that the errors below it say, and what to do besides.
            raise _failure(_as_exports_error(error, settings), days, spools.values()) from None
    for key, report in reports.items():
        is_old = datetime.now(timezone.utc) - spools[key].extracted_at > _COUNT_LASTS
        # Of a day that earlier processes have fetched whole, this one has seen nothing at all.
        if report.resumed_pages and (is_old or report.resumed_pages == report.pages):
            report.source_note = report.source_note or "from an earlier run"
        context.add_asset_metadata(_metadata(days[key], report), partition_key=key)
    return dg.MaterializeResult(
        value=SpooledSlice(
            [
                SpooledPartition(date.fromisoformat(key), spool.rows_path, spool.extracted_at)
                for key, spool in spools.items()
            ],
            discard=lambda: _discard(spools.values()),
        )
    )


def spool_root(database: str) -> Path:
    """Beside the database file, so that another process finds it; for other databases in the temporary folder.

    There it is the user's own, because that folder is everybody's.
    """
    if not is_path(database):
        return Path(tempfile.gettempdir()) / f"cleargrid_assets-{os.getuid()}.spool"
    path = Path(database)
    return path.with_name(f"{path.name}.spool")


def _discard(spools: Iterable[Spool]) -> None:
    for spool in spools:
        spool.discard()


def _open_spools(settings: Settings, days: Mapping[str, Window], spools: dict[str, Spool]) -> None:
    """Opens a spool for each day; those that were opened are in `spools` also when one cannot be."""
    root, now = spool_root(settings.database), datetime.now(timezone.utc)
    remove_abandoned(root, now)
    fields = [(column.name, column.type, column.nullable) for column in D21.fields]
    # The `repr` of a secret is the same for all lenders.
    lender = settings.lender.get_secret_value() if settings.lender else None
    for key, window in days.items():
        decisive = (__version__, settings.base_url, lender, settings.page_size, D21.code, fields, str(window))
        fingerprint = hashlib.sha256(repr(decisive).encode()).hexdigest()
        spools[key] = Spool.open(root, f"{D21.code}-{key}", fingerprint, now)


def _as_exports_error(error: ExportsError | OSError, settings: Settings) -> ExportsError:
    """The error itself, or one that says of a failing disk what can be done."""
    if isinstance(error, ExportsError):
        return error
    return ExportsError(
        f"the rows could not be spooled ({error.strerror or error})",
        advice=f"Is there room in {spool_root(settings.database)}, and may this process write there?",
    )


def _failure(error: ExportsError, days: Mapping[str, Window], spools: Collection[Spool]) -> dg.Failure:
    """The error for the UI, with what it means for the days of the run."""
    description = f"{error} The day was not stored, and the table is as it was."
    count = len(days) - 1
    if count:
        description += f" Nor {'was the other day' if count == 1 else f'were the {count} other days'} of this run"
        description += f": materialize {'it' if count == 1 else 'them'} without {error.day}." if error.day else "."
    if any(spool.rows_path.stat().st_size for spool in spools):
        until = min(spool.extracted_at for spool in spools) + LONGEST_AGE
        description += f" A run that starts before {until:%Y-%m-%d %H:%M} UTC goes on from what was fetched."
    return dg.Failure(
        description=description,
        metadata={
            key: value
            for key, value in (("day", error.day), ("status", error.status), ("requestId", error.request_id))
            if value is not None
        },
        # Whatever may pass has been tried again already.
        allow_retries=False,
    )


def _metadata(window: Window, report: DayReport) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "window": str(window),
        "pages": report.pages,
        "resumed_pages": report.resumed_pages,
        "requests": report.effort.requests,
        "retries": report.effort.retries,
        "timeouts": report.effort.timeouts,
        "refreshes": report.effort.refreshes,
        "seconds": round(report.seconds, 3),
        "unknown_fields": dict(report.unknown_fields),
    }
    if report.source_rows is not None:
        metadata["source_rows"] = report.source_rows
    if report.source_note is not None:
        metadata["source_rows_note"] = report.source_note
    return metadata
