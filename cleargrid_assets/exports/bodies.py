"""Reads the JSON of a response. Logins, refreshes, pages and errors all use this, so they forgive the same things."""

import codecs
import json
import re
from typing import Any

_SUCCESS = re.compile("2[0-9]{2}")


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


def reports_error(document: object) -> bool:
    """Whether the `code`, `success` or `errors` of a document say that it is no success, whatever the HTTP status."""
    if not isinstance(document, dict):
        return False
    code, success = document.get("code"), document.get("success")
    is_success = str(success).lower() in {"true", "none"} and (code is None or _SUCCESS.fullmatch(str(code)))
    return not is_success or bool(document.get("errors"))
