"""Draws figures as images. Imported when a picture is drawn, because importing matplotlib takes long."""

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from PIL import Image


def rasterized(figure: Figure) -> Image.Image:
    """The figure as an image in RGB."""
    size = FigureCanvasAgg(figure).get_width_height()
    renderer = _Renderer(*size, figure.dpi)  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    return Image.frombuffer("RGBA", size, renderer.buffer_rgba()).convert("RGB")  # type: ignore[no-untyped-call]


class _Renderer(RendererAgg):
    """Places text on whole pixels, as matplotlib did before 3.11.

    It is sharper there, and a letter looks the same everywhere, so that the PNG is smaller.
    """

    def draw_text(self, gc: Any, x: float, y: float, *rest: Any, **named: Any) -> None:
        super().draw_text(gc, round(x), round(y), *rest, **named)  # type: ignore[no-untyped-call]
