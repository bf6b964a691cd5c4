"""Reads one page of an export, and checks every row against the contract of the dataset.

A compiled decoder reads the page. If it refuses the page, would round a value, or finds a row outside the window, the
page is read again row by row (`single_rows`). Errors of that slow path name the row and the field. Both paths use the
same column types.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.pages.bodies import without_bom
from cleargrid_assets.exports.pages.envelope import Envelope, Pagination, Verdict, check_window_as_read
from cleargrid_assets.exports.pages.personal import Concealment, attribute
from cleargrid_assets.exports.pages.quarantine import BadRow, refused_page
from cleargrid_assets.exports.pages.single_rows import BadRowError, RowReader, json_type
from cleargrid_assets.exports.window import Window
from cleargrid_assets.foreign import presentable
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.schema import QuarantinedRow

_TOO_FINE = re.compile(rb"\.\d{7,}[Zz+-]")
"""The end of a timestamp finer than microseconds, which the compiled decoder would round, possibly into the next day.

Matching the whole timestamp would be ten times slower: a search is fast if the first character is fixed.
"""

_MAX_UNKNOWN_FIELDS = 100
"""Names of a page that are counted. A server that invents names must not fill the memory."""


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
        quarantined: Rows that break the contract. They are in none of the above, except the server's count.
        repaired_texts: How many free texts had invalid UTF-8, which is replaced.
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
    quarantined: Sequence[QuarantinedRow] = ()
    repaired_texts: int = 0


class PageReader:
    """Reads the pages of one dataset.

    Args:
        dataset: The dataset.
        quarantines: Whether rows that break the contract are quarantined. If not, they are an error.
        pseudonyms: Makes what is given in place of personal data; None if that is given as it came.

    Raises:
        SettingsError: A personal field of the dataset can neither get a pseudonym nor be left out.
    """

    def __init__(self, dataset: Dataset, *, quarantines: bool = False, pseudonyms: Pseudonyms | None = None) -> None:
        self._dataset = dataset
        self._quarantines = quarantines
        self._concealment = None if pseudonyms is None else Concealment(dataset, pseudonyms)
        self._strict = _decoder(list[_row_type(dataset, forbid_unknown_fields=True)])  # type: ignore[misc]
        self._tolerant = _decoder(list[_row_type(dataset, forbid_unknown_fields=False)])  # type: ignore[misc]
        self._names = _decoder(list[dict[str, msgspec.Raw]])
        self._encoder = msgspec.json.Encoder()
        self._rows = RowReader(dataset)
        self._key_of, self._instant_of = attrgetter(dataset.key), attrgetter(dataset.cursor_field)
        self._known = {column.name for column in dataset.fields}
        self._has_unknown_fields = False

    def read(self, body: bytes, window: Window) -> Page:
        """Decodes and checks a page.

        Args:
            body: The response to a request for a page of the window.
            window: The requested window.

        Raises:
            TransientError: The body is truncated, reports an error, or is not the documented envelope.
            ContractError: A row lacks a required field, has a value of the wrong type or lies outside the window,
                or the server used a narrower window. Such rows are no error if they are quarantined.
        """
        body = without_bom(body)
        if _TOO_FINE.search(body):
            return self._read_row_by_row(body, window)
        unknown: Counter[str] = Counter()
        try:
            answer = self._decode(body, unknown)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_row_by_row(body, window)
        if not answer.is_good:
            return self._read_row_by_row(body, window)
        rows = answer.body.rows
        keys = list(map(self._key_of, rows))
        instants = list(map(self._instant_of, rows))
        if instants and not (window.since <= min(instants) and max(instants) < window.until):
            return self._read_row_by_row(body, window)
        check_window_as_read(answer.body.meta, window)
        if self._concealment is not None:
            self._concealment.conceal(rows)
        return self._page(rows, keys, instants, answer.body.pagination, unknown)

    def _decode(self, body: bytes, unknown: Counter[str]) -> Any:
        if not self._has_unknown_fields:
            with suppress(msgspec.ValidationError):
                return self._strict.decode(body)
        answer = self._tolerant.decode(body)
        self._has_unknown_fields = True
        for row in self._names.decode(body).body.rows:
            unknown.update(row.keys() - self._known)
        return answer

    def _read_row_by_row(self, body: bytes, window: Window) -> Page:
        envelope = Envelope(body)
        check_window_as_read(envelope.meta, window)
        good: list[dict[str, Any]] = []
        bad: list[BadRow] = []
        unknown: Counter[str] = Counter()
        repaired_texts = 0
        for number, text in enumerate(envelope.rows, start=1):
            values: Mapping[str, Any] = {}
            try:
                fields = self._rows.fields(text)
                values = fields.values
                good.append(self._rows.checked(values, window))
            except BadRowError as error:
                bad.append(BadRow(number, values.get(self._dataset.key), text, error))
                continue
            repaired_texts += fields.repaired
            unknown.update(values.keys() - self._known)
        if self._concealment is not None:
            good = [self._concealment.concealed(row) for row in good]
        instants = [row[self._dataset.cursor_field] for row in good]
        keys = [row[self._dataset.key] for row in good]
        page = self._page(good, keys, instants, envelope.pagination, unknown)
        # After everything that a retry may mend.
        if bad and not self._quarantines:
            raise refused_page(bad, rows=len(envelope.rows), key=self._dataset.key)
        return replace(page, quarantined=[self._quarantined(row) for row in bad], repaired_texts=repaired_texts)

    def _quarantined(self, row: BadRow) -> QuarantinedRow:
        if self._concealment is None:
            return row.quarantined
        return self._concealment.concealed_bad_row(row.quarantined, row.text)

    def _page(
        self,
        rows: list[Any],
        keys: list[str],
        instants: list[datetime],
        pagination: Pagination,
        unknown: Counter[str],
    ) -> Page:
        return Page(
            lines=self._encoder.encode_lines(rows),
            rows=len(rows),
            first_at=instants[0] if instants else None,
            last_at=instants[-1] if instants else None,
            ordered=instants == sorted(instants),
            next_cursor=pagination.cursor,
            total=pagination.count,
            total_note=pagination.note,
            unknown_fields=_presentable(unknown),
            keys=keys,
        )


def _row_type(dataset: Dataset, *, forbid_unknown_fields: bool) -> type[msgspec.Struct]:
    """A struct with the declared fields and their types."""
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for column in sorted(dataset.fields, key=lambda column: column.nullable):
        renamed[attribute(column.name)] = column.name
        named = (attribute(column.name), json_type(dataset, column))
        fields.append((*named, None) if column.nullable else named)
    return msgspec.defstruct(
        f"{dataset.code}Row", fields, rename=renamed, forbid_unknown_fields=forbid_unknown_fields, gc=False
    )


def _decoder(rows: Any) -> "msgspec.json.Decoder[Any]":
    body = msgspec.defstruct("Body", [("rows", rows), ("pagination", Pagination), ("meta", Any, None)])
    return msgspec.json.Decoder(msgspec.defstruct("Answer", [("body", body)], bases=(Verdict,), kw_only=True))


def _presentable(unknown: Counter[str]) -> Counter[str]:
    """The first field names, fit to be shown."""
    shown: Counter[str] = Counter()
    for name, rows in sorted(unknown.items())[:_MAX_UNKNOWN_FIELDS]:
        shown[presentable(name)] += rows
    return shown
