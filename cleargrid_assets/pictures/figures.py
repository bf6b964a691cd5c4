"""Figures of channels as a small table below a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleargrid_assets.pictures import drawing, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 20
"""Height of a line in pixels."""

_FIRST = 48


def figures_below(
    axes: Axes, left: int, columns: Sequence[tuple[int, str]], lines: Mapping[str, Sequence[str]]
) -> None:
    """Draws a header and a line for each channel, in its colour.

    Args:
        axes: The panel above.
        left: Where the names of the channels begin, in pixels from the left edge of the panel.
        columns: For each column its right end, likewise, and its title.
        lines: For each channel the cells of the columns.
    """
    for x, title in columns:
        _write(axes, (x, 0), title, size=drawing.SMALL, color=drawing.MUTED, ha="right")
    for line, (channel, cells) in enumerate(lines.items(), 1):
        colour = drawing.channel_colour(channel)
        _write(axes, (left, line), text.channel_name(channel), size=drawing.BODY, color=colour, weight="bold")
        for (x, _), cell in zip(columns, cells, strict=True):
            _write(axes, (x, line), cell, size=drawing.BODY, color=drawing.INK, ha="right")


def _write(axes: Axes, place: tuple[int, int], words: str, **style: Any) -> None:
    x, line = place
    axes.annotate(
        drawing.verbatim(words),
        (0, 0),
        xycoords="axes fraction",
        xytext=(drawing.points(x), drawing.points(-_FIRST - LINE * line)),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **style,
    )
