"""A card like those of `drawing`, drawn with Pillow alone: importing matplotlib takes longer than storing a small day.

Pillow is imported inside the functions, because definitions do not need it.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cleargrid_assets.pictures.drawing import (
    BODY,
    BORDER,
    INK,
    MARGIN,
    MUTED,
    PAPER,
    TITLE,
    TITLE_LINE,
    WIDTH,
    as_png,
    header_of,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

_PIXELS_PER_POINT = 100 / 72


@dataclass(frozen=True)
class LightCard:
    """An image with its header. The body begins at `top`, in pixels from the upper edge."""

    image: Image
    pen: ImageDraw
    top: int

    def write(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = BODY,
        bold: bool = False,
        colour: str = INK,
        anchor: str = "lm",
    ) -> None:
        """Writes a line of text.

        Args:
            x: Pixels from the left.
            y: Pixels from the upper edge.
            words: The text.
            size: Font size in points.
            bold: Whether it is bold.
            colour: Its colour.
            anchor: Which point of the text lies at x and y, as Pillow names it.
        """
        self.pen.text((x, y), words, font=_font(size, bold), fill=colour, anchor=anchor)

    def png(self) -> bytes:
        """The card as a PNG."""
        return as_png(self.image)


def light_card(title: str, subtitle: str, body: int) -> LightCard:
    """A new card.

    Args:
        title: The conclusion; it is wrapped.
        subtitle: One line on what is shown.
        body: Pixels below the header.
    """
    from PIL import Image, ImageDraw

    lines, header = header_of(title)
    image = Image.new("RGB", (WIDTH, header + body), PAPER)
    card = LightCard(image, ImageDraw.Draw(image), header)
    card.pen.rectangle((0, 0, WIDTH - 1, header + body - 1), outline=BORDER)
    for number, line in enumerate((*lines, subtitle)):
        is_title = number < len(lines)
        card.write(
            MARGIN,
            18 + TITLE_LINE * number,
            line,
            size=TITLE if is_title else BODY,
            bold=is_title,
            colour=INK if is_title else MUTED,
            anchor="la",
        )
    return card


@cache
def _font(size: float, bold: bool) -> FreeTypeFont:
    """The font of matplotlib's pictures, from its folder."""
    from PIL import ImageFont

    # Finds the package without importing it.
    spec = importlib.util.find_spec("matplotlib")
    folder = Path(str(spec and spec.origin)).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(folder / f"DejaVuSans{'-Bold' if bold else ''}.ttf", size * _PIXELS_PER_POINT)
