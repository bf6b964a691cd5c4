"""Presents `operational_health`: whether anything looks broken, by communication type."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.analysis.health import BASELINE_DAYS, MIN_BASELINE_DAYS, usual_volume
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import in_days
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import first_of, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_DAYS = 28
"""The four weeks that end with the day."""

_MAX_NAMED = 2
_MAX_ROWS = 4


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows unusual volumes, failures and logging lag by type."""
    day = about.day
    rows = in_days(rows[rows["communications"] > 0], day - timedelta(days=SHOWN_DAYS - 1), day)
    today = in_days(rows, day, day)
    communications = today["communications"].sum()
    numbers = {
        "communications": communications,
        "failure_rate": today["failed"].sum() / communications if communications else None,
        "unmapped": today["unmapped"].sum(),
        "logging_lag_p95_s": today["logging_lag_p95_s"].max(),
        "anomalous_types": (today["is_anomalous"] == 1).sum(),
    }
    if today.empty:
        nothing = nothing_to_show(about, "no communications", numbers)
        return nothing if rows.empty else replace(nothing, draw=lambda: _draw(rows, day, nothing.headline))
    conclusion = _headline(rows, today, day)
    headline = about.title(conclusion)
    return Presentation(
        headline, _summary(today, about.opening(conclusion)), lambda: _draw(rows, day, headline), numbers
    )


def _headline(rows: pd.DataFrame, today: pd.DataFrame, day: date) -> str:
    total = today["communications"].sum()
    failed = f"{text.percent(today['failed'].sum() / total)} of {text.count(total)} communications failed"
    unusual = [
        f"{text.shorten(row['communication_type'])} at {text.times(row['volume_ratio'])} its usual volume"
        for _, row in today[today["is_anomalous"] == 1].iterrows()
    ]
    unusual += [f"no {text.shorten(name)}" for name in _silent(rows, day)]
    if unusual:
        return f"{first_of(unusual, _MAX_NAMED, 'unusual type')}; {failed}"
    if today["is_anomalous"].isna().all():
        return f"{failed}; too few days to judge the volume"
    return f"volumes as usual; {failed}"


def _summary(today: pd.DataFrame, opening: str) -> str:
    today = today.sort_values(
        ["is_anomalous", "communications", "communication_type"], ascending=[False, False, True], na_position="last"
    )
    top = today["communications"].max()
    lines = [
        (
            text.escape(text.shorten(row["communication_type"])),
            text.count(row["communications"]),
            text.bar(row["communications"] / top),
            f"{text.times(row['volume_ratio'])}{' ⚠' if row['is_anomalous'] == 1 else ''}",
            text.percent(row["failure_rate"]),
            text.seconds(row["logging_lag_p95_s"]),
        )
        for _, row in today.head(text.MAX_SHOWN).iterrows()
    ]
    unmapped = today["unmapped"].sum()
    note = f"{text.count(unmapped)} with a status that the outcomes file does not list." if unmapped else ""

    def render(shown: int) -> str:
        table = text.table(("type", "rows", "", "of usual", "failed", "lag p95"), "lrlrrr", lines[:shown])
        return text.paragraphs(opening, table, more(len(today) - shown, "type"), note)

    return text.fit(render, len(lines))


def _draw(rows: pd.DataFrame, day: date, headline: str) -> bytes:
    """One row of panels per type: volume with its usual band, failure rate and logging lag, by day."""
    types = _types(rows, day)
    drawn = types[:_MAX_ROWS]
    bottom = 60 if len(types) > len(drawn) else 36
    card = drawing.card(
        headline,
        f"Both directions, the {SHOWN_DAYS} days that end on {day}. Band: usual volume. Diamond: unusual volume",
        44 + 84 * len(drawn) + 46 * (len(drawn) - 1) + bottom,
    )
    panels = card.panels(len(drawn), 3, left=62, right=36, top=44, bottom=bottom, across=62, down=46)
    for position, name in enumerate(drawn):
        of_type = rows[rows["communication_type"] == name].set_index(PARTITION_COLUMN)
        is_last = position == len(drawn) - 1
        row = panels[3 * position : 3 * position + 3]
        _draw_row(row, of_type, day, is_first=position == 0, is_last=is_last)
        drawing.name_title(row[0], text.shorten(name, 14))
    if len(types) > len(drawn):
        card.footnote(f"{text.capitalized(more(len(types) - len(drawn), 'type'))}.")
    return card.png()


def _draw_row(panels: list[Axes], of_type: pd.DataFrame, day: date, *, is_first: bool, is_last: bool) -> None:
    """The panels of one type."""
    volume, failures, lag = panels
    highest = _draw_band(volume, of_type["communications"], day)
    size, unit = text.time_unit(of_type["logging_lag_p95_s"].max())
    _draw_series(volume, of_type["communications"], day, text.count)
    _draw_series(failures, of_type["failure_rate"], day, text.percent)
    _draw_series(lag, of_type["logging_lag_p95_s"] / size, day, lambda value: text.seconds(value * size))
    _mark_unusual(volume, of_type, day)
    drawing.count_axis(volume, max(float(of_type["communications"].max()), highest))
    drawing.percent_axis(failures, float(of_type["failure_rate"].max()))
    drawing.duration_axis(lag, float(of_type["logging_lag_p95_s"].max()) / size, unit)
    titles = ("communications per day", "share that failed", "logging lag, 95th percentile")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_xlim(-SHOWN_DAYS + 0.5, 0.5)
        ages = range(0, -SHOWN_DAYS, -7)
        dates = [day + timedelta(days=age) for age in ages]
        axes.set_xticks(ages, [f"{each.day} {each:%b}" if is_last else "" for each in dates])
        axes.grid(axis="both", color=drawing.GRID, linewidth=0.8)
        if is_first:
            axes.text(0, 1.36, title, transform=axes.transAxes, fontsize=drawing.BODY, color=drawing.MUTED)


def _draw_series(axes: Axes, values: pd.Series[float], day: date, reads: Callable[[float], str]) -> None:
    """A line with one dot per day, and the value of the day. The line has a gap where a day has no row."""
    by_age = _by_age(values, day)
    axes.plot(by_age.index, by_age, color=drawing.SERIES, linewidth=1.2, marker="o", markersize=2.5)
    today = by_age[0]
    if math.isfinite(today):
        axes.plot(0, today, "o", color=drawing.INK, markersize=5)
        axes.annotate(
            reads(today),
            (1, 1.1),
            xycoords="axes fraction",
            ha="right",
            fontsize=drawing.BODY,
            fontweight="bold",
            color=drawing.INK,
        )


def _draw_band(axes: Axes, volumes: pd.Series[float], day: date) -> float:
    """Draws the usual volume as a band. Returns its highest point, or 0."""
    band = usual_band(_by_age(volumes, day))
    low, middle, high = (list(side) for side in zip(*band.values(), strict=True))
    axes.fill_between(list(band), low, high, color=drawing.BAND, linewidth=0)
    axes.plot(list(band), middle, color=drawing.PAPER, linewidth=1)
    return max((end for end in high if math.isfinite(end)), default=0.0)


def usual_band(volumes: pd.Series[float]) -> dict[int, tuple[float, float, float]]:
    """The lowest, middle and highest usual volume of each day whose baseline days are in the series.

    Args:
        volumes: The volumes of one type, by age in days from the oldest (negative) to 0; NaN for a day without rows.

    Returns:
        The band by age; NaN for a day with too few days before it.
    """
    band: dict[int, tuple[float, float, float]] = {}
    for age in range(int(volumes.index[0]) + BASELINE_DAYS, 1):
        usual = usual_volume(list(volumes.loc[age - BASELINE_DAYS : age - 1].dropna()))
        if usual is None or usual.tolerance is None:
            band[age] = (math.nan, math.nan, math.nan)
        else:
            band[age] = (max(0.0, usual.baseline - usual.tolerance), usual.baseline, usual.baseline + usual.tolerance)
    return band


def _mark_unusual(axes: Axes, of_type: pd.DataFrame, day: date) -> None:
    unusual = _by_age(of_type.loc[of_type["is_anomalous"] == 1, "communications"], day)
    axes.plot(unusual.index, unusual, "D", color=drawing.ALARM, markersize=6, mec=drawing.PAPER, mew=1)


def _by_age(values: pd.Series[float], day: date) -> pd.Series[float]:
    """The values by age in days, from -27 to 0; NaN where a day has no row."""
    by_age: pd.Series[float] = values.rename(lambda each: (each - day).days).reindex(range(1 - SHOWN_DAYS, 1))
    return by_age


def _types(rows: pd.DataFrame, day: date) -> list[str]:
    """The types in drawing order: unusual and silent ones first, then by number of communications."""
    today = in_days(rows, day, day)
    unusual = {*today.loc[today["is_anomalous"] == 1, "communication_type"], *_silent(rows, day)}
    totals = rows.groupby("communication_type")["communications"].sum()
    return sorted(totals.index, key=lambda name: (name not in unusual, -totals[name], name))


def _silent(rows: pd.DataFrame, day: date) -> list[str]:
    """The types without rows on the day that have rows on most of the days before."""
    before = in_days(rows, day - timedelta(days=BASELINE_DAYS), day - timedelta(days=1))
    days = before.groupby("communication_type")[PARTITION_COLUMN].nunique()
    seen = set(in_days(rows, day, day)["communication_type"])
    return [name for name in days[days >= MIN_BASELINE_DAYS].index if name not in seen]
