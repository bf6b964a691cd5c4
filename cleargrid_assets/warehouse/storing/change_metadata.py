"""What is said of the changes of a write."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.storing.partitions import Changes
from cleargrid_assets.wording import counted


def change_metadata(change: Changes, changes: Mapping[date, Changes], *, is_fetched: bool) -> Mapping[str, Any]:
    """The metadata of a day.

    Args:
        change: What changed in the day.
        changes: What changed in each day of the run.
        is_fetched: Whether the rows come from the source. Rows that are computed from them change with them or with
            the code, so their changes are not counted.
    """
    others = moved_from(change, changes)
    compared = {"new_rows": change.new, "changed_rows": change.changed, "removed_rows": change.removed}
    return {**(compared if is_fetched else {}), **({"moved_from": others} if others else {})}


def stored_line(table: Table, day: date, change: Changes) -> str:
    """What was stored of a day whose rows were compared, in one line."""
    return (
        f"{table.name}, {day}: {counted(change.rows, 'row')} stored; {change.new:,} new, {change.changed:,} changed, "
        f"{change.removed:,} removed"
    )


def moved_from(change: Changes, changes: Mapping[date, Changes]) -> list[str]:
    """The days outside the run that lost rows to a day of the run."""
    return [str(day) for day in sorted(change.moved_from) if day not in changes]
