"""What is unusual about a day, in words: for headlines, summaries and the check of operations."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pandas as pd

from cleargrid_assets.analysis.baselines import MIN_PAST_DAYS, PAST_WEEKS
from cleargrid_assets.contracts import ALL_TYPES
from cleargrid_assets.pictures import text


def most_unusual_first(judged: pd.DataFrame) -> pd.DataFrame:
    """The rows with silent types first, then unusual ones, then the others; each with `ALL` first, then by size."""
    order = judged.assign(
        is_type=judged["communication_type"] != ALL_TYPES,
        size=judged[["communications", "baseline_communications"]].max(axis=1),
    ).sort_values(
        ["is_silent", "is_unusual", "is_type", "size", "communication_type"],
        ascending=[False, False, True, False, True],
        na_position="last",
    )
    ordered: pd.DataFrame = judged.loc[order.index]
    return ordered


def findings(row: pd.Series[Any], name: str) -> list[str]:
    """Each unusual figure of a type on a day, with what is usual.

    Args:
        row: A tidy row of `OPERATIONAL_BASELINES`.
        name: How the type is called.
    """
    found = []
    if row["volume_is_unusual"] == 1 or row["is_silent"] == 1:
        usual = usual_communications(row["communications_low"], row["communications_high"])
        found.append(
            f"{name}: {_communications(row['communications'])}, usually "
            f"{text.count(row['baseline_communications'])} ({usual})"
        )
    if row["failure_is_unusual"] == 1:
        found.append(
            f"{name}: {text.percent(row['failure_rate'])} failed, usually "
            f"{text.percent(row['baseline_failure_rate'])} (at most {text.percent(row['failure_rate_high'])})"
        )
    if row["lag_is_unusual"] == 1:
        found.append(
            f"{name}: logging lag {text.seconds(row['logging_lag_p95_s'])}, usually "
            f"{text.seconds(row['baseline_logging_lag_p95_s'])} (at most {text.seconds(row['lag_high_s'])})"
        )
    return found


def usual_communications(low: float, high: float) -> str:
    """The usual range of communications, from the first to the last whole number in it. Rounded, it could be wider."""
    return f"{text.count(math.ceil(low))} to {text.count(math.floor(high))}"


def _communications(number: float) -> str:
    return f"{text.count(number) if number else 'no'} communication{'' if number == 1 else 's'}"


def why_not_judged(day: date, *, is_day_off: bool) -> str:
    """Why a day has no baselines, as the end of a sentence."""
    if is_day_off:
        return "not judged, because it is a day off"
    return (
        f"not judged, because fewer than {MIN_PAST_DAYS} of the {PAST_WEEKS} {day:%A}s before are stored with "
        "communications"
    )
