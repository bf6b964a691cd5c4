"""Presents `contact_frequency`: how often contacts are attempted, and whether that keeps to the lender's limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import CHANNELS
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, more_channels
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.wording import counted, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BUCKETS = {
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
"""By column: what is counted, and what crossing the limit is called."""

_COLUMNS = 2
_PANEL, _DOWN = 120, 54
_BAR = 6


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows how many contacts were attempted how often, the most attempts on one, and the limits that were crossed."""
    channels = {channel: of_channel.iloc[0] for channel, of_channel in by_channel(rows, "contacts").items()}
    if not channels:
        return nothing_to_show(about, "no outbound communications in the 7 days that end with it")
    conclusion = text.clauses(_most(channels), _crossed(rows))
    return Presentation(
        about.title(conclusion),
        _summary(channels, about, conclusion, rows["channel"].nunique()),
        lambda: _draw(channels, about, conclusion, more_channels(rows)),
        {
            **{f"{channel}_most_attempts": channels[channel]["most_attempts"] for channel in CHANNELS if channel in channels},
            **{name: rows[name].sum(min_count=1) for name in _LIMITS},
        },
    )


def _most(channels: dict[str, pd.Series[float]]) -> str:
    """The contacts of the busiest channel with the most attempts."""
    channel, row = max(channels.items(), key=lambda item: item[1]["most_attempts"])
    often = row["contacts_8_up"]
    return (
        f"{text.count(often)} of {text.count(row['contacts'])} contacts by {text.channel_name(channel)} had 8 attempts "
        f"or more in 7 days, one of them {text.count(row['most_attempts'])}"
    )
