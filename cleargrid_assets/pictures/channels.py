"""Presents `channel_reach`: phone against e-mail, and the other channels, over the last weeks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import CHANNELS, FEW
from cleargrid_assets.pictures import drawing, text, versus
from cleargrid_assets.pictures.figures import LINE, figures_below
from cleargrid_assets.pictures.frames import by_channel, in_days
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.pictures.versus import Reach, difference
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import counted, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Channels = dict[str, pd.DataFrame]

SHOWN_DAYS = 28
"""The day and the four weeks that end with it."""

_DAYS = range(1 - SHOWN_DAYS, 1)
"""The shown days, as their distance from the day."""
_MAX_DRAWN = len(CHANNELS)
_TOP, _DOWN, _BOTTOM = 24, 32, 92
_RIGHT = 0.6
"""Where the horizontal axis ends, in days from the day."""
_DODGE = 0.16
"""Horizontal distance of the marks of two channels on a day, in days."""
_COLUMNS = (
    (120, "attempts"),
    (255, "status unmapped"),
    (445, "attempts per contact reached"),
    (590, "contacts responded"),
    (710, "median duration"),
)
_SILENT = "A stored day without attempts on a channel has zero contacts and no share."
_NUMBERS = {
    "reach_rate": "reach_rate",
    "contacts": "contacts",
    # Shorter, because a long key makes the UI's table wider than the page.
    "per_reached": "attempts_per_reached_contact",
}


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows the difference of reach between phone and e-mail, and the reach of each channel over the last weeks."""
    weeks = in_days(rows[rows["contacts"] > 0], about.day - timedelta(days=SHOWN_DAYS - 1), about.day)
    weeks = weeks.assign(x=[(each - about.day).days for each in weeks[PARTITION_COLUMN]])
    of_day = weeks[weeks["x"] == 0]
    today = {channel: of_channel.iloc[0] for channel, of_channel in by_channel(of_day, "contacts").items()}
    if not today:
        return nothing_to_show(about, "no contact attempted")
    reach = _reach(of_day)
    between = difference(reach)
    conclusion = text.clauses(
        versus.compared(reach), versus.in_words(between, "on this day") if between else "", about.unmapped_note()
    )
    return Presentation(
        about.title(conclusion),
        _summary(today, weeks, about, conclusion),
        lambda: _draw(today, weeks, about, conclusion),
        {
            "phone_minus_email": between.difference if between else None,
            **{
                f"{channel}_{name}": today[channel][column]
                for channel in CHANNELS
                if channel in today
                for name, column in _NUMBERS.items()
            },
        },
    )


def _reach(of_day: pd.DataFrame) -> dict[str, Reach]:
    """The reach of each channel on one day."""
    return {
        channel: Reach(int(reached), int(contacts))
        for channel, reached, contacts in zip(
            of_day["channel"], of_day["reached_contacts"], of_day["contacts"], strict=True
        )
    }


def _summary(today: dict[str, pd.Series[float]], weeks: pd.DataFrame, about: Shown, conclusion: str) -> str:
    names = [text.escape(text.channel_name(channel)) for channel in today]
    reached, contacts = zip(*((row["reached_contacts"], row["contacts"]) for row in today.values()), strict=True)
    lines = list(zip(names, text.shares(reached, contacts), strict=True))
    all_channels = weeks.loc[weeks["x"] == 0, "channel"].nunique()
    return text.fit_table(
        about.opening(conclusion),
        ("channel", "reached"),
        "ll",
        lines,
        _notes(weeks),
        of=(all_channels, "channel"),
    )


def _notes(weeks: pd.DataFrame) -> str:
    """What a reader of the difference must know, and the median of the days before. Empty without a difference."""
    differences = _differences(weeks)
    before = differences.loc[differences["x"] < 0, "value"]
    if before.empty:
        return "" if differences.empty else versus.CAVEAT
    return (
        f"{versus.CAVEAT} Median difference of {counted(len(before), 'day')} before: "
        f"{versus.in_points(before.median())} points."
    )


def _differences(weeks: pd.DataFrame) -> pd.DataFrame:
    """Phone minus e-mail, for each day on which both were used."""
    found = [(x, *between) for x, of_day in weeks.groupby("x") if (between := difference(_reach(of_day)))]
    differences: pd.DataFrame = pd.DataFrame(found, columns=["x", "value", "low", "high"])
    return differences


def _draw(today: dict[str, pd.Series[float]], weeks: pd.DataFrame, about: Shown, conclusion: str) -> bytes:
    """From top to bottom: reach by day, phone minus e-mail by day, contacts by day, and the figures of the day."""
    drawn = dict(list(by_channel(weeks, "contacts").items())[:_MAX_DRAWN])
    shown = {channel: today[channel] for channel in drawn if channel in today}
    between = _differences(weeks)
    heights = (200, 0 if between.empty else 110, 84)
    panels = [height for height in heights if height]
    below = _BOTTOM + LINE * (len(shown) + 1)
    card = drawing.card(
        about.title(conclusion),
        f"Outbound communications of {SHOWN_DAYS} days. Vertical lines: 95% intervals. Grey: fewer than {FEW} contacts",
        _TOP + sum(panels) + _DOWN * (len(panels) - 1) + below,
    )
    upper, *middle, lower = card.panels(
        len(panels), 1, left=76, right=150, top=_TOP, bottom=below, down=_DOWN, heights=panels
    )
    _draw_reach(upper, drawn)
    for axes in middle:
        _draw_difference(axes, between)
    _draw_contacts(lower, drawn, about)
    for axes in (upper, *middle, lower):
        _day_axis(axes, about.day, names_days=axes is lower)
    figures_below(lower, -52, _COLUMNS, _figures(shown, about))
    hidden = more(weeks["channel"].nunique() - len(drawn), "channel")
    caveat = "" if between.empty else f"\n{versus.CAVEAT}"
    card.footnote(f"{_SILENT} {text.capitalized(hidden)}".strip() + caveat)
    return card.png()


def _draw_reach(axes: Axes, drawn: Channels) -> None:
    """The share of contacts reached, by channel and day. A day without attempts has no mark, and breaks the line."""
    drawing.panel_title(axes, "Share of contacts reached")
    labels = []
    for place, (channel, rows) in enumerate(drawn.items()):
        colour = drawing.channel_colour(channel)
        by_day = rows.set_index("x").reindex(_DAYS)
        x = by_day.index + _DODGE * (place - (len(drawn) - 1) / 2)
        colours = [drawing.UNSURE if contacts < FEW else colour for contacts in by_day["contacts"]]
        axes.plot(x, by_day["reach_rate"], color=colour, linewidth=1, alpha=0.6)
        axes.vlines(x, by_day["reach_rate_low"], by_day["reach_rate_high"], color=colours, alpha=0.4, linewidth=2)
        axes.scatter(x, by_day["reach_rate"], color=colours, s=14, zorder=3, clip_on=False)
        labels.append((channel, *_last(by_day)))
    drawing.percent_axis(axes, _top(drawn))
    heights = drawing.spread([rate for _, rate, _ in labels], axes.get_ylim()[1] * 0.17)
    for (channel, _, words), height in zip(labels, heights, strict=True):
        drawing.end_label(axes, (_RIGHT, height), text.channel_name(channel), words, drawing.channel_colour(channel))


def _top(drawn: Channels) -> float:
    """The highest end of an interval of at least `FEW` contacts, or the highest rate."""
    rows = pd.concat(drawn.values())
    top = max(rows.loc[rows["contacts"] >= FEW, "reach_rate_high"].max(), rows["reach_rate"].max())
    return float(top) if math.isfinite(top) else 0.0


def _draw_difference(axes: Axes, between: pd.DataFrame) -> None:
    """Phone minus e-mail with its interval, for each day on which both were used."""
    drawing.panel_title(axes, "Phone minus e-mail, in percentage points")
    axes.axhline(0, color=drawing.MUTED, linewidth=1)
    axes.vlines(between["x"], between["low"], between["high"], color=drawing.SERIES, alpha=0.5, linewidth=2)
    axes.scatter(between["x"], between["value"], color=drawing.SERIES, s=14, zorder=3)
    axes.yaxis.set_major_locator(drawing.few_ticks())
    axes.yaxis.set_major_formatter(lambda share, _: text.with_minus(f"{share * 100:+.3g}") if share else "0")


def _draw_contacts(axes: Axes, drawn: Channels, about: Shown) -> None:
    """Contacts attempted, by channel and day. A channel without attempts on a stored day is drawn as zero."""
    drawing.panel_title(axes, "Contacts attempted")
    with_rows = {x for rows in drawn.values() for x in rows["x"]}
    stored = [x for x in _DAYS if x in with_rows or about.day + timedelta(days=x) in about.stored]
    for channel, rows in drawn.items():
        counts = rows.set_index("x")["contacts"].reindex(stored, fill_value=0.0).reindex(_DAYS)
        axes.plot(
            _DAYS,
            counts,
            color=drawing.channel_colour(channel),
            linewidth=1.2,
            marker="o",
            markersize=3,
            clip_on=False,
        )
    drawing.count_axis(axes, max(float(rows["contacts"].max()) for rows in drawn.values()))


def _figures(today: dict[str, pd.Series[float]], about: Shown) -> dict[str, Sequence[str]]:
    """The figures of the day of each channel, in the order of `_COLUMNS`."""
    return {
        channel: (
            text.count(row["attempts"]),
            text.count(_unmapped(channel, about)),
            text.number(row["attempts_per_reached_contact"]),
            text.count(row["contacts_responded"]),
            text.seconds(row["median_duration"]),
        )
        for channel, row in today.items()
    }


def _unmapped(channel: str, about: Shown) -> int:
    """Outbound attempts of the day with an unmapped status."""
    return sum(
        each.unmapped
        for each in about.unmapped_attempts
        if each.channel == channel and each.communicated_date == about.day
    )


def _day_axis(axes: Axes, day: date, *, names_days: bool) -> None:
    """A horizontal axis of days, with a tick at the day and each week before it."""
    weeks = range(0, -SHOWN_DAYS, -7)
    days = [day + timedelta(days=x) for x in weeks]
    axes.set_xlim(-SHOWN_DAYS + 0.4, _RIGHT)
    axes.set_xticks(weeks, [f"{each:%a} {each.day} {each:%b}" if names_days else "" for each in days])
    axes.grid(axis="both", color=drawing.GRID, linewidth=0.8)


def _last(by_day: pd.DataFrame) -> tuple[float, str]:
    """Where the label of a channel is, and what it says of the day."""
    rates = by_day["reach_rate"].dropna()
    place = float(rates.iloc[-1]) if len(rates) else 0.0
    today = by_day.loc[0]
    if not today["contacts"] > 0:
        return place, "no attempts"
    return place, f"{text.percent(today['reach_rate'])} of {text.short_count(today['contacts'])}"
