"""Tables and columns as contracts declare them, and the mapping of DuckDB types to JSON and pandas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

SCHEMA = "cleargrid"
"""The DuckDB schema of every table, and the key prefix of every asset."""

PARTITION_COLUMN = "communicated_date"
"""The column that holds the business day, in every table."""

EXTRACTED_AT = "extracted_at"
"""The column with the time of the fetch. It is ignored when rows are compared."""


@dataclass(frozen=True)
class ColumnType:
    """One DuckDB type.

    Attributes:
        described_as: Its name in DuckDB's DESCRIBE.
        json: The msgspec type to decode a JSON value.
        dtype: The pandas dtype in the frame of an analysis. NULL is NaN in floats, NaT in dates and None in objects.
        is_number: Whether charts may draw it as a number.
        is_integer: Whether a number with a fraction would be rounded by DuckDB on insert.
    """

    described_as: str
    json: Any
    dtype: str
    is_number: bool = False
    is_integer: bool = False


_INT_32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_INT_64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

COLUMN_TYPES: Mapping[str, ColumnType] = {
    "VARCHAR": ColumnType("VARCHAR", str, "object"),
    "BOOLEAN": ColumnType("BOOLEAN", bool, "object"),
    "INTEGER": ColumnType("INTEGER", _INT_32, "int64", is_number=True, is_integer=True),
    "BIGINT": ColumnType("BIGINT", _INT_64, "int64", is_number=True, is_integer=True),
    "DOUBLE": ColumnType("DOUBLE", float, "float64", is_number=True),
    "DATE": ColumnType("DATE", date, "datetime64[us]"),
    "TIMESTAMPTZ": ColumnType(
        "TIMESTAMP WITH TIME ZONE", Annotated[datetime, msgspec.Meta(tz=True)], "datetime64[us, UTC]"
    ),
}
"""By their names in contracts and DDL."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name. Quote it in SQL, because it may be a keyword.
        type: The DuckDB type, one of `COLUMN_TYPES`.
        description: One sentence for the UI, with the unit where there is one.
        nullable: Whether NULL is a legal value.
        personal: Whether it may contain personal data of a borrower. Where pseudonyms are stored, a text that is no
            free text gets one, and everything else is NULL.
        free_text: Whether people wrote it for people, so that invalid bytes in it are replaced instead of refused.
    """

    name: str
    type: str
    description: str
    nullable: bool = False
    personal: bool = False
    free_text: bool = False

    def __post_init__(self) -> None:
        if self.type not in COLUMN_TYPES:
            raise ValueError(f"column {self.name} has the type {self.type}, which is none of {sorted(COLUMN_TYPES)}")


@dataclass(frozen=True)
class Table:
    """One table of the warehouse.

    Attributes:
        name: Name of the table and of its asset.
        columns: In table order.
        key: The columns that together identify a row in the whole table.
        description: What the UI shows as the asset's description; markdown.
        version_column: If a row comes in several versions, the one with the largest value in this column is kept.
        quarantine: The name of the table for rows of this export that break the contract; by default
            `quarantined_` and the name.
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str]
    description: str = ""
    version_column: str | None = None
    quarantine: str | None = None

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in table order."""
        return [column.name for column in self.columns]

    @property
    def is_export(self) -> bool:
        """Whether the rows are fetched: each has the time of its fetch. Analyses can be dropped and recomputed."""
        return any(column.name == EXTRACTED_AT and not column.nullable for column in self.columns)


@dataclass(frozen=True)
class QuarantinedRow:
    """A row of an export that breaks its contract.

    Attributes:
        public_id: The key; None if it is missing or no text.
        field: The field that is wrong.
        reason: What is wrong with it, without its value.
        row_json: The row as the server wrote it, which is personal data, or what stands for it.
    """

    public_id: str | None
    field: str
    reason: str
    row_json: str
