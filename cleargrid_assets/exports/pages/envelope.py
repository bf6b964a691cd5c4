"""What an answer says besides its rows: whether it succeeded, what follows, and which window the server used."""

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from cleargrid_assets.exports.errors import ContractError, TransientError
from cleargrid_assets.exports.pages.raw_json import NO_VALUE, BrokenTextError, elements, members, value_of
from cleargrid_assets.exports.pages.single_rows import LONE_SURROGATE, parse_instant
from cleargrid_assets.exports.window import Window, iso

_NOTE = re.compile("[a-z_]{1,40}")
"""The form of the documented notes on a count, such as `window_required`."""

_GOOD_STATUSES = frozenset({"200", "ok", "success", "true"})


class Pagination(msgspec.Struct):
    """The object `body.pagination`."""

    next_cursor: str | None = msgspec.field(name="nextCursor")
    total: Any = None
    total_exact: Any = msgspec.field(name="totalExact", default=None)
    total_note: Any = msgspec.field(name="totalNote", default=None)

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page.

        Raises:
            TransientError: It is neither a cursor nor null.
        """
        cursor = self.next_cursor
        if cursor is not None and (not cursor or LONE_SURROGATE.search(cursor)):
            raise TransientError("body.pagination.nextCursor is neither a cursor nor null")
        return cursor

    @property
    def count(self) -> int | None:
        """The server's count, if it is one."""
        return self.total if type(self.total) is int and self.total >= 0 else None

    @property
    def note(self) -> str | None:
        """Why there is no count, or why it is not exact. Any other text of the server may hold personal data."""
        note = self.total_note
        if isinstance(note, str) and _NOTE.fullmatch(note):
            return note
        return "not exact" if note or not _is_absent_or(self.total_exact, {"true", "1"}) else None


class Verdict(msgspec.Struct):
    """The fields of an answer that say whether it succeeded. All are optional, and none may say that it did not."""

    code: Any = None
    success: Any = None
    status: Any = None
    errors: Any = None
    error: Any = None

    @property
    def is_good(self) -> bool:
        """Whether the answer is a success. The rows of any other answer may be incomplete."""
        return (
            _is_absent_or(self.code, {"200"})
            and _is_absent_or(self.success, {"true", "1"})
            and _is_absent_or(self.status, _GOOD_STATUSES)
            and not self.errors
            and not self.error
        )


class Envelope:
    """An answer, of which every part is read on its own.

    Args:
        body: The response.

    Raises:
        TransientError: The response is cut off or not JSON, reports an error, or lacks its rows or its pagination.
    """

    def __init__(self, body: bytes) -> None:
        try:
            parts = members(body)
        except BrokenTextError:
            raise TransientError(f"the response of {len(body):,} bytes is truncated, or is not a JSON object") from None
        self._message, self._request_id = (_text(parts.get(name)) for name in ("message", "requestId"))
        if not Verdict(**{name: _value(parts.get(name)) for name in Verdict.__struct_fields__}).is_good:
            raise self.error("the server reports an error in an answer of success")
        try:
            content = members(parts["body"])
            self.pagination = _pagination(members(content["pagination"]))
            self.rows = elements(content["rows"])
        except (KeyError, ValueError, RecursionError, msgspec.ValidationError):
            raise self.error("the response lacks body.rows or body.pagination.nextCursor") from None
        if self.rows and not any(row.startswith(b"{") for row in self.rows):
            raise self.error("body.rows of the response holds no objects")
        self.meta = _value(content.get("meta"))

    def error(self, what: str) -> TransientError:
        """An error with what the server said."""
        return TransientError(what, status=HTTPStatus.OK, message=self._message, request_id=self._request_id)


def check_window_as_read(meta: Any, window: Window) -> None:
    """Refuses a page whose `meta` says that the server used a narrower window, because rows would be lost silently.

    Raises:
        ContractError: The server used a narrower window.
    """
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


def _pagination(parts: Mapping[str, bytes]) -> Pagination:
    # Only the cursor must be readable: the rest is about the server's count.
    values = {name: _value(text) for name, text in parts.items()}
    return msgspec.convert(values | {"nextCursor": value_of(parts["nextCursor"])}, Pagination)


def _is_absent_or(value: object, good: Collection[str]) -> bool:
    """Whether a value is null or one of the words. Numbers and booleans are compared as JSON writes them."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value is None or (isinstance(value, (str, int)) and str(value).lower() in good)


def _text(text: bytes | None) -> str:
    """A part as text, empty if it is absent or cannot be read."""
    value = _value(text)
    return str(value) if value and value is not NO_VALUE else ""


def _value(text: bytes | None) -> Any:
    """The value of a part, None if it is absent. Invalid UTF-8 is replaced. An unreadable value is `NO_VALUE`."""
    if text is None:
        return None
    try:
        return value_of(text.decode(errors="replace").encode())
    except (ValueError, RecursionError):
        return NO_VALUE
