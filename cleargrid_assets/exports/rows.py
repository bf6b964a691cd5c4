"""Reads one answer of an export: envelope and rows, each row held against the dataset's declaration.

What comes out is newline-delimited JSON that holds the declared fields and nothing else, every value of its declared
type, every row inside the window that was asked for. A page is decoded by a compiled reader; only a page that this
reader refuses or would round, or that has a row outside its window, is read row by row, to forgive what may be forgiven
(unknown fields, unusual but valid timestamps, half an emoji) and to name the row and field of what may not.
"""

import json
import keyword
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Annotated, Any, NoReturn

import msgspec
from dateutil.parser import isoparse

from cleargrid_assets.column_types import COLUMN_TYPES
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.errors import ContractError, TransientError
from cleargrid_assets.exports.window import Window, iso

_TOO_FINE = re.compile(rb"\.\d{7,}[Zz+-]")
"""A timestamp with more digits than a microsecond's: the compiled reader rounds them, which may leave the hour or day.
Not the whole of a timestamp, because what begins with a dot is found ten times as fast."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Page:
    """One page of rows that keep the contract.

    Attributes:
        lines: The rows as newline-delimited JSON, declared fields only.
        rows: How many.
        first_at: Cursor field of the first row; None on an empty page.
        last_at: Cursor field of the last row; None on an empty page.
        ordered: Whether the rows ascend by the cursor field.
        next_cursor: Where the next page begins; None at the end of the window.
        total: The server's own count of the window, where asked for and given.
        total_note: Why there is none, or why it is not exact.
        unknown_fields: Fields outside the declaration, with the number of rows that have them.
    """

    lines: bytes
    rows: int
    first_at: datetime | None
    last_at: datetime | None
    ordered: bool
    next_cursor: str | None
    total: int | None
    total_note: str | None
    unknown_fields: Counter[str] = field(default_factory=Counter)


class _Pagination(msgspec.Struct):
    next_cursor: str | None = msgspec.field(name="nextCursor")
    total: Any = None
    total_exact: Any = msgspec.field(name="totalExact", default=None)
    total_note: Any = msgspec.field(name="totalNote", default=None)


class PageReader:
    """Reads the answers of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._strict = _decoder(list[_row_type(dataset, forbid_unknown_fields=True)])  # type: ignore[misc]
        self._tolerant = _decoder(list[_row_type(dataset, forbid_unknown_fields=False)])  # type: ignore[misc]
        self._names = _decoder(list[dict[str, msgspec.Raw]])
        self._encoder = msgspec.json.Encoder()
        self._known = {column.name for column in dataset.fields}
        self._drifted = False

    def read(self, body: bytes, window: Window) -> Page:
        """Decodes and checks a page.

        Args:
            body: The answer to a request for `window`, or for a later page of it.
            window: What was asked for.

        Raises:
            TransientError: The body is not whole, or not the documented envelope.
            ContractError: A row lacks a required field, has a value of the wrong type or lies outside the window,
                or the server says that it read a narrower window.
        """
        if _TOO_FINE.search(body):
            return self._read_row_by_row(body, window)
        unknown: Counter[str] = Counter()
        try:
            answer = self._decode(body, unknown)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_row_by_row(body, window)
        if _says_failure(answer.code, answer.success):
            return self._read_row_by_row(body, window)
        rows = answer.body.rows
        instants = [getattr(row, self._dataset.cursor_field) for row in rows]
        if instants and not (window.since <= min(instants) and max(instants) < window.until):
            return self._read_row_by_row(body, window)
        _check_window_as_read(answer.body.meta, window)
        return self._page(rows, instants, answer.body.pagination, unknown)

    def _decode(self, body: bytes, unknown: Counter[str]) -> Any:
        if not self._drifted:
            try:
                return self._strict.decode(body)
            except msgspec.ValidationError:
                answer = self._tolerant.decode(body)
                self._drifted = True
        else:
            answer = self._tolerant.decode(body)
        for row in self._names.decode(body).body.rows:
            unknown.update(row.keys() - self._known)
        return answer

    def _read_row_by_row(self, body: bytes, window: Window) -> Page:
        try:
            document = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise TransientError(f"the answer of {len(body):,} bytes is not JSON, or cut off") from error
        said = document if isinstance(document, dict) else {}
        message, request_id = str(said.get("message") or ""), said.get("requestId")
        if _says_failure(said.get("code"), said.get("success")):
            raise TransientError("the answer says that it is none", message=message, request_id=request_id)
        try:
            content = document["body"]
            pagination = msgspec.convert(content["pagination"], _Pagination)
            rows = msgspec.convert(content["rows"], list[dict[str, Any]])
            meta = content.get("meta")
        except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
            raise TransientError(
                "the answer is not the documented envelope: it lacks body.rows or body.pagination.nextCursor",
                message=message,
                request_id=request_id,
            ) from error
        unknown = Counter(_whole(name) for row in rows for name in row if name not in self._known)
        checked = [self._checked(row, number, window) for number, row in enumerate(rows, start=1)]
        instants = [row[self._dataset.cursor_field] for row in checked]
        _check_window_as_read(meta, window)
        return self._page(checked, instants, pagination, unknown)

    def _checked(self, row: dict[str, Any], number: int, window: Window) -> dict[str, Any]:
        """The declared fields of a row, typed. Errors name the row by its key, and never show a value."""
        key = row.get(self._dataset.key)
        name = f"row {key}" if isinstance(key, str) and key else f"row {number} of the page (it has no key)"

        def refuse(column: str, reason: str) -> NoReturn:
            raise ContractError(
                f"{name}: {column} {reason}",
                advice="Nothing of this day was stored. Report the row to ClearGrid, or fetch the day again later.",
            )

        checked: dict[str, Any] = {}
        for column in self._dataset.fields:
            value = row.get(column.name)
            if value is None and not column.nullable:
                refuse(column.name, "is missing or null, but required")
            elif value is None:
                checked[column.name] = None
            elif column.type == "DOUBLE":
                checked[column.name] = _double(value)
                if checked[column.name] is None:
                    refuse(column.name, "is not a number that a double holds")
            elif not isinstance(value, str):
                refuse(column.name, "is not a string")
            elif column.type == "TIMESTAMPTZ":
                instant = parse_instant(value)
                if instant is None:
                    refuse(column.name, "is not an ISO-8601 timestamp with an offset")
                checked[column.name] = instant
            elif column.name == self._dataset.key and not value:
                refuse(column.name, "is empty, but it is the key")
            else:
                checked[column.name] = _whole(value)
        instant = checked[self._dataset.cursor_field]
        if not window.since <= instant < window.until:
            refuse(self._dataset.cursor_field, f"is {iso(instant)}, outside the window that was asked for")
        return checked

    def _page(self, rows: list[Any], instants: list[datetime], pagination: _Pagination, unknown: Counter[str]) -> Page:
        cursor = pagination.next_cursor
        if cursor is not None and (not cursor or _LONE_SURROGATE.search(cursor)):
            raise TransientError("body.pagination.nextCursor is neither a cursor nor null")
        note = _whole(str(pagination.total_note))[:100] if pagination.total_note else None
        return Page(
            lines=self._encoder.encode_lines(rows),
            rows=len(rows),
            first_at=instants[0] if instants else None,
            last_at=instants[-1] if instants else None,
            ordered=instants == sorted(instants),
            next_cursor=cursor,
            total=pagination.total if type(pagination.total) is int else None,
            total_note=note or ("not exact" if pagination.total_exact is False else None),
            unknown_fields=unknown,
        )


def parse_instant(text: str) -> datetime | None:
    """The instant of an ISO-8601 timestamp; None if it is none, or has no offset and so names no instant."""
    try:
        instant = isoparse(text)
        # Converted here, because an offset may lead out of the calendar.
        return instant.astimezone(timezone.utc) if instant.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def _double(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: str) -> str:
    """The text, with half an emoji, which no encoding can hold, replaced."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _says_failure(code: object, success: object) -> bool:
    """Whether the envelope of a 200 says that it is no success: its rows, if any, would not be all."""
    return success is False or str(code) not in {"200", "None"}


def _check_window_as_read(meta: Any, window: Window) -> None:
    """`meta` holds the server's own, authoritative reading of the window: a narrower one would lose rows in silence."""
    if not isinstance(meta, dict):
        return
    since, until = (
        parse_instant(meta[bound]) if isinstance(meta.get(bound), str) else None for bound in ("since", "until")
    )
    if (since is not None and since > window.since) or (until is not None and until < window.until):
        read = f"[{iso(since) if since else 'open'}, {iso(until) if until else 'open'})"
        raise ContractError(
            f"the server read the window as {read}, which is narrower and would lose rows",
            advice="Nothing of this day was stored. Is this machine's clock right? If so, report it to ClearGrid.",
        )


def _row_type(dataset: Dataset, *, forbid_unknown_fields: bool) -> type[msgspec.Struct]:
    """A struct with the declared fields: required where the declaration says so, typed as it says."""
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for column in sorted(dataset.fields, key=lambda column: column.nullable):
        attribute = f"{column.name}_" if keyword.iskeyword(column.name) else column.name
        renamed[attribute] = column.name
        type_ = (
            Annotated[str, msgspec.Meta(min_length=1)] if column.name == dataset.key else COLUMN_TYPES[column.type].json
        )
        fields.append((attribute, type_ | None, None) if column.nullable else (attribute, type_))
    return msgspec.defstruct(
        f"{dataset.code}Row", fields, rename=renamed, forbid_unknown_fields=forbid_unknown_fields, gc=False
    )


def _decoder(rows: Any) -> "msgspec.json.Decoder[Any]":
    body = msgspec.defstruct("Body", [("rows", rows), ("pagination", _Pagination), ("meta", Any, None)])
    return msgspec.json.Decoder(
        msgspec.defstruct("Answer", [("body", body), ("code", Any, None), ("success", Any, None)])
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
