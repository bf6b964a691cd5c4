"""Plurals, sizes and lists."""

from collections.abc import Mapping, Sequence

_MAX_REASONS = 10


def counted(number: int, noun: str) -> str:
    """A number and its noun, such as `1 day`, `1,204 days` or `2 statuses`."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def megabytes(size: int) -> str:
    """A number of bytes as text, such as `1,204.5 MB`."""
    return f"{size / 1e6:,.1f} MB"


def other_days(number: int) -> str:
    """The other days of a run as the subject of a sentence: `The other day of this run was` or `... were`."""
    return "The other day of this run was" if number == 1 else f"The other {number} days of this run were"


def more(hidden: int, noun: str) -> str:
    """What a list leaves out, such as `and 3 more types`; empty if nothing is left out."""
    return f"and {hidden:,} more {noun if hidden == 1 else _plural(noun)}" if hidden > 0 else ""


def first_of(items: Sequence[object], shown: int, noun: str, separator: str = ", ") -> str:
    """The first items of a list, such as `A, B and 3 more types`."""
    listed = separator.join(str(item) for item in items[:shown])
    return f"{listed} {more(len(items) - shown, noun)}".rstrip()


def alternatives(words: Sequence[str]) -> str:
    """The words as alternatives, such as `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def reasons(rows: Mapping[tuple[str, str], int]) -> str:
    """How many rows have which field wrong, and why, such as `duration is not a number (3)`."""
    ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    return first_of([f"{field} {reason} ({count:,})" for (field, reason), count in ordered], _MAX_REASONS, "reason")


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
