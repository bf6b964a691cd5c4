"""`operational_health` at a glance: whether anything looks broken, by type of communication.

What belongs here: the health's sentence, table and picture. What does not: its definition, and other analyses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.analysis.health import BASELINE_DAYS, LEAST_BASELINE_DAYS, LEAST_MAD, MADS, SCALE
from cleargrid_assets.contracts import OPERATIONAL_HEALTH
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import in_days, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DAYS = 28
_MOST_NAMED = 2
_MOST_DRAWN = 4


def headline(health: pd.DataFrame, day: date) -> str:
    """The conclusion in a sentence: which volumes are unusual, and the share that failed.

    A type without a row on the day is named as silent if it has rows on at least 4 of the 7 days before.

    Args:
        health: Rows of `operational_health` of the trailing 28 days, the day included.
        day: The business day.
    """
    rows = _window(health, day)
    today = rows[rows["communicated_date"] == day]
    if today.empty:
        return f"No communications on {day.isoformat()}"
    total = today["communications"].sum()
    failed = f"{text.percent(today['failed'].sum() / total)} of {text.count(total)} communications failed"
    unusual = [
        f"{text.shorten(row['communication_type'])} at {text.times(row['volume_ratio'])} its usual volume"
        for _, row in today[today["is_anomalous"] == 1].iterrows()
    ]
    unusual += [f"no {text.shorten(name)}" for name in _silent(rows, day)]
    if unusual:
        rest = text.more(len(unusual) - _MOST_NAMED, "unusual type")
        named = ", ".join(unusual[:_MOST_NAMED])
        return text.capitalized(f"{named}{' ' if rest else ''}{rest}; {failed}")
    if today["is_anomalous"].isna().all():
        return f"{failed}; too few days to judge the volume"
    return f"Volumes as usual; {failed}"


def summary(health: pd.DataFrame, day: date) -> str:
    """Markdown of at most `text.INLINE_LIMIT` characters: volume against its baseline, failures and lag, by type.

    Args:
        health: Rows of `operational_health` of the trailing 28 days, the day included.
        day: The business day.
    """
    conclusion = text.escape(headline(health, day))
    rows = _window(health, day)
    today = rows[rows["communicated_date"] == day]
    if today.empty:
        return f"{conclusion}."
    today = today.sort_values(
        ["is_anomalous", "communications", "communication_type"], ascending=[False, False, True], na_position="last"
    )
    top = today["communications"].max()
    lines = [
        (
            text.escape(text.shorten(row["communication_type"])),
            text.count(row["communications"]),
            text.bar(row["communications"] / top),
            f"{text.times(row['volume_ratio'])}{' ⚠' if row['is_anomalous'] == 1 else ''}",
            text.percent(row["failure_rate"]),
            text.seconds(row["logging_lag_p95_s"]),
        )
        for _, row in today.iterrows()
    ]
    unmapped = today["unmapped"].sum()
    note = f"{text.count(unmapped)} with a status that the outcomes file does not know." if unmapped else ""

    def render(shown: int) -> str:
        table = text.table(("type", "rows", "", "of usual", "failed", "lag p95"), "lrlrrr", lines[:shown])
        return text.paragraphs(f"**{conclusion}**", table, text.more(len(lines) - shown, "type"), note)

    return text.fit(render, len(lines))


def picture(health: pd.DataFrame, day: date) -> bytes:
    """A PNG of small multiples: volume with its baseline band, failure rate and logging lag by day, a row a type.

    The band is that of `is_anomalous`: the median of the 7 days before, give or take 3 scaled median absolute
    deviations, each deviation taken as at least 5% of the median.

    Args:
        health: Rows of `operational_health` of the trailing 28 days, the day included.
        day: The business day.
    """
    rows = _window(health, day)
    if rows.empty:
        return drawing.notice(headline(health, day))
    types = _types(rows, day)
    drawn = types[:_MOST_DRAWN]
    bottom = 60 if len(types) > len(drawn) else 36
    card = drawing.card(
        headline(health, day),
        f"Communications of both directions, by day, in the {_DAYS} days that end on {day.isoformat()}; "
        "band: usual volume; diamond: unusual",
        44 + 84 * len(drawn) + 46 * (len(drawn) - 1) + bottom,
    )
    panels = card.panels(len(drawn), 3, left=62, right=36, top=44, bottom=bottom, across=62, down=46)
    for position, name in enumerate(drawn):
        of_type = rows[rows["communication_type"] == name].set_index("communicated_date")
        is_last = position == len(drawn) - 1
        _draw_row(panels[3 * position : 3 * position + 3], of_type, day, is_first=position == 0, is_last=is_last)
        panels[3 * position].text(
            0,
            1.1,
            drawing.verbatim(text.shorten(name, 14)),
            transform=panels[3 * position].transAxes,
            fontsize=drawing.BODY,
            fontweight="bold",
            color=drawing.INK,
        )
    if len(types) > len(drawn):
        card.footnote(f"{text.capitalized(text.more(len(types) - len(drawn), 'type'))}.")
    return card.png()


def _draw_row(panels: list[Axes], of_type: pd.DataFrame, day: date, *, is_first: bool, is_last: bool) -> None:
    """One type: volume, failure rate and logging lag."""
    volume, failures, lag = panels
    highest = _draw_band(volume, of_type["communications"], day)
    size, unit = text.time_unit(of_type["logging_lag_p95_s"].max())
    _draw_series(volume, of_type["communications"], day, text.count)
    _draw_series(failures, of_type["failure_rate"], day, text.percent)
    _draw_series(lag, of_type["logging_lag_p95_s"] / size, day, lambda value: text.seconds(value * size))
    _mark_unusual(volume, of_type, day)
    drawing.count_axis(volume, max(float(of_type["communications"].max()), highest))
    drawing.percent_axis(failures, float(of_type["failure_rate"].max()))
    drawing.duration_axis(lag, float(of_type["logging_lag_p95_s"].max()) / size, unit)
    titles = ("communications a day", "failed, % of communications", "logging lag, 95th percentile")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_xlim(-_DAYS + 0.5, 0.5)
        ages = range(0, -_DAYS, -BASELINE_DAYS)
        dates = [day + timedelta(days=age) for age in ages]
        axes.set_xticks(ages, [f"{each.day} {each:%b}" if is_last else "" for each in dates])
        axes.grid(axis="both", color=drawing.GRID, linewidth=0.8)
        if is_first:
            axes.text(0, 1.36, title, transform=axes.transAxes, fontsize=drawing.BODY, color=drawing.MUTED)


def _draw_series(axes: Axes, values: pd.Series[float], day: date, reads: Callable[[float], str]) -> None:
    """A line with a dot a day, broken where a day has no row, and the day's own value."""
    by_age = _by_age(values, day)
    axes.plot(by_age.index, by_age, color=drawing.SERIES, linewidth=1.2, marker="o", markersize=2.5)
    today = by_age[0]
    if math.isfinite(today):
        axes.plot(0, today, "o", color=drawing.INK, markersize=5)
        axes.annotate(
            reads(today),
            (1, 1.1),
            xycoords="axes fraction",
            ha="right",
            fontsize=drawing.BODY,
            fontweight="bold",
            color=drawing.INK,
        )


def _draw_band(axes: Axes, volumes: pd.Series[float], day: date) -> float:
    """The usual volume as a band; gives its highest point, 0 where no day has one."""
    by_age = _by_age(volumes, day)
    band = {age: _band(by_age.loc[age - BASELINE_DAYS : age - 1]) for age in range(BASELINE_DAYS - _DAYS + 1, 1)}
    low, middle, high = (list(side) for side in zip(*band.values(), strict=True))
    axes.fill_between(list(band), low, high, color=drawing.BAND, linewidth=0)
    axes.plot(list(band), middle, color=drawing.PAPER, linewidth=1)
    return max((end for end in high if math.isfinite(end)), default=0.0)


def _band(before: pd.Series[float]) -> tuple[float, float, float]:
    """The lower end, the middle and the upper end of the usual volume, from those of the 7 days before it."""
    known = before.dropna()
    if len(known) < LEAST_BASELINE_DAYS:
        return (math.nan, math.nan, math.nan)
    median = float(known.median())
    deviation = max(float((known - median).abs().median()), LEAST_MAD * median)
    reach = MADS * SCALE * deviation
    return (max(0.0, median - reach), median, median + reach)


def _mark_unusual(axes: Axes, of_type: pd.DataFrame, day: date) -> None:
    unusual = _by_age(of_type.loc[of_type["is_anomalous"] == 1, "communications"], day)
    axes.plot(unusual.index, unusual, "D", color=drawing.ALARM, markersize=6, mec=drawing.PAPER, mew=1)


def _by_age(values: pd.Series[float], day: date) -> pd.Series[float]:
    """The values of the window by days before the day, from -27 to 0; NaN where a day has no row."""
    by_age = {(each - day).days: value for each, value in zip(values.index, values, strict=True)}
    ages = range(1 - _DAYS, 1)
    return pd.Series([by_age.get(age, math.nan) for age in ages], index=ages)


def _types(rows: pd.DataFrame, day: date) -> list[str]:
    """The types to draw first: those unusual or silent on the day, then by communications in the window."""
    today = rows[rows["communicated_date"] == day]
    unusual = {*today.loc[today["is_anomalous"] == 1, "communication_type"], *_silent(rows, day)}
    totals = rows.groupby("communication_type")["communications"].sum()
    return sorted(totals.index, key=lambda name: (name not in unusual, -totals[name], name))


def _silent(rows: pd.DataFrame, day: date) -> list[str]:
    """The types without a row on the day that have rows on most of the days before."""
    before = in_days(rows, day - timedelta(days=BASELINE_DAYS), day - timedelta(days=1))
    days = before.groupby("communication_type")["communicated_date"].nunique()
    present = set(rows.loc[rows["communicated_date"] == day, "communication_type"])
    return [name for name in days[days >= LEAST_BASELINE_DAYS].index if name not in present]


def _window(health: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows of the 28 days that end with the day."""
    rows = tidy(health, OPERATIONAL_HEALTH)
    rows = rows[rows["communications"] > 0]
    return in_days(rows, day - timedelta(days=_DAYS - 1), day)
