"""Presents `contact_frequency`: how often contacts are attempted, and whether that keeps to the lender's limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import CHANNELS
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.figures import LINE, figures_below
from cleargrid_assets.pictures.frames import by_channel
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.wording import counted, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Channels = dict[str, pd.Series[float]]

_GROUPS = {
    "contacts_1": "1",
    "contacts_2": "2",
    "contacts_3_4": "3 to 4",
    "contacts_5_7": "5 to 7",
    "contacts_8_up": "8 or more",
}
"""Column and name of each group of contacts, by their attempts."""

_LIMITS = {
    "contacts_over_limit": ("contact", "over the limit of the week"),
    "attempts_outside_hours": ("attempt", "outside hours"),
    "attempts_on_days_off": ("attempt", "on a day off"),
}
"""For each count of what crossed a limit: what it counts, and which limit."""

_COLUMNS = (
    (170, "most attempts on a contact"),
    (320, "contacts over limit"),
    (490, "attempts outside hours"),
    (660, "attempts on a day off"),
)
_MAX_DRAWN = len(CHANNELS)
_TOP, _PANEL, _DOWN, _BOTTOM = 24, 112, 40, 76
_BAR = 5


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows how many contacts were attempted how often, the most attempts on one, and how often limits were crossed."""
    channels = {channel: of_channel.iloc[0] for channel, of_channel in by_channel(rows, "contacts").items()}
    if not channels:
        return nothing_to_show(about, "no outbound communications in the 7 days that end with it")
    crossed = rows[list(_LIMITS)].sum(min_count=1)
    busiest = max(channels, key=lambda channel: channels[channel]["most_attempts"])
    conclusion = text.clauses(_crossed(crossed), _often(busiest, channels[busiest]))
    all_channels = rows["channel"].nunique()
    return Presentation(
        about.title(conclusion),
        text.paragraphs(about.opening(conclusion), _table(busiest, channels[busiest]), _others(channels, busiest)),
        lambda: _draw(channels, about, conclusion, all_channels),
        {
            **{f"{name}_most_attempts": channels[name]["most_attempts"] for name in CHANNELS if name in channels},
            **crossed,
        },
    )


def _crossed(crossed: pd.Series[float]) -> str:
    """How often the lender's limits were crossed, as plain text."""
    if crossed.isna().all():
        return "no limits set"
    parts = [
        f"{counted(int(crossed[name]), noun)} {limit}" for name, (noun, limit) in _LIMITS.items() if crossed[name] > 0
    ]
    return ", ".join(parts) or "no limit crossed"


def _often(channel: str, row: pd.Series[float]) -> str:
    """The most attempts on one contact, and how many contacts had many, as plain text."""
    if not row["most_attempts"]:
        return "no attempts on a known contact in 7 days"
    return (
        f"the most on one contact in 7 days {'was' if row['most_attempts'] == 1 else 'were'} "
        f"{counted(int(row['most_attempts']), 'attempt')}, by {text.channel_name(channel)}, where "
        f"{text.count(row['contacts_8_up'])} of "
        f"{counted(int(row['contacts']), 'contact')} had 8 or more"
    )


def _table(channel: str, row: pd.Series[float]) -> str:
    """The contacts of a channel by their attempts, in Markdown."""
    lines = [
        (words, f"{text.count(row[name])} {text.bar(_share(row, name), _BAR)}".strip())
        for name, words in _GROUPS.items()
    ]
    return text.table(("attempts", text.escape(text.channel_name(channel))), "ll", lines)


def _others(channels: Channels, shown: str) -> str:
    """The most attempts of the other channels, in Markdown."""
    others = [name for name in channels if name != shown]
    most = [f"{text.channel_name(name)} {text.count(channels[name]['most_attempts'])}" for name in others[:_MAX_DRAWN]]
    return text.escape(f"Most on one contact by {', '.join(most)}.") if most else ""


def _draw(channels: Channels, about: Shown, conclusion: str, all_channels: int) -> bytes:
    """Bars of contacts by their attempts, one panel per channel, and the limits below."""
    drawn = dict(list(channels.items())[:_MAX_DRAWN])
    columns = min(2, len(drawn))
    lines = -(-len(drawn) // columns)
    below = _BOTTOM + LINE * (len(drawn) + 1)
    card = drawing.card(
        about.title(conclusion),
        "Contacts by their outbound attempts in the 7 days that end with the day. Hours and days off: the day alone",
        _TOP + _PANEL * lines + _DOWN * (lines - 1) + below,
    )
    panels = card.panels(lines, columns, left=128, top=_TOP, bottom=below, across=128, down=_DOWN)
    for axes in panels[len(drawn) :]:
        axes.set_visible(False)
    for axes, (channel, row) in zip(panels, drawn.items(), strict=False):
        _draw_groups(axes, channel, row)
    first_of_last_line = panels[columns * (lines - 1)]
    figures_below(first_of_last_line, -104, _COLUMNS, {name: _figures(row) for name, row in drawn.items()})
    hidden = more(all_channels - len(drawn), "channel")
    card.footnote(f"A contact is an address, not a person. {text.capitalized(hidden)}".strip())
    return card.png()


def _draw_groups(axes: Axes, channel: str, row: pd.Series[float]) -> None:
    colour = drawing.channel_colour(channel)
    for position, name in enumerate(_GROUPS):
        share = _share(row, name)
        axes.barh(position, share, height=0.74, color=colour)
        label = f"{text.count(row[name])}  {text.percent(share)}"
        axes.text(share + 0.015, position, label, fontsize=drawing.BODY, color=drawing.INK, va="center")
    drawing.name_title(axes, f"{text.channel_name(channel)}: {counted(int(row['contacts']), 'contact')}", colour)
    axes.set_xlim(0, 1.3)
    axes.set_ylim(len(_GROUPS) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks(
        range(len(_GROUPS)), [f"{words} attempt{'' if words == '1' else 's'}" for words in _GROUPS.values()]
    )
    axes.axvline(0, color=drawing.GRID, linewidth=1)


def _figures(row: pd.Series[float]) -> tuple[str, ...]:
    """The cells of a channel below the panels. A limit that is not set has none."""
    limits = ("not set" if math.isnan(row[name]) else text.count(row[name]) for name in _LIMITS)
    return (text.count(row["most_attempts"]), *limits)


def _share(row: pd.Series[float], name: str) -> float:
    """The share of a channel's contacts that are in a group."""
    return float(row[name] / row["contacts"]) if row["contacts"] else 0.0
