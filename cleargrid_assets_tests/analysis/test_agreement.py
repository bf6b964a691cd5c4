"""The analyses against a second implementation, and what must hold of them whatever the rows."""

import random
from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.analysis.funnel import SOURCES, attempt_funnel
from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets_tests.analysis import reference
from cleargrid_assets_tests.analysis.slices import assert_same, messy_rows, relation, row, scope, stored
from cleargrid_assets_tests.rows import Row

DAYS = [date(2026, 5, number) for number in (1, 4, 8, 9, 12, 18)]
ZONE = "Asia/Kolkata"
AGAIN = [analysis for analysis in ANALYSES if hasattr(reference, analysis.table.name)]
"""The analyses that have a second implementation: one that is meant to be exact should."""


def named(analysis: Analysis) -> str:
    return analysis.table.name


def _computed(analysis: Analysis, slice_rows: list[Row], days: list[date]) -> pd.DataFrame:
    return analysis.compute(relation(slice_rows, analysis.sources), scope(*days, zone=ZoneInfo(ZONE)))


@pytest.mark.parametrize("analysis", AGAIN, ids=named)
@pytest.mark.parametrize("seed", range(20))
def test_every_figure_equals_that_of_the_second_implementation(analysis: Analysis, seed: int) -> None:
    slice_rows = messy_rows(seed)
    expected = getattr(reference, analysis.table.name)(slice_rows, DAYS, ZONE)
    assert_same(stored(_computed(analysis, slice_rows, DAYS), analysis.table), expected, analysis.table.key)


def test_the_first_five_analyses_have_a_second_implementation() -> None:
    assert {named(analysis) for analysis in AGAIN} >= {
        *("attempt_funnel", "reach_by_attempt", "channel_reach", "hourly_reach", "operational_health")
    }


@pytest.mark.parametrize("analysis", ANALYSES, ids=named)
@given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_the_order_of_the_rows_does_not_matter(analysis: Analysis, seed: int, order: random.Random) -> None:
    slice_rows = messy_rows(seed, 60)
    shuffled = list(slice_rows)
    order.shuffle(shuffled)
    first, second = (_computed(analysis, given_rows, DAYS[3:5]) for given_rows in (slice_rows, shuffled))
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
def test_stages_nest_and_all_types_lie_between_largest_part_and_sum(slice_rows: list[Row]) -> None:
    funnel = attempt_funnel(relation(slice_rows, SOURCES), scope())
    frame = funnel.set_index(["communication_type", "stage_order"])
    for measure in ("attempts", "contacts"):
        stages = frame[measure].unstack()
        for order in (2, 3, 4):
            assert (stages[order] <= stages[order - 1]).all()
        parts, whole = stages.drop(index="ALL"), stages.loc["ALL"]
        assert (whole <= parts.sum()).all()
        assert (whole >= parts.max()).all()
