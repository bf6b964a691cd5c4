"""Presents `reach_by_attempt`: which attempt reaches people, by channel."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import CHANNELS, MAX_ATTEMPT_NUMBER
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, more_channels
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.wording import more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Curves = dict[str, pd.DataFrame]

_MAX_IN_TABLE = 3
_BAR = 8


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows the reach by attempt number of each channel. The headline is about the channel with the most contacts."""
    day = about.day
    by_number = rows[rows["contacts_attempted"] > 0].sort_values("attempt_number")
    curves = by_channel(by_number, "contacts_attempted")
    if not curves:
        return nothing_to_show(about, "no outbound communications in the days that end with it")
    conclusion = _headline(curves)
    headline = about.title(conclusion)
    return Presentation(
        headline,
        _summary(curves, about.opening(conclusion), by_number["channel"].nunique()),
        lambda: _draw(curves, day, headline, more_channels(by_number)),
        {f"{channel}_reach_rate": _last_rate(curves[channel]) for channel in CHANNELS if channel in curves},
    )


def _headline(curves: Curves) -> str:
    channel, curve = max(curves.items(), key=lambda item: _contacts(item[1]))
    rates = [text.percent(rate) for rate in curve["cumulative_reach_rate"]]
    sentence = (
        f"{text.channel_name(channel)}: the first attempt reached {rates[0]} of {text.count(_contacts(curve))} contacts"
    )
    if len(rates) == 1:
        return sentence
    return f"{sentence}, all attempts {rates[-1]}"


def _summary(curves: Curves, opening: str, all_channels: int) -> str:
    channels = list(curves)[:_MAX_IN_TABLE]
    rates = {name: curves[name].set_index("attempt_number")["cumulative_reach_rate"] for name in channels}
    numbers = sorted({number for column in rates.values() for number in column.index})
    top = max(column.max() for column in rates.values())

    def cell(rate: float) -> str:
        if not math.isfinite(rate):
            return ""
        return f"{text.percent(rate)} {text.bar(rate / top if top else 0.0, _BAR)}".strip()

    header = [
        f"{text.escape(text.channel_name(name))}, {text.count(_contacts(curves[name]))} contacts" for name in channels
    ]

    def render(shown: int) -> str:
        table = text.table(
            ("by attempt", *header),
            "r" + "l" * len(header),
            (
                (_ordinal(number), *(cell(column.get(number, math.nan)) for column in rates.values()))
                for number in numbers[:shown]
            ),
        )
        hidden = (more(len(numbers) - shown, "attempt"), more(all_channels - len(channels), "channel"))
        return text.paragraphs(opening, table, text.listed(*hidden))

    return text.fit(render, len(numbers))


def _draw(curves: Curves, day: date, headline: str, hidden: str) -> bytes:
    """Above: one curve per channel, the share of contacts reached. Below: the number of contacts at each attempt."""
    some = next(iter(curves.values())).iloc[0]
    card = drawing.card(
        headline,
        f"Contacts with an outbound attempt on the channel in the {some['window_days']:.0f} days that end on {day}",
        440,
    )
    upper, lower = card.panels(
        2, 1, left=76, right=150, top=26, bottom=64 if hidden else 46, down=58, heights=(2.2, 1.0)
    )
    last = int(max(curve["attempt_number"].max() for curve in curves.values()))
    _draw_rates(upper, curves, last)
    _draw_contacts(lower, curves)
    for axes in (upper, lower):
        axes.set_xlim(0.4, last + 0.6)
        axes.set_xticks(range(1, last + 1), [_ordinal(number) for number in range(1, last + 1)])
        axes.grid(axis="y", color=drawing.GRID, linewidth=0.8)
    lower.set_xlabel("number of the attempt", fontsize=drawing.SMALL, color=drawing.MUTED)
    if hidden:
        card.footnote(f"{text.capitalized(hidden)}.")
    return card.png()


def _draw_rates(axes: Axes, curves: Curves, last: int) -> None:
    drawing.panel_title(axes, "Share of contacts reached by this attempt or an earlier one")
    top = max(float(curve["cumulative_reach_rate"].max()) for curve in curves.values())
    drawing.percent_axis(axes, top)
    ends = [_last_rate(curve) for curve in curves.values()]
    label_heights = drawing.spread([end if math.isfinite(end) else 0.0 for end in ends], axes.get_ylim()[1] * 0.17)
    for (channel, curve), end, height in zip(curves.items(), ends, label_heights, strict=True):
        colour = drawing.channel_colour(channel)
        numbers = curve["attempt_number"]
        axes.plot(numbers, curve["cumulative_reach_rate"], color=colour, linewidth=2, marker="o", markersize=5)
        axes.plot(
            (numbers.iloc[-1], last + 0.3, last + 0.6),
            (end, end, height),
            color=colour,
            linewidth=1,
            linestyle=":",
            clip_on=False,
        )
        drawing.end_label(
            axes,
            (last + 0.6, height),
            text.channel_name(channel),
            f"{text.percent(end)} of {text.count(_contacts(curve))}",
            colour,
        )


def _draw_contacts(axes: Axes, curves: Curves) -> None:
    drawing.panel_title(axes, "Light: contacts with at least this many attempts. Dark: first reached by this attempt")
    width = 0.8 / len(curves)
    for place, (channel, curve) in enumerate(curves.items()):
        colour = drawing.channel_colour(channel)
        x = curve["attempt_number"] - 0.4 + width * (place + 0.5)
        axes.bar(x, curve["contacts_attempted"], width * 0.9, color=colour, alpha=0.25, linewidth=0)
        axes.bar(x, curve["contacts_first_reached"], width * 0.9, color=colour, linewidth=0)
    drawing.count_axis(axes, max(_contacts(curve) for curve in curves.values()))


def _contacts(curve: pd.DataFrame) -> float:
    return float(curve["contacts_attempted"].max())


def _last_rate(curve: pd.DataFrame) -> float:
    return float(curve["cumulative_reach_rate"].iloc[-1])


def _ordinal(number: float) -> str:
    return f"{number:.0f}+" if number >= MAX_ATTEMPT_NUMBER else f"{number:.0f}"
