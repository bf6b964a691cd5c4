"""One business day of a dataset, and the interface of all datasets of the sandbox."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cleargrid_assets.sandbox.arrays import Ints

FOREVER = np.iinfo(np.int64).max
_SCAN = 2_048
"""Row versions that are examined at once; about one page."""


@dataclass(frozen=True)
class Day:
    """The row versions of one business day, ordered by (`at`, `key`); one element per version.

    Attributes:
        at: The value of the cursor field, in milliseconds since 1970.
        key: The row's key.
        shown_from: First instant at which the API shows this version, in milliseconds since 1970.
        shown_until: First instant at which the API no longer shows it.
        texts: The rows as JSON.
    """

    at: Ints
    key: NDArray[np.bytes_]
    shown_from: Ints
    shown_until: Ints
    texts: list[bytes]

    def index(self, at: int, key: bytes = b"", side: Literal["left", "right"] = "left") -> int:
        """The index of the first version at or after this position ("left"), or after it ("right")."""
        low, high = np.searchsorted(self.at, at, "left"), np.searchsorted(self.at, at, "right")
        return int(low + np.searchsorted(self.key[low:high], key, side))

    def shown(self, start: int, stop: int, now: int, max_rows: int, *, descending: bool = False) -> list[int]:
        """The first indices within [start, stop) that the API shows now; from the end if descending."""
        found: list[int] = []
        while start < stop and len(found) < max_rows:
            if descending:
                low, high = max(start, stop - _SCAN), stop
                stop = low
            else:
                low, high = start, min(stop, start + _SCAN)
                start = high
            piece = low + np.flatnonzero((self.shown_from[low:high] <= now) & (now < self.shown_until[low:high]))
            found += (piece[::-1] if descending else piece).tolist()
        return found[:max_rows]

    def count(self, start: int, stop: int, now: int) -> int:
        """The number of rows within [start, stop) that the API shows now."""
        part = slice(start, stop)
        return int(np.count_nonzero((self.shown_from[part] <= now) & (now < self.shown_until[part])))


class Rows(Protocol):
    """The rows of one dataset. Instants are in milliseconds since 1970."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose midnights bound the days."""

    @property
    def cursor_field(self) -> str:
        """The field that windows filter and that rows are ordered by."""

    def on(self, day: date, now: int) -> Day:
        """The day with every version that the API shows at this instant or later."""

    def count(self, day: date, now: int) -> int:
        """The number of rows that the API shows for the whole day."""
