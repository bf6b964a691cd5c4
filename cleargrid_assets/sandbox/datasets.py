"""Further datasets, whose rows the caller gives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from cleargrid_assets.sandbox.days import FOREVER, Day
from cleargrid_assets.sandbox.instants import day_bounds_ms, from_ms, parse_ms

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ServedDataset:
    """One dataset besides communication logs.

    Attributes:
        section: Section code in the URL.
        code: Dataset code in the URL.
        cursor_field: The field that windows filter and that rows are ordered by: a text in ISO-8601.
        rows: All rows, in any order; or a function that returns the rows of a business day at the current time. They
            are read again for each request, so a test can change them. Days before 2020 are not served.
        key: The field that identifies a row: a text.
    """

    section: str
    code: str
    cursor_field: str
    rows: Sequence[Row] | Callable[[date, datetime], Iterable[Row]]
    key: str = "public_id"


class GivenRows:
    """The rows of a `ServedDataset`, by business day of a zone."""

    def __init__(self, dataset: ServedDataset, zone: ZoneInfo) -> None:
        self._dataset = dataset
        self.zone = zone

    @property
    def cursor_field(self) -> str:
        """The cursor field of the dataset."""
        return self._dataset.cursor_field

    def on(self, day: date, now: int) -> Day:
        """The day as it is now."""
        given = self._dataset.rows
        begin, end = day_bounds_ms(day, self.zone)
        placed = sorted(
            (at, row[self._dataset.key].encode(), msgspec.json.encode(row))
            for row in (given(day, from_ms(now)) if callable(given) else given)
            if begin <= (at := parse_ms(row[self.cursor_field])) < end
        )
        return Day(
            at=np.array([at for at, _, _ in placed], dtype=np.int64),
            key=np.array([key for _, key, _ in placed], dtype=np.bytes_),
            shown_from=np.full(len(placed), -FOREVER),
            shown_until=np.full(len(placed), FOREVER),
            texts=[text for _, _, text in placed],
        )

    def count(self, day: date, now: int) -> int:
        """The number of rows of the day."""
        return len(self.on(day, now).texts)
