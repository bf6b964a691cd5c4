"""The days that a table is computed from: a day that is not stored is not a day without rows."""

from collections.abc import Collection, Sequence
from datetime import date

from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.wording import first_of

_MAX_LISTED = 5


class NotStoredError(WarehouseError):
    """A table cannot be computed, because days of its source are not stored. The message says what to do."""


def refuse_missing(table: Table, source: Table, days: Sequence[date], stored: Collection[date]) -> None:
    """Refuses to compute days of a table from days that another table does not have.

    Args:
        table: The table to compute.
        source: The table that it is computed from.
        days: The days to compute.
        stored: The days that the source has, by the ledger.

    Raises:
        NotStoredError: The source lacks one of the days.
    """
    if missing := [day for day in days if day not in stored]:
        raise NotStoredError(
            f"{source.name} does not have {first_of(missing, _MAX_LISTED, 'day')}, so {table.name} cannot be computed. "
            f"Materialize {source.name} together with {table.name}."
        )
