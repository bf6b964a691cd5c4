"""Reads one page of an export, and checks every row against the contract of the dataset.

A compiled decoder reads the page. If it refuses the page, would round a value, or finds a row outside the window, the
page is read again row by row. The slow path accepts unusual but valid values, such as other forms of ISO-8601, and its
errors name the row and the field. Both paths use the same column types.
"""

import json
import keyword
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Annotated, Any, NoReturn

import msgspec
from dateutil.parser import isoparse

from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.errors import ContractError, TransientError
from cleargrid_assets.exports.window import Window, iso
from cleargrid_assets.schema import COLUMN_TYPES, Column

_TOO_FINE = re.compile(rb"\.\d{7,}[Zz+-]")
"""The end of a timestamp finer than microseconds, which the compiled decoder would round, possibly into the next day.

Matching the whole timestamp would be ten times slower: a search is fast if the first character is fixed.
"""

_NOTE = re.compile("[a-z_]{1,40}")
"""The form of the documented notes on a count, such as `window_required`."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_REFUSALS: Mapping[str, str] = {
    "VARCHAR": "is not a string",
    "BOOLEAN": "is not true or false",
    "INTEGER": "is not a whole number of 32 bits",
    "BIGINT": "is not a whole number of 64 bits",
    "DOUBLE": "is not a number that a double holds",
    "DATE": "is not an ISO-8601 date",
    "TIMESTAMPTZ": "is not an ISO-8601 timestamp with an offset",
}


@dataclass(frozen=True)
class Page:
    """One page of checked rows.

    Attributes:
        lines: The rows as newline-delimited JSON, declared fields only.
        rows: Number of rows.
        first_at: Cursor field of the first row; None on an empty page.
        last_at: Cursor field of the last row; None on an empty page.
        ordered: Whether the rows ascend by the cursor field.
        next_cursor: Cursor of the next page; None on the last page.
        total: The server's own count of the window, if it was requested and given.
        total_note: Why there is no count, or why it is not exact.
        unknown_fields: Fields outside the contract, with the number of rows that have them.
        keys: Keys of the rows.
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
    keys: Sequence[str] = ()


class _Pagination(msgspec.Struct):
    next_cursor: str | None = msgspec.field(name="nextCursor")
    total: Any = None
    total_exact: Any = msgspec.field(name="totalExact", default=None)
    total_note: Any = msgspec.field(name="totalNote", default=None)


class PageReader:
    """Reads the pages of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._strict = _decoder(list[_row_type(dataset, forbid_unknown_fields=True)])  # type: ignore[misc]
        self._tolerant = _decoder(list[_row_type(dataset, forbid_unknown_fields=False)])  # type: ignore[misc]
        self._names = _decoder(list[dict[str, msgspec.Raw]])
        self._encoder = msgspec.json.Encoder()
        self._known = {column.name for column in dataset.fields}
        self._types = {column.name: _json_type(dataset, column) for column in dataset.fields}
        self._drifted = False

    def read(self, body: bytes, window: Window) -> Page:
        """Decodes and checks a page.

        Args:
            body: The response to a request for a page of the window.
            window: The requested window.

        Raises:
            TransientError: The body is truncated, or is not the documented envelope.
            ContractError: A row lacks a required field, has a value of the wrong type or lies outside the window,
                or the server used a narrower window.
        """
        if _TOO_FINE.search(body):
            return self._read_row_by_row(body, window)
        unknown: Counter[str] = Counter()
        try:
            answer = self._decode(body, unknown)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_row_by_row(body, window)
        if _is_error(answer.code, answer.success, answer.errors):
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
            raise TransientError(f"the response of {len(body):,} bytes is truncated or not JSON") from error
        envelope = document if isinstance(document, dict) else {}
        message, request_id = str(envelope.get("message") or ""), envelope.get("requestId")
        if _is_error(envelope.get("code"), envelope.get("success"), envelope.get("errors")):
            raise TransientError(
                "HTTP 200 with an error envelope", status=HTTPStatus.OK, message=message, request_id=request_id
            )
        try:
            content = document["body"]
            pagination = msgspec.convert(content["pagination"], _Pagination)
            rows = msgspec.convert(content["rows"], list[dict[str, Any]])
            meta = content.get("meta")
        except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
            raise TransientError(
                "the response lacks body.rows or body.pagination.nextCursor",
                message=message,
                request_id=request_id,
            ) from error
        unknown = Counter(_without_surrogates(name) for row in rows for name in row if name not in self._known)
        checked = [self._checked(row, number, window) for number, row in enumerate(rows, start=1)]
        instants = [row[self._dataset.cursor_field] for row in checked]
        _check_window_as_read(meta, window)
        return self._page(checked, instants, pagination, unknown)

    def _checked(self, row: dict[str, Any], number: int, window: Window) -> dict[str, Any]:
        """The declared fields of a row, with their types. Errors name the row by its key, and show no personal data."""
        key = row.get(self._dataset.key)
        name = f"row {key}" if isinstance(key, str) and key else f"row {number} of the page (it has no key)"

        def refusal(column: Column, reason: str) -> ContractError:
            advice = "Report the row to ClearGrid, or materialize the day again later."
            if column.name == self._dataset.key and not key:
                advice = f"The export is older than v1.1, which added {column.name}. Ask ClearGrid for v1.1 or later."
            return ContractError(f"{name}: {column.name} {reason}", advice=advice)

        checked: dict[str, Any] = {}
        for column in self._dataset.fields:
            value = row.get(column.name)
            if value is None and not column.nullable:
                raise refusal(column, "is missing or null, but is required")
            if value == "" and column.name == self._dataset.key:
                raise refusal(column, "is empty, but it is the key")
            try:
                checked[column.name] = msgspec.convert(_usual_form(value, column), self._types[column.name])
            except msgspec.ValidationError:
                # `from None`, because msgspec's message may quote the value, which may be personal data.
                raise refusal(column, _REFUSALS[column.type]) from None
            if column.name == self._dataset.cursor_field and not window.since <= checked[column.name] < window.until:
                raise refusal(column, f"is {iso(checked[column.name])}, which is outside the requested window")
        return checked

    def _page(self, rows: list[Any], instants: list[datetime], pagination: _Pagination, unknown: Counter[str]) -> Page:
        key, cursor = self._dataset.key, pagination.next_cursor
        if cursor is not None and (not cursor or _LONE_SURROGATE.search(cursor)):
            raise TransientError("body.pagination.nextCursor is neither a cursor nor null")
        return Page(
            lines=self._encoder.encode_lines(rows),
            rows=len(rows),
            first_at=instants[0] if instants else None,
            last_at=instants[-1] if instants else None,
            ordered=instants == sorted(instants),
            next_cursor=cursor,
            total=pagination.total if type(pagination.total) is int else None,
            total_note=_note(pagination),
            unknown_fields=unknown,
            keys=[row[key] if isinstance(row, dict) else getattr(row, key) for row in rows],
        )


def parse_instant(text: str) -> datetime | None:
    """The instant of an ISO-8601 timestamp; None if the text is not one, or has no offset."""
    try:
        instant = isoparse(text)
        # Inside the `try`, because an offset can move the instant out of the calendar (OverflowError).
        return instant.astimezone(timezone.utc) if instant.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def _usual_form(value: object, column: Column) -> object:
    """Converts a value that is valid, but not in the form that the type decodes."""
    if column.type == "TIMESTAMPTZ" and isinstance(value, str):
        return parse_instant(value) or "no instant"
    if column.type == "DOUBLE" and isinstance(value, float) and not math.isfinite(value):
        return "too large"
    return _without_surrogates(value) if isinstance(value, str) else value


def _without_surrogates(text: str) -> str:
    """The text with lone surrogates (half an emoji) replaced, because UTF-8 cannot encode them."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _note(pagination: _Pagination) -> str | None:
    """Why there is no count, or why it is not exact. Any other text of the server may hold personal data or secrets."""
    note = pagination.total_note
    if isinstance(note, str) and _NOTE.fullmatch(note):
        return note
    return "not exact" if note or pagination.total_exact is False else None


def _is_error(code: object, success: object, errors: object) -> bool:
    """Whether the envelope of an HTTP 200 reports an error. Its rows may be incomplete."""
    return success is False or str(code) not in {"200", "None"} or bool(errors)


def _check_window_as_read(meta: Any, window: Window) -> None:
    """Refuses a page whose `meta` says that the server used a narrower window, because rows would be lost silently."""
    if not isinstance(meta, dict):
        return
    since, until = (
        parse_instant(meta[bound]) if isinstance(meta.get(bound), str) else None for bound in ("since", "until")
    )
    if (since is not None and since > window.since) or (until is not None and until < window.until):
        read = f"[{iso(since) if since else 'open'}, {iso(until) if until else 'open'})"
        raise ContractError(
            f"the server used the window {read}, which is narrower than requested and would lose rows",
            advice="Check the clock of this machine. If it is right, report the window to ClearGrid.",
        )


def _json_type(dataset: Dataset, column: Column) -> Any:
    """The type that a value of the column is decoded as."""
    if column.name == dataset.key:
        return Annotated[str, msgspec.Meta(min_length=1)]
    type_ = COLUMN_TYPES[column.type].json
    return type_ | None if column.nullable else type_


def _row_type(dataset: Dataset, *, forbid_unknown_fields: bool) -> type[msgspec.Struct]:
    """A struct with the declared fields and their types."""
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for column in sorted(dataset.fields, key=lambda column: column.nullable):
        attribute = f"{column.name}_" if keyword.iskeyword(column.name) else column.name
        renamed[attribute] = column.name
        type_ = _json_type(dataset, column)
        fields.append((attribute, type_, None) if column.nullable else (attribute, type_))
    return msgspec.defstruct(
        f"{dataset.code}Row", fields, rename=renamed, forbid_unknown_fields=forbid_unknown_fields, gc=False
    )


def _decoder(rows: Any) -> "msgspec.json.Decoder[Any]":
    body = msgspec.defstruct("Body", [("rows", rows), ("pagination", _Pagination), ("meta", Any, None)])
    return msgspec.json.Decoder(
        msgspec.defstruct(
            "Answer", [("body", body), ("code", Any, None), ("success", Any, None), ("errors", Any, None)]
        )
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
