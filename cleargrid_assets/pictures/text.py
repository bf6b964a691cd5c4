"""Numbers and names as short text, and Markdown. Names are foreign words."""

import base64
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from cleargrid_assets.contracts import FEW
from cleargrid_assets.foreign import presentable
from cleargrid_assets.wording import more

MAX_SHOWN = 10
"""Types or channels that are shown. The others are shown together, as their number."""

INLINE_LIMIT = 700
"""Max characters of a summary in Markdown. The UI hides longer texts behind a click."""

MISSING = "\N{EN DASH}"
"""Stands for a missing number."""

_BAR = 4
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!$^])")
_MIN_RATE, _SMALL_RATE, _MAX_RATE = 0.001, 0.0995, 0.99
_THOUSAND = 1e3
_MILLION = 1e6
_NAMES = {"email": "e-mail"}


def count(value: float) -> str:
    """A count with thousands separators. From a million on: three significant digits and `M`, `B` or `T`."""
    if not math.isfinite(value):
        return MISSING
    for size, unit in ((1e12, "T"), (1e9, "B"), (_MILLION, "M")):
        if value >= size:
            return f"{_three_digits(value, size)}{unit}"
    return f"{value:,.0f}"


def contacts(number: float) -> str:
    """A count of contacts, such as `1 contact` or `2M contacts`."""
    return f"{count(number)} contact{'' if number == 1 else 's'}"


def short_count(value: float) -> str:
    """A count for narrow cells: like `count`, but with `k` from a thousand on."""
    if _THOUSAND <= value < _MILLION:
        return f"{_three_digits(value, _THOUSAND)}k"
    return count(value)


def number(value: float) -> str:
    """A number with one decimal."""
    return f"{value:,.1f}" if math.isfinite(value) else MISSING


def percent(rate: float) -> str:
    """A rate of 0 to 1 in percent: one decimal below 10%, and 0% and 100% only when exact."""
    if not math.isfinite(rate):
        return MISSING
    if 0 < rate < _MIN_RATE:
        return f"<{_MIN_RATE:.1%}"
    if _MAX_RATE < rate < 1:
        return f">{_MAX_RATE:.0%}"
    return f"{rate:.1%}" if 0 < rate < _SMALL_RATE else f"{rate:.0%}"


def shares(parts: Iterable[float], wholes: Iterable[float]) -> list[str]:
    """Parts of wholes for narrow cells, with bars, such as `38% of 1.2k ████`; of fewer than `FEW` `3 of 8`."""
    pairs = list(zip(parts, wholes, strict=True))
    top = max((part / whole for part, whole in pairs if whole >= FEW), default=0.0)
    return [
        f"{percent(part / whole)} of {short_count(whole)} {bar(part / whole / top if top else 0.0, _BAR)}".strip()
        if whole >= FEW
        else f"{count(part)} of {count(whole)}"
        for part, whole in pairs
    ]


def with_minus(number: str) -> str:
    """A formatted number with a minus sign in place of Python's hyphen."""
    return number.replace("-", "\N{MINUS SIGN}")


def seconds(value: float) -> str:
    """A number of seconds, as seconds, minutes or hours."""
    if not math.isfinite(value):
        return MISSING
    size, unit = time_unit(value)
    return with_minus(f"{value / size:,.1f} {unit}")


def time_unit(longest: float) -> tuple[float, str]:
    """The unit for durations up to `longest` seconds: its length in seconds, and its name."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if abs(longest) >= size:
            return size, unit
    return 1.0, "s"


def times(ratio: float) -> str:
    """A ratio as a multiple, such as `0.42` with a multiplication sign."""
    if not math.isfinite(ratio):
        return MISSING
    return f"{ratio:.2f}\N{MULTIPLICATION SIGN}"


def with_ratio(value: str, ratio: float) -> str:
    """A figure, and its ratio to the usual one where there is one, such as `506 0.98` with a multiplication sign."""
    return f"{value} {times(ratio)}" if math.isfinite(ratio) else value


def bar(share: float, width: int) -> str:
    """A horizontal bar in eighths of a character. Any positive share shows at least one eighth.

    Args:
        share: Share of the full width, 0 to 1. Larger values are cut off; NaN is an empty bar.
        width: Length of a full bar in characters.
    """
    if not share > 0:
        return ""
    eighths = max(1, round(min(share, 1.0) * width * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def spark(values: Iterable[float]) -> str:
    """A sparkline: one character per value, in proportion to the largest value; `·` for zero."""
    heights = [value if value > 0 else 0.0 for value in values]
    top = max(heights, default=0.0)
    return "".join(_LEVELS[math.ceil(height / top * len(_LEVELS)) - 1] if height else "·" for height in heights)


def shorten(name: str, width: int = 20) -> str:
    """The presentable form of a name, of at most `width` characters. East Asian characters count twice."""
    shown = presentable(name, width) or MISSING
    return shown if display_width(shown) <= width else presentable(name, width // 2)


def display_width(plain: str) -> int:
    """The width of a text in characters of a Latin alphabet. East Asian characters are twice as wide."""
    return sum(1 + (unicodedata.east_asian_width(character) in "FW") for character in plain)


def channel_name(channel: str) -> str:
    """The name of a channel, for use inside a sentence."""
    return _NAMES.get(channel, shorten(channel, 9))


def dated(day: date) -> str:
    """A day with its weekday, such as `Tue 2026-05-19`."""
    return f"{day:%a} {day.isoformat()}"


def capitalized(sentence: str) -> str:
    """The sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


def escape(plain: str) -> str:
    """Escapes plain text for Markdown."""
    return _MARKDOWN.sub(r"\\\1", plain)


def table(header: Sequence[str], alignment: str, rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table.

    Args:
        header: One title per column.
        alignment: One letter per column, `l` or `r`.
        rows: Cells in Markdown.
    """
    rule = ["--:" if letter == "r" else "---" for letter in alignment]
    return "\n".join("|" + "|".join(cells) + "|" for cells in (header, rule, *rows))


def paragraphs(*parts: str) -> str:
    """Joins the non-empty parts as paragraphs."""
    return "\n\n".join(part for part in parts if part)


def listed(*parts: str) -> str:
    """Joins the non-empty parts with commas."""
    return ", ".join(part for part in parts if part)


def clauses(*parts: str) -> str:
    """Joins the non-empty parts with semicolons."""
    return "; ".join(part for part in parts if part)


def fit(render: Callable[[int], str], rows: int) -> str:
    """Markdown with as many rows as `INLINE_LIMIT` allows.

    Args:
        render: Makes the Markdown with a number of rows. Without rows it must be within the limit.
        rows: The number of all rows.
    """
    shown = rows
    while len(markdown := render(shown)) > INLINE_LIMIT and shown > 0:
        shown -= 1
    return markdown


def fit_table(
    opening: str, header: Sequence[str], alignment: str, rows: Sequence[Sequence[str]], *notes: str, of: tuple[int, str]
) -> str:
    """Markdown with a table of as many rows as `INLINE_LIMIT` allows.

    Args:
        opening: The paragraph before the table.
        header: As in `table`.
        alignment: As in `table`.
        rows: As in `table`. Without any, there is no table.
        notes: The paragraphs after it.
        of: How many rows there would be in all, and what a row is. What is left out is counted.
    """
    number, noun = of

    def render(shown: int) -> str:
        cells = table(header, alignment, rows[:shown]) if rows else ""
        return paragraphs(opening, cells, more(number - shown, noun), *notes)

    return fit(render, len(rows))


def as_markdown(png: bytes, alt: str) -> str:
    """Markdown with a PNG as a data URI, and an alternative text."""
    return f"![{escape(alt)}](data:image/png;base64,{base64.b64encode(png).decode()})"


def _three_digits(value: float, size: float) -> str:
    """How often a size is in a count, with three significant digits. Cut off, because 999,999 would become 1000k."""
    whole = int(value)
    cut_off = whole % 10 ** (len(str(whole)) - 3)
    return f"{(whole - cut_off) / size:,}".removesuffix(".0")
