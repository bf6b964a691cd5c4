"""What the UI shows of one day of an analysis."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cleargrid_assets.analysis.unmapped import Unmapped, UnmappedAttempts
from cleargrid_assets.pictures import drawing, text


@dataclass(frozen=True)
class Shown:
    """What a presentation needs besides the rows.

    Attributes:
        day: The business day to present.
        zone: Name of the business time zone.
        latest: The last stored day of the table, this run included.
        unmapped: Statuses and types of the day that the outcomes file does not list.
        unmapped_attempts: Outbound attempts with an unmapped status, and all, by day and channel, for the
            `unmapped.ATTEMPT_DAYS` days that end with the day.
        stored: The stored days of the table, this run included: a stored day without rows had nothing to count.
    """

    day: date
    zone: str
    latest: date
    unmapped: Sequence[Unmapped] = ()
    unmapped_attempts: Sequence[UnmappedAttempts] = ()
    stored: Collection[date] = ()

    def title(self, conclusion: str) -> str:
        """A headline: weekday, date and zone, then the conclusion."""
        return f"{text.dated(self.day)} ({self.zone}): {conclusion}"

    def opening(self, conclusion: str) -> str:
        """The first paragraph of a summary, in Markdown: the title. A day that is not the latest says which one is.

        Args:
            conclusion: Plain text.
        """
        older = f" (an older day: the latest is {text.dated(self.latest)})" if self.day < self.latest else ""
        return f"**{text.escape(self.title(conclusion) + older)}**"

    def unmapped_note(self, days: int = 1) -> str:
        """How many outbound attempts have an unmapped status, as plain text. Empty if none has.

        Args:
            days: Number of days that end with the day, at most `unmapped.ATTEMPT_DAYS`.
        """
        counted_in = [each for each in self.unmapped_attempts if 0 <= (self.day - each.communicated_date).days < days]
        without = sum(each.unmapped for each in counted_in)
        attempts = sum(each.attempts for each in counted_in)
        return f"{text.count(without)} of {text.count(attempts)} attempts have an unmapped status" if without else ""


@dataclass(frozen=True)
class Presentation:
    """Headline, summary and picture of one day of an analysis.

    Attributes:
        headline: The conclusion in one sentence, plain text. It begins with weekday and date.
        summary: Markdown of at most `text.INLINE_LIMIT` characters, which the UI shows without a click.
        draw: Draws the picture as a PNG. A function, because drawing is slow and not always needed.
        numbers: Figures that the UI plots over the days. None and NaN are left out.
        details: Further metadata, shown as JSON.
    """

    headline: str
    summary: str
    draw: Callable[[], bytes]
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def picture(self) -> str:
        """Draws the picture, as Markdown with the PNG and the headline as its text."""
        return text.as_markdown(self.draw(), self.headline)


def nothing_to_show(about: Shown, conclusion: str, numbers: Mapping[str, float | None] | None = None) -> Presentation:
    """The presentation of a day without rows: one sentence."""
    headline = about.title(conclusion)
    return Presentation(headline, about.opening(conclusion), lambda: drawing.notice(headline), numbers or {})
