"""The contract of the tables for rows that break the contract of an export."""

from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table


def quarantine_of(table: Table) -> Table:
    """The table for the rows of an export that break its contract. The IO manager writes it; it is no asset."""
    return Table(
        name=table.quarantine or f"quarantined_{table.name}",
        columns=(
            Column(PARTITION_COLUMN, "DATE", "Business day that was fetched."),
            Column("public_id", "VARCHAR", "Key of the row; NULL if it is missing or no text.", nullable=True),
            Column("field", "VARCHAR", "The field that is wrong; `(row)` if the row is no JSON object."),
            Column("reason", "VARCHAR", "What is wrong with the field, without its value."),
            Column(
                "row_json",
                "VARCHAR",
                "The row as the API sent it; of a very long row, the start; left out where pseudonyms are stored.",
                personal=True,
            ),
            Column("run_id", "VARCHAR", "Dagster run that fetched the row."),
            Column("quarantined_at", "TIMESTAMPTZ", "Instant at which the row was stored here."),
        ),
        description=f"""\
Rows that the API sent, but that break the contract of `{table.name}`, so they are not in it. Only
`CLEARGRID_QUARANTINE=on` puts rows here.

The rows are replaced with their day. Once the source has repaired a row, the next fetch of its day stores it in
`{table.name}` and removes it here. The check `no_row_is_quarantined` fails as long as a day has such rows.""",
        key=(),
    )
