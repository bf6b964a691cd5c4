"""Bodies of pages as the server sends them, and what the reader makes of them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ContractError
from cleargrid_assets.exports.pages.rows import Page, PageReader
from cleargrid_assets_tests.exports.driving import MIDNIGHT, WINDOW
from cleargrid_assets_tests.rows import Row, sent_row

KEY = "66f0c1a2b3d4e5f60718293a"
INSIDE = "2026-05-19T09:31:20.000Z"
INSTANT = MIDNIGHT + timedelta(hours=9.5, seconds=80)
"""Of `INSIDE`."""

PERSONAL = ("+966550000001", "+966512345678", "Overdue instalment", "someone@example.org")


def body(*rows: Any, **pagination: Any) -> bytes:
    """A page."""
    answer = {"rows": list(rows), "pagination": {"nextCursor": None} | pagination}
    return json.dumps({"code": 200, "message": "ok", "errors": [], "body": answer}).encode()


def written(value: bytes, name: str = "subject", key: str = KEY) -> bytes:
    """A row of a page in which the value of a field is written like this."""
    row = json.dumps(sent_row(key, INSIDE) | {name: "VALUE"}).encode()
    return row.replace(b'"VALUE"', value)


def page_of(*rows: bytes) -> bytes:
    """A page of rows that are written like this."""
    return body(0).replace(b"[0]", b"[" + b", ".join(rows) + b"]")


def read(*rows: Any, **pagination: Any) -> Page:
    """A page of the rows, as the reader returns it."""
    return PageReader(D21).read(body(*rows, **pagination), WINDOW)


def only_row(page: Page) -> Row:
    """The row of a page with one row."""
    (line,) = page.lines.splitlines()
    decoded: Row = json.loads(line)
    return decoded


def refused(raw: bytes) -> str:
    """Why a page is refused. No personal value is told."""
    with pytest.raises(ContractError) as caught:
        PageReader(D21).read(raw, WINDOW)
    text = f"{caught.value} {caught.value!r}"
    assert not [value for value in PERSONAL if value in text]
    return text


def refusal(*rows: Row) -> str:
    """Why a page of the rows is refused."""
    return refused(body(*rows))
