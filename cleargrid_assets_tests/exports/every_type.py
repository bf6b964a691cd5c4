"""A dataset with a column of every type."""

from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.schema import Column

EVERY_TYPE = Dataset(
    section="S4",
    code="D23",
    key="public_id",
    cursor_field="at",
    fields=[
        Column("public_id", "VARCHAR", "Key."),
        Column("at", "TIMESTAMPTZ", "Cursor."),
        Column("is_active", "BOOLEAN", "Flag.", nullable=True),
        Column("small", "INTEGER", "32 bits.", nullable=True),
        Column("large", "BIGINT", "64 bits.", nullable=True),
        Column("day", "DATE", "Date.", nullable=True),
        Column("amount", "DOUBLE", "Number.", nullable=True),
        Column("changed_at", "TIMESTAMPTZ", "Instant.", nullable=True),
    ],
)
UNUSUAL = {"changed_at": "20260519T093120Z"}
"""A timestamp that sends the page to the reader that goes row by row."""
