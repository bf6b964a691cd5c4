"""Reads the JSON of a response. Logins, refreshes, pages and errors all use this, so they forgive the same things."""

import codecs
import json
from typing import Any


class BodyError(ValueError):
    """A body is not JSON. The message has its size, and nothing of its content."""


def without_bom(body: bytes) -> bytes:
    """The body without the byte order mark that some servers and proxies put before it."""
    return body.removeprefix(codecs.BOM_UTF8)


def json_document(body: bytes) -> Any:
    """The JSON document of a body.

    It may begin with a byte order mark and have raw control characters in strings. Invalid UTF-8 becomes lone
    surrogates (U+DC80 to U+DCFF), and NaN and Infinity become floats, so that callers can tell which value is wrong.

    Raises:
        BodyError: The body is truncated or not JSON.
    """
    text = without_bom(body).decode(errors="surrogateescape")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        # `from None`, because the decoder's error holds the body.
        raise BodyError(f"the response of {len(body):,} bytes is truncated or not JSON") from None
