"""Windows and how they are cut."""

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleargrid_assets.exports.window import MINIMUM_WIDTH, Window, iso, position_before

UTC = timezone.utc
START = datetime(2026, 5, 19, tzinfo=UTC)
instants = st.datetimes(datetime(2026, 5, 19), datetime(2026, 5, 20), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (START, "2026-05-19T00:00:00.000Z"),
        (START + timedelta(microseconds=1500), "2026-05-19T00:00:00.001500Z"),
        (datetime(2026, 5, 19, 3, tzinfo=timezone(timedelta(hours=3))), "2026-05-19T00:00:00.000Z"),
    ],
)
def test_instants_are_written_in_utc_with_milliseconds_or_finer(instant: datetime, text: str) -> None:
    assert iso(instant) == text


@given(instants)
def test_position_is_the_last_whole_second_before_an_instant(instant: datetime) -> None:
    position = position_before(instant)
    assert timedelta(0) < instant - position <= timedelta(seconds=1)
    assert position.microsecond == 0


@given(instants, instants, st.integers(1, 40))
def test_the_parts_of_a_window_are_together_the_window(one: datetime, other: datetime, parts: int) -> None:
    window = Window(min(one, other), max(one, other))
    split = window.split(parts)
    assert (split[0].since, split[-1].until) == (window.since, window.until)
    assert all(left.until == right.since for left, right in pairwise(split))
    assert len(split) <= parts
    assert len(split) == 1 or all(part.width >= MINIMUM_WIDTH for part in split)


@given(instants, instants, st.floats(0, 100_000))
def test_a_cut_leaves_two_parts_wide_enough_or_none(one: datetime, other: datetime, after: float) -> None:
    window = Window(min(one, other), max(one, other))
    cut = window.cut(timedelta(seconds=after))
    if cut is not None:
        mine, rest = cut
        assert (mine.since, mine.until, rest.until) == (window.since, rest.since, window.until)
        assert min(mine.width, rest.width) >= MINIMUM_WIDTH


def test_a_window_narrower_than_twice_the_minimum_is_not_split() -> None:
    window = Window(START, START + timedelta(seconds=1.999))
    assert window.split(2) == [window]
    assert window.cut(timedelta(seconds=1)) is None


def test_a_window_shows_its_bounds() -> None:
    assert str(Window(START, START + timedelta(seconds=1.5))) == "[2026-05-19T00:00:00.000Z, 2026-05-19T00:00:01.500Z)"
