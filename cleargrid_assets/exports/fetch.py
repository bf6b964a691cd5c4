"""Fetches days of a dataset into spools: the use case behind an export asset."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.spool import MAX_AGE, Spool, remove_abandoned
from cleargrid_assets.exports.stats import DayReport, RequestStats
from cleargrid_assets.exports.walk import fetch_days
from cleargrid_assets.exports.window import Window

if TYPE_CHECKING:  # brings an HTTP library, which definitions need not load
    from cleargrid_assets.exports.client import ExportsClient


class FetchError(Exception):
    """The days could not be fetched whole. The message says why, what that means for the days, and what to do.

    Attributes:
        facts: Day, HTTP status and requestId, as far as they are known.
    """

    def __init__(self, message: str, facts: Mapping[str, str | int]) -> None:
        super().__init__(message)
        self.facts = facts


@dataclass(frozen=True)
class FetchedDay:
    """A day whose rows are all in its spool.

    Attributes:
        window: The day's bounds.
        spool: Its rows.
        report: How it was fetched.
        count: The server's own count of its rows.
    """

    window: Window
    spool: Spool
    report: DayReport
    count: Count

    @property
    def metadata(self) -> dict[str, Any]:
        """The facts of the fetch, as plain values."""
        stats = self.report.stats
        metadata: dict[str, Any] = {
            "window": str(self.window),
            "pages": self.report.pages,
            "resumed_pages": self.report.resumed_pages,
            "requests": stats.requests,
            "retries": stats.retries,
            "timeouts": stats.timeouts,
            "refreshes": stats.refreshes,
            "seconds": round(self.report.seconds, 3),
            "unknown_fields": dict(self.report.unknown_fields),
        }
        if self.count.rows is not None:
            metadata["source_rows"] = self.count.rows
        if self.count.note is not None:
            metadata["source_rows_note"] = self.count.note
        return metadata


@dataclass(frozen=True)
class _Counting:
    """The server's count of a day, on its way."""

    count: "Future[Count]"
    stats: RequestStats = field(default_factory=RequestStats)


def fetch(
    client: "ExportsClient", days: Mapping[str, Window], root: Path, *, log: Callable[[str], None]
) -> dict[str, FetchedDay]:
    """Fetches every row of the days, and the server's own count of each day.

    Rows that an earlier process fetched within the last hour are used again.

    Args:
        client: Sends the requests.
        days: The window of each day, by the day's key.
        root: The folder of spools.
        log: Called with lines about the progress.

    Returns:
        The days, by the same keys. Their spools are locked until they are discarded.

    Raises:
        FetchError: A day could not be fetched whole. The spools hold what arrived.
    """
    spools: dict[str, Spool] = {}
    # Not as a context manager: leaving one waits for requests in flight, which may take minutes.
    executor = ThreadPoolExecutor(max_workers=client.connections, thread_name_prefix="exports")
    try:
        _open_spools(client, days, root, spools)
        countings = {day: _start_counting(executor, client, window) for day, window in days.items()}
        reports = fetch_days(
            client, days, spools, executor=executor, on_progress=lambda day, report: log(_progress(day, report))
        )
        counts = {day: counting.count.result() for day, counting in countings.items()}
    except (ExportsError, OSError) as error:
        for spool in spools.values():
            spool.close()
        # `from None`: the message includes what the causes say.
        raise _fetch_error(_as_exports_error(error, root), days, spools) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    for day, counting in countings.items():
        reports[day].stats.add(counting.stats)
    return {day: FetchedDay(days[day], spools[day], reports[day], counts[day]) for day in days}


def _open_spools(client: "ExportsClient", days: Mapping[str, Window], root: Path, spools: dict[str, Spool]) -> None:
    """Opens a spool for each day; `spools` has those that were opened also if one cannot be."""
    now = datetime.now(timezone.utc)
    remove_abandoned(root, now)
    for day, window in days.items():
        fingerprint = hashlib.sha256(repr((*client.fingerprint, str(window))).encode()).hexdigest()
        spools[day] = Spool.open(root, f"{client.dataset.code}-{day}", fingerprint, now)


def _start_counting(executor: ThreadPoolExecutor, client: "ExportsClient", window: Window) -> _Counting:
    stats = RequestStats()
    return _Counting(executor.submit(count_rows, client, window, stats), stats)


def _progress(day: str, report: DayReport) -> str:
    pages = "page" if report.pages == 1 else "pages"
    line = f"{day}: {report.rows:,} rows received in {report.pages:,} {pages} after {report.seconds:.1f} s"
    timeouts = report.stats.timeouts
    if timeouts:
        line += f"; {timeouts:,} {'query' if timeouts == 1 else 'queries'} timed out"
    return line


def _as_exports_error(error: ExportsError | OSError, root: Path) -> ExportsError:
    """The error itself, or for a failing disk one that says what to do."""
    if isinstance(error, ExportsError):
        return error
    return ExportsError(
        f"the rows could not be spooled ({error.strerror or error})",
        advice=f"Is there room in {root}, and may this process write there?",
    )


def _fetch_error(error: ExportsError, days: Mapping[str, Window], spools: Mapping[str, Spool]) -> FetchError:
    message = f"{error} The day was not stored, and the table is as it was."
    others = len(days) - 1
    if others:
        is_one = others == 1
        message += f" Nor {'was the other day' if is_one else f'were the {others} other days'} of this run"
        message += f": materialize {'it' if is_one else 'them'} without {error.day}." if error.day else "."
    if any(spool.rows_path.stat().st_size for spool in spools.values()):
        until = min(spool.extracted_at for spool in spools.values()) + MAX_AGE
        message += f" A run that starts before {until:%Y-%m-%d %H:%M} UTC continues from the pages fetched so far."
    facts = {"day": error.day, "status": error.status, "requestId": error.request_id}
    return FetchError(message, {name: fact for name, fact in facts.items() if fact is not None})
