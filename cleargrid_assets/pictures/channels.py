"""Presents `channel_reach`: the channels compared."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import CHANNELS
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, in_days, more_channels
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import counted, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_DAYS = 8
"""The day and the week before it."""

_MAX_NAMED = 3


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows the share of contacts reached on each channel, with its 95% interval and the days before."""
    day = about.day
    rows = rows[rows["contacts"] > 0]
    before = in_days(rows, day - timedelta(days=SHOWN_DAYS - 1), day - timedelta(days=1))
    of_day = in_days(rows, day, day)
    today = {channel: of_channel.iloc[0] for channel, of_channel in by_channel(of_day, "contacts").items()}
    if not today:
        return nothing_to_show(about, "no outbound communications")
    conclusion = _headline(today)
    headline = about.title(conclusion)
    return Presentation(
        headline,
        _summary(today, before, about.opening(conclusion), of_day["channel"].nunique()),
        lambda: _draw(today, before, day, headline, more_channels(of_day)),
        {
            f"{channel}_{name}": today[channel][name]
            for channel in CHANNELS
            if channel in today
            for name in ("reach_rate", "contacts", "attempts_per_reached_contact")
        },
    )


def _headline(today: dict[str, pd.Series[float]]) -> str:
    """The rates, and whether the intervals of the first two channels overlap, because they may not differ then."""
    (first, row), *others = list(today.items())[:_MAX_NAMED]
    sentence = (
        f"{text.channel_name(first)} reached "
        f"{text.percent(row['reach_rate'])} of {text.count(row['contacts'])} contacts"
    )
    for channel, other in others:
        sentence += f"; {text.channel_name(channel)} {text.percent(other['reach_rate'])}"
    if others:
        second, other = others[0]
        if max(row["reach_rate_low"], other["reach_rate_low"]) <= min(row["reach_rate_high"], other["reach_rate_high"]):
            return f"{sentence} (the intervals of {text.channel_name(first)} and {text.channel_name(second)} overlap)"
    return sentence


def _summary(today: dict[str, pd.Series[float]], before: pd.DataFrame, opening: str, all_channels: int) -> str:
    days = before[PARTITION_COLUMN].nunique()
    usual = before.groupby("channel")["reach_rate"].median()
    top = max(row["reach_rate"] for row in today.values())
    lines = [
        (
            text.escape(text.channel_name(channel)),
            text.count(row["contacts"]),
            text.percent(row["reach_rate"]),
            text.bar(row["reach_rate"] / top if top > 0 else 0.0),
            f"{text.percent(row['reach_rate_low'])} to {text.percent(row['reach_rate_high'])}",
            text.percent(usual.get(channel, math.nan)),
        )
        for channel, row in today.items()
    ]
    header = ("channel", "contacts", "reached", "", "95% interval", f"median of {counted(days, 'day')} before")
    columns = len(header) if days else len(header) - 1

    def render(shown: int) -> str:
        table = text.table(header[:columns], "lrrlrr"[:columns], (line[:columns] for line in lines[:shown]))
        return text.paragraphs(opening, table, more(all_channels - shown, "channel"))

    return text.fit(render, len(lines))


def _draw(today: dict[str, pd.Series[float]], before: pd.DataFrame, day: date, headline: str, hidden: str) -> bytes:
    """One row per channel: the reach rate with its 95% interval, and the days before as small dots below it."""
    days = before[PARTITION_COLUMN].nunique()
    bottom = 66 if hidden else 48
    card = drawing.card(
        headline,
        f"Outbound communications on {day}. Bar: 95% Wilson interval"
        + (f". Small dots: the {counted(days, 'day')} before, the latest is the darkest" if days else ""),
        36 + 74 * len(today) + bottom,
    )
    (axes,) = card.panels(1, 1, left=128, right=294, top=36, bottom=bottom)
    highest = max(row["reach_rate_high"] for row in today.values())
    if days:
        highest = max(highest, before["reach_rate"].max())
    limit = min(1.0, highest * 1.08) if highest > 0 else 1.0
    drawing.panel_title(axes, "Contacts reached")
    for position, (channel, row) in enumerate(today.items()):
        _draw_channel(axes, position, row, before[before["channel"] == channel])
    axes.set_xlim(-0.05 * limit, limit)
    axes.set_ylim(len(today) - 0.5, -0.5)
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(lambda rate, _: f"{rate * 100:.3g}%")
    axes.grid(axis="x", color=drawing.GRID, linewidth=0.8)
    axes.set_xlabel("share of contacts attempted", fontsize=drawing.SMALL, color=drawing.MUTED)
    _draw_columns(axes, today)
    if hidden:
        card.footnote(f"{text.capitalized(hidden)}.")
    return card.png()


def _draw_channel(axes: Axes, position: int, row: pd.Series[float], before: pd.DataFrame) -> None:
    colour = drawing.channel_colour(str(row["channel"]))
    history = before.sort_values(PARTITION_COLUMN)
    for age, rate in enumerate(reversed(history["reach_rate"].tolist())):
        axes.plot(rate, position + 0.3, "o", color=colour, markersize=5, alpha=max(0.1, 0.5 - 0.06 * age), mew=0)
    axes.plot((row["reach_rate_low"], row["reach_rate_high"]), (position, position), color=colour, linewidth=3)
    axes.plot(row["reach_rate"], position, "o", color=colour, markersize=10, mec=drawing.PAPER, mew=1.5)
    axes.annotate(
        text.percent(row["reach_rate"]),
        (row["reach_rate"], position),
        xytext=(0, 10),
        textcoords="offset points",
        ha="center",
        color=colour,
        fontsize=drawing.BODY,
        fontweight="bold",
        annotation_clip=False,
    )


def _draw_columns(axes: Axes, today: dict[str, pd.Series[float]]) -> None:
    """Names to the left of the rows, figures to the right."""
    columns = (
        (1.22, "attempts per\ncontact reached", "attempts_per_reached_contact", text.number),
        (1.45, "contacts\nresponded", "contacts_responded", text.count),
        (1.64, "median\nduration", "median_duration", text.seconds),
    )
    beside = axes.get_yaxis_transform()
    for x, title, name, as_text in columns:
        axes.text(
            x, -0.55, title, transform=beside, fontsize=drawing.SMALL, color=drawing.MUTED, ha="right", va="bottom"
        )
        for position, row in enumerate(today.values()):
            value = as_text(row[name])
            axes.text(
                x, position, value, transform=beside, fontsize=drawing.BODY, color=drawing.INK, ha="right", va="center"
            )
    for position, (channel, row) in enumerate(today.items()):
        for words, weight, rise in (
            (text.channel_name(channel), "bold", 6),
            (f"{text.count(row['contacts'])} contacts", "normal", -6),
        ):
            axes.annotate(
                drawing.verbatim(words),
                (0, position),
                xycoords=beside,
                xytext=(-8, rise),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=drawing.BODY,
                fontweight=weight,
                color=drawing.channel_colour(channel),
            )
