"""Counts of requests, and the report of a day."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime

from cleargrid_assets.exports.spooling.spool import Entry
from cleargrid_assets.schema import QuarantinedRow

_AGE = re.compile("[0-9]{1,10}(?![0-9])")


@dataclass
class RequestStats:
    """Counts of requests.

    Attributes:
        requests: HTTP requests for pages and counts, without logins and refreshes.
        retries: How many of them repeated a request after a transient failure.
        timeouts: How many of them timed out.
        refreshes: New access tokens.
        cached: Answers that a cache had kept, according to their header `Age`.
        max_age_s: Age of the oldest of them, in seconds.
        clock_ahead_s: How far the clock of this machine is ahead of the server's, in seconds, by the header `Date` of
            the last answer; less than 0 if it is behind, None if no answer said the time.
    """

    requests: int = 0
    retries: int = 0
    timeouts: int = 0
    refreshes: int = 0
    cached: int = 0
    max_age_s: int = 0
    clock_ahead_s: float | None = None

    def note_date(self, headers: Mapping[str, str]) -> None:
        """Notes the header `Date` of an answer that has just come from the server, and not from a cache."""
        if "Age" in headers:
            return
        try:
            sent = parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, OverflowError):  # no date, or one with a number that no date can have
            return
        # The header is in GMT, also where it does not say so.
        self.clock_ahead_s = time.time() - sent.replace(tzinfo=sent.tzinfo or timezone.utc).timestamp()

    def note_age(self, age: str | None) -> None:
        """Notes the header `Age` of an answer, which only caches add."""
        seconds = int(found[0]) if age and (found := _AGE.match(age)) else 0
        if seconds > 0:
            self.cached += 1
            self.max_age_s = max(self.max_age_s, seconds)

    def add(self, other: "RequestStats") -> None:
        """Adds other counts to these."""
        self.requests += other.requests
        self.retries += other.retries
        self.timeouts += other.timeouts
        self.refreshes += other.refreshes
        self.cached += other.cached
        self.max_age_s = max(self.max_age_s, other.max_age_s)
        self.clock_ahead_s = self.clock_ahead_s if other.clock_ahead_s is None else other.clock_ahead_s


@dataclass
class DayReport:
    """How one day was fetched.

    Attributes:
        rows: Rows received. A row that was received twice counts twice.
        pages: Pages received, including those of earlier processes.
        resumed_pages: Pages that earlier processes had left in the spool.
        unknown_fields: Fields outside the contract, with the number of rows that have them.
        quarantined: Rows that break the contract. A row that was received twice is there twice.
        repaired_texts: How many free texts had invalid UTF-8, which is replaced.
        repeated_rows: Rows that the server sent again in the same sequence of pages. Rows that come twice because parts
            overlap are not counted. Far apart, a repetition is not noticed.
        alternatives: Pages that were requested differently, after the server failed to send them or refused a cursor.
        seconds: Time from the first request to the last page.
        stats: Requests of this process.
    """

    rows: int = 0
    pages: int = 0
    resumed_pages: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    quarantined: list[QuarantinedRow] = field(default_factory=list)
    repaired_texts: int = 0
    repeated_rows: int = 0
    alternatives: int = 0
    seconds: float = 0.0
    stats: RequestStats = field(default_factory=RequestStats)

    def add(self, page: Entry) -> None:
        """Adds a page to the counts."""
        self.pages += 1
        self.rows += page.rows
        self.repeated_rows += page.repeated_rows
        self.unknown_fields.update(page.unknown_fields)
        self.quarantined.extend(page.quarantined)
        self.repaired_texts += page.repaired_texts
