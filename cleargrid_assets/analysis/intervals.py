"""Confidence intervals of proportions, and of the difference of two."""

import math
from statistics import NormalDist
from typing import NamedTuple

_Z = NormalDist().inv_cdf(0.975)


class Difference(NamedTuple):
    """The difference of two proportions, with its 95% interval.

    Attributes:
        difference: The first proportion minus the second, -1 to 1.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    difference: float
    low: float
    high: float


def wilson_sql(successes: str, trials: str) -> tuple[str, str]:
    """The lower and the upper end of the 95% Wilson interval of a proportion, in SQL. Both are NULL without trials.

    For p = k / n, the interval is (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), where z is the
    97.5% quantile of the normal distribution: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927).

    Args:
        successes: The column with k.
        trials: The column with n.
    """
    rate = f"({successes} / {trials})"
    centre = f"({rate} + {_Z**2} / (2 * {trials}))"
    half_width = f"{_Z} * sqrt({rate} * (1 - {rate}) / {trials} + {_Z**2} / (4.0 * {trials} * {trials}))"
    scale = f"(1 + {_Z**2} / {trials})"
    # Because of rounding, the interval could exclude a rate of 0 or 1, or exceed the range 0 to 1.
    low = f"greatest(0, least({rate}, ({centre} - {half_width}) / {scale}))"
    high = f"least(1, greatest({rate}, ({centre} + {half_width}) / {scale}))"
    return f"CASE WHEN {trials} > 0 THEN {low} END", f"CASE WHEN {trials} > 0 THEN {high} END"


def newcombe(reached_a: int, n_a: int, reached_b: int, n_b: int) -> Difference:
    """The difference of two independent proportions, with its 95% interval: Newcombe's hybrid score interval.

    With the Wilson intervals (l, u) of both proportions p, the interval of the difference d = p(a) - p(b) is from
    d - sqrt((p(a) - l(a))^2 + (u(b) - p(b))^2) to d + sqrt((u(a) - p(a))^2 + (p(b) - l(b))^2): method 10 of
    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998).

    Args:
        reached_a: Successes of the first group.
        n_a: Trials of the first group.
        reached_b: Successes of the second group.
        n_b: Trials of the second group.

    Raises:
        ValueError: A group has no trials, or more successes than trials.
    """
    rate_a, low_a, high_a = _wilson(reached_a, n_a)
    rate_b, low_b, high_b = _wilson(reached_b, n_b)
    difference = rate_a - rate_b
    return Difference(
        difference,
        difference - math.hypot(rate_a - low_a, high_b - rate_b),
        difference + math.hypot(high_a - rate_a, rate_b - low_b),
    )


def _wilson(successes: int, trials: int) -> tuple[float, float, float]:
    """The proportion, and its 95% Wilson interval as in `wilson_sql`."""
    if not 0 <= successes <= trials or not trials:
        raise ValueError(f"{successes} of {trials} is no proportion")
    rate = successes / trials
    centre = rate + _Z**2 / (2 * trials)
    half_width = _Z * math.sqrt(rate * (1 - rate) / trials + _Z**2 / (4 * trials**2))
    scale = 1 + _Z**2 / trials
    return rate, (centre - half_width) / scale, (centre + half_width) / scale
