"""Presents `reach_by_attempt`: whether a fifth attempt is worth it, by channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from cleargrid_assets.contracts import CHANNELS, EMAIL, FEW, MAX_ATTEMPT_NUMBER, PHONE
from cleargrid_assets.pictures import drawing, text, versus
from cleargrid_assets.pictures.frames import by_channel
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.pictures.versus import Reach, difference
from cleargrid_assets.wording import more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Curves = dict[str, pd.DataFrame]

_ASKED = 5
"""The attempt that the headline is about."""
_MIN_AT_RISK = 30
"""Contacts at risk that the headline needs. With fewer it is about an earlier attempt."""
_MAX_DRAWN = len(CHANNELS)
_CENSORED = "Kaplan-Meier: contacts that were not tried again are left out, not counted as failures."
_DODGE = 0.12
_NAMES = dict(enumerate(("first", "second", "third", "fourth", "fifth"), 1))


class _Answer(NamedTuple):
    """The channel and the row that answer the question of the headline."""

    channel: str
    row: pd.Series[float]


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows what a fifth attempt reaches, the difference between phone and e-mail, and the curves of each channel."""
    by_number = rows[rows["contacts_attempted"] > 0].sort_values("attempt_number")
    curves = by_channel(by_number, "contacts_attempted")
    if not curves:
        return nothing_to_show(about, "no contact attempted in the 7 days that end with it")
    days = int(by_number["window_days"].max())
    answer = _answer(curves)
    reach = {channel: _reach(curve) for channel, curve in curves.items()}
    between = difference(reach)
    conclusion = text.clauses(
        _answered(answer),
        versus.in_words(between, f"in {days} days") if between else "",
        about.unmapped_note(days),
    )
    notes = f"In {days} days {versus.compared(reach)}.{f' {versus.CAVEAT}' if between else ''}"
    return Presentation(
        about.title(conclusion),
        _summary(curves[answer.channel], about, conclusion, notes),
        lambda: _draw(curves, about, conclusion, by_number["channel"].nunique()),
        {
            "phone_minus_email": between.difference if between else None,
            **{f"{channel}_reach_rate": reach[channel].rate for channel in CHANNELS if channel in reach},
        },
    )


def _reach(curve: pd.DataFrame) -> Reach:
    """The contacts of a channel that any attempt reached."""
    return Reach(int(curve["contacts_first_reached"].sum()), int(curve["contacts_attempted"].max()))


def _answer(curves: Curves) -> _Answer:
    """The fifth attempt of the channel with the most contacts at risk, or the last one with enough of them."""
    candidates = []
    for channel, curve in curves.items():
        asked = curve[curve["attempt_number"] <= _ASKED]
        enough = asked[asked["contacts_at_risk"] >= _MIN_AT_RISK]
        candidates.append(_Answer(channel, (asked.head(1) if enough.empty else enough).iloc[-1]))
    return max(candidates, key=lambda answer: (answer.row["attempt_number"], answer.row["contacts_at_risk"]))


def _answered(answer: _Answer) -> str:
    """What the attempt reached, as the beginning of a sentence."""
    row = answer.row
    number = int(row["attempt_number"])
    whom = f"{text.contacts(row['contacts_at_risk'])}{'' if number == 1 else ' not reached before'}"
    few = "" if number == _ASKED else f", the last with {_MIN_AT_RISK} contacts"
    return (
        f"the {_NAMES[number]} attempt by {text.channel_name(answer.channel)} reached "
        f"{text.percent(row['reach_probability'])} of {whom} "
        f"({_interval(row)}){few if row['contacts_at_risk'] >= _MIN_AT_RISK else ', too few to judge'}"
    )


def _interval(row: pd.Series[float]) -> str:
    low, high = text.percent(row["reach_probability_low"]), text.percent(row["reach_probability_high"])
    return f"95% interval {low} to {high}"


def _summary(curve: pd.DataFrame, about: Shown, conclusion: str, notes: str) -> str:
    """The attempts of the channel that the headline is about, and phone against e-mail."""
    numbers = map(_ordinal, curve["attempt_number"])
    lines = list(zip(numbers, text.shares(curve["contacts_first_reached"], curve["contacts_at_risk"]), strict=True))
    header = ("#", f"reached by {text.escape(text.channel_name(str(curve['channel'].iloc[0])))}")
    return text.fit_table(
        about.opening(conclusion), header, "rl", lines, text.escape(notes), of=(len(lines), "attempt")
    )


def _draw(curves: Curves, about: Shown, conclusion: str, all_channels: int) -> bytes:
    """From top to bottom, by attempt number: the probability of reaching, its curve, and the contacts at risk."""
    drawn = dict(list(curves.items())[:_MAX_DRAWN])
    heights = (170, 170, 90)
    card = drawing.card(
        about.title(conclusion),
        "Outbound attempts on a contact and channel, numbered in time order over the days that end with the day",
        24 + sum(heights) + 2 * 46 + 96,
    )
    upper, middle, lower = card.panels(3, 1, left=76, right=150, top=24, bottom=96, down=46, heights=heights)
    last = int(max(curve["attempt_number"].max() for curve in drawn.values()))
    _draw_probabilities(upper, drawn)
    _draw_curves(middle, drawn, last)
    _draw_contacts(lower, drawn)
    for axes in (upper, middle, lower):
        axes.set_xlim(0.4, last + 0.6)
        axes.set_xticks(range(1, last + 1), [_ordinal(number) for number in range(1, last + 1)])
        axes.grid(axis="y", color=drawing.GRID, linewidth=0.8)
    lower.set_xlabel("number of the attempt", fontsize=drawing.SMALL, color=drawing.MUTED)
    hidden = more(all_channels - len(drawn), "channel")
    caveat = f"\n{versus.CAVEAT}" if {PHONE, EMAIL} <= drawn.keys() else ""
    card.footnote(f"{_CENSORED} {text.capitalized(hidden)}".strip() + caveat)
    return card.png()


def _draw_probabilities(axes: Axes, curves: Curves) -> None:
    """The share of the contacts at risk that each attempt reached, with its interval."""
    drawing.panel_title(
        axes,
        f"Reached by this attempt, of contacts not reached before. Line: 95% interval. Grey: fewer than {FEW}",
    )
    for place, (channel, curve) in enumerate(curves.items()):
        x = curve["attempt_number"] + _DODGE * (place - (len(curves) - 1) / 2)
        colour = drawing.channel_colour(channel)
        colours = [drawing.UNSURE if at_risk < FEW else colour for at_risk in curve["contacts_at_risk"]]
        low, high = curve["reach_probability_low"], curve["reach_probability_high"]
        axes.vlines(x, low, high, color=colours, alpha=0.5, linewidth=2.5)
        axes.scatter(x, curve["reach_probability"], color=colours, s=28, zorder=3, clip_on=False)
    drawing.percent_axis(axes, _top(curves))


def _top(curves: Curves) -> float:
    """The highest end of an interval of at least `FEW` contacts, or the highest probability."""
    rows = pd.concat(curves.values())
    sure = rows.loc[rows["contacts_at_risk"] >= FEW, "reach_probability_high"].max()
    top = max(sure, rows["reach_probability"].max())
    return float(top) if math.isfinite(top) else 0.0


def _draw_curves(axes: Axes, curves: Curves, last: int) -> None:
    drawing.panel_title(axes, "Share reached so far. Line: Kaplan-Meier. Dashes: of all contacts attempted")
    drawing.percent_axis(axes, max(float(curve["km_reach_rate"].max()) for curve in curves.values()))
    ends = [_end(curve) for curve in curves.values()]
    label_heights = drawing.spread([end["km_reach_rate"] for end in ends], axes.get_ylim()[1] * 0.2)
    for (channel, curve), end, height in zip(curves.items(), ends, label_heights, strict=True):
        colour = drawing.channel_colour(channel)
        number, rate = end["attempt_number"], end["km_reach_rate"]
        sure = curve[curve["attempt_number"] <= number]
        for shown, line_colour in ((curve, drawing.UNSURE), (sure, colour)):
            axes.plot(
                shown["attempt_number"],
                shown["km_reach_rate"],
                color=line_colour,
                linewidth=2,
                marker="o",
                markersize=5,
                clip_on=False,
            )
        axes.plot(curve["attempt_number"], curve["cumulative_reach_rate"], color=colour, linewidth=1, linestyle="--")
        axes.plot(
            (number, last + 0.3, last + 0.6),
            (rate, rate, height),
            color=colour,
            linewidth=1,
            linestyle=":",
            clip_on=False,
        )
        drawing.end_label(
            axes,
            (last + 0.6, height),
            text.channel_name(channel),
            f"{text.percent(rate)} by {_ordinal(number)}",
            colour,
        )


def _draw_contacts(axes: Axes, curves: Curves) -> None:
    drawing.panel_title(axes, "Light: contacts at risk (tried this often, not reached before). Dark: reached now")
    width = 0.8 / len(curves)
    for place, (channel, curve) in enumerate(curves.items()):
        colour = drawing.channel_colour(channel)
        x = curve["attempt_number"] - 0.4 + width * (place + 0.5)
        axes.bar(x, curve["contacts_at_risk"], width * 0.9, color=colour, alpha=0.25, linewidth=0)
        axes.bar(x, curve["contacts_first_reached"], width * 0.9, color=colour, linewidth=0)
    drawing.count_axis(axes, max(float(curve["contacts_at_risk"].max()) for curve in curves.values()))


def _end(curve: pd.DataFrame) -> pd.Series[float]:
    """The last attempt with contacts enough for the label of the curve, or the first attempt."""
    enough = curve[curve["contacts_at_risk"] >= FEW]
    end: pd.Series[float] = (curve.head(1) if enough.empty else enough).fillna({"km_reach_rate": 0.0}).iloc[-1]
    return end


def _ordinal(number: float) -> str:
    return f"{number:.0f}+" if number >= MAX_ATTEMPT_NUMBER else f"{number:.0f}"
