"""The analyses against a second implementation, and what must hold of them whatever the rows."""

import random
from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.analysis import attempts, channels, funnel, health, hours
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
)
from cleargrid_assets_tests.analysis import reference
from cleargrid_assets_tests.analysis.slices import Row, assert_same, messy_rows, relation, row, stored

OUTCOMES = load_outcomes(None)
DAYS = [date(2026, 5, number) for number in (1, 4, 8, 9, 12, 18)]
SEEDS = pytest.mark.parametrize("seed", range(20))


def _funnel(slice_rows: list[Row]) -> pd.DataFrame:
    return funnel.attempt_funnel(relation(slice_rows, funnel.COLUMNS), OUTCOMES)


@SEEDS
def test_the_funnel_agrees_with_the_second_implementation(seed: int) -> None:
    slice_rows = messy_rows(seed)
    actual = stored(_funnel(slice_rows), ATTEMPT_FUNNEL)
    assert_same(actual, reference.attempt_funnel(slice_rows), ATTEMPT_FUNNEL.key)


@SEEDS
def test_reach_by_attempt_agrees_with_the_second_implementation(seed: int) -> None:
    slice_rows = messy_rows(seed)
    frame = attempts.reach_by_attempt(relation(slice_rows, attempts.COLUMNS), OUTCOMES, DAYS)
    expected = reference.reach_by_attempt(slice_rows, DAYS)
    assert_same(stored(frame, REACH_BY_ATTEMPT), expected, REACH_BY_ATTEMPT.key)


@SEEDS
def test_channel_reach_agrees_with_the_second_implementation(seed: int) -> None:
    slice_rows = messy_rows(seed)
    frame = channels.channel_reach(relation(slice_rows, channels.COLUMNS), OUTCOMES)
    assert_same(stored(frame, CHANNEL_REACH), reference.channel_reach(slice_rows), CHANNEL_REACH.key)


@SEEDS
def test_hourly_reach_agrees_with_the_second_implementation(seed: int) -> None:
    slice_rows = messy_rows(seed)
    frame = hours.hourly_reach(relation(slice_rows, hours.COLUMNS), OUTCOMES, ZoneInfo("Asia/Kolkata"))
    assert_same(stored(frame, HOURLY_REACH), reference.hourly_reach(slice_rows, "Asia/Kolkata"), HOURLY_REACH.key)


@SEEDS
def test_operational_health_agrees_with_the_second_implementation(seed: int) -> None:
    slice_rows = messy_rows(seed)
    frame = health.operational_health(relation(slice_rows, health.COLUMNS), OUTCOMES, DAYS)
    expected = reference.operational_health(slice_rows, DAYS)
    assert_same(stored(frame, OPERATIONAL_HEALTH), expected, OPERATIONAL_HEALTH.key)


@given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_the_order_of_the_rows_does_not_matter(seed: int, order: random.Random) -> None:
    slice_rows = messy_rows(seed, 60)
    shuffled = list(slice_rows)
    order.shuffle(shuffled)

    def analyses(given_rows: list[Row]) -> list[pd.DataFrame]:
        return [
            _funnel(given_rows),
            attempts.reach_by_attempt(relation(given_rows, attempts.COLUMNS), OUTCOMES, DAYS[3:5]),
            channels.channel_reach(relation(given_rows, channels.COLUMNS), OUTCOMES),
            hours.hourly_reach(relation(given_rows, hours.COLUMNS), OUTCOMES, ZoneInfo("UTC")),
            health.operational_health(relation(given_rows, health.COLUMNS), OUTCOMES, DAYS[3:5]),
        ]

    for first, second in zip(analyses(slice_rows), analyses(shuffled), strict=True):
        pd.testing.assert_frame_equal(first, second)


_ATTEMPTS = st.lists(
    st.builds(
        lambda number, kind, status, to, duration: row(
            f"{number}", communication_type=kind, status=status, to=to, duration=duration
        ),
        st.integers(0, 10**9),
        st.sampled_from(["CALL", "EMAIL", "SMS", "fax"]),
        st.sampled_from(["ANSWERED", "busy", "FAILED", "CLICKED", "odd"]),
        st.sampled_from(["a", "b", "c", " A"]),
        st.sampled_from([None, 29.9, 30.0]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda attempt: attempt["public_id"],
)


@given(slice_rows=_ATTEMPTS)
@settings(max_examples=25, deadline=None)
def test_stages_contain_each_other_and_all_lies_between_its_largest_part_and_their_sum(slice_rows: list[Row]) -> None:
    frame = _funnel(slice_rows).set_index(["communication_type", "stage_order"])
    for measure in ("attempts", "contacts"):
        stages = frame[measure].unstack()
        for order in (2, 3, 4):
            assert (stages[order] <= stages[order - 1]).all()
        parts, whole = stages.drop(index="ALL"), stages.loc["ALL"]
        assert (whole <= parts.sum()).all()
        assert (whole >= parts.max()).all()
