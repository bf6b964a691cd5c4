"""Ranges of days, as alerts name them: `2026-05-13 to 2026-05-19`."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from cleargrid_assets.wording import first_of

DayRange = tuple[date, date]
"""The first and the last day, both included."""

_MAX_SHOWN = 5
_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?: to (\d{4}-\d\d-\d\d))?", re.ASCII)


def parse_range(text: object) -> DayRange | None:
    """A range from the words of `format_days`; None if the text is none.

    Args:
        text: The entry `days` of a check result.
    """
    found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    try:
        first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2] or found[1])
    except ValueError:
        return None
    return (first, last) if first <= last else None


def days_of(ranges: Iterable[DayRange]) -> list[date]:
    """Each day of the ranges."""
    return [first + timedelta(days=number) for first, last in ranges for number in range((last - first).days + 1)]


def merged(ranges: Iterable[DayRange]) -> list[DayRange]:
    """The same days in as few ranges as possible, in order."""
    found: list[DayRange] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def shown(ranges: Sequence[DayRange]) -> str:
    """The ranges as text."""
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in ranges]
    return first_of(texts, _MAX_SHOWN, "range")
