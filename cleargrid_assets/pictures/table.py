"""Presents any table, for analyses without a picture module: its rows as a table, its first count as bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import in_days
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.schema import COLUMN_TYPES, PARTITION_COLUMN, Column, Table
from cleargrid_assets.wording import counted, more

_LABEL_WIDTH, _FIGURES_WIDTH = 13, 12
_MAX_BARS = 16
_MAX_ROWS = 50
_BAR_HEIGHT = 22


def presenter(table: Table) -> Callable[[pd.DataFrame, Shown], Presentation]:
    """The `present` of an analysis without a picture module."""
    labels = [column for column in table.columns if column.name in table.key and column.name != PARTITION_COLUMN]
    counts = [
        column for column in table.columns if COLUMN_TYPES[column.type].is_integer and column.name not in table.key
    ]
    rates = [column for column in table.columns if column.type == "DOUBLE" and column.name.endswith("_rate")]
    figures = [*counts[:1], *rates[:1]]

    def present(rows: pd.DataFrame, about: Shown) -> Presentation:
        today = in_days(rows, about.day, about.day)
        if today.empty:
            return nothing_to_show(about, f"no rows of {table.name}")
        conclusion = f"{_words(table)}: {counted(len(today), 'row')}"
        numbers = {column.name: today[column.name].sum() for column in counts}
        if counts:
            conclusion += f", {text.count(numbers[counts[0].name])} {counts[0].name.replace('_', ' ')}"
        headline = about.title(conclusion)
        return Presentation(
            headline,
            _summary(today, labels, figures, about.opening(conclusion)),
            lambda: _draw(today, labels, counts[:1], headline),
            numbers,
        )

    return present


def _summary(today: pd.DataFrame, labels: Sequence[Column], figures: Sequence[Column], opening: str) -> str:
    """Two columns, because more would scroll: what a row is of, and its first count and first rate."""
    lines = [
        (
            text.escape(_label(row, labels, _LABEL_WIDTH)),
            " ".join(_cell(row[column.name], column) for column in figures),
        )
        for _, row in today.head(_MAX_ROWS).iterrows()
    ]
    header = [
        text.escape(text.shorten(", ".join(each.name.replace("_", " ") for each in of), width))
        for of, width in ((labels, _LABEL_WIDTH), (figures, _FIGURES_WIDTH))
    ]
    return text.fit_table(opening, header, "lr", lines, of=(len(today), "row"))


def _draw(today: pd.DataFrame, labels: Sequence[Column], measures: Sequence[Column], headline: str) -> bytes:
    """One bar per row: the first count."""
    if not measures:
        return drawing.notice(headline)
    (measure,) = measures
    drawn = today.head(_MAX_BARS)
    hidden = len(today) - len(drawn)
    bottom = 40 if hidden else 24
    card = drawing.card(headline, measure.description, _BAR_HEIGHT * len(drawn) + 30 + bottom)
    (axes,) = card.panels(1, 1, left=220, right=80, top=30, bottom=bottom)
    drawing.panel_title(axes, _words(measure))
    values = drawn[measure.name].fillna(0.0)
    positions = range(len(drawn))
    axes.barh(positions, values, height=0.7, color=drawing.SERIES)
    for position, value in zip(positions, values, strict=True):
        axes.annotate(
            text.count(value),
            (value, position),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=drawing.BODY,
            color=drawing.INK,
            annotation_clip=False,
        )
    axes.set_yticks(positions, [drawing.verbatim(_label(row, labels, 32)) for _, row in drawn.iterrows()])
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_xlim(0, max(float(values.max()), 1.0))
    axes.set_xticks([])
    if hidden:
        card.footnote(f"{text.capitalized(more(hidden, 'row'))}.")
    return card.png()


def _words(named: Table | Column) -> str:
    return text.capitalized(named.name.replace("_", " "))


def _label(row: pd.Series[Any], labels: Sequence[Column], width: int) -> str:
    return text.shorten(", ".join(_cell(row[label.name], label) for label in labels), width)


def _cell(value: Any, column: Column) -> str:
    if column.type == "BOOLEAN":
        return {1.0: "yes", 0.0: "no"}.get(value, text.MISSING)
    if COLUMN_TYPES[column.type].is_integer:
        return text.short_count(value)
    if column.type == "DOUBLE":
        return text.percent(value) if column.name.endswith("_rate") else text.number(value)
    if value is None:
        return text.MISSING
    return text.shorten(value) if column.type == "VARCHAR" else str(value)
