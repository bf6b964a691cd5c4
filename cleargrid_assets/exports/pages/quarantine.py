"""Rows that break the contract: how they are reported, quarantined, and how many of a day are too many."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cleargrid_assets.exports.errors import ContractError
from cleargrid_assets.exports.pages.single_rows import BadRowError, without_surrogates
from cleargrid_assets.foreign import presentable_id
from cleargrid_assets.schema import QuarantinedRow
from cleargrid_assets.wording import more, reasons

_MAX_ROWS = 10
_MAX_PERCENT = 1
"""A day may have `_MAX_ROWS` bad rows, or this share of them. If it has more than both, its other rows are in doubt."""

_MAX_HELD = 10_000
"""Bad rows of a day that are held in memory: the allowed share of a million rows."""

_MAX_BYTES = 64_000
"""Bytes of a bad row that are kept."""


class TooManyBadRowsError(ContractError):
    """So many rows of a day break the contract that it is not stored without them."""


@dataclass(frozen=True)
class BadRow:
    """A row of a page that breaks the contract.

    Attributes:
        number: Its position in the page, from 1.
        key: The value of its key field.
        text: The row as the server wrote it.
        error: What is wrong.
    """

    number: int
    key: object
    text: bytes
    error: BadRowError

    @property
    def quarantined(self) -> QuarantinedRow:
        """The row as it is quarantined."""
        row_json = self.text[:_MAX_BYTES].decode(errors="replace")
        if len(self.text) > _MAX_BYTES:
            row_json += f" [cut: the row has {len(self.text):,} bytes]"
        key = without_surrogates(self.key) if isinstance(self.key, str) and self.key else None
        return QuarantinedRow(key, self.error.field, self.error.reason, row_json)

    def __str__(self) -> str:
        """The row and what is wrong, without personal data."""
        name = f"row {self.number} of the page (it has no key)"
        if isinstance(self.key, str) and self.key:
            shown = presentable_id(self.key)
            name = f"row {shown}" if shown == self.key else f"row {self.number} of the page ({shown})"
        seen = f" ({self.error.seen})" if self.error.seen else ""
        return f"{name}: {self.error}{seen}"


def refused_page(bad: Sequence[BadRow], *, rows: int, key: str) -> ContractError:
    """The error for a page with rows that break the contract.

    Args:
        bad: These rows.
        rows: Number of rows of the page.
        key: The key field of the dataset.
    """
    others = f", {more(len(bad) - 1, 'row')} of the page" if len(bad) > 1 else ""
    if len(bad) == rows and all(row.error.field == key and not row.key for row in bad):
        advice = f"The export is older than v1.1, which added {key}. Ask ClearGrid for v1.1 or later."
    else:
        advice = (
            "Report the row to ClearGrid. To store the day without such rows until they are repaired, set "
            "CLEARGRID_QUARANTINE=on and materialize it again."
        )
    return ContractError(f"{bad[0]}{others}", advice=advice)


def distinct(rows: Iterable[QuarantinedRow]) -> list[QuarantinedRow]:
    """The rows without those that came again. Of versions with the same key, the last one is kept."""
    return list({row.public_id or row.row_json: row for row in rows}.values())


def check_number(day: str, quarantined: Sequence[QuarantinedRow], rows: int) -> None:
    """Refuses a day while it is fetched, because of the memory that its bad rows take.

    Args:
        day: The key of the day.
        quarantined: The bad rows so far.
        rows: Number of the other rows so far.

    Raises:
        TooManyBadRowsError: There are so many bad rows that hardly any day could have them.
    """
    if len(quarantined) > _MAX_HELD:
        raise _too_many(day, quarantined, rows)


def check_share(day: str, quarantined: Sequence[QuarantinedRow], rows: int, counted: int | None) -> None:
    """Refuses a day that has too many bad rows.

    Args:
        day: The key of the day.
        quarantined: The distinct bad rows.
        rows: Number of the other rows. Those that came again count again.
        counted: The server's exact count of all rows, if it is known.

    Raises:
        TooManyBadRowsError: There are more than ten bad rows, and they are more than 1% of the day.
    """
    received = rows + len(quarantined)
    total = received if counted is None else min(received, counted)
    if len(quarantined) > _MAX_ROWS and 100 * len(quarantined) > _MAX_PERCENT * total:
        raise _too_many(day, quarantined, rows)


def _too_many(day: str, quarantined: Sequence[QuarantinedRow], rows: int) -> TooManyBadRowsError:
    found = reasons(Counter((row.field, row.reason) for row in quarantined))
    error = TooManyBadRowsError(
        f"{len(quarantined):,} of {rows + len(quarantined):,} rows received break the contract, which are too many to "
        f"quarantine: {found}",
        advice=f"Up to {_MAX_ROWS} rows, or {_MAX_PERCENT}% of a day, are quarantined. Report the rows to ClearGrid.",
    )
    error.day = day
    return error
