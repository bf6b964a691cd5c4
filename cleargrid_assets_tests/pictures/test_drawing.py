import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cleargrid_assets.pictures import channels, drawing
from cleargrid_assets_tests.pictures import rows


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=6), st.floats(0.1, 20))
def test_spread_labels_keep_their_order_and_their_distance(positions: list[float], gap: float) -> None:
    placed = drawing.spread(positions, gap)

    order = sorted(range(len(positions)), key=lambda index: positions[index])
    assert all(placed[after] - placed[before] >= gap - 1e-6 for before, after in pairwise(order))


@pytest.mark.parametrize(
    ("positions", "placed"), [([0.0, 10.0], [0.0, 10.0]), ([5.0, 5.0], [4.0, 6.0]), ([6.0, 0.0, 5.0], [6.5, 0.0, 4.5])]
)
def test_labels_move_only_as_far_as_they_must(positions: list[float], placed: list[float]) -> None:
    assert drawing.spread(positions, 2.0) == placed


def test_a_channel_has_a_colour_of_its_own() -> None:
    assert len({drawing.channel_colour(name) for name in ("phone", "email", "messaging", "other")}) == 4


def test_pictures_drawn_in_several_threads_are_those_drawn_alone() -> None:
    frames = [rows.channels({"phone": (contacts, 0.4, 0.3, 0.5)}) for contacts in (10, 20, 30, 40)]
    alone = [channels.present(frame, rows.about()).draw() for frame in frames]

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda frame: channels.present(frame, rows.about()).draw(), frames))

    assert together == alone


def test_a_word_looks_the_same_between_two_pixels_as_on_one() -> None:
    def drawn(beyond: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        card = drawing.card("Title", "Subtitle", 100)
        width, height = card.figure.get_size_inches() * card.figure.dpi
        card.figure.text((200 + beyond) / width, (50 + beyond) / height, "8 Apr", fontsize=drawing.SMALL)
        with Image.open(io.BytesIO(card.png())) as image:
            return np.asarray(image.convert("L"))

    assert (drawn(0.4) == drawn(0.0)).all()


def test_importing_the_pictures_does_not_import_matplotlib() -> None:
    code = (
        "import sys; from cleargrid_assets.pictures import "
        "attempts, channels, frequency, funnel, health, hours, table; "
        "sys.exit(bool({'matplotlib', 'PIL'} & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
