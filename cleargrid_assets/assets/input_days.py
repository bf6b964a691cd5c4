"""Whether the interactions that an analysis reads are stored, and as new as the log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
from duckdb import DuckDBPyConnection

from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS, INTERACTIONS
from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.slices import stored_rows
from cleargrid_assets.warehouse.sources import refuse_missing
from cleargrid_assets.wording import first_of

_MAX_LISTED = 5

LEFT_OUT_METADATA = {
    "summary": dg.MetadataValue.md(
        "**Not computed.** The interactions of this day are not stored. The backfill asked for the day only because "
        "its figures look back on days of the backfill."
    )
}
"""Metadata of the materialization of a day that is left out."""


@dataclass(frozen=True)
class InputDays:
    """The days of a run of an analysis.

    Attributes:
        stored: The days whose interactions are stored.
        left_out: The other days.
        outdated: Those of the stored days whose interactions are older than their log.
    """

    stored: Sequence[date]
    left_out: Sequence[date]
    outdated: Sequence[date]

    def warnings(self, table: Table) -> Iterator[str]:
        """What is wrong with the days, and what to do.

        Args:
            table: The table of the analysis.
        """
        if self.left_out:
            yield (
                f"{table.name} is not computed for {first_of(self.left_out, _MAX_LISTED, 'day')}, because the "
                "interactions are not stored. It will be computed together with them."
            )
        if self.outdated:
            yield (
                f"The interactions of {first_of(self.outdated, _MAX_LISTED, 'day')} are older than the log, and so are "
                f"the figures of {table.name}. Materialize {INTERACTIONS.name} together with {table.name}; otherwise "
                "the schedules do."
            )


def read_input_days(connection: DuckDBPyConnection, table: Table, days: Sequence[date], looks_back: int) -> InputDays:
    """Reads from the ledger which of the days can be computed.

    Args:
        connection: The database.
        table: The table of the analysis.
        days: The days of the run.
        looks_back: A day without interactions is left out if one of so many days before it has them. Any other day
            without interactions is an error.

    Raises:
        NotStoredError: The interactions of a day are not stored.
    """
    before = [days[0] - timedelta(days=back) for back in range(1, looks_back + 1)]
    ledger = stored_rows(connection, DAYS, [*before, *days])
    logs, interactions = (
        dict(ledger.filter(f"table_name = '{each.name}'").select(PARTITION_COLUMN, "stored_at").fetchall())
        for each in (COMMUNICATION_LOGS, INTERACTIONS)
    )
    left_out = [
        day
        for day in days
        if day not in interactions
        and any(day - timedelta(days=back) in interactions for back in range(1, looks_back + 1))
    ]
    stored = [day for day in days if day not in left_out]
    refuse_missing(table, INTERACTIONS, stored, interactions)
    outdated = [day for day in stored if day in logs and logs[day] > interactions[day]]
    return InputDays(stored, left_out, outdated)
