"""The contracts of the ledger and of the days that were dropped. Neither is an asset."""

from cleargrid_assets.contracts.common import DAY
from cleargrid_assets.schema import EXTRACTED_AT, PARTITION_COLUMN, Column, Table

DAYS = Table(
    name="days",
    columns=(
        Column("table_name", "VARCHAR", "The table, such as `communication_logs`."),
        DAY,
        Column("row_count", "BIGINT", "Rows of the day. 0 is a day that was stored and has no rows."),
        Column("content_hash", "VARCHAR", "Hash of the day's rows, without the time of their fetch."),
        Column(
            EXTRACTED_AT,
            "TIMESTAMPTZ",
            "Instant at which the fetch of the day began; NULL for a table that is computed.",
            nullable=True,
        ),
        Column("stored_at", "TIMESTAMPTZ", "Instant at which the day was last written."),
        Column("run_id", "VARCHAR", "Dagster run that stored the day; NULL if it is not known.", nullable=True),
        Column(
            "version",
            "VARCHAR",
            "What the rows were made with: code version, time zone, and where they depend on it, fingerprints of the "
            "outcomes file, the region, and the form of addresses; NULL if it is not known.",
            nullable=True,
        ),
    ),
    description="""\
The ledger: what is stored, one row per table and day. It is written in the same transaction as the rows.

In a lake, each write of a day appends a row. The one with the highest `rowid` counts; maintenance removes the others.

Checks compare it with the rows that are there and with what Dagster recorded. A day that is not listed here is not
stored, even if some of its rows are in the table.

A database of an earlier version gets its ledger with the first write. Run and version of its days are NULL.""",
    key=("table_name", PARTITION_COLUMN),
)

DROPPED_DAYS = Table(
    name="dropped_days",
    columns=(
        DAY,
        Column("dropped_at", "TIMESTAMPTZ", "Instant at which the day was dropped from every table."),
    ),
    description="""\
Days that were dropped from every table, because they were older than `CLEARGRID_KEEP_DAYS`. The ledger does not have
them any more.

The schedules do not request them again, and no check calls them missing. A dropped day that somebody materializes again
is in `days`, until it is dropped the next time.""",
    key=(PARTITION_COLUMN,),
)

LATEST_ENTRIES = f"""(
    FROM {DAYS.name}
    QUALIFY row_number() OVER (PARTITION BY {", ".join(DAYS.key)} ORDER BY rowid DESC) = 1
)"""
"""The entries that count, in SQL. A DuckDB file has no others."""
