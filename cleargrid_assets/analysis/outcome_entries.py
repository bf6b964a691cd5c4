"""The entries of an outcomes file: what each may be, and how a wrong one is refused."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from cleargrid_assets.wording import alternatives
from cleargrid_assets.words import normalised

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class EntryError(Exception):
    """An entry that cannot be used.

    Attributes:
        path: The keys that lead to it.
    """

    def __init__(self, path: Sequence[str], reason: str) -> None:
        super().__init__(reason)
        self.path = path


@dataclass(frozen=True)
class DaysOff:
    """The days on which a lender does not work.

    Attributes:
        dates: Single days, in order.
        weekdays: ISO weekdays, in order: 1 is Monday, 7 is Sunday.
    """

    dates: tuple[date, ...] = ()
    weekdays: tuple[int, ...] = ()

    def includes(self, day: date) -> bool:
        """Whether the day is off."""
        return day in self.dates or day.isoweekday() in self.weekdays

    def __or__(self, other: "DaysOff") -> "DaysOff":
        """The days that are off by either."""
        return DaysOff(tuple(sorted({*self.dates, *other.dates})), tuple(sorted({*self.weekdays, *other.weekdays})))


@dataclass(frozen=True)
class Limits:
    """A lender's own limits of outreach. None is no limit.

    Attributes:
        attempts_per_week: Max attempts on a contact and channel in seven days.
        earliest: Clock time in the business zone from which attempts are allowed.
        latest: Clock time in the business zone from which attempts are not allowed any more.
    """

    attempts_per_week: int | None = None
    earliest: time | None = None
    latest: time | None = None


NO_DAYS_OFF, NO_LIMITS = DaysOff(), Limits()


def words(table: str, entries: Any, allowed: Sequence[str]) -> dict[str, str]:
    """The entries of a table of words, with normalised keys.

    Raises:
        EntryError: An entry is none of the allowed words, or is given twice.
    """
    found: dict[str, str] = {}
    for key, word in _table(table, entries).items():
        entry = f"{table}.{toml_key(key)}"
        if word not in allowed:
            raise EntryError((table, key), f"{entry} must be {alternatives(allowed)}, not {word!r}")
        if normalised(key) in found:
            raise EntryError((table, key), f"{entry} is given twice (compared as {normalised(key)})")
        found[normalised(key)] = word
    return found


def seconds(key: str, value: Any) -> float:
    """A number of seconds.

    Raises:
        EntryError: The value is no number, or below 0.
    """
    # In Python, a boolean is an int, and an int may be too large for a float.
    if type(value) not in {int, float} or not 0 <= value <= sys.float_info.max:
        raise EntryError((key,), f"{key} must be a number of seconds, 0 or more, not {value!r}")
    return float(value)


def withheld(entries: Any) -> set[str]:
    """The normalised words of `[contacts] withheld`.

    Raises:
        EntryError: There is another entry, or the value is no list of texts.
    """
    return {normalised(word) for word in _list("contacts", "withheld", entries, "a list of texts", _is_text)}


def days_off(entries: Any) -> DaysOff:
    """The days of `[calendar] days_off`.

    Raises:
        EntryError: There is another entry, or the value is no list of dates and weekdays.
    """
    takes = "a list of dates such as 2026-01-01 and weekdays such as friday"
    values = _list("calendar", "days_off", entries, takes, lambda value: _day_off(value) is not None)
    days = [_day_off(value) for value in values]
    return DaysOff(
        tuple(sorted({day for day in days if isinstance(day, date)})),
        tuple(sorted({day for day in days if isinstance(day, int)})),
    )


def limits(entries: Any, before: Limits) -> Limits:
    """The limits of `[limits]`, each in place of the one before.

    Raises:
        EntryError: There is another entry, a value is wrong, or `earliest` is not before `latest`.
    """
    values = _table("limits", entries, ("attempts_per_week", "earliest", "latest"))
    attempts = values.get("attempts_per_week", before.attempts_per_week)
    if "attempts_per_week" in values and (not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1):
        raise EntryError(
            ("limits", "attempts_per_week"),
            f"limits.attempts_per_week must be a whole number, 1 or more, not {attempts!r}",
        )
    earliest, latest = (_time_of_day(key, values) or getattr(before, key) for key in ("earliest", "latest"))
    if earliest and latest and earliest >= latest:
        key = "latest" if "latest" in values else "earliest"
        raise EntryError(
            ("limits", key), f"limits.earliest ({earliest:%H:%M}) must be before limits.latest ({latest:%H:%M})"
        )
    return Limits(attempts, earliest, latest)


def toml_key(key: str) -> str:
    """The key as TOML writes it, quoted only if necessary."""
    if _BARE_KEY.fullmatch(key):
        return key
    # A JSON string is a TOML string, except that TOML requires DEL to be escaped.
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007F")


def _table(name: str, entries: Any, known: Sequence[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(entries, dict):
        raise EntryError((name,), f"{name} must be a table: [{name}]")
    for key in entries:
        if known is not None and key not in known:
            raise EntryError((name, key), f"unknown key {name}.{toml_key(key)}: it must be {alternatives(known)}")
    return entries


def _list(table: str, key: str, entries: Any, takes: str, is_allowed: Callable[[Any], bool]) -> Sequence[Any]:
    values = _table(table, entries, (key,)).get(key, [])
    if not isinstance(values, list):
        raise EntryError((table, key), f"{table}.{key} must be {takes}, not {values!r}")
    for value in values:
        if not is_allowed(value):
            raise EntryError((table, key), f"{table}.{key} must be {takes}, but has {value!r}")
    return values


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _day_off(value: Any) -> date | int | None:
    """A date, an ISO weekday, or None if the value is neither."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    if value.strip().lower() in _WEEKDAYS:
        return _WEEKDAYS.index(value.strip().lower()) + 1
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def _time_of_day(key: str, values: Mapping[str, Any]) -> time | None:
    if key not in values:
        return None
    value = values[key]
    if isinstance(value, str) and _TIME.fullmatch(value):
        return time.fromisoformat(value)
    # TOML has times of its own. They have seconds.
    if isinstance(value, time) and value == value.replace(second=0, microsecond=0):
        return value
    shown = value if isinstance(value, time) else repr(value)
    raise EntryError(("limits", key), f"limits.{key} must be a time in whole minutes such as '09:00', not {shown}")
