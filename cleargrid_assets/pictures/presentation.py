"""What the UI shows of one day of an analysis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cleargrid_assets.pictures import drawing, text


@dataclass(frozen=True)
class Presentation:
    """Headline, summary and picture of one day of an analysis.

    Attributes:
        headline: The conclusion in one sentence, plain text.
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


def nothing_to_show(headline: str, numbers: Mapping[str, float | None] | None = None) -> Presentation:
    """The presentation of a day without rows: one sentence."""
    return Presentation(headline, f"{text.escape(headline)}.", lambda: drawing.notice(headline), numbers or {})
