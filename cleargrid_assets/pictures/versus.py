"""Phone against e-mail: the difference of their reach, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleargrid_assets.analysis.intervals import Difference, newcombe
from cleargrid_assets.contracts import EMAIL, PHONE
from cleargrid_assets.pictures import text

CAVEAT = (
    "Phone and e-mail have different groups of contacts, addresses are not persons, and machines open e-mails, too."
)
"""What a reader of the difference must know."""

_MIN_POINTS = 0.05
_MAX_OTHERS = 2


@dataclass(frozen=True)
class Reach:
    """How many contacts were attempted, and how many of them reached."""

    reached: int
    contacts: int

    @property
    def rate(self) -> float:
        """Reached over contacts, 0 to 1."""
        return self.reached / self.contacts


def difference(reach: Mapping[str, Reach]) -> Difference | None:
    """The reach of phone minus that of e-mail, with its 95% interval; None if one of them was not used.

    Args:
        reach: By channel. A channel without contacts has no entry.
    """
    if PHONE not in reach or EMAIL not in reach:
        return None
    phone, email = reach[PHONE], reach[EMAIL]
    return newcombe(phone.reached, phone.contacts, email.reached, email.contacts)


def compared(reach: Mapping[str, Reach]) -> str:
    """The reach of phone and e-mail, such as `phone reached 41% of 812 contacts, e-mail 23% of 90`, as plain text.

    Without both, it is that of the other channels.

    Args:
        reach: By channel. A channel without contacts has no entry.
    """
    unused = [channel for channel in (PHONE, EMAIL) if channel not in reach]
    used = [channel for channel in (PHONE, EMAIL) if channel in reach] or list(reach)[:_MAX_OTHERS]
    figures = [
        f"{text.channel_name(channel)}{'' if place else ' reached'} {text.percent(reach[channel].rate)} "
        f"of {(text.count if place else text.contacts)(reach[channel].contacts)}"
        for place, channel in enumerate(used)
    ]
    missing = " or ".join(map(text.channel_name, unused))
    return text.listed(*figures, f"no contact attempted by {missing}" if unused else "")


def in_words(between: Difference, period: str) -> str:
    """The difference in percentage points with its 95% interval, and whether it is significant.

    Args:
        between: The difference.
        period: Of what time, such as `in 7 days`. Two tables of a day compare phone with e-mail, each of its own time.
    """
    figures = (
        f"{in_points(between.difference)} points (95% interval {in_points(between.low)} to {in_points(between.high)})"
    )
    if between.low <= 0 <= between.high:
        return f"{period}, phone against e-mail: no significant difference, {figures}"
    return f"{period}, phone against e-mail: difference {figures}"


def in_points(share: float) -> str:
    """A difference of rates in percentage points with its sign, and with more digits where one would be zero."""
    points = round(share * 100, 3) + 0.0
    decimals = 1 if abs(points) >= _MIN_POINTS or points == 0 else 3
    return text.with_minus(f"{points:+.{decimals}f}")
