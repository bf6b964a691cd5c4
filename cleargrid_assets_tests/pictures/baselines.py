"""The pictures as they should look, one PNG per picture in `baseline/`.

To write them anew after a wanted change: `python -m cleargrid_assets_tests.pictures.baselines`. Look at each of them.
"""

import io
from importlib.metadata import version
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement
from PIL import Image

from cleargrid_assets_tests.pictures.examples import EXAMPLES

FOLDER = Path(__file__).with_name("baseline")
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_MAX_DIFFERENCE = 24
"""Of a pixel's colours, each from 0 to 255: what another palette may change."""
_MAX_SHARE = 0.002
"""Share of the pixels that may differ more: about one label of a picture."""


def drawing_version() -> str:
    """The matplotlib that the baselines are drawn with: the one that constraints.txt has for the newest Python."""
    lines = [line for line in _CONSTRAINTS.read_text().splitlines() if line.startswith("matplotlib==")]
    [requirement] = [
        requirement
        for requirement in map(Requirement, lines)
        if not requirement.marker or requirement.marker.evaluate({"python_version": "3.14"})
    ]
    return str(requirement.specifier).removeprefix("==")


def is_drawing_version() -> bool:
    """Whether that is the matplotlib at hand. Others place text a little differently."""
    return version("matplotlib") == drawing_version()


def share_that_differs(png: bytes, name: str) -> float:
    """The share of pixels that differ from the baseline of that name; 1 if the sizes differ."""
    drawn, expected = _pixels(io.BytesIO(png)), _pixels(FOLDER / f"{name}.png")
    if drawn.shape != expected.shape:
        return 1.0
    return float((np.abs(drawn - expected).max(axis=2) > _MAX_DIFFERENCE).mean())


def equals_baseline(png: bytes, name: str) -> bool:
    """Whether a picture looks like its baseline."""
    return share_that_differs(png, name) <= _MAX_SHARE


def _pixels(source: io.BytesIO | Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.int16]]":
    with Image.open(source) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def write() -> None:
    """Draws all baselines anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, present in EXAMPLES.items():
        with Image.open(io.BytesIO(present().draw())) as image:
            image.save(FOLDER / f"{name}.png", optimize=True)
            print(name, (FOLDER / f"{name}.png").stat().st_size, "bytes")


if __name__ == "__main__":
    write()
