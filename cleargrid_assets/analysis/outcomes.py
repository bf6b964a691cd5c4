"""The outcomes file: what a status and a communication type mean.

What belongs here: the packaged TOML file, a user's file on top of it, the errors of a broken one and the lines to
add for what it does not know yet. What does not: applying the meanings to rows, which `classify` does.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OUTCOMES = ("failed", "delivered", "reached", "engaged")
"""What a status may mean, from the least to the most."""

CHANNELS = ("phone", "email", "messaging", "other")
"""What a communication type may belong to."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class OutcomesError(ValueError):
    """An outcomes file that cannot be used; the message names the file, the line and the reason."""


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


def normalised(word: str) -> str:
    """A status or communication type as it is compared: trimmed, upper-case, `-` and space as `_`."""
    return "".join(map(_capital, word.strip())).replace("-", "_").replace(" ", "_")


def load_outcomes(path: str | None) -> Outcomes:
    """Reads the packaged outcomes, overridden and extended by a file of the user's.

    Args:
        path: The user's TOML file; None for the packaged outcomes alone.

    Raises:
        OutcomesError: If a file cannot be read, is not TOML, or holds an unknown table, key, outcome or channel, or
            a value of the wrong type.
    """
    packaged = resources.files(__package__).joinpath("outcomes.toml").read_bytes()
    layers = [_Document("the packaged outcomes.toml", packaged)]
    if path is not None:
        layers.append(_Document(path, _read(path)))
    statuses: dict[str, str] = {}
    channels: dict[str, str] = {}
    engaged_seconds = 0.0
    for layer in layers:
        layer.refuse_unknown(("statuses", "channels", "engaged_seconds"))
        statuses |= layer.words("statuses", OUTCOMES)
        channels |= layer.words("channels", CHANNELS)
        engaged_seconds = layer.seconds("engaged_seconds", engaged_seconds)
    return Outcomes(statuses, channels, engaged_seconds)


def toml_lines_for(statuses: Iterable[str], types: Iterable[str]) -> str:
    """The TOML that makes unmapped statuses and types known, ready to paste and to correct.

    The words given are the modest ones: a status `delivered`, a type `other`, with the alternatives beside them.

    Args:
        statuses: Unmapped statuses.
        types: Unmapped communication types.

    Returns:
        Whole tables with their headers, one entry a line; empty if there is nothing to add.
    """
    tables = [
        _toml_table("statuses", statuses, "delivered", OUTCOMES),
        _toml_table("channels", types, "other", CHANNELS),
    ]
    return "\n\n".join(table for table in tables if table)


def _capital(letter: str) -> str:
    """The capital that DuckDB, which compares rows, has of a letter: always a single one, or else the letter itself."""
    candidates = (letter.upper(), letter.title(), "\N{LATIN CAPITAL LETTER SHARP S}" if letter == "ß" else letter)
    return next(capital for capital in candidates if len(capital) == 1)


def _toml_table(name: str, keys: Iterable[str], word: str, words: Sequence[str]) -> str:
    alternatives = ", ".join(other for other in words if other != word)
    entries = [f'{_toml_key(key)} = "{word}"  # or: {alternatives}' for key in sorted(set(keys))]
    return "\n".join([f"[{name}]", *entries]) if entries else ""


def _toml_key(key: str) -> str:
    if _BARE_KEY.fullmatch(key):
        return key
    # A JSON string is a TOML basic string, but for DEL, which JSON leaves bare and TOML forbids.
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007F")


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise OutcomesError(f"{path}: cannot be read: {error.strerror or error}") from error


class _Document:
    """One TOML document, whose complaints name their line."""

    def __init__(self, name: str, content: bytes) -> None:
        self._name = name
        try:
            # Editors on Windows may begin a file with a byte order mark.
            self._text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise OutcomesError(f"{name}, line {line}: not UTF-8 text") from error
        try:
            self._values = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise OutcomesError(self._syntax_message(str(error))) from error

    def refuse_unknown(self, known: Sequence[str]) -> None:
        for key in self._values:
            if key not in known:
                raise self._error((key,), f"unknown table or key {key!r}: it must be {_listed(known)}")

    def words(self, table: str, allowed: Sequence[str]) -> dict[str, str]:
        """The entries of a table, keys normalised, each value one of the allowed words."""
        entries = self._values.get(table, {})
        if not isinstance(entries, dict):
            raise self._error((table,), f"{table} must be a table: [{table}]")
        words: dict[str, str] = {}
        for key, word in entries.items():
            if not isinstance(word, str) or word not in allowed:
                raise self._error((table, key), f"{key} must be {_listed(allowed)}, not {word!r}")
            if normalised(key) in words:
                raise self._error((table, key), f"{key} is given twice (compared as {normalised(key)})")
            words[normalised(key)] = word
        return words

    def seconds(self, key: str, default: float) -> float:
        value = self._values.get(key, default)
        # A TOML boolean is a Python int.
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < 0:
            raise self._error((key,), f"{key} must be a number of seconds, 0 or more, not {value!r}")
        return float(value)

    def _error(self, path: Sequence[str], reason: str) -> OutcomesError:
        return OutcomesError(f"{self._name}, line {self._line_of(path)}: {reason}")

    def _line_of(self, path: Sequence[str]) -> int:
        """The line that completes an entry: the shortest beginning of the file that is TOML and has it.

        Asking the parser is right for every way of writing an entry (quoted, dotted, inline), as a search is not.
        """
        lines = self._text.split("\n")
        for count in range(1, len(lines)):
            try:
                values = tomllib.loads("\n".join(lines[:count]))
            except tomllib.TOMLDecodeError:
                continue
            if _has(values, path):
                return count
        return len(lines)

    def _syntax_message(self, reason: str) -> str:
        # The parser says `reason (at line 3, column 5)`, or `(at end of document)`.
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", reason)
        line = place[1] if place and place[1] else self._text.rstrip("\n").count("\n") + 1
        return f"{self._name}, line {line}: not valid TOML: {reason[: place.start()] if place else reason}"


def _has(values: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
