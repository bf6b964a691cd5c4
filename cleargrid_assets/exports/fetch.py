"""Fetches days of a dataset into spools, and the server's count of each day. Export assets call this."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.open_files import limit_reached
from cleargrid_assets.exports.pages.quarantine import TooManyBadRowsError, check_share, distinct
from cleargrid_assets.exports.spooling.folder_locks import FolderLocks
from cleargrid_assets.exports.spooling.recent_files import RecentFiles
from cleargrid_assets.exports.spooling.spool import MAX_AGE, Spool, remove_abandoned
from cleargrid_assets.exports.stats import DayReport, RequestStats
from cleargrid_assets.exports.walking.futures import first_done
from cleargrid_assets.exports.walking.guard import EndlessPagesError
from cleargrid_assets.exports.walking.walk import fetch_days
from cleargrid_assets.exports.window import Window
from cleargrid_assets.foreign import MAX_WORDS
from cleargrid_assets.schema import QuarantinedRow
from cleargrid_assets.wording import counted, other_days

if TYPE_CHECKING:  # loads an HTTP library that definitions do not need
    from cleargrid_assets.exports.client import ExportsClient


class FetchError(Exception):
    """The days could not be fetched. The message says why, which days are not stored, and what to do.

    Attributes:
        facts: Day, HTTP status and requestId, if known.
    """

    def __init__(self, message: str, facts: Mapping[str, str | int]) -> None:
        super().__init__(message)
        self.facts = facts


@dataclass(frozen=True)
class FetchedDay:
    """A day whose spool holds all its rows.

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
    def quarantined(self) -> Sequence[QuarantinedRow]:
        """The rows that break the contract."""
        return distinct(self.report.quarantined)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the materialization reports about the fetch. What is rare is left out while there is none of it."""
        stats = self.report.stats
        rare = {
            "resumed_pages": self.report.resumed_pages,
            "timeouts": stats.timeouts,
            "asked_differently": self.report.alternatives,
            "repeated_rows": self.report.repeated_rows,
            # Pairs, because Dagster takes some names as keys of its own, such as `__class__`.
            "unknown_fields": [list(pair) for pair in sorted(self.report.unknown_fields.items())[:MAX_WORDS]],
            "quarantined_rows": len(self.quarantined),
            "repaired_texts": self.report.repaired_texts,
            "cached_answers": stats.cached,
        }
        counted_there = {"source_rows": self.count.rows, "source_rows_note": self.count.note}
        return {
            "window": str(self.window),
            "pages": self.report.pages,
            "requests": stats.requests,
            "retries": stats.retries,
            "refreshes": stats.refreshes,
            "seconds": round(self.report.seconds, 3),
            **{name: seen for name, seen in rare.items() if seen},
            **{name: said for name, said in counted_there.items() if said is not None},
        }

    @property
    def warning(self) -> str | None:
        """What a person should know of a day that was fetched all the same."""
        stats = self.report.stats
        if not stats.cached:
            return None
        return (
            f"{counted(stats.cached, 'answer')} came from a cache, up to {stats.max_age_s:,} s old, although none may "
            "be. Rows may be missing or old. Ask who runs the proxy or the API to exclude the exports from the cache."
        )


@dataclass(frozen=True)
class _Counting:
    """A count that was requested from the server."""

    count: Future[Count]
    stats: RequestStats = field(default_factory=RequestStats)


def fetch(
    client: "ExportsClient",
    days: Mapping[str, Window],
    root: Path,
    *,
    log: Callable[[str], None],
    not_before: Mapping[str, datetime] | None = None,
) -> dict[str, FetchedDay]:
    """Fetches all rows of the days, and the server's own count of each day.

    Continues from the pages that an earlier process fetched within the last hour, unless the day was stored since.

    Args:
        client: Sends the requests.
        days: The window of each day, by the day's key.
        root: The folder of spools.
        log: Called with a line of text about the progress.
        not_before: When the fetch of the stored rows of a day began, for the days that are stored. Older pages of an
            earlier process are not continued.

    Returns:
        The days, by the same keys. Their spools are locked until they are discarded.

    Raises:
        FetchError: A day could not be fetched completely. The spools keep the pages that arrived.
    """
    spools: dict[str, Spool] = {}
    files = RecentFiles()
    # Not in a `with` block, which would wait for requests in flight. They may take minutes.
    executor = ThreadPoolExecutor(max_workers=client.connections, thread_name_prefix="exports")
    try:
        _open_spools(client, days, root, spools, files=files, not_before=not_before or {})
        countings = {day: _start_counting(executor, client, window) for day, window in days.items()}
        reports = fetch_days(
            client,
            days,
            spools,
            executor=executor,
            on_progress=lambda day, report: log(_progress(day, days[day], report)),
            counts={day: counting.count for day, counting in countings.items()},
        )
        counts = _finish_counting(countings, reports)
        files.close_all()
    except (ExportsError, OSError) as error:
        _release(spools, error)
        # `from None`, because the message already includes the text of the error.
        raise _fetch_error(_as_exports_error(error, root), days, spools) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return {day: FetchedDay(days[day], spools[day], reports[day], counts[day]) for day in days}


def _open_spools(
    client: "ExportsClient",
    days: Mapping[str, Window],
    root: Path,
    spools: dict[str, Spool],
    *,
    files: RecentFiles,
    not_before: Mapping[str, datetime],
) -> None:
    """Fills `spools`, so that the caller can close those that were opened before an error."""
    now = datetime.now(timezone.utc)
    locks = FolderLocks()
    remove_abandoned(root, now)
    for day, window in days.items():
        fingerprint = hashlib.sha256(repr((*client.fingerprint, str(window))).encode()).hexdigest()
        name = f"{client.dataset.code}-{day}"
        spools[day] = Spool.open(root, name, fingerprint, now, not_before=not_before.get(day), locks=locks, files=files)


def _release(spools: Mapping[str, Spool], error: Exception) -> None:
    """Leaves the spools to the next run, unless it has to request the pages again.

    Bad rows may be repaired by then. Endless pages say nothing about the source, and other days may have had some too.
    """
    for day, spool in spools.items():
        if isinstance(error, EndlessPagesError) or (isinstance(error, TooManyBadRowsError) and error.day == day):
            spool.discard()
        else:
            spool.close()


def _start_counting(executor: ThreadPoolExecutor, client: "ExportsClient", window: Window) -> _Counting:
    stats = RequestStats()
    return _Counting(executor.submit(count_rows, client, window, stats), stats)


def _finish_counting(countings: Mapping[str, _Counting], reports: Mapping[str, DayReport]) -> dict[str, Count]:
    """Waits for the counts, and refuses a day with too many bad rows."""
    counts = {day: first_done([counting.count]).pop().result() for day, counting in countings.items()}
    for day, report in reports.items():
        report.stats.add(countings[day].stats)
        check_share(day, distinct(report.quarantined), report.rows, counts[day].exact_rows)
    return counts


def _progress(day: str, window: Window, report: DayReport) -> str:
    received = f"{counted(report.rows, 'row')} in {counted(report.pages, 'page')}"
    line = f"{day}: {received} of {window} after {report.seconds:.1f} s"
    if timeouts := report.stats.timeouts:
        line += f"; {counted(timeouts, 'timeout')}"
    if report.alternatives:
        line += f"; asked differently {counted(report.alternatives, 'time')}"
    return line


def _as_exports_error(error: ExportsError | OSError, root: Path) -> ExportsError:
    """The error itself; for an error of the disk, one with advice."""
    if isinstance(error, ExportsError):
        return error
    return limit_reached("the rows could not be spooled", error) or ExportsError(
        f"the rows could not be spooled ({error.strerror or error})",
        advice=f"Check that {root} has free space and that this process may write there.",
    )


def _fetch_error(error: ExportsError, days: Mapping[str, Window], spools: Mapping[str, Spool]) -> FetchError:
    if len(days) > 1 and error.day is None:
        message = f"{error} None of the {len(days)} days of this run was stored, and the table is unchanged."
    else:
        message = f"{error} The day was not stored, and the table is unchanged."
    others = len(days) - 1
    if error.day is not None and others:
        pronoun = "it" if others == 1 else "them"
        message += f" {other_days(others)} not stored either. Materialize {pronoun} without {error.day}."
    if any(spool.rows_path.exists() and spool.rows_path.stat().st_size for spool in spools.values()):
        until = min(spool.extracted_at for spool in spools.values()) + MAX_AGE
        message += f" A run that starts before {until:%Y-%m-%d %H:%M} UTC continues from the pages fetched so far."
    facts = {"day": error.day, "status": error.status, "requestId": error.request_id}
    return FetchError(message, {name: fact for name, fact in facts.items() if fact is not None})
