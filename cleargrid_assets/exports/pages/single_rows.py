"""Reads a single row, field by field, and names the field that breaks the contract.

This accepts more than the compiled decoder of `rows`: other forms of ISO-8601, raw control characters, lone surrogates,
and invalid UTF-8 in free text.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, Any

import msgspec
from dateutil.parser import isoparse

from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.pages.raw_json import NO_VALUE, BrokenTextError, members, value_of
from cleargrid_assets.exports.window import Window, iso
from cleargrid_assets.schema import COLUMN_TYPES, Column

WHOLE_ROW = "(row)"
"""The field of a refusal that is about no single field."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_NOT_UTF_8 = object()
"""What a value with invalid UTF-8 is read as."""

_REFUSALS: Mapping[str, str] = {
    "VARCHAR": "is not a string",
    "BOOLEAN": "is not true or false",
    "INTEGER": "is not a whole number of 32 bits",
    "BIGINT": "is not a whole number of 64 bits",
    "DOUBLE": "is not a number that a double holds",
    "DATE": "is not an ISO-8601 date",
    "TIMESTAMPTZ": "is not an ISO-8601 timestamp with an offset",
}


class BadRowError(ValueError):
    """A row breaks the contract.

    Attributes:
        field: The field that is wrong, or `WHOLE_ROW`.
        reason: What is wrong with it, without its value.
        seen: More about the value, if that cannot be personal data.
    """

    def __init__(self, field: str, reason: str, seen: str = "") -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason
        self.seen = seen


@dataclass(frozen=True)
class Fields:
    """The fields of a row, not checked yet.

    Attributes:
        values: By name. A value that cannot be read is an object of no JSON type.
        repaired: How many free texts had invalid UTF-8, which is replaced.
    """

    values: Mapping[str, Any]
    repaired: int = 0


class RowReader:
    """Reads the rows of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._columns = {column.name: column for column in dataset.fields}
        self._types = {column.name: json_type(dataset, column) for column in dataset.fields}

    def fields(self, text: bytes) -> Fields:
        """The fields of a row.

        Args:
            text: The row as the server wrote it.

        Raises:
            BadRowError: The row is not an object.
        """
        try:
            row = value_of(text)
        except (ValueError, RecursionError):
            return self._field_by_field(text)
        if not isinstance(row, dict):
            raise BadRowError(WHOLE_ROW, "is not an object")
        return Fields(row)

    def checked(self, values: Mapping[str, Any], window: Window) -> dict[str, Any]:
        """The declared fields of a row, with their types.

        Args:
            values: The fields of the row.
            window: The requested window.

        Raises:
            BadRowError: A field breaks the contract.
        """
        checked: dict[str, Any] = {}
        for column in self._dataset.fields:
            value = values.get(column.name)
            if value is None and not column.nullable:
                raise BadRowError(column.name, "is missing or null, but is required")
            if value == "" and column.name == self._dataset.key:
                raise BadRowError(column.name, "is empty, but it is the key")
            if value is _NOT_UTF_8:
                raise BadRowError(column.name, "is not valid UTF-8")
            try:
                checked[column.name] = msgspec.convert(_usual_form(value, column), self._types[column.name])
            except msgspec.ValidationError:
                # `from None`, because msgspec's message may quote the value, which may be personal data.
                raise BadRowError(column.name, _REFUSALS[column.type]) from None
            if column.name == self._dataset.cursor_field and not window.since <= checked[column.name] < window.until:
                raise BadRowError(column.name, "is outside the requested window", iso(checked[column.name]))
        return checked

    def _field_by_field(self, text: bytes) -> Fields:
        try:
            texts = members(text)
        except BrokenTextError:
            raise BadRowError(WHOLE_ROW, "is not a JSON object") from None
        if any("\ufffd" in name for name in texts):
            # It may be the name of a field that can be absent.
            raise BadRowError(WHOLE_ROW, "has a field whose name is not valid UTF-8")
        values = {name: _value_or_mark(value) for name, value in texts.items()}
        repaired = 0
        for name, value in values.items():
            column = self._columns.get(name)
            if value is _NOT_UTF_8 and column is not None and column.free_text:
                values[name] = _value_or_mark(texts[name].decode(errors="replace").encode())
                repaired += 1
        return Fields(values, repaired)


def json_type(dataset: Dataset, column: Column) -> Any:
    """The type that a value of the column is decoded as."""
    if column.name == dataset.key:
        return Annotated[str, msgspec.Meta(min_length=1)]
    type_ = COLUMN_TYPES[column.type].json
    return type_ | None if column.nullable else type_


def parse_instant(text: str) -> datetime | None:
    """The instant of an ISO-8601 timestamp; None if the text is not one, or has no offset."""
    try:
        instant = isoparse(text)
        # Inside the `try`, because an offset can move the instant out of the calendar (OverflowError).
        return instant.astimezone(timezone.utc) if instant.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def without_surrogates(text: str) -> str:
    """The text with lone surrogates (half an emoji) replaced, because UTF-8 cannot encode them."""
    return LONE_SURROGATE.sub("\ufffd", text)


def _value_or_mark(text: bytes) -> Any:
    """The value of a field; an object of no JSON type if it cannot be read."""
    try:
        return value_of(text)
    except UnicodeDecodeError:
        return _NOT_UTF_8
    except (ValueError, RecursionError):
        return NO_VALUE


def _usual_form(value: object, column: Column) -> object:
    """Converts a value that is valid, but not in the form that the type decodes."""
    if column.type == "TIMESTAMPTZ" and isinstance(value, str):
        return parse_instant(value) or "no instant"
    if column.type == "DOUBLE" and isinstance(value, float) and not math.isfinite(value):
        return "too large"
    return without_surrogates(value) if isinstance(value, str) else value
