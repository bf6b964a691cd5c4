"""Whether the interactions that an analysis reads are stored, and as new as the log."""

from collections.abc import Sequence
from datetime import date

from duckdb import DuckDBPyRelation

from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.sources import refuse_missing
from cleargrid_assets.wording import first_of

_MAX_LISTED = 5


def outdated_interactions(table: Table, days: Sequence[date], ledger: DuckDBPyRelation) -> str | None:
    """What is wrong if interactions of the days are older than their log, and what to do; None if they are not.

    Args:
        table: The table of the analysis.
        days: The days to compute.
        ledger: The entries of these days.

    Raises:
        NotStoredError: The interactions of one of the days are not stored.
    """
    logs, interactions = (
        dict(ledger.filter(f"table_name = '{each.name}'").select(PARTITION_COLUMN, "stored_at").fetchall())
        for each in (COMMUNICATION_LOGS, INTERACTIONS)
    )
    refuse_missing(table, INTERACTIONS, days, interactions)
    outdated = [day for day in days if day in logs and logs[day] > interactions[day]]
    if not outdated:
        return None
    return (
        f"The interactions of {first_of(outdated, _MAX_LISTED, 'day')} are older than the log, and so are the figures "
        f"of {table.name}. Materialize {INTERACTIONS.name} together with {table.name}; otherwise the schedules do."
    )
