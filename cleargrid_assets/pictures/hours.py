"""Presents `hourly_reach`: at which hours people are reached, by channel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, in_days, more_channels
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import counted, more

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

SHOWN_DAYS = 7
"""The week that ends with the day."""

_HOURS = range(24)
_MIN_HOURS = 12
_MAX_NAMED = 3
_DARK = 0.72
_BUSY = 0.5
"""An hour counts as busy if it has at least this share of the attempts of the average active hour."""


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows the best hour of each channel in the week, and attempts and reach by hour."""
    day = about.day
    week = in_days(rows[rows["attempts"] > 0], day - timedelta(days=SHOWN_DAYS - 1), day)
    if week.empty:
        return nothing_to_show(
            about, f"no outbound communications in the {SHOWN_DAYS} days that end with it", {"attempts": 0}
        )
    conclusion = _headline(week)
    headline = about.title(conclusion)
    today = in_days(week, day, day)
    attempts = today["attempts"].sum()
    return Presentation(
        headline,
        _summary(today, day, about.opening(conclusion)),
        lambda: _draw(week, day, headline),
        {"attempts": attempts, "reach_rate": today["reached_attempts"].sum() / attempts if attempts else None},
    )


def _headline(week: pd.DataFrame) -> str:
    """The best hour of each channel, among busy hours: one lucky call at night proves nothing."""
    best = {channel: _best(rows) for channel, rows in by_channel(week, "attempts").items()}
    parts = [
        f"{text.channel_name(channel)} {hour:02d}:00 ({text.percent(rate)})"
        for channel, (hour, rate) in best.items()
        if rate > 0
    ]
    if not parts:
        return f"nobody reached in the {SHOWN_DAYS} days that end with it"
    days = week[PARTITION_COLUMN].nunique()
    span = "the week" if days == SHOWN_DAYS else f"the week, {counted(days, 'day')} with data"
    return f"best hour{'s' if len(parts) > 1 else ''} of {span} (attempts reached): {', '.join(parts[:_MAX_NAMED])}"


def _summary(today: pd.DataFrame, day: date, opening: str) -> str:
    if today.empty:
        return text.paragraphs(opening, "No outbound communications on the day itself.")
    lines = [_line(channel, rows) for channel, rows in by_channel(today, "attempts").items()]
    all_channels = today["channel"].nunique()

    def render(shown: int) -> str:
        table = text.table(
            (f"on {day.day} {day:%b}", "attempts", "by hour, 0 to 23", "reached", "by hour"), "lrlrl", lines[:shown]
        )
        return text.paragraphs(opening, table, more(all_channels - shown, "channel"))

    return text.fit(render, len(lines))


def _draw(week: pd.DataFrame, day: date, headline: str) -> bytes:
    """A heat map of days and hours for each channel: colours are reach rates, numbers are attempts."""
    channels = by_channel(week, "attempts")
    hidden = more_channels(week)
    bottom = 68 if hidden else 50
    card = drawing.card(
        headline,
        "Number: outbound attempts in that hour. Colour: share reached (separate scale per channel)",
        len(channels) * 20 * SHOWN_DAYS + 26 + 40 * (len(channels) - 1) + bottom,
    )
    shown = _shown_hours(week)
    panels = card.panels(len(channels), 1, left=96, right=104, top=26, bottom=bottom, down=40)
    for axes, (channel, rows) in zip(panels, channels.items(), strict=True):
        scale = drawing.heat_scale(_scale_top(rows))
        _draw_cells(axes, rows, day, shown, scale)
        _draw_scale(axes, scale)
        drawing.name_title(axes, text.capitalized(text.channel_name(channel)), drawing.channel_colour(channel))
        axes.set_xticks([])
    panels[-1].set_xticks(shown, [str(hour) for hour in shown])
    panels[-1].set_xlabel("hour of the day", fontsize=drawing.SMALL, color=drawing.MUTED, labelpad=4)
    if hidden:
        card.footnote(f"{text.capitalized(hidden)}.")
    return card.png()


def _draw_cells(axes: Axes, rows: pd.DataFrame, day: date, shown: range, scale: ScalarMappable) -> None:
    cells = rows.assign(age=[(day - each).days for each in rows[PARTITION_COLUMN]], rate=rows["reach_rate"].fillna(0.0))
    rates = cells.pivot_table("rate", "age", "hour").reindex(index=range(SHOWN_DAYS), columns=shown)
    mesh = axes.pcolormesh(shown, range(SHOWN_DAYS), rates, cmap=scale.cmap, edgecolors=drawing.PAPER, linewidth=1.5)
    mesh.set_clim(scale.get_clim())
    darkest = _DARK * _scale_top(rows)
    for age, hour, attempts, rate in zip(cells["age"], cells["hour"], cells["attempts"], cells["rate"], strict=True):
        axes.text(
            hour,
            age,
            text.short_count(attempts),
            fontsize=7,
            ha="center",
            va="center_baseline",
            color="white" if rate > darkest else "black",
        )
    days = [day - timedelta(days=age) for age in range(SHOWN_DAYS)]
    axes.set_ylim(-0.5, SHOWN_DAYS - 0.5)
    axes.set_yticks(range(SHOWN_DAYS), [f"{each:%a} {each.day} {each:%b}" for each in days])


def _draw_scale(axes: Axes, scale: ScalarMappable) -> None:
    """The colour scale, to the right of a panel."""
    bar = axes.inset_axes((1.03, 0.0, 0.018, 1.0))
    axes.figure.colorbar(
        scale, cax=bar, extend="max", format=lambda rate, _: f"{rate * 100:.3g}%", ticks=drawing.few_ticks()
    )
    bar.tick_params(length=0, labelsize=drawing.SMALL, labelcolor=drawing.MUTED)
    bar.set_title("reached", fontsize=drawing.SMALL, color=drawing.MUTED, loc="left", pad=8)
    for spine in bar.spines.values():
        spine.set_visible(False)


def _line(channel: str, rows: pd.DataFrame) -> tuple[str, ...]:
    attempts, reached = (rows.groupby("hour")[name].sum() for name in ("attempts", "reached_attempts"))
    rates = reached / attempts
    return (
        text.escape(text.channel_name(channel)),
        text.count(attempts.sum()),
        f"`{text.spark(attempts.get(hour, 0.0) for hour in _HOURS)}`",
        text.percent(reached.sum() / attempts.sum()),
        f"`{text.spark(rates.get(hour, 0.0) for hour in _HOURS)}`",
    )


def _best(rows: pd.DataFrame) -> tuple[int, float]:
    """The best hour in the week of a channel, and its share of attempts reached."""
    total = rows.groupby("hour")[["attempts", "reached_attempts"]].sum()
    busy = total[total["attempts"] >= _BUSY * total["attempts"].mean()]
    rates = busy["reached_attempts"] / busy["attempts"]
    return int(rates.idxmax()), float(rates.max())


def _scale_top(rows: pd.DataFrame) -> float:
    """The rate with the darkest colour: the highest rate in busy hours."""
    top = float(rows.loc[rows["attempts"] >= _BUSY * rows["attempts"].mean(), "reach_rate"].max())
    return top if top > 0 else 1.0


def _shown_hours(week: pd.DataFrame) -> range:
    """The hours from the first to the last attempt, at least half a day."""
    first, last = int(week["hour"].min()), int(week["hour"].max())
    first = max(0, min(first, last + 1 - _MIN_HOURS))
    return range(first, max(last + 1, first + _MIN_HOURS))
