"""`hourly_reach` at a glance: at which hour of the day people are reached, by channel.

What belongs here: the hours' sentence, table and heat map. What does not: their definition, and other analyses.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cleargrid_assets.contracts import HOURLY_REACH
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, in_days, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

_DAYS = 7
_HOURS = range(24)
_LEAST_HOURS = 12
_MOST_NAMED = 3
_DARK = 0.72
_BUSY = 0.5
"""An hour counts as a candidate for the best with at least this share of the attempts of an average active hour."""


def headline(hours: pd.DataFrame, day: date) -> str:
    """The conclusion in a sentence: the best hour of the trailing week, or of its days that are there, by channel.

    The best hour has the highest share of attempts reached over the week, among hours with at least half the
    attempts of that channel's average hour: a lucky call at night is not advice.

    Args:
        hours: Rows of `hourly_reach` of the trailing week, the day included.
        day: The business day that ends the week.
    """
    rows_of_week = _week(hours, day)
    week = by_channel(rows_of_week)
    if not week:
        return f"No outbound communications in the {_DAYS} days that end on {day.isoformat()}"
    best = {channel: _best(rows) for channel, rows in week.items()}
    parts = [
        f"{text.channel_name(channel)} {hour:02d}:00 ({text.percent(rate)})"
        for channel, (hour, rate) in best.items()
        if rate > 0
    ]
    if not parts:
        return f"Nobody reached in the {_DAYS} days that end on {day.isoformat()}"
    count = rows_of_week["communicated_date"].nunique()
    span = "the week" if count == _DAYS else f"{count} day{'s' if count > 1 else ''} in {_DAYS}"
    return f"Best hour{'s' if len(parts) > 1 else ''} of {span} (attempts reached): {', '.join(parts[:_MOST_NAMED])}"


def summary(hours: pd.DataFrame, day: date) -> str:
    """Markdown of at most `text.INLINE_LIMIT` characters: the day's attempts and reach by hour, a column an hour.

    Args:
        hours: Rows of `hourly_reach` of the trailing week, the day included.
        day: The business day.
    """
    conclusion = text.escape(headline(hours, day))
    week = _week(hours, day)
    if week.empty:
        return f"{conclusion}."
    today = by_channel(week[week["communicated_date"] == day])
    if not today:
        return text.paragraphs(f"No outbound communications on {day.isoformat()}.", f"**{conclusion}**")
    lines = [_line(channel, rows) for channel, rows in today.items()]

    def render(shown: int) -> str:
        table = text.table(
            (f"on {day.day} {day:%b}", "attempts", "by hour, 0 to 23", "reached", "by hour"), "lrlrl", lines[:shown]
        )
        return text.paragraphs(f"**{conclusion}**", table, text.more(len(lines) - shown, "channel"))

    return text.fit(render, len(lines))


def picture(hours: pd.DataFrame, day: date) -> bytes:
    """A PNG: a heat map of days by hours a channel, coloured by reach rate, with the attempts in the cells.

    Args:
        hours: Rows of `hourly_reach` of the trailing week, the day included.
        day: The business day.
    """
    week = _week(hours, day)
    if week.empty:
        return drawing.notice(headline(hours, day))
    channels = by_channel(week)
    card = drawing.card(
        headline(hours, day),
        "Number: outbound attempts in the hour of the business time zone; colour: share reached, a scale a channel",
        len(channels) * 20 * _DAYS + 26 + 40 * (len(channels) - 1) + 50,
    )
    shown = _shown_hours(week)
    panels = card.panels(len(channels), 1, left=96, right=104, top=26, bottom=50, down=40)
    for axes, (channel, rows) in zip(panels, channels.items(), strict=True):
        scale = drawing.heat_scale(_scale_top(rows))
        _draw_cells(axes, rows, day, shown, scale)
        _draw_scale(axes, scale)
        axes.set_title(
            drawing.verbatim(text.capitalized(text.channel_name(channel))),
            loc="left",
            fontsize=drawing.BODY,
            fontweight="bold",
            color=drawing.channel_colour(channel),
            pad=5,
        )
        axes.set_xticks([])
    panels[-1].set_xticks(shown, [str(hour) for hour in shown])
    panels[-1].set_xlabel("hour of the day", fontsize=drawing.SMALL, color=drawing.MUTED, labelpad=4)
    return card.png()


def _draw_cells(axes: Axes, rows: pd.DataFrame, day: date, shown: range, scale: ScalarMappable) -> None:
    rates = np.full((_DAYS, len(shown)), np.nan)
    ages = [(day - each).days for each in rows["communicated_date"]]
    columns = [int(hour) - shown.start for hour in rows["hour"]]
    rates[ages, columns] = rows["reach_rate"].fillna(0.0)
    mesh = axes.pcolormesh(
        np.array(shown), np.arange(_DAYS), rates, cmap=scale.cmap, edgecolors=drawing.PAPER, linewidth=1.5
    )
    mesh.set_clim(scale.get_clim())
    darkest = _DARK * _scale_top(rows)
    for age, column, attempts in zip(ages, columns, rows["attempts"], strict=True):
        axes.text(
            shown.start + column,
            age,
            text.short_count(attempts),
            fontsize=7,
            ha="center",
            va="center_baseline",
            color="white" if rates[age, column] > darkest else "black",
        )
    days = [day - timedelta(days=age) for age in range(_DAYS)]
    axes.set_ylim(-0.5, _DAYS - 0.5)
    axes.set_yticks(range(_DAYS), [f"{each:%a} {each.day} {each:%b}" for each in days])


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
    """The best hour of one channel's week and its share of attempts reached."""
    total = rows.groupby("hour")[["attempts", "reached_attempts"]].sum()
    busy = total[total["attempts"] >= _BUSY * total["attempts"].mean()]
    rates = busy["reached_attempts"] / busy["attempts"]
    return int(rates.idxmax()), float(rates.max())


def _scale_top(rows: pd.DataFrame) -> float:
    """The rate at which a channel's colours end: the highest among its cells with attempts enough to trust."""
    top = float(rows.loc[rows["attempts"] >= _BUSY * rows["attempts"].mean(), "reach_rate"].max())
    return top if top > 0 else 1.0


def _shown_hours(week: pd.DataFrame) -> range:
    """The hours from the first to the last with attempts, widened to at least half a day."""
    first, last = int(week["hour"].min()), int(week["hour"].max())
    first = max(0, min(first, last + 1 - _LEAST_HOURS))
    return range(first, max(last + 1, first + _LEAST_HOURS))


def _week(hours: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows with attempts of the week that ends with the day."""
    rows = tidy(hours, HOURLY_REACH)
    rows = rows[rows["attempts"] > 0]
    return in_days(rows, day - timedelta(days=_DAYS - 1), day)
