"""Intervals of proportions and of their difference."""

import duckdb
import pytest

from cleargrid_assets.analysis.intervals import newcombe, wilson_sql


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        # Table II of Newcombe (1998), method 10.
        ((56, 70, 48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.6, 0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.5714, 0.0582, 0.8062)),
        ((5, 56, 0, 29), (0.0893, -0.0381, 0.1926)),
        ((0, 10, 0, 20), (0.0, -0.1611, 0.2775)),
        ((0, 10, 0, 10), (0.0, -0.2775, 0.2775)),
        ((10, 10, 0, 20), (1.0, 0.6791, 1.0)),
        ((10, 10, 0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_difference_has_the_published_interval(
    groups: tuple[int, int, int, int], expected: tuple[float, float, float]
) -> None:
    assert newcombe(*groups) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("groups", [(0, 0, 1, 2), (1, 2, 0, 0), (3, 2, 1, 2), (-1, 2, 1, 2)])
def test_groups_that_are_no_proportions_are_refused(groups: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is no proportion"):
        newcombe(*groups)


def test_interval_without_trials_is_null() -> None:
    low, high = wilson_sql("k", "n")
    assert duckdb.sql(f"SELECT {low}, {high} FROM (VALUES (0, 0)) AS counts (k, n)").fetchall() == [(None, None)]
