"""`attempt_funnel` at a glance: how far a day's outbound attempts got, by type of communication.

What belongs here: the funnel's sentence, table and picture. What does not: its definition, and other analyses.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.contracts import ATTEMPT_FUNNEL
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALL = "ALL"
_ONCE = "All types together count a contact once, however many types it was attempted by."
_COLUMNS = 3
_MOST_PANELS = 6
_STAGE_COLOURS = {"attempted": "#C3CFDA", "delivered": "#8FA5B8", "reached": "#567893", "engaged": "#1F3F5B"}


def headline(funnel: pd.DataFrame, day: date) -> str:
    """The conclusion in a sentence: the share of contacts reached and engaged.

    Args:
        funnel: Rows of `attempt_funnel` of one day.
        day: The business day.
    """
    rows = tidy(funnel, ATTEMPT_FUNNEL)
    attempted = _contacts(rows, _ALL, "attempted")
    if not attempted > 0:
        return f"No outbound communications on {day.isoformat()}"
    reached, engaged = (_contacts(rows, _ALL, stage) for stage in ("reached", "engaged"))
    return (
        f"{text.percent(reached / attempted)} of {text.count(attempted)} contacts reached, "
        f"{text.percent(engaged / attempted)} engaged"
    )


def summary(funnel: pd.DataFrame, day: date, unmapped: int = 0) -> str:
    """Markdown of at most `text.INLINE_LIMIT` characters: the funnel of all types, and the reach of each.

    Args:
        funnel: Rows of `attempt_funnel` of one day.
        day: The business day.
        unmapped: Communications of the day whose status is not mapped, which the reader is to know of.
    """
    conclusion = text.escape(headline(funnel, day))
    rows = tidy(funnel, ATTEMPT_FUNNEL)
    types = _types(rows)
    if not types:
        return f"{conclusion}."
    stages = rows[rows["communication_type"] == _ALL].sort_values("stage_order")
    table = text.table(
        ("stage", "contacts", "rate", ""),
        "lrrl",
        (
            (text.escape(text.shorten(stage)), text.count(contacts), text.percent(rate), text.bar(rate))
            for stage, contacts, rate in zip(stages["stage"], stages["contacts"], stages["contact_rate"], strict=True)
        ),
    )

    aside = f"Unmapped status: {text.count(unmapped)}, counted as attempted and no further." if unmapped else ""

    def render(shown: int) -> str:
        reach = [f"{text.escape(text.shorten(name))} {text.percent(_rate(rows, name))}" for name in types[:shown]]
        rest = text.more(len(types) - shown, "type")
        return text.paragraphs(f"**{conclusion}**", table, f"Reached by type: {text.listed(*reach, rest)}.", aside)

    return text.fit(render, len(types))


def picture(funnel: pd.DataFrame, day: date) -> bytes:
    """A PNG of bars: contacts by stage, for all types together and for the largest ones.

    Args:
        funnel: Rows of `attempt_funnel` of one day.
        day: The business day.
    """
    rows = tidy(funnel, ATTEMPT_FUNNEL)
    types = _types(rows)
    if not types:
        return drawing.notice(headline(funnel, day))
    names = [_ALL, *types] if len(types) > 1 else types
    drawn = names[:_MOST_PANELS]
    columns = 2 if len(drawn) in (2, 4) else min(len(drawn), _COLUMNS)
    lines = -(-len(drawn) // columns)
    card = drawing.card(
        headline(funnel, day),
        f"Contacts with an outbound attempt that got at least this far on {day.isoformat()}, and % of those attempted",
        24 + 120 * lines + 36 * (lines - 1) + 40,
    )
    panels = card.panels(lines, columns, left=100, top=24, bottom=40, across=12, down=36)
    for position, axes in enumerate(panels):
        if position < len(drawn):
            _draw(axes, rows, drawn[position], names_stages=position % columns == 0)
        else:
            axes.set_visible(False)
    if len(names) > len(drawn):
        rest = text.more(len(names) - len(drawn), "type")
        card.footnote(f"{text.capitalized(rest)} with fewer contacts. {_ONCE}")
    elif len(types) > 1:
        card.footnote(_ONCE)
    return card.png()


def _draw(axes: Axes, rows: pd.DataFrame, name: str, *, names_stages: bool) -> None:
    stages = rows[rows["communication_type"] == name].sort_values("stage_order", ascending=False)
    rates = stages["contact_rate"].fillna(0.0)
    positions = list(range(len(stages)))
    axes.barh(
        positions, rates, height=0.78, color=[_STAGE_COLOURS.get(stage, drawing.SERIES) for stage in stages["stage"]]
    )
    for position, rate, contacts in zip(positions, rates, stages["contacts"], strict=True):
        label = text.count(contacts) if position == len(stages) - 1 else f"{text.count(contacts)}  {text.percent(rate)}"
        axes.text(rate + 0.02, position, label, fontsize=drawing.BODY, color=drawing.INK, va="center")
    axes.set_title(
        drawing.verbatim("All types" if name == _ALL else text.shorten(name, 22)),
        loc="left",
        fontsize=drawing.BODY,
        fontweight="bold",
        color=drawing.INK,
        pad=4,
    )
    axes.set_xlim(0, 1.55)
    axes.set_xticks([])
    axes.set_yticks(
        positions,
        [drawing.verbatim(text.shorten(stage)) for stage in stages["stage"]] if names_stages else [""] * len(positions),
    )
    axes.tick_params(axis="y", labelsize=drawing.BODY)
    axes.axvline(0, color=drawing.GRID, linewidth=1)


def _types(rows: pd.DataFrame) -> list[str]:
    """The types apart from ALL, those with the most contacts first."""
    attempted = rows[(rows["stage"] == "attempted") & (rows["communication_type"] != _ALL) & (rows["contacts"] > 0)]
    return list(
        attempted.sort_values(["contacts", "communication_type"], ascending=[False, True])["communication_type"]
    )


def _contacts(rows: pd.DataFrame, name: str, stage: str) -> float:
    return float(rows.loc[(rows["communication_type"] == name) & (rows["stage"] == stage), "contacts"].sum())


def _rate(rows: pd.DataFrame, name: str) -> float:
    attempted = _contacts(rows, name, "attempted")
    return _contacts(rows, name, "reached") / attempted if attempted else float("nan")
