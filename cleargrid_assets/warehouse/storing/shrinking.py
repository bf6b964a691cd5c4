"""Fetched days that lost many of their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.slices import SpooledSlice
from cleargrid_assets.warehouse.storing.partitions import Changes, moved_away
from cleargrid_assets.wording import other_days

JUDGED_FROM_ROWS = 50
"""Smaller days are not judged, because a few rows are a large share of them."""


@dataclass(frozen=True)
class Shrunk:
    """A day that has fewer rows than before.

    Attributes:
        day: The business day.
        before: The rows that were stored.
        after: The rows that were fetched.
        source_rows: The source's own exact count; None if it gave none.
        quarantined: Rows that were fetched, but break the contract. The source counts them too.
    """

    day: date
    before: int
    after: int
    source_rows: int | None
    quarantined: int = 0

    @property
    def is_confirmed(self) -> bool:
        """Whether the source counts as many rows as were fetched."""
        return self.source_rows == self.after + self.quarantined


def shrunk_days(
    spooled: SpooledSlice, before: Mapping[date, LedgerEntry], changes: Mapping[date, Changes]
) -> list[Shrunk]:
    """The fetched days that lost a larger share of their rows than the slice allows.

    Args:
        spooled: What was fetched.
        before: The ledger before this write.
        changes: What this write changed in each of the days. Rows that moved to another day are still in the table.
    """
    found = []
    moved = moved_away(changes)
    for partition in spooled.partitions:
        now = changes[partition.day].rows
        stored = before[partition.day].row_count if partition.day in before else 0
        lost = stored - now - moved[partition.day]
        if stored >= JUDGED_FROM_ROWS and lost / stored > spooled.max_shrink:
            found.append(Shrunk(partition.day, stored, now, partition.source_rows, len(partition.quarantined)))
    return found


class ShrinkingError(Exception):
    """Days would lose many rows, and the source does not confirm it. The message says how to accept it."""


def refuse_unconfirmed(shrunk: Sequence[Shrunk], spooled: SpooledSlice, op_name: str) -> None:
    """Refuses days that shrank, unless the source or the user confirms it.

    Args:
        shrunk: The days that shrank.
        spooled: What was fetched.
        op_name: The name of the asset's op in run config.

    Raises:
        ShrinkingError: Neither confirms it.
    """
    refused = [] if spooled.accept_shrinking else [each for each in shrunk if not each.is_confirmed]
    if not refused:
        return
    others = len(spooled.partitions) - len(refused)
    raise ShrinkingError(
        f"{' '.join(map(_sentence, refused))} Nothing was stored, and the table is unchanged. "
        + (f"{other_days(others)} not stored either. " if others else "")
        + "Materialize the day again: it is fetched from the start, because the source may have been incomplete. If "
        "the rows are really gone, accept it: materialize the day alone, with this run config in the launchpad: "
        f"ops: {{{op_name}: {{config: {{accept_shrinking: true}}}}}}"
    )


def _sentence(shrunk: Shrunk) -> str:
    counted = "gave no exact count" if shrunk.source_rows is None else f"itself counts {shrunk.source_rows:,}"
    return (
        f"{shrunk.day} was stored with {shrunk.before:,} rows, but the fetch returned {shrunk.after:,}, and the source "
        f"{counted}."
    )
