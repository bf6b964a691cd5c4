"""The outcomes file: the meaning of statuses and communication types, and what a lender decides."""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from cleargrid_assets.analysis.outcome_entries import (
    NO_DAYS_OFF,
    NO_LIMITS,
    DaysOff,
    EntryError,
    Limits,
    days_off,
    limits,
    seconds,
    toml_key,
    withheld,
    words,
)
from cleargrid_assets.contracts import CHANNELS, OTHER_CHANNEL
from cleargrid_assets.wording import alternatives

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


class OutcomesError(ValueError):
    """An outcomes file cannot be used. The message names the file, the line, the entry and the reason."""


@dataclass(frozen=True)
class Outcomes:
    """The meaning of statuses and communication types, and what a lender decides.

    Attributes:
        statuses: Normalised status to one of `OUTCOMES`.
        channels: Normalised communication type to one of `CHANNELS`.
        engaged_seconds: Length in seconds from which a reached phone attempt counts as engaged.
        withheld: Normalised addresses that stand for a withheld one, in order.
        days_off: The days on which the lender does not work.
        limits: The lender's own limits of outreach.
    """

    statuses: Mapping[str, str]
    channels: Mapping[str, str]
    engaged_seconds: float
    withheld: Sequence[str] = ()
    days_off: DaysOff = NO_DAYS_OFF
    limits: Limits = NO_LIMITS

    @property
    def meaning_fingerprint(self) -> str:
        """Eight characters that differ if an entry differs that interactions depend on.

        Comments and the order of entries do not matter.
        """
        return _fingerprint([self.statuses, self.channels, self.engaged_seconds, self.withheld])

    @property
    def rules_fingerprint(self) -> str:
        """Eight characters that differ if the days off or the limits differ."""
        return _fingerprint([asdict(self.days_off), asdict(self.limits)])


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
    outcomes = Outcomes({}, {}, 0.0)
    for name, content in files.items():
        text = _decoded(name, content)
        values = _parsed(name, text)
        try:
            outcomes = _extended(outcomes, values)
        except EntryError as error:
            raise OutcomesError(f"{name}, line {_line_of(text, error.path)}: {error}") from None
    return outcomes


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


def _fingerprint(entries: Sequence[object]) -> str:
    # Dates and times are written in ISO 8601.
    content = json.dumps(entries, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def _toml_table(name: str, keys: Iterable[str], word: str) -> str:
    alternatives = ", ".join(other for other in _TABLES[name] if other != word)
    entries = [f'{toml_key(key)} = "{word}"  # or: {alternatives}' for key in sorted(set(keys))]
    return "\n".join([f"[{name}]", *entries]) if entries else ""


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


def _extended(outcomes: Outcomes, values: Mapping[str, Any]) -> Outcomes:
    """The outcomes with the entries of a further file."""
    _refuse_unknown_keys(values)
    return Outcomes(
        {**outcomes.statuses, **words("statuses", values.get("statuses", {}), OUTCOMES)},
        {**outcomes.channels, **words("channels", values.get("channels", {}), CHANNELS)},
        seconds(_SECONDS, values.get(_SECONDS, outcomes.engaged_seconds)),
        sorted({*outcomes.withheld, *withheld(values.get("contacts", {}))}),
        outcomes.days_off | days_off(values.get("calendar", {})),
        limits(values.get("limits", {}), outcomes.limits),
    )


def _refuse_unknown_keys(values: Mapping[str, Any]) -> None:
    known = [*_TABLES, "contacts", "calendar", "limits", _SECONDS]
    for key in values:
        if key not in known:
            raise EntryError((key,), f"unknown table or key {key!r}: it must be {alternatives(known)}")


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
