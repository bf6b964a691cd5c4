"""The analyses against a second implementation, and what must hold of them whatever the rows."""

import random
from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.analysis.funnel import SOURCES, attempt_funnel
from cleargrid_assets.analysis.outcomes import Outcomes, load_outcomes
from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.contracts import INTERACTIONS
from cleargrid_assets_tests.analysis import reference
from cleargrid_assets_tests.analysis.slices import assert_same, messy_rows, relation, row, scope, stored
from cleargrid_assets_tests.rows import Row

DAYS = (1, 4, 8, 9, 12, 18)
MONTHS = {5: "Asia/Kolkata", 3: "America/New_York", 11: "America/New_York"}
"""The month of the rows, and the business zone. In New York, clocks change on 8 March and 1 November."""

REGION = "SA"
AGAIN = [analysis for analysis in ANALYSES if hasattr(reference, analysis.table.name)]
"""The analyses that have a second implementation: one that is meant to be exact should."""


def named(analysis: Analysis) -> str:
    return analysis.table.name


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """The packaged outcomes with the limits and the days off of the second implementation."""
    file = tmp_path_factory.mktemp("outcomes") / "outcomes.toml"
    days_off = [str(day) for day in sorted(reference.DAYS_OFF)]
    file.write_text(
        f"""
[calendar]
days_off = {[*days_off, reference.WEEKDAY_OFF]}
[limits]
attempts_per_week = {reference.ATTEMPTS_PER_WEEK}
earliest = "{reference.EARLIEST:%H:%M}"
latest = "{reference.LATEST:%H:%M}"
"""
    )
    return load_outcomes(str(file))


def _computed(
    analysis: Analysis, slice_rows: list[Row], days: list[date], outcomes: Outcomes | None = None, zone: str = "UTC"
) -> pd.DataFrame:
    rows = relation(slice_rows, analysis.sources, outcomes, REGION)
    return analysis.compute(rows, scope(*days, zone=ZoneInfo(zone), outcomes=outcomes))


@pytest.mark.parametrize("analysis", AGAIN, ids=named)
@pytest.mark.parametrize("seed", range(6))
def test_every_figure_equals_that_of_the_second_implementation(
    analysis: Analysis, seed: int, outcomes: Outcomes
) -> None:
    month, zone = list(MONTHS.items())[seed % 3]
    slice_rows, days = messy_rows(seed, month=month), [date(2026, month, number) for number in DAYS]
    expected = getattr(reference, analysis.table.name)(slice_rows, days, zone)
    frame = _computed(analysis, slice_rows, days, outcomes, zone)
    assert_same(stored(frame, analysis.table), expected, analysis.table.key)


@pytest.mark.parametrize("seed", range(3))
def test_every_interaction_equals_that_of_the_second_implementation(seed: int) -> None:
    slice_rows = messy_rows(seed)
    rows = relation(slice_rows, {"all": INTERACTIONS.column_names}, region=REGION)
    found = [dict(zip(rows.columns, values, strict=True)) for values in rows.fetchall()]
    assert_same(found, reference.interactions(slice_rows), INTERACTIONS.key)


def test_the_packaged_analyses_have_a_second_implementation() -> None:
    assert {named(analysis) for analysis in AGAIN} >= {
        *("attempt_funnel", "reach_by_attempt", "channel_reach", "hourly_reach", "operational_health"),
        "contact_frequency",
    }


@pytest.mark.parametrize("analysis", ANALYSES, ids=named)
@given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
@settings(max_examples=3)
def test_the_order_of_the_rows_does_not_matter(analysis: Analysis, seed: int, order: random.Random) -> None:
    slice_rows = messy_rows(seed, 60)
    shuffled = list(slice_rows)
    order.shuffle(shuffled)
    first, second = (
        _computed(analysis, given_rows, [date(2026, 5, 9), date(2026, 5, 12)]) for given_rows in (slice_rows, shuffled)
    )
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
@settings(max_examples=25)
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
