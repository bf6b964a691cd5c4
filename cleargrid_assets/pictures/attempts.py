"""`reach_by_attempt` at a glance: at which attempt people are reached, by channel.

What belongs here: the curve's sentence, table and picture. What does not: its definition, and other analyses.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import REACH_BY_ATTEMPT
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OPEN_ENDED = 10
_MOST_IN_TABLE = 3
_BAR = 8


def headline(reach: pd.DataFrame, day: date) -> str:
    """The conclusion in a sentence: what the first attempt reached on the busiest channel, and what all did.

    Args:
        reach: Rows of `reach_by_attempt` of one day.
        day: The business day.
    """
    curves = _curves(reach)
    if not curves:
        return f"No outbound communications in the days that end on {day.isoformat()}"
    channel, curve = max(curves.items(), key=lambda item: _contacts(item[1]))
    rates = [text.percent(rate) for rate in curve["cumulative_reach_rate"]]
    sentence = (
        f"{text.capitalized(text.channel_name(channel))}: the first attempt reached {rates[0]} "
        f"of {text.count(_contacts(curve))} contacts"
    )
    return (
        sentence if len(rates) == 1 else f"{sentence}, {_ordinal(curve['attempt_number'].max())} attempts {rates[-1]}"
    )


def summary(reach: pd.DataFrame, day: date) -> str:
    """Markdown of at most `text.INLINE_LIMIT` characters: the share reached by each attempt, by channel.

    Args:
        reach: Rows of `reach_by_attempt` of one day.
        day: The business day.
    """
    conclusion = text.escape(headline(reach, day))
    curves = _curves(reach)
    if not curves:
        return f"{conclusion}."
    shown_channels = list(curves)[:_MOST_IN_TABLE]
    rates = pd.DataFrame(
        {name: curves[name].set_index("attempt_number")["cumulative_reach_rate"] for name in shown_channels}
    )
    top = rates.max().max()

    def cell(rate: float) -> str:
        return (
            f"{text.percent(rate)} {text.bar(rate / top if top else 0.0, _BAR)}".strip() if math.isfinite(rate) else ""
        )

    def render(shown: int) -> str:
        header = [
            f"{text.escape(text.channel_name(name))}, {text.count(_contacts(curves[name]))} contacts"
            for name in shown_channels
        ]
        table = text.table(
            ("by attempt", *header),
            "r" + "l" * len(header),
            (
                (_ordinal(number), *(cell(rate) for rate in row))
                for number, row in zip(rates.index[:shown], rates.to_numpy()[:shown], strict=True)
            ),
        )
        rest = (
            text.more(len(rates) - shown, "attempt"),
            text.more(len(curves) - len(shown_channels), "channel"),
        )
        return text.paragraphs(f"**{conclusion}**", table, text.listed(*rest))

    return text.fit(render, len(rates))


def picture(reach: pd.DataFrame, day: date) -> bytes:
    """A PNG: the share of contacts reached by each attempt as a curve a channel, and how many contacts got that far.

    Args:
        reach: Rows of `reach_by_attempt` of one day.
        day: The business day.
    """
    curves = _curves(reach)
    if not curves:
        return drawing.notice(headline(reach, day))
    some = next(iter(curves.values())).iloc[0]
    card = drawing.card(
        headline(reach, day),
        f"Contacts attempted in the {some['window_days']:.0f} days that end on {day.isoformat()}, "
        "by number of outbound attempts on the channel",
        440,
    )
    upper, lower = card.panels(2, 1, left=76, right=150, top=26, bottom=46, down=58, heights=(2.2, 1.0))
    most = int(max(curve["attempt_number"].max() for curve in curves.values()))
    _draw_rates(upper, curves, most)
    _draw_contacts(lower, curves)
    for axes in (upper, lower):
        axes.set_xlim(0.4, most + 0.6)
        axes.set_xticks(range(1, most + 1), [_ordinal(number) for number in range(1, most + 1)])
        axes.grid(axis="y", color=drawing.GRID, linewidth=0.8)
    lower.set_xlabel("attempt number", fontsize=drawing.SMALL, color=drawing.MUTED)
    return card.png()


def _draw_rates(axes: Axes, curves: dict[str, pd.DataFrame], most: int) -> None:
    drawing.panel_title(axes, "Contacts reached by that attempt or an earlier one, % of contacts attempted")
    top = max(float(curve["cumulative_reach_rate"].max()) for curve in curves.values())
    drawing.percent_axis(axes, top)
    ends = [float(curve["cumulative_reach_rate"].iloc[-1]) for curve in curves.values()]
    label_heights = drawing.spread([end if math.isfinite(end) else 0.0 for end in ends], axes.get_ylim()[1] * 0.17)
    for (channel, curve), end, height in zip(curves.items(), ends, label_heights, strict=True):
        colour = drawing.channel_colour(channel)
        numbers = curve["attempt_number"]
        axes.plot(numbers, curve["cumulative_reach_rate"], color=colour, linewidth=2, marker="o", markersize=5)
        axes.plot(
            (numbers.iloc[-1], most + 0.3, most + 0.6),
            (end, end, height),
            color=colour,
            linewidth=1,
            linestyle=":",
            clip_on=False,
        )
        drawing.end_label(
            axes,
            (most + 0.6, height),
            text.channel_name(channel),
            f"{text.percent(end)} of {text.count(_contacts(curve))}",
            colour,
        )


def _draw_contacts(axes: Axes, curves: dict[str, pd.DataFrame]) -> None:
    drawing.panel_title(axes, "Contacts with at least that many attempts (light), first reached at it (dark)")
    width = 0.8 / len(curves)
    for place, (channel, curve) in enumerate(curves.items()):
        colour = drawing.channel_colour(channel)
        x = curve["attempt_number"] - 0.4 + width * (place + 0.5)
        axes.bar(x, curve["contacts_attempted"], width * 0.9, color=colour, alpha=0.25, linewidth=0)
        axes.bar(x, curve["contacts_first_reached"], width * 0.9, color=colour, linewidth=0)
    drawing.count_axis(axes, max(_contacts(curve) for curve in curves.values()))


def _curves(reach: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each channel that attempted anybody, by attempt number, in the order of the channels."""
    rows = tidy(reach, REACH_BY_ATTEMPT).sort_values("attempt_number")
    return by_channel(rows[rows["contacts_attempted"] > 0])


def _contacts(curve: pd.DataFrame) -> float:
    return float(curve["contacts_attempted"].max())


def _ordinal(number: float) -> str:
    return f"{number:.0f}+" if number >= _OPEN_ENDED else f"{number:.0f}"
