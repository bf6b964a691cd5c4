"""Presents `attempt_funnel`: how far the outbound attempts of a day got, by communication type."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from cleargrid_assets.analysis.unmapped import as_pairs
from cleargrid_assets.contracts import ALL_TYPES, FEW, STAGES
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.presentation import Presentation, Shown, nothing_to_show
from cleargrid_assets.wording import more

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ATTEMPTED, _, _REACHED, _ENGAGED = STAGES
_STAGE_COLOURS = dict(zip(STAGES, ("#C3CFDA", "#8FA5B8", "#567893", "#1F3F5B"), strict=True))
_ALL_NOTE = "All types together count a contact once, however many types were used."
_COLUMNS = 3
_BAR = 4
_MAX_PANELS = 6


def present(rows: pd.DataFrame, about: Shown) -> Presentation:
    """Shows the share of contacts reached and engaged, and the funnel of each type."""
    all_types = rows[rows["communication_type"] == ALL_TYPES].set_index("stage")
    details = {"unmapped": as_pairs(about.unmapped)}
    if _contacts(rows, ALL_TYPES, _ATTEMPTED) == 0:
        attempts = all_types["attempts"].get(_ATTEMPTED, 0)
        why = "no contact attempted, because all addresses are withheld" if attempts else "no outbound communications"
        nothing = nothing_to_show(about, why, {"attempts": attempts, "contacts": 0})
        return replace(nothing, details=details)
    attempted = all_types.loc[_ATTEMPTED]
    rates = all_types["contact_rate"].reindex(STAGES)
    conclusion = (
        f"{text.percent(rates[_REACHED])} of {text.contacts(attempted['contacts'])} reached, "
        f"{text.percent(rates[_ENGAGED])} engaged"
    )
    if note := about.unmapped_note():
        conclusion += f"; {note}"
    headline = about.title(conclusion)
    return Presentation(
        headline,
        _summary(rows, about.opening(conclusion)),
        lambda: _draw(rows, about.day, headline),
        {
            "attempts": attempted["attempts"],
            "contacts": attempted["contacts"],
            "reach_rate": rates[_REACHED],
            "engagement_rate": rates[_ENGAGED],
        },
        details,
    )


def _summary(rows: pd.DataFrame, opening: str) -> str:
    stages = rows[rows["communication_type"] == ALL_TYPES].sort_values("stage_order")
    table = text.table(
        ("stage", "contacts"),
        "ll",
        (
            (
                text.escape(text.shorten(stage, 9)),
                f"{text.short_count(contacts)} {text.percent(rate)} {text.bar(rate, _BAR)}".rstrip(),
            )
            for stage, contacts, rate in zip(stages["stage"], stages["contacts"], stages["contact_rate"], strict=True)
        ),
    )
    types = _types(rows)
    largest = types[: text.MAX_SHOWN]
    reach = [f"{text.escape(text.shorten(name))} {_reach(rows, name)}" for name in largest]

    def render(shown: int) -> str:
        by_type = text.listed(*reach[:shown], more(len(types) - shown, "type"))
        return text.paragraphs(opening, table, f"Reached by type: {by_type}." if by_type else "")

    return text.fit(render, len(reach))


def _draw(rows: pd.DataFrame, day: date, headline: str) -> bytes:
    """Bars of contacts by stage, for all types together and for the types with the most contacts."""
    types = _types(rows)
    names = types if len(types) == 1 else [ALL_TYPES, *types]
    drawn = names[:_MAX_PANELS]
    columns = 2 if len(drawn) in (2, 4) else min(len(drawn), _COLUMNS)
    lines = -(-len(drawn) // columns)
    card = drawing.card(
        headline,
        f"Contacts with an outbound attempt on {day} that got at least this far, and their share of all attempted",
        24 + 120 * lines + 36 * (lines - 1) + 40,
    )
    panels = card.panels(lines, columns, left=100, top=24, bottom=40, across=12, down=36)
    for position, axes in enumerate(panels):
        if position < len(drawn):
            _draw_funnel(axes, rows, drawn[position], names_stages=position % columns == 0)
        else:
            axes.set_visible(False)
    if len(names) > len(drawn):
        hidden = more(len(names) - len(drawn), "type")
        card.footnote(f"{text.capitalized(hidden)} with fewer contacts. {_ALL_NOTE}")
    elif len(names) > 1:
        card.footnote(_ALL_NOTE)
    return card.png()


def _draw_funnel(axes: Axes, rows: pd.DataFrame, name: str, *, names_stages: bool) -> None:
    stages = rows[rows["communication_type"] == name].sort_values("stage_order", ascending=False)
    rates = stages["contact_rate"].fillna(0.0)
    positions = list(range(len(stages)))
    axes.barh(
        positions, rates, height=0.78, color=[_STAGE_COLOURS.get(stage, drawing.SERIES) for stage in stages["stage"]]
    )
    for position, rate, contacts in zip(positions, rates, stages["contacts"], strict=True):
        label = text.count(contacts) if position == len(stages) - 1 else f"{text.count(contacts)}  {text.percent(rate)}"
        axes.text(rate + 0.02, position, label, fontsize=drawing.BODY, color=drawing.INK, va="center")
    drawing.name_title(axes, "All types" if name == ALL_TYPES else text.shorten(name, 22))
    axes.set_xlim(0, 1.55)
    axes.set_xticks([])
    axes.set_yticks(
        positions,
        [drawing.verbatim(text.shorten(stage)) for stage in stages["stage"]] if names_stages else [""] * len(positions),
    )
    axes.tick_params(axis="y", labelsize=drawing.BODY)
    axes.axvline(0, color=drawing.GRID, linewidth=1)


def _types(rows: pd.DataFrame) -> list[str]:
    """The types without ALL, those with the most contacts first."""
    is_type = (rows["stage"] == _ATTEMPTED) & (rows["communication_type"] != ALL_TYPES) & (rows["contacts"] > 0)
    ordered = rows[is_type].sort_values(["contacts", "communication_type"], ascending=[False, True])
    return list(ordered["communication_type"])


def _contacts(rows: pd.DataFrame, name: str, stage: str) -> float:
    return float(rows.loc[(rows["communication_type"] == name) & (rows["stage"] == stage), "contacts"].sum())


def _reach(rows: pd.DataFrame, name: str) -> str:
    reached, attempted = _contacts(rows, name, _REACHED), _contacts(rows, name, _ATTEMPTED)
    if attempted < FEW:
        return f"{text.count(reached)} of {text.count(attempted)}"
    return text.percent(reached / attempted)
