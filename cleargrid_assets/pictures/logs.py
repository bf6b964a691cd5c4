"""Presents `communication_logs`: rows by hour and type, against the same weekday of the weeks before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from cleargrid_assets.analysis.baselines import MIN_PAST_DAYS
from cleargrid_assets.pictures import text
from cleargrid_assets.pictures.drawing import GRID, INK, MARGIN, MUTED, SERIES, SMALL, WIDTH
from cleargrid_assets.pictures.light import LightCard, light_card
from cleargrid_assets.pictures.presentation import Presentation, Shown
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import counted, more

_HOURS = range(24)
_ALL_TYPES = "all types"
_MAX_PANELS = 4
_PANEL, _GAP = 64, 28
_LEFT = 150
_SILENT = 10
"""A type without rows is named if its usual number is at least this."""


@dataclass(frozen=True)
class _Type:
    """The rows of one type: of the day by hour, and the usual ones. NaN where too few days are stored to compare."""

    name: str
    by_hour: Sequence[float]
    usual_by_hour: Sequence[float]
    usual: float

    @property
    def rows(self) -> float:
        return sum(self.by_hour)

    @property
    def ratio(self) -> float:
        return self.rows / self.usual if self.usual > 0 else math.nan


def present(volumes: pd.DataFrame, past: Sequence[date], about: Shown) -> Presentation:
    """Shows the rows of the day beside the median of the days that it is compared with.

    Args:
        volumes: The rows of `hourly_volumes` of the day and of the past days.
        past: The days to compare with. With fewer than `MIN_PAST_DAYS`, nothing is compared.
        about: The day.
    """
    compared = past if len(past) >= MIN_PAST_DAYS else []
    shown = volumes[volumes[PARTITION_COLUMN].isin([*compared, about.day])]
    every = _type(_ALL_TYPES, shown, about.day, compared)
    types = [_type(str(name), rows, about.day, compared) for name, rows in shown.groupby("communication_type")]
    types.sort(key=lambda each: (-max(each.rows, _or_zero(each.usual)), each.name))
    conclusion = _conclusion(every, types, about.day)
    headline = about.title(conclusion)
    return Presentation(
        headline,
        _summary(every, types, about.opening(conclusion)),
        lambda: _draw(every, types, len(compared), about, headline),
        {"usual_rows": every.usual},
    )


def _type(name: str, volumes: pd.DataFrame, day: date, past: Sequence[date]) -> _Type:
    by_hour = (
        volumes.pivot_table("communications", PARTITION_COLUMN, "hour", aggfunc="sum")
        .reindex(index=[*past, day], columns=_HOURS)
        .astype("float64")
        .fillna(0.0)
    )
    before = by_hour.loc[list(past)]
    return _Type(name, list(by_hour.loc[day]), list(before.median()), float(before.sum(axis=1).median()))


def _conclusion(every: _Type, types: Sequence[_Type], day: date) -> str:
    rows = counted(int(every.rows), "row")
    if not math.isfinite(every.usual):
        return f"{rows}; too few {day:%A}s are stored to say what is usual"
    silent = [
        f"no {text.shorten(each.name)}, usually {text.count(each.usual)}"
        for each in types
        if each.rows == 0 and each.usual >= _SILENT
    ]
    return "; ".join([f"{rows}, {text.times(every.ratio)} a usual {day:%A}", *silent[:1]])


def _summary(every: _Type, types: Sequence[_Type], opening: str) -> str:
    lines = [
        (text.escape(text.shorten(each.name, 10)), text.with_ratio(text.short_count(each.rows), each.ratio))
        for each in types[: text.MAX_SHOWN]
    ]
    by_hour = f"By hour, 0 to 23:\n\n`{text.spark(every.by_hour)}`" if every.rows else ""
    return text.fit_table(opening, ("type", "rows"), "lr", lines, by_hour, of=(len(types), "type"))


def _draw(every: _Type, types: Sequence[_Type], weeks: int, about: Shown, headline: str) -> bytes:
    """A panel for all types and for the largest ones: a bar for each hour, and a line where it usually ends."""
    drawn = (types if len(types) == 1 else [every, *types])[:_MAX_PANELS]
    hidden = more(len(types) - len(drawn) + 1, "type") if len(types) > 1 else ""
    usual = f". Line: median of {counted(weeks, 'day')} before" if weeks else ""
    card = light_card(
        headline,
        f"Rows of both directions by hour of the day in {about.zone}. Bar: the day{usual}",
        (_PANEL + _GAP) * len(drawn) + 30,
    )
    for place, each in enumerate(drawn):
        _draw_panel(card, card.top + _GAP // 2 + (_PANEL + _GAP) * place, each)
    if hidden:
        y = card.image.height - 18
        card.write(MARGIN, y, f"{text.capitalized(hidden)}.", size=SMALL, colour=MUTED)
    return card.png()


def _draw_panel(card: LightCard, top: int, of_type: _Type) -> None:
    bottom, slot = top + _PANEL, (WIDTH - _LEFT - MARGIN) / len(_HOURS)
    highest = max([*of_type.by_hour, *map(_or_zero, of_type.usual_by_hour), 1.0])
    card.write(MARGIN, top + 10, text.shorten(of_type.name, 14), bold=True)
    card.write(MARGIN, top + 29, counted(int(of_type.rows), "row"))
    if math.isfinite(of_type.ratio):
        card.write(MARGIN, top + 47, f"{text.times(of_type.ratio)} the usual", colour=MUTED)
    card.pen.line((_LEFT, bottom, WIDTH - MARGIN, bottom), fill=GRID)
    card.write(_LEFT - 6, top, text.short_count(highest), size=SMALL, colour=MUTED, anchor="rm")
    for hour, rows, usual in zip(_HOURS, of_type.by_hour, of_type.usual_by_hour, strict=True):
        left = _LEFT + slot * hour
        if rows:
            card.pen.rectangle((left + 3, bottom - _PANEL * rows / highest, left + slot - 3, bottom), fill=SERIES)
        if usual > 0:
            y = bottom - _PANEL * usual / highest
            card.pen.rectangle((left, y - 1, left + slot, y), fill=INK)
        if hour % 3 == 0:
            card.write(left + slot / 2, bottom + 10, str(hour), size=SMALL, colour=MUTED, anchor="mm")


def _or_zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0
