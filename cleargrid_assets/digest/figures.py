"""The headlines and the funnel of a digest, from tidy rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from cleargrid_assets.contracts import ALL_TYPES, STAGES
from cleargrid_assets.digest.content import WEEK, Figure, FunnelRow
from cleargrid_assets.pictures import text
from cleargrid_assets.pictures.unusual import usual_communications
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets.wording import more

_ATTEMPTED, _, _REACHED, _ = STAGES


def figures(health: pd.DataFrame, funnel: pd.DataFrame, day: date, baseline: Mapping[str, Any]) -> list[Figure]:
    """The headlines of a day against the same weekday of the week before.

    Args:
        health: Tidy rows of the operational health of both days.
        funnel: Tidy rows of the funnel of both days.
        day: The day.
        baseline: The row of the operational baselines for the day and all types; empty if there is none.
    """
    ours, theirs = _health(health, day), _health(health, day - WEEK)
    contacts, contacts_before = _contacts(funnel, day), _contacts(funnel, day - WEEK)
    reached, reached_before = _share(contacts), _share(contacts_before)
    volume, failures, lag = "communications", "failure_rate", "logging_lag_p95_s"
    return [
        replace(
            _figure("Communications", ours[volume], theirs[volume], text.count),
            usual=_between(baseline.get("communications_low"), baseline.get("communications_high")),
            is_unusual=bool(baseline.get("volume_is_unusual")),
        ),
        _figure("Contacts attempted", contacts[_ATTEMPTED], contacts_before[_ATTEMPTED], text.count),
        replace(
            _figure("Contacts reached", reached, reached_before, text.percent),
            value=_with_share(contacts[_REACHED], reached),
            before=_with_share(contacts_before[_REACHED], reached_before),
        ),
        replace(
            _figure("Failed", ours[failures], theirs[failures], text.percent),
            usual=_up_to(baseline.get("failure_rate_high"), text.percent),
            is_unusual=bool(baseline.get("failure_is_unusual")),
        ),
        replace(
            _figure("Logging lag (p95)", ours[lag], theirs[lag], text.seconds),
            usual=_up_to(baseline.get("lag_high_s"), text.seconds),
            is_unusual=bool(baseline.get("lag_is_unusual")),
        ),
    ]


def funnel_rows(funnel: pd.DataFrame, day: date) -> tuple[list[FunnelRow], str]:
    """The funnel of all types together and of the types with the most contacts, and how many types are left out.

    Args:
        funnel: Tidy rows of the funnel.
        day: The day.
    """
    today = funnel[funnel[PARTITION_COLUMN] == day]
    counts = {
        str(name): {stage: float(of_type.loc[of_type["stage"] == stage, "contacts"].sum()) for stage in STAGES}
        for name, of_type in today.groupby("communication_type")
    }
    names = sorted(counts, key=lambda name: (name != ALL_TYPES, -counts[name][_ATTEMPTED], name))
    shown = names[: text.MAX_SHOWN + 1]
    return [_funnel_row(name, counts[name]) for name in shown], more(len(names) - len(shown), "type")


def _funnel_row(name: str, contacts: Mapping[str, float]) -> FunnelRow:
    attempted = contacts[_ATTEMPTED]
    rates = [text.percent(number / attempted if attempted else math.nan) for number in contacts.values()]
    return FunnelRow(text.shorten(name), [text.count(number) for number in contacts.values()], rates)


def _health(rows: pd.DataFrame, day: date) -> dict[str, float]:
    """The facts of all types together."""
    found = rows[(rows[PARTITION_COLUMN] == day) & (rows["communication_type"] == ALL_TYPES)]
    return {
        name: float(found[name].iloc[0]) if len(found) else math.nan
        for name in ("communications", "failure_rate", "logging_lag_p95_s")
    }


def _contacts(rows: pd.DataFrame, day: date) -> dict[str, float]:
    """The contacts of all types together, by stage."""
    found = rows[(rows[PARTITION_COLUMN] == day) & (rows["communication_type"] == ALL_TYPES)]
    by_stage = dict(zip(found["stage"], found["contacts"], strict=True))
    return {stage: float(by_stage.get(stage, math.nan)) for stage in STAGES}


def _share(contacts: Mapping[str, float]) -> float:
    return contacts[_REACHED] / contacts[_ATTEMPTED] if contacts[_ATTEMPTED] else math.nan


def _with_share(number: float, share: float) -> str:
    return f"{text.count(number)} ({text.percent(share)})" if math.isfinite(share) else text.count(number)


def _figure(name: str, value: float, before: float, written: Callable[[float], str]) -> Figure:
    change = _points(value - before) if written is text.percent else _percent(value, before)
    return Figure(name, written(value), written(before), change)


def _points(difference: float) -> str:
    """The difference of two rates in percentage points."""
    return _signed(100 * difference, 1, " points")


def _percent(value: float, before: float) -> str:
    """How much larger a value is than before, in percent."""
    return _signed(100 * (value / before - 1) if before else math.nan, 0, "%")


def _signed(change: float, decimals: int, unit: str) -> str:
    if not math.isfinite(change):
        return text.MISSING
    rounded = round(change, decimals)
    # Without a sign if it rounds to zero, also from below.
    return text.with_minus(f"{rounded:+.{decimals}f}{unit}" if rounded else f"{0:.{decimals}f}{unit}")


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else usual_communications(low, high)


def _up_to(high: float | None, written: Callable[[float], str]) -> str:
    return "" if high is None else f"up to {written(high)}"
