"""The types that columns may have: each DuckDB type with its counterparts in JSON and pandas."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import msgspec


@dataclass(frozen=True)
class ColumnType:
    """One DuckDB type.

    Attributes:
        described_as: How DuckDB's DESCRIBE spells it.
        json: The type that a JSON value is decoded as, for msgspec.
        dtype: The pandas dtype of a column of an analysis. NULL is NaN in floats, NaT in dates and None in objects.
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
"""By the name that contracts and DDL use."""
