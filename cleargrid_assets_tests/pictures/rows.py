"""Tidy rows of the tables for the tests of the pictures: all columns filled, the relevant ones given by the test."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.analysis.volumes import COLUMNS
from cleargrid_assets.contracts import (
    ALL_TYPES,
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    CONTACT_FREQUENCY,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
    STAGES,
)
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.pictures.health import judge
from cleargrid_assets.pictures.presentation import Shown
from cleargrid_assets.schema import Table

DAY = date(2026, 5, 19)

TITLE = "Tue 2026-05-19 (UTC): "
"""What the headline of `DAY` begins with."""


def about(day: date = DAY, latest: date | None = None, **given: Any) -> Shown:
    """What a presentation is told of the day, by default the last stored one."""
    return Shown(**{"day": day, "zone": "UTC", "latest": latest or day, **given})


def empty(table: Table) -> pd.DataFrame:
    return frame([], table)


def frame(rows: Sequence[tuple[object, ...]], table: Table) -> pd.DataFrame:
    return tidy(pd.DataFrame(rows, columns=table.column_names), table)


def _rate(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The ends of the 95% Wilson interval: the roots of (rate - p)^2 = z^2 p (1 - p) / trials."""
    z, rate = 1.959963984540054, successes / trials
    a, b, c = 1 + z**2 / trials, -(2 * rate + z**2 / trials), rate**2
    root = math.sqrt(max(0.0, b**2 - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def funnel(types: dict[str, tuple[int, int, int, int]]) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = [
        (DAY, name, stage, order, 2 * contacts, contacts, _rate(contacts, counts[0]), _rate(contacts, counts[0]), None)
        for name, counts in types.items()
        for order, (stage, contacts) in enumerate(zip(STAGES, counts, strict=True), 1)
    ]
    return frame(rows, ATTEMPT_FUNNEL)


def attempts(channels: dict[str, list[tuple[int, int]]]) -> pd.DataFrame:
    """For each channel a pair an attempt: contacts at risk, and first reached at it. Nobody reached is tried again."""
    rows: list[tuple[object, ...]] = []
    for channel, pairs in channels.items():
        reached, left = 0, 1.0
        for number, (at_risk, first) in enumerate(pairs, 1):
            reached += first
            probability = _rate(first, at_risk)
            left *= 1 - (probability or 0)
            low, high = wilson(first, at_risk) if at_risk else (None, None)
            km = 1 - left if at_risk else None
            cumulative = _rate(reached, pairs[0][0])
            rows.append((DAY, channel, number, at_risk, first, cumulative, 7, at_risk, probability, low, high, km))
    return frame(rows, REACH_BY_ATTEMPT)


def channels(rates: dict[str, tuple[int, float | None, float | None, float | None]], day: date = DAY) -> pd.DataFrame:
    """For each channel: contacts, the rate, and the ends of its interval."""
    rows: list[tuple[object, ...]] = [
        (day, channel, 2 * contacts, contacts, round(contacts * (rate or 0)), rate, low, high, None, 3, None)
        for channel, (contacts, rate, low, high) in rates.items()
    ]
    return frame(rows, CHANNEL_REACH)


def hours(cells: Iterable[tuple[int, str, int, int, int]]) -> pd.DataFrame:
    """For each cell: days before the day, channel, hour, attempts, reached attempts."""
    rows: list[tuple[object, ...]] = [
        (DAY - timedelta(days=age), channel, hour, attempts, reached, _rate(reached, attempts))
        for age, channel, hour, attempts, reached in cells
    ]
    return frame(rows, HOURLY_REACH)


def volumes(cells: Iterable[tuple[int, str, int, int]]) -> pd.DataFrame:
    """For each cell: weeks before the day, type, hour, communications."""
    rows = [(DAY - timedelta(weeks=weeks), *rest) for weeks, *rest in cells]
    made: pd.DataFrame = pd.DataFrame(rows, columns=list(COLUMNS))
    return made


def health(cells: Iterable[tuple[int, str, int, int]]) -> pd.DataFrame:
    """For each cell: days before the day, type, communications, failed. `ALL` is added where it is not given."""
    given = list(cells)
    totals: dict[int, tuple[int, int]] = {}
    for age, _, communications, failed in given:
        before = totals.get(age, (0, 0))
        totals[age] = (before[0] + communications, before[1] + failed)
    rows: list[tuple[object, ...]] = []
    for age, name, communications, failed in [*given, *((age, ALL_TYPES, *total) for age, total in totals.items())]:
        day = DAY - timedelta(days=age)
        at = pd.Timestamp(day, tz="UTC")
        counts = (communications, failed, _rate(failed, communications), 0, 0, 0)
        rows.append((day, name, *counts, 2.0, 5.0, 30.0, 90.0, at, at))
    return frame(rows, OPERATIONAL_HEALTH)


def frequency(
    channels: dict[str, tuple[int, int, int, int, int]], most: int = 9, limits: tuple[int | None, ...] = (None,) * 3
) -> pd.DataFrame:
    """For each channel the contacts with 1, 2, 3 to 4, 5 to 7 and more attempts; for all what crossed the limits."""
    rows: list[tuple[object, ...]] = [
        (DAY, channel, sum(groups), most, *groups, *limits) for channel, groups in channels.items()
    ]
    return frame(rows, CONTACT_FREQUENCY)


def judged(cells: Iterable[tuple[int, str, int, int]], stored: Iterable[int] = (), **outcomes: Any) -> pd.DataFrame:
    """What the picture of `operational_health` gets.

    Args:
        cells: As for `health`.
        stored: The days without rows that are stored, too, as days before the day.
        outcomes: Of the outcomes file, what differs from the packaged one.
    """
    facts = health(cells)
    days = {*facts["communicated_date"], *(DAY - timedelta(days=age) for age in stored)}
    return judge(facts, days, replace(load_outcomes(None), **outcomes))
