"""What holds of all five: valid pictures, short summaries, no failure whatever the numbers."""

import io
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cleargrid_assets.contracts import CHANNEL_REACH
from cleargrid_assets.pictures import attempts, channels, drawing, funnel, health, hours, text
from cleargrid_assets_tests.pictures import rows

TYPES = [f"TYPE_{letter}" for letter in "ABCDEFGH"]
FEW, MANY = ["CALL"], ["CALL", "A$B|_NAME_THAT_GOES_ON_AND_ON_AND_ON_FOR_EVER$", *TYPES]
CHANNELS = ["phone", "email", "messaging", "other"]

Drawn = tuple[Callable[..., str], Callable[..., bytes], tuple[pd.DataFrame, ...]]


def _cases(size: int, types: list[str], names: list[str]) -> dict[str, Drawn]:
    counts = (size, size // 2, size // 4, size // 8)
    day_of_channels = rows.channels(dict.fromkeys(names, (size, 0.4, 0.35, 0.45)))
    return {
        "funnel": (funnel.summary, funnel.picture, (rows.funnel(dict.fromkeys(["ALL", *types], counts)),)),
        "attempts": (
            attempts.summary,
            attempts.picture,
            (rows.attempts(dict.fromkeys(names, [(size, size // 4)] * 3)),),
        ),
        "channels": (channels.summary, channels.picture, (day_of_channels, rows.empty(CHANNEL_REACH))),
        "hours": (
            hours.summary,
            hours.picture,
            (rows.hours((age, name, 10, size, size // 3) for age in range(7) for name in names),),
        ),
        "health": (
            health.summary,
            health.picture,
            (rows.health((age, name, size, size // 9, 1.0, False) for age in range(9) for name in types),),
        ),
    }


def _size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        image.verify()
        assert image.format == "PNG"
        size: tuple[int, int] = image.size
        return size


@pytest.mark.parametrize("analysis", ["funnel", "attempts", "channels", "hours", "health"])
@pytest.mark.parametrize(("types", "names"), [(FEW, CHANNELS[:1]), (MANY, CHANNELS)])
def test_a_picture_is_a_png_of_the_cards_width_and_shows_its_data(
    analysis: str, types: list[str], names: list[str]
) -> None:
    _, picture, small = _cases(80, types, names)[analysis]
    _, _, large = _cases(3_000_000_000, types, names)[analysis]

    small_png, large_png = picture(*small, rows.DAY), picture(*large, rows.DAY)

    width, height = _size(small_png)
    assert width == drawing.WIDTH
    assert 100 < height < 1000
    assert len(small_png) < 60_000
    assert small_png != large_png
    assert small_png == picture(*small, rows.DAY)


@pytest.mark.parametrize("analysis", ["funnel", "attempts", "channels", "hours", "health"])
def test_a_day_without_rows_has_a_sentence_and_a_picture_of_it(analysis: str) -> None:
    summary, picture, frames = _cases(80, FEW, CHANNELS)[analysis]
    nothing = [frame.iloc[:0] for frame in frames]

    assert summary(*nothing, rows.DAY).startswith("No ")
    assert _size(picture(*nothing, rows.DAY))[1] < 100


NAMES = st.lists(st.one_of(st.sampled_from(CHANNELS), st.text(min_size=1, max_size=80)), max_size=12, unique=True)
COUNTS = st.one_of(st.just(0), st.integers(1, 20), st.integers(10**6, 10**15))


@given(names=NAMES, size=COUNTS, has_rates=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_summary_is_longer_than_the_ui_shows_inline(names: list[str], size: int, has_rates: bool) -> None:
    for summary, _, frames in _cases(size, names, names).values():
        shown = [
            frame if has_rates else frame.assign(**{name: None for name in frame.columns if "rate" in name})
            for frame in frames
        ]
        assert 0 < len(summary(*shown, rows.DAY)) <= text.INLINE_LIMIT


@pytest.mark.parametrize("analysis", ["funnel", "attempts", "channels", "hours", "health"])
def test_rates_that_are_null_do_not_keep_a_picture_from_being_drawn(analysis: str) -> None:
    _, picture, frames = _cases(80, FEW, CHANNELS)[analysis]
    unknown = [
        frame.assign(**{name: None for name in frame.columns if name.endswith(("rate", "low", "high", "_s"))})
        for frame in frames
    ]

    assert _size(picture(*unknown, rows.DAY))[0] == drawing.WIDTH
