"""Tidy rows of the tables for the tests of the pictures: all columns filled, the relevant ones given by the test."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
    STAGES,
)
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.pictures.presentation import Shown
from cleargrid_assets.schema import Table

DAY = date(2026, 5, 19)

TITLE = "Tue 2026-05-19 (UTC): "
"""What the headline of `DAY` begins with."""


def about(day: date = DAY, latest: date | None = None, **given: Any) -> Shown:
    """What a presentation is told of the day, by default the last stored one."""
    return Shown(**{"day": day, "zone": "UTC", "latest": latest or day, "outcomes": load_outcomes(None), **given})


def empty(table: Table) -> pd.DataFrame:
    return frame([], table)


def frame(rows: Sequence[tuple[object, ...]], table: Table) -> pd.DataFrame:
    return tidy(pd.DataFrame(rows, columns=table.column_names), table)


def _rate(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def funnel(types: dict[str, tuple[int, int, int, int]]) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = [
        (DAY, name, stage, order, 2 * contacts, contacts, _rate(contacts, counts[0]), _rate(contacts, counts[0]), None)
        for name, counts in types.items()
        for order, (stage, contacts) in enumerate(zip(STAGES, counts, strict=True), 1)
    ]
    return frame(rows, ATTEMPT_FUNNEL)


def attempts(channels: dict[str, list[tuple[int, int]]]) -> pd.DataFrame:
    """For each channel a pair an attempt: contacts attempted, and first reached at it."""
    rows: list[tuple[object, ...]] = []
    for channel, pairs in channels.items():
        reached = 0
        for number, (attempted, first) in enumerate(pairs, 1):
            reached += first
            rows.append((DAY, channel, number, attempted, first, _rate(reached, pairs[0][0]), 7))
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


def health(cells: Iterable[tuple[int, str, int, int, float | None, bool | None]]) -> pd.DataFrame:
    """For each cell: days before the day, type, communications, failed, volume ratio, whether anomalous."""
    rows: list[tuple[object, ...]] = []
    for age, name, communications, failed, ratio, is_anomalous in cells:
        day = DAY - timedelta(days=age)
        at = pd.Timestamp(day, tz="UTC")
        lags = (2.0, 5.0, 30.0, 90.0)
        counts = (communications, failed, _rate(failed, communications), 0, 0)
        rows.append((day, name, *counts, *lags, at, at, None, ratio, is_anomalous))
    return frame(rows, OPERATIONAL_HEALTH)
