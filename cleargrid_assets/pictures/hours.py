"""Presents `hourly_reach`: at which hours people are reached, by channel."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import FEW
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import by_channel, in_days
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import more

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

SHOWN_DAYS = 7
"""The week that ends with the day."""

_MIN_HOURS = 12
_MAX_NAMED = 3
_DARK = 0.72
_THOUSAND = 1000
_BUSY = 0.5
"""An hour counts as busy if it has at least this share of the attempts of the average active hour."""
_LINE, _BETWEEN = 20, 40
_LEFT, _SCALE = 96, 104
"""Pixels for the days to the left of the cells, and at least as many for the scale to their right."""


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows the best hour of each channel in the week, and attempts and reach by hour."""
    week = in_days(rows[rows["attempts"] > 0], about.day - timedelta(days=SHOWN_DAYS - 1), about.day)
    if week.empty:
        return nothing_to_show(
            about, f"no outbound communications in the {SHOWN_DAYS} days that end with it", {"attempts": 0}
        )
    conclusion = text.clauses(_best_hours(week), about.unmapped_note(SHOWN_DAYS))
    today = in_days(week, about.day, about.day)
    attempts = today["attempts"].sum()
    return Presentation(
        about.title(conclusion),
        _summary(today, about, conclusion),
        lambda: _draw(week, about, conclusion),
        {"attempts": attempts, "reach_rate": today["reached_attempts"].sum() / attempts if attempts else None},
    )


def _best_hours(week: pd.DataFrame) -> str:
    """The best hour of each channel in the week, as plain text."""
    hours = week.groupby(["channel", "hour"], as_index=False)[["attempts", "reached_attempts"]].sum()
    best = {channel: _best(of_channel) for channel, of_channel in by_channel(hours, "attempts").items()}
    parts = [
        f"{text.channel_name(channel)} {hour['hour']:02.0f}:00, {text.percent(hour['rate'])} "
        f"of {text.count(hour['attempts'])} attempts"
        for channel, hour in best.items()
        if hour is not None
    ]
    days = week[PARTITION_COLUMN].nunique()
    span = f"{SHOWN_DAYS} days" + ("" if days == SHOWN_DAYS else f" ({days} with attempts)")
    if not parts:
        found = "nobody was reached in an" if (hours["attempts"] >= FEW).any() else "there was no"
        return f"in {span}, {found} hour with {FEW} attempts or more"
    return f"highest share reached in {span}: {'; '.join(parts[:_MAX_NAMED])}"


def _best(hours: pd.DataFrame) -> pd.Series[float] | None:
    """The hour with the highest share reached in the week, among busy ones: a few lucky calls at night prove nothing.

    Args:
        hours: The attempts of a channel by hour, over the week.

    Returns:
        None if nobody was reached in such an hour.
    """
    busy = hours[hours["attempts"] >= max(FEW, _BUSY * hours["attempts"].mean())]
    rates = busy.assign(rate=busy["reached_attempts"] / busy["attempts"])
    return rates.loc[rates["rate"].idxmax()] if (rates["rate"] > 0).any() else None


def _summary(today: pd.DataFrame, about: Shown, conclusion: str) -> str:
    """The hours of the day, of the first channel. The others are in the picture."""
    opening = about.opening(conclusion)
    if today.empty:
        return text.paragraphs(opening, "No outbound communications on the day itself.")
    channels = by_channel(today, "attempts")
    channel, rows = next(iter(channels.items()))
    ordered = rows.sort_values("hour")
    names = [f"{hour:02.0f}" for hour in ordered["hour"]]
    lines = list(zip(names, text.shares(ordered["reached_attempts"], ordered["attempts"]), strict=True))
    others = [
        f"{text.channel_name(other)} {text.percent(of['reached_attempts'].sum() / of['attempts'].sum())} "
        f"of {text.count(of['attempts'].sum())}"
        for other, of in list(channels.items())[1:_MAX_NAMED]
    ]
    hidden = more(today["channel"].nunique() - 1 - len(others), "channel")
    note = text.escape(f"Attempts of the day reached by {text.listed(*others, hidden)}.") if others else ""
    header = ("hour", f"reached, {text.escape(text.channel_name(channel))}")
    return text.fit_table(opening, header, "rl", lines, note, of=(len(lines), "hour"))


def _draw(week: pd.DataFrame, about: Shown, conclusion: str) -> bytes:
    """A heat map of days and hours for each channel: colours are reach rates, numbers are attempts."""
    channels = by_channel(week, "attempts")
    hidden = more(week["channel"].nunique() - len(channels), "channel")
    bottom = 68 if hidden else 50
    card = drawing.card(
        about.title(conclusion),
        "Number: outbound attempts, if any. Colour: share reached (separate scale per channel). "
        f"Grey: fewer than {FEW} attempts",
        len(channels) * _LINE * SHOWN_DAYS + 26 + _BETWEEN * (len(channels) - 1) + bottom,
    )
    shown = _shown_hours(week)
    stored = [*about.stored, *week[PARTITION_COLUMN]]
    # Cells of whole pixels have sharp edges, and the same number looks the same in all of them: the file is smaller.
    right = drawing.WIDTH - _LEFT - (drawing.WIDTH - _LEFT - _SCALE) // len(shown) * len(shown)
    panels = card.panels(len(channels), 1, left=_LEFT, right=right, top=26, bottom=bottom, down=_BETWEEN)
    for axes, (channel, rows) in zip(panels, channels.items(), strict=True):
        cells = _cells(rows, about.day, stored, shown)
        scale = drawing.heat_scale(_scale_top(cells))
        _draw_cells(axes, cells, shown, scale)
        _draw_scale(axes, scale)
        _name_days(axes, about.day, stored)
        drawing.name_title(axes, text.capitalized(text.channel_name(channel)), drawing.channel_colour(channel))
        axes.set_xticks([])
    panels[-1].set_xticks(shown, [str(hour) for hour in shown])
    panels[-1].set_xlabel("hour of the day", fontsize=drawing.SMALL, color=drawing.MUTED, labelpad=4)
    if hidden:
        card.footnote(f"{text.capitalized(hidden)}.")
    return card.png()


def _cells(rows: pd.DataFrame, day: date, stored: Collection[date], shown: range) -> pd.DataFrame:
    """A row for each shown hour of each stored day: attempts, 0 included, and the rate if they are enough for one."""
    ages = [age for age in range(SHOWN_DAYS) if day - timedelta(days=age) in stored]
    grid = pd.MultiIndex.from_product((ages, shown), names=("age", "hour"))
    found = rows.assign(age=[(day - each).days for each in rows[PARTITION_COLUMN]]).set_index(["age", "hour"])
    cells = found[["attempts", "reach_rate"]].reindex(grid).reset_index()
    attempts = cells["attempts"].fillna(0.0)
    shaded: pd.DataFrame = cells.assign(attempts=attempts, rate=cells["reach_rate"].where(attempts >= FEW))
    return shaded


def _draw_cells(axes: Axes, cells: pd.DataFrame, shown: range, scale: ScalarMappable) -> None:
    from matplotlib.colors import ListedColormap  # noqa: PLC0415

    few = (cells["attempts"] < FEW).astype("float64").replace(0.0, float("nan"))
    for values, colours in ((few, ListedColormap([drawing.GRID])), (cells["rate"], scale.cmap)):
        grid = cells.assign(value=values).pivot_table("value", "age", "hour", dropna=False)
        mesh = axes.pcolormesh(
            shown,
            range(SHOWN_DAYS),
            grid.reindex(index=range(SHOWN_DAYS), columns=shown),
            cmap=colours,
            edgecolors=drawing.PAPER,
            linewidth=drawing.points(2),
        )
        mesh.set_clim(scale.get_clim())
    darkest = _DARK * scale.get_clim()[1]
    for _, cell in cells[cells["attempts"] > 0].iterrows():
        few_colour = drawing.MUTED if cell["attempts"] < FEW else drawing.INK
        axes.text(
            cell["hour"],
            cell["age"],
            _in_cell(cell["attempts"]),
            fontsize=drawing.SMALL,
            # Grey edges of digits in eight shades would make the picture a fifth larger.
            antialiased=False,
            ha="center",
            va="center_baseline",
            color=drawing.PAPER if cell["rate"] > darkest else few_colour,
        )


def _in_cell(attempts: float) -> str:
    """A count that fits one of 24 cells: from a thousand on with two significant digits."""
    return text.short_count(attempts if attempts < _THOUSAND else float(f"{attempts:.2g}"))


def _name_days(axes: Axes, day: date, stored: Collection[date]) -> None:
    """The days as names of the rows. A day that is not stored says so, instead of showing no attempts."""
    days = [day - timedelta(days=age) for age in range(SHOWN_DAYS)]
    axes.set_ylim(-0.5, SHOWN_DAYS - 0.5)
    axes.set_yticks(range(SHOWN_DAYS), [f"{each:%a} {each.day} {each:%b}" for each in days])
    for age, each in enumerate(days):
        if each not in stored:
            axes.annotate(
                "not stored",
                (0, age),
                xycoords=axes.get_yaxis_transform(),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=drawing.SMALL,
                color=drawing.MUTED,
                va="center",
            )


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


def _scale_top(cells: pd.DataFrame) -> float:
    """The rate with the darkest colour: the highest one in busy hours."""
    made = cells.loc[cells["attempts"] > 0, "attempts"]
    top = float(cells.loc[cells["attempts"] >= _BUSY * made.mean(), "rate"].max())
    return top if top > 0 else 1.0


def _shown_hours(week: pd.DataFrame) -> range:
    """The hours from the first to the last attempt, at least half a day."""
    first, last = int(week["hour"].min()), int(week["hour"].max())
    first = max(0, min(first, last + 1 - _MIN_HOURS))
    return range(first, max(last + 1, first + _MIN_HOURS))
