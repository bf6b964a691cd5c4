"""Presents `operational_health`: whether anything looks broken, by communication type."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from cleargrid_assets.analysis.baselines import PAST_WEEKS, baselines
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.contracts import ALL_TYPES
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import in_days, tidy
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.pictures.unusual import findings, most_unusual_first, why_not_judged
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import first_of, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_DAYS = 28
"""The four weeks that end with the day."""

_MAX_NAMED = 2
_MAX_ROWS = 4
_ALL_TYPES = "all types"


def judge(rows: pd.DataFrame, stored: Collection[date], outcomes: Outcomes) -> pd.DataFrame:
    """The tidy baselines of the stored days, from tidy rows of `operational_health`."""
    return tidy(baselines(rows, stored, outcomes), OPERATIONAL_BASELINES)


def present(judged: pd.DataFrame, about: Shown) -> Presentation:
    """Shows unusual volumes, failures and logging lag by type.

    Args:
        judged: Tidy rows of `OPERATIONAL_BASELINES`.
        about: The day.
    """
    day = about.day
    shown = in_days(judged, day - timedelta(days=SHOWN_DAYS - 1), day)
    today = most_unusual_first(in_days(shown, day, day))
    if today.empty:
        return nothing_to_show(about, "no communications are stored")
    [(_, total)] = today[today["communication_type"] == ALL_TYPES].iterrows()
    unmapped = sum(each.communications for each in about.unmapped if each.kind == "status")
    conclusion = _conclusion(today, total, day)
    headline = about.title(conclusion)
    return Presentation(
        headline,
        _summary(today, about.opening(conclusion), total, unmapped),
        lambda: _draw(shown, today, day, headline),
        {
            **{name: total[name] for name in ("communications", "failure_rate", "logging_lag_p95_s", "volume_ratio")},
            "unmapped": unmapped,
            # Missing on a day that is not judged.
            "unusual_types": today["is_unusual"].sum(min_count=1),
        },
    )


def _conclusion(today: pd.DataFrame, total: pd.Series[Any], day: date) -> str:
    communications = total["communications"]
    figures = (
        f"{text.count(communications)} communications, {text.percent(total['failure_rate'])} failed"
        if communications
        else "no communications"
    )
    unusual = [
        finding for _, row in today.iterrows() for finding in findings(row, _name(row["communication_type"], 20))
    ]
    if unusual:
        return first_of(unusual, _MAX_NAMED, "unusual figure", "; ")
    if total["is_unusual"] == 0:
        return f"as usual for a {day:%A}: {figures}"
    return f"{figures}; {why_not_judged(day, is_day_off=total['is_day_off'] == 1)}"


def _summary(today: pd.DataFrame, opening: str, total: pd.Series[Any], unmapped: int) -> str:
    lines = [
        (
            text.escape(_name(row["communication_type"], 10)),
            text.with_ratio(text.count(row["communications"]), row["volume_ratio"])
            + (" ⚠" if row["is_unusual"] == 1 else ""),
        )
        for _, row in today.head(text.MAX_SHOWN).iterrows()
    ]
    figures = (
        f"{text.percent(total['failure_rate'])} failed, logging lag {text.seconds(total['logging_lag_p95_s'])} (95th "
        "percentile)."
    )
    if today["volume_ratio"].notna().any():
        figures += f" {text.times(1)} is the median of the weekday in the {PAST_WEEKS} weeks before."
    note = f"{text.count(unmapped)} with a status that the outcomes file does not list." if unmapped else ""
    return text.fit_table(opening, ("type", "rows"), "lr", lines, figures, note, of=(len(today), "type"))


def _name(name: str, width: int) -> str:
    return _ALL_TYPES if name == ALL_TYPES else text.shorten(name, width)


def _draw(shown: pd.DataFrame, today: pd.DataFrame, day: date, headline: str) -> bytes:
    """One row of panels per type: volume, failure rate and logging lag with their usual ranges, by day."""
    types = list(today["communication_type"])
    drawn = types[:_MAX_ROWS]
    bottom = 60 if len(types) > len(drawn) else 36
    card = drawing.card(
        headline,
        f"Both directions, {SHOWN_DAYS} days to {day}. Band: usual for the weekday. Diamond: unusual. Grey: day off",
        44 + 84 * len(drawn) + 46 * (len(drawn) - 1) + bottom,
    )
    panels = card.panels(len(drawn), 3, left=62, right=36, top=44, bottom=bottom, across=62, down=46)
    for position, name in enumerate(drawn):
        of_type = shown[shown["communication_type"] == name].set_index(PARTITION_COLUMN)
        by_age = of_type.rename(lambda each: (each - day).days).reindex(range(1 - SHOWN_DAYS, 1))
        row = panels[3 * position : 3 * position + 3]
        _draw_row(row, by_age)
        for axes in row:
            _date_axis(axes, day, is_labelled=position == len(drawn) - 1)
        drawing.name_title(row[0], _name(name, 14))
    titles = ("communications per day", "share that failed", "logging lag, 95th percentile")
    for axes, title in zip(panels[:3], titles, strict=True):
        axes.text(0, 1.36, title, transform=axes.transAxes, fontsize=drawing.BODY, color=drawing.MUTED)
    if len(types) > len(drawn):
        card.footnote(f"{text.capitalized(more(len(types) - len(drawn), 'type'))}.")
    return card.png()


def _draw_row(panels: list[Axes], by_age: pd.DataFrame) -> None:
    """The panels of one type, from its rows by age in days, from -27 to 0. Days that are not stored are NaN."""
    volume, failures, lag = panels
    size, unit = text.time_unit(by_age[["logging_lag_p95_s", "lag_high_s"]].max().max())
    none = pd.Series(0.0, by_age.index)
    counts = _Panel(by_age["communications"], by_age["communications_low"], by_age["communications_high"])
    rates = _Panel(by_age["failure_rate"], none, by_age["failure_rate_high"])
    lags = _Panel(by_age["logging_lag_p95_s"] / size, none, by_age["lag_high_s"] / size)
    counts.draw(volume, (by_age["volume_is_unusual"] == 1) | (by_age["is_silent"] == 1), text.count)
    rates.draw(failures, by_age["failure_is_unusual"] == 1, text.percent)
    lags.draw(lag, by_age["lag_is_unusual"] == 1, lambda value: text.seconds(value * size))
    drawing.count_axis(volume, counts.top)
    drawing.percent_axis(failures, rates.top)
    drawing.duration_axis(lag, lags.top, unit)
    for age in by_age.index[by_age["is_day_off"] == 1]:
        for axes in panels:
            axes.axvspan(age - 0.5, age + 0.5, color=drawing.GRID, linewidth=0)


@dataclass(frozen=True)
class _Panel:
    """One figure of a type by age in days, with its usual range.

    Attributes:
        values: The figure; NaN where there is none, which is a gap in the line.
        low: Lower end of the usual range.
        high: Its upper end; NaN for a day that is not judged.
    """

    values: pd.Series[float]
    low: pd.Series[float]
    high: pd.Series[float]

    @property
    def top(self) -> float:
        """The highest point, or 0."""
        return max((float(end) for end in (self.values.max(), self.high.max()) if math.isfinite(end)), default=0.0)

    def draw(self, axes: Axes, is_unusual: pd.Series[bool], reads: Callable[[float], str]) -> None:
        """The range as a band, a line with one dot per day, the unusual days, and the value of the day."""
        axes.fill_between(
            self.high.index, self.low, self.high, where=self.high.notna(), step="mid", color=drawing.BAND, linewidth=0
        )
        axes.plot(self.values.index, self.values, color=drawing.SERIES, linewidth=1.2, marker="o", markersize=2.5)
        unusual = self.values[is_unusual]
        today = self.values[0]
        if math.isfinite(today):
            axes.plot(0, today, "o", color=drawing.INK, markersize=5, clip_on=False)
            axes.annotate(
                reads(today),
                (1, 1.1),
                xycoords="axes fraction",
                ha="right",
                fontsize=drawing.BODY,
                fontweight="bold",
                color=drawing.INK,
            )
        axes.plot(
            unusual.index, unusual, "D", color=drawing.ALARM, markersize=6, mec=drawing.PAPER, mew=1, clip_on=False
        )


def _date_axis(axes: Axes, day: date, *, is_labelled: bool) -> None:
    axes.set_xlim(-SHOWN_DAYS + 0.5, 0.5)
    ages = range(0, -SHOWN_DAYS, -7)
    dates = [day + timedelta(days=age) for age in ages]
    axes.set_xticks(ages, [f"{each.day} {each:%b}" if is_labelled else "" for each in dates])
    axes.grid(axis="both", color=drawing.GRID, linewidth=0.8)
