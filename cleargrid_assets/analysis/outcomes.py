"""The outcomes file: the meaning of statuses and communication types."""

import hashlib
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from cleargrid_assets.contracts import CHANNELS, OTHER_CHANNEL

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OUTCOMES = ("failed", "delivered", "reached", "engaged")
"""What a status may mean, in ascending order."""

UNMAPPED = "unmapped"
"""The outcome of a status that the file does not list."""

_TABLES = {"statuses": OUTCOMES, "channels": CHANNELS}
_SECONDS = "engaged_seconds"
_SUGGESTED_OUTCOME = "delivered"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class OutcomesError(ValueError):
    """An outcomes file cannot be used. The message names the file, the line, the entry and the reason."""


class _EntryError(Exception):
    """An entry that cannot be used.

    Attributes:
        path: The keys that lead to it.
    """

    def __init__(self, path: Sequence[str], reason: str) -> None:
        super().__init__(reason)
        self.path = path


@dataclass(frozen=True)
class Outcomes:
    """The meaning of statuses and communication types.

    Attributes:
        statuses: Normalised status to one of `OUTCOMES`.
        channels: Normalised communication type to one of `CHANNELS`.
        engaged_seconds: Length in seconds from which a reached phone attempt counts as engaged.
    """

    statuses: Mapping[str, str]
    channels: Mapping[str, str]
    engaged_seconds: float

    @property
    def fingerprint(self) -> str:
        """Eight characters that differ if any entry differs. Comments and the order of entries do not matter."""
        content = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:8]


def normalised(word: str) -> str:
    """A status or communication type as it is compared: trimmed, upper-case, with `_` for `-` and space."""
    return "".join(map(_capital, word.strip())).replace("-", "_").replace(" ", "_")


def load_outcomes(path: str | None) -> Outcomes:
    """Reads the packaged file, then the user's file, whose entries are added and replace packaged ones.

    Args:
        path: The user's TOML file; None for the packaged outcomes alone.

    Raises:
        OutcomesError: A file cannot be read, is not TOML, or has an unknown or wrong entry.
    """
    files = {"the packaged outcomes.toml": resources.files(__package__).joinpath("outcomes.toml").read_bytes()}
    if path is not None:
        files[path] = _read(path)
    words: dict[str, dict[str, str]] = {table: {} for table in _TABLES}
    seconds = 0.0
    for name, content in files.items():
        text = _decoded(name, content)
        values = _parsed(name, text)
        try:
            _refuse_unknown_keys(values)
            for table, allowed in _TABLES.items():
                words[table] |= _words(table, values.get(table, {}), allowed)
            seconds = _seconds(values.get(_SECONDS, seconds))
        except _EntryError as error:
            raise OutcomesError(f"{name}, line {_line_of(text, error.path)}: {error}") from None
    return Outcomes(words["statuses"], words["channels"], seconds)


def toml_lines_for(statuses: Iterable[str], types: Iterable[str]) -> str:
    """The TOML entries for unmapped statuses and types, ready to paste and to correct.

    The suggestions are `delivered` and `other`; a comment lists the alternatives.

    Args:
        statuses: Unmapped statuses.
        types: Unmapped communication types.

    Returns:
        TOML tables with headers, one entry per line; empty if there is nothing to add.
    """
    tables = [
        _toml_table("statuses", statuses, _SUGGESTED_OUTCOME),
        _toml_table("channels", types, OTHER_CHANNEL),
    ]
    return "\n\n".join(table for table in tables if table)


def _capital(letter: str) -> str:
    """The upper-case letter as DuckDB makes it: always a single character."""
    candidates = (letter.upper(), letter.title(), "\N{LATIN CAPITAL LETTER SHARP S}" if letter == "ß" else letter)
    return next(capital for capital in candidates if len(capital) == 1)


def _toml_table(name: str, keys: Iterable[str], word: str) -> str:
    alternatives = ", ".join(other for other in _TABLES[name] if other != word)
    entries = [f'{_toml_key(key)} = "{word}"  # or: {alternatives}' for key in sorted(set(keys))]
    return "\n".join([f"[{name}]", *entries]) if entries else ""


def _toml_key(key: str) -> str:
    if _BARE_KEY.fullmatch(key):
        return key
    # A JSON string is a TOML string, except that TOML requires DEL to be escaped.
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007F")


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise OutcomesError(f"{path}: cannot be read: {error.strerror or error}") from error


def _decoded(name: str, content: bytes) -> str:
    try:
        # `-sig`, because editors on Windows may write a byte order mark.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OutcomesError(f"{name}, line {line}: not UTF-8 text") from error


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The parser's text ends with `(at line 3, column 5)` or `(at end of document)`.
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = place[1] if place and place[1] else text.rstrip("\n").count("\n") + 1
        reason = str(error)[: place.start()] if place else str(error)
        raise OutcomesError(f"{name}, line {line}: not valid TOML: {reason}") from error


def _refuse_unknown_keys(values: Mapping[str, Any]) -> None:
    known = [*_TABLES, _SECONDS]
    for key in values:
        if key not in known:
            raise _EntryError((key,), f"unknown table or key {key!r}: it must be {_listed(known)}")


def _words(table: str, entries: Any, allowed: Sequence[str]) -> dict[str, str]:
    """The entries of a table with normalised keys."""
    if not isinstance(entries, dict):
        raise _EntryError((table,), f"{table} must be a table: [{table}]")
    words: dict[str, str] = {}
    for key, word in entries.items():
        entry = f"{table}.{_toml_key(key)}"
        if word not in allowed:
            raise _EntryError((table, key), f"{entry} must be {_listed(allowed)}, not {word!r}")
        if normalised(key) in words:
            raise _EntryError((table, key), f"{entry} is given twice (compared as {normalised(key)})")
        words[normalised(key)] = word
    return words


def _seconds(value: Any) -> float:
    # In Python, a boolean is an int.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise _EntryError((_SECONDS,), f"{_SECONDS} must be a number of seconds, 0 or more, not {value!r}")
    return float(value)


def _line_of(text: str, path: Sequence[str]) -> int:
    """The line that completes an entry: the last line of the shortest beginning of the file that contains the entry.

    The file is parsed, not searched, because entries can be quoted, dotted or inline.
    """
    lines = text.split("\n")
    for count in range(1, len(lines)):
        try:
            values: Any = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        for key in path:
            values = values.get(key) if isinstance(values, dict) else None
        if values is not None:
            return count
    return len(lines)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
