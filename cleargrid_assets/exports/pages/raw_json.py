"""Splits JSON text into its pieces without reading them, so that an unreadable row does not hide the others.

Only strings, brackets and commas are looked at. Inside a piece they must be in balance; anything else may be wrong.
"""

import json
import re
from typing import Any

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_FLAT_OBJECT = rb'\{[^"\[\]{}]*(?:' + _STRING + rb'[^"\[\]{}]*)*\}'
_TOKEN = re.compile(rb"(" + _FLAT_OBJECT + rb"|" + _STRING + rb')|["\[\]{},]', re.DOTALL)
"""A string, an object without nested values, or a single mark. Most rows are one token, which makes the search fast."""

_SPACE = b" \t\r\n"
_MEMBER = re.compile(rb"(" + _STRING + rb")\s*:(.*)", re.DOTALL)

NO_VALUE = object()
"""What `NaN`, `Infinity` and `-Infinity` are read as, because they are no JSON values."""

_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: NO_VALUE)


class BrokenTextError(ValueError):
    """The text is cut off, or its brackets and quotes are not in balance."""


def elements(text: bytes) -> list[bytes]:
    """The elements of an array, as they are written.

    Raises:
        BrokenTextError: The text is cut off, or is not an array.
    """
    return _pieces(text, b"[]")


def members(text: bytes) -> dict[str, bytes]:
    """The members of an object, with their values as they are written. Of members with the same name, the last counts.

    Invalid UTF-8 in a name is replaced.

    Raises:
        BrokenTextError: The text is cut off, is not an object, or has a name that cannot be read.
    """
    found: dict[str, bytes] = {}
    for piece in _pieces(text, b"{}"):
        member = _MEMBER.fullmatch(piece)
        name = _name(member[1]) if member else None
        if member is None or name is None:
            raise BrokenTextError("a member has no name")
        found[name] = member[2]
    return found


def value_of(text: bytes) -> Any:
    """The value of a JSON text, which may have raw control characters in strings.

    Raises:
        UnicodeDecodeError: The text is not UTF-8.
        ValueError: The text is not JSON, or has a number with thousands of digits.
        RecursionError: Values are nested too deeply.
    """
    return _DECODER.decode(text.decode())


def _name(text: bytes) -> str | None:
    try:
        return str(value_of(text.decode(errors="replace").encode()))
    except ValueError:
        return None


def _pieces(text: bytes, brackets: bytes) -> list[bytes]:
    """The texts between the commas of an array or object."""
    text = text.strip(_SPACE)
    if text[:1] != brackets[:1]:
        raise BrokenTextError("the opening bracket is missing")
    pieces: list[bytes] = []
    depth, start = 1, 1
    for token in _TOKEN.finditer(text, start):
        if token[1] is not None:
            continue
        mark = token[0]
        if mark == b'"':
            break
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        if depth == 0 or (depth == 1 and mark == b","):
            pieces.append(text[start : token.start()].strip(_SPACE))
            start = token.end()
        if depth == 0:
            if mark != brackets[1:] or start != len(text):
                break
            return [] if pieces == [b""] else pieces
    raise BrokenTextError("the text is cut off, or goes on after its end")
