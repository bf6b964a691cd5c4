"""The common look of all pictures: a light card with a title, fonts, colours and axes.

The card is opaque, so it looks the same on light and dark pages. pyplot is not used, so several threads can draw at the
same time. matplotlib is imported inside the functions, because definitions do not need it. Colour-blind readers can
tell the colours of channels apart: Okabe and Ito (2008), "Color Universal Design".
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleargrid_assets.contracts import EMAIL, MESSAGING, PHONE
from cleargrid_assets.pictures.text import short_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator
    from PIL.Image import Image

WIDTH = 850
"""Width in pixels. The dialog of the UI shows it without scaling."""

MARGIN, TITLE_LINE = 24, 22
"""Pixels around a card's content, and height of a title's line in pixels."""

INK = "#1F2933"
MUTED = "#5B6670"
GRID = "#E4E7EA"
BORDER = "#CBD2D9"
PAPER = "#FFFFFF"
SERIES = "#3E5C76"
BAND = "#D5DEE6"
ALARM = "#AA3377"
"""Purple, which is no channel's colour. Used with a shape of its own."""

UNSURE = "#B3BAC1"
"""Grey, for rates of fewer than `FEW` attempts or contacts."""

TITLE, BODY, SMALL = 12.0, 9.0, 8.0
"""Font sizes in points."""

_CHANNEL_COLOURS = {PHONE: "#0072B2", EMAIL: "#D55E00", MESSAGING: "#009E73"}
_OTHER_COLOUR = "#6B7280"
_DPI = 100
_SHADES = 8
"""Few, so that each has a colour of its own in the palette."""

_TITLE_CHARACTERS = 74
_COLOURS = 24
_HEADROOM = 1.12


@dataclass(frozen=True)
class Card:
    """A figure with its header, and `body` free pixels below it."""

    figure: Figure
    body: int

    def panels(
        self,
        rows: int,
        columns: int,
        *,
        left: int,
        right: int = MARGIN,
        top: int,
        bottom: int,
        across: int = 0,
        down: int = 0,
        heights: Sequence[float] | None = None,
    ) -> list[Axes]:
        """Axes in a grid, row by row. All lengths are in pixels.

        Args:
            rows: Number of rows.
            columns: Number of columns.
            left: Free space to the left of the grid.
            right: Free space to its right.
            top: Free space between header and grid.
            bottom: Free space below the grid.
            across: Space between columns.
            down: Space between rows.
            heights: Relative heights of the rows.
        """
        height = self.figure.get_figheight() * _DPI
        grid = self.figure.add_gridspec(
            rows,
            columns,
            left=left / WIDTH,
            right=1 - right / WIDTH,
            bottom=bottom / height,
            top=(self.body - top) / height,
            # matplotlib expects shares of the average panel.
            wspace=across * columns / (WIDTH - left - right - across * (columns - 1)),
            hspace=down * rows / (self.body - top - bottom - down * (rows - 1)),
            height_ratios=heights,
        )
        panels = [self.figure.add_subplot(grid[position]) for position in range(rows * columns)]
        for axes in panels:
            _plain(axes)
        return panels

    def footnote(self, text: str) -> None:
        """A remark in the lower left corner."""
        height = self.figure.get_figheight() * _DPI
        self.figure.text(MARGIN / WIDTH, 12 / height, verbatim(text), fontsize=SMALL, color=MUTED, va="bottom")

    def png(self) -> bytes:
        """The card as a PNG."""
        from cleargrid_assets.pictures.raster import rasterized

        return as_png(rasterized(self.figure))


def as_png(image: Image) -> bytes:
    """An image in RGB as a PNG. A palette reduces its size to a quarter."""
    from PIL.Image import Dither, Quantize, Resampling

    # K-means, because otherwise flat areas get a colour of something else, such as green for grey. It is slow, so it
    # sees every fourth pixel.
    sample = image.resize((image.width // 2, image.height // 2), Resampling.NEAREST)
    palette = sample.quantize(_COLOURS, Quantize.MAXCOVERAGE, kmeans=1)
    buffer = io.BytesIO()
    image.quantize(palette=palette, dither=Dither.NONE).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def header_of(title: str) -> tuple[list[str], int]:
    """The lines of a title, and the height in pixels of the header with them and a subtitle."""
    lines = textwrap.wrap(title, _TITLE_CHARACTERS, max_lines=5, placeholder=" …")
    return lines, 20 + TITLE_LINE * len(lines) + 34


def card(title: str, subtitle: str, body: int) -> Card:
    """A new card.

    Args:
        title: The conclusion; it is wrapped.
        subtitle: One line on what is shown.
        body: Pixels below the header.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    lines, header = header_of(title)
    height = header + body
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=PAPER)
    figure.add_artist(Rectangle((0, 0), 1, 1, fill=False, edgecolor=BORDER, linewidth=1.5))
    for number, line in enumerate((*lines, subtitle)):
        is_title = number < len(lines)
        figure.text(
            MARGIN / WIDTH,
            1 - (18 + TITLE_LINE * number) / height,
            verbatim(line),
            fontsize=TITLE if is_title else BODY,
            fontweight="bold" if is_title else "normal",
            color=INK if is_title else MUTED,
            va="top",
        )
    return Card(figure, body)


def notice(sentence: str) -> bytes:
    """A picture with a sentence only."""
    return card(sentence, "Nothing to draw.", 0).png()


def points(pixels: float) -> float:
    """A length in points, as matplotlib wants offsets."""
    return pixels * 72 / _DPI


def channel_colour(channel: str) -> str:
    """The colour of a channel, the same in every picture."""
    return _CHANNEL_COLOURS.get(channel, _OTHER_COLOUR)


def verbatim(text: str) -> str:
    """Escapes text that matplotlib would read as a formula."""
    return text.replace("$", r"\$")


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Moves labels so that they are at least `gap` apart.

    Overlapping labels are merged into blocks, which are centred on the mean of the wanted positions.

    Args:
        positions: The wanted positions.
        gap: Min distance between two labels, in the same unit.
    """
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    blocks: list[list[int]] = []
    for index in order:
        blocks.append([index])
        while len(blocks) > 1 and _start(blocks[-1], positions, gap) < _end(blocks[-2], positions, gap) + gap:
            last = blocks.pop()
            blocks[-1] += last
    placed = [0.0] * len(positions)
    for block in blocks:
        start = _start(block, positions, gap)
        for step, index in enumerate(block):
            placed[index] = start + step * gap
    return placed


def panel_title(axes: Axes, title: str) -> None:
    """The title of a panel: what it shows."""
    axes.set_title(verbatim(title), loc="left", fontsize=BODY, color=INK, pad=7)


def name_title(axes: Axes, name: str, colour: str = INK) -> None:
    """The title of a panel: the name of its type or channel, in bold."""
    axes.set_title(verbatim(name), loc="left", fontsize=BODY, fontweight="bold", color=colour, pad=5)


def percent_axis(axes: Axes, top: float) -> None:
    """A vertical axis of rates in percent, from zero to a little above `top`."""
    axes.set_ylim(0, min(1.0, top * _HEADROOM) if top > 0 else 1.0)
    axes.yaxis.set_major_locator(few_ticks())
    axes.yaxis.set_major_formatter(lambda rate, _: f"{rate * 100:.3g}%")


def count_axis(axes: Axes, top: float) -> None:
    """A vertical axis of counts, from zero to a little above `top`."""
    axes.set_ylim(0, top * _HEADROOM if top > 0 else 1.0)
    axes.yaxis.set_major_locator(few_ticks())
    axes.yaxis.set_major_formatter(lambda value, _: short_count(value))


def duration_axis(axes: Axes, top: float, unit: str) -> None:
    """A vertical axis of durations in a unit of time, from zero to a little above `top`."""
    axes.set_ylim(0, top * _HEADROOM if top > 0 else 1.0)
    axes.yaxis.set_major_locator(few_ticks())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} {unit}")


def end_label(axes: Axes, point: tuple[float, float], name: str, value: str, colour: str) -> None:
    """The name of a curve and its value, in its colour, to the right of the panel."""
    for words, weight, rise in ((name, "bold", 6), (value, "normal", -6)):
        axes.annotate(
            verbatim(words),
            point,
            xytext=(6, rise),
            textcoords="offset points",
            color=colour,
            fontsize=BODY,
            fontweight=weight,
            va="center",
            annotation_clip=False,
        )


def heat_scale(top: float) -> ScalarMappable:
    """Colours for rates from 0 to `top`, light to dark.

    ColorBrewer's YlGnBu, which colour-blind readers can order, without its darkest part, where numbers are illegible.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("rates", colormaps["YlGnBu"]([0.0, 0.2, 0.4, 0.6, 0.8]), _SHADES)
    return ScalarMappable(Normalize(0, top), colours)


def few_ticks() -> Locator:
    """Ticks at round numbers, at most five."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4)


def _start(block: Sequence[int], positions: Sequence[float], gap: float) -> float:
    return sum(positions[index] for index in block) / len(block) - gap * (len(block) - 1) / 2


def _end(block: Sequence[int], positions: Sequence[float], gap: float) -> float:
    return _start(block, positions, gap) + gap * (len(block) - 1)


def _plain(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED, pad=5)
