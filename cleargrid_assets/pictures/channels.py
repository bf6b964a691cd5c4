"""`channel_reach` at a glance: phone against e-mail and messaging.

What belongs here: the comparison's sentence, table and picture. What does not: its definition, and other analyses.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import CHANNEL_REACH
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NAMED = 3


def headline(channels: pd.DataFrame, day: date) -> str:
    """The conclusion in a sentence: the share of contacts reached on each channel.

    Where the 95% intervals of the first two channels overlap, the sentence says so: the day alone does not tell
    them apart.

    Args:
        channels: Rows of `channel_reach` of one day.
        day: The business day.
    """
    rows = _rows(channels)
    if rows.empty:
        return f"No outbound communications on {day.isoformat()}"
    parts = [
        f"{text.channel_name(row['channel'])} {text.percent(row['reach_rate'])}"
        for _, row in rows.head(_MOST_NAMED).iterrows()
    ]
    parts[0] = (
        f"{text.capitalized(text.channel_name(rows['channel'].iloc[0]))} reached "
        f"{text.percent(rows['reach_rate'].iloc[0])} of {text.count(rows['contacts'].iloc[0])} contacts"
    )
    sentence = "; ".join(parts)
    two = rows.head(2)
    if len(two) > 1 and two["reach_rate_low"].max() <= two["reach_rate_high"].min():
        names = " and ".join(text.channel_name(name) for name in two["channel"])
        return f"{sentence} (the intervals of {names} overlap)"
    return sentence


def summary(channels: pd.DataFrame, previous: pd.DataFrame, day: date) -> str:
    """Markdown of at most `text.INLINE_LIMIT` characters: reach by channel, its interval, and the days before.

    Args:
        channels: Rows of `channel_reach` of one day.
        previous: Rows of up to 7 days before; may be empty.
        day: The business day.
    """
    conclusion = text.escape(headline(channels, day))
    rows, before = _rows(channels), _rows(previous)
    if rows.empty:
        return f"{conclusion}."
    days = before["communicated_date"].nunique()
    usual = before.groupby("channel")["reach_rate"].median()
    top = rows["reach_rate"].max()
    lines = [
        (
            text.escape(text.channel_name(row["channel"])),
            text.count(row["contacts"]),
            text.percent(row["reach_rate"]),
            text.bar(row["reach_rate"] / top if top > 0 else 0.0),
            _interval(row),
            text.percent(usual.get(row["channel"], float("nan"))),
        )
        for _, row in rows.iterrows()
    ]
    header = ("channel", "contacts", "reached", "", "95% interval", f"median of {days} day{'s' * (days > 1)} before")
    columns = len(header) if days else len(header) - 1

    def render(shown: int) -> str:
        table = text.table(header[:columns], "lrrlrr"[:columns], (line[:columns] for line in lines[:shown]))
        return text.paragraphs(f"**{conclusion}**", table, text.more(len(lines) - shown, "channel"))

    return text.fit(render, len(lines))


def picture(channels: pd.DataFrame, previous: pd.DataFrame, day: date) -> bytes:
    """A PNG: the reach rate of each channel with its 95% interval, and the days before faint beneath it.

    Args:
        channels: Rows of `channel_reach` of one day.
        previous: Rows of up to 7 days before; may be empty.
        day: The business day.
    """
    rows, before = _rows(channels), _rows(previous)
    if rows.empty:
        return drawing.notice(headline(channels, day))
    days = before["communicated_date"].nunique()
    card = drawing.card(
        headline(channels, day),
        f"Outbound communications on {day.isoformat()}; bars are 95% Wilson intervals"
        + (f"; small dots: the {days} days before, latest darkest" if days > 1 else ""),
        36 + 74 * len(rows) + 48,
    )
    (axes,) = card.panels(1, 1, left=128, right=294, top=36, bottom=48)
    highest = max(rows["reach_rate_high"].max(), before["reach_rate"].max() if days else 0.0)
    limit = min(1.0, highest * 1.08) if highest > 0 else 1.0
    drawing.panel_title(axes, "Contacts reached")
    history = by_channel(before)
    for position, (_, row) in enumerate(rows.iterrows()):
        _draw(axes, position, row, history.get(row["channel"], before.iloc[:0]))
    axes.set_xlim(-0.05 * limit, limit)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(lambda rate, _: f"{rate * 100:.3g}%")
    axes.grid(axis="x", color=drawing.GRID, linewidth=0.8)
    axes.set_xlabel("% of contacts attempted", fontsize=drawing.SMALL, color=drawing.MUTED)
    _draw_columns(axes, rows)
    return card.png()


def _draw(axes: Axes, position: int, row: pd.Series[float], before: pd.DataFrame) -> None:
    colour = drawing.channel_colour(str(row["channel"]))
    history = before.sort_values("communicated_date")
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


def _draw_columns(axes: Axes, rows: pd.DataFrame) -> None:
    """Names to the left and figures to the right of the panel, in line with its rows."""
    columns = (
        (1.22, "attempts per\ncontact reached", [_number(value) for value in rows["attempts_per_reached_contact"]]),
        (1.45, "contacts\nresponded", [text.count(value) for value in rows["contacts_responded"]]),
        (1.64, "median\nduration", [text.seconds(value) for value in rows["median_duration"]]),
    )
    beside = axes.get_yaxis_transform()
    for x, title, values in columns:
        axes.text(
            x, -0.55, title, transform=beside, fontsize=drawing.SMALL, color=drawing.MUTED, ha="right", va="bottom"
        )
        for position, value in enumerate(values):
            axes.text(
                x, position, value, transform=beside, fontsize=drawing.BODY, color=drawing.INK, ha="right", va="center"
            )
    for position, (channel, contacts) in enumerate(zip(rows["channel"], rows["contacts"], strict=True)):
        for words, weight, rise in (
            (text.channel_name(channel), "bold", 6),
            (f"{text.count(contacts)} contacts", "normal", -6),
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


def _number(value: float) -> str:
    return f"{value:,.1f}" if math.isfinite(value) else text.MISSING


def _rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with contacts, in the order of the channels."""
    rows = tidy(frame, CHANNEL_REACH)
    parts = list(by_channel(rows[rows["contacts"] > 0]).values())
    return pd.concat(parts) if parts else rows.iloc[:0]


def _interval(row: pd.Series[float]) -> str:
    return f"{text.percent(row['reach_rate_low'])} to {text.percent(row['reach_rate_high'])}"
