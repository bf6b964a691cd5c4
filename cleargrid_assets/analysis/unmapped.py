"""Statuses and communication types that the outcomes file does not list."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import UNMAPPED, Outcomes
from cleargrid_assets.foreign import MAX_WORDS, presentable
from cleargrid_assets.wording import more

ATTEMPT_DAYS = 7
"""Days of `UnmappedAttempts` that a presentation is given: the longest window of a reach figure."""


@dataclass(frozen=True, order=True)
class Unmapped:
    """A status or communication type that the outcomes file does not list.

    Attributes:
        communicated_date: Business day.
        kind: `status` or `communication_type`.
        value: The word, normalised: in capitals with `_` for `-` and space.
        communications: Number of communications with it, in both directions.
    """

    communicated_date: date
    kind: str
    value: str
    communications: int


@dataclass(frozen=True)
class UnmappedAttempts:
    """The outbound attempts of a day and channel, and how many of them have an unmapped status.

    Attributes:
        communicated_date: Business day.
        channel: The channel.
        attempts: Outbound attempts.
        unmapped: Those whose status the outcomes file does not list. They count as attempted, no further.
    """

    communicated_date: date
    channel: str
    attempts: int
    unmapped: int


def unmapped(logs: DuckDBPyRelation, outcomes: Outcomes) -> list[Unmapped]:
    """Counts the communications of both directions whose status or type the outcomes file does not list.

    NULL is not counted, because no file could map it.
    """
    found: Counter[tuple[date, str, str]] = Counter()
    # Grouped before words are normalised, because a day has many rows and few words.
    by_word = logs.aggregate("communicated_date, communication_type, status, count(*) AS communications")
    # Normalised by DuckDB, like in the analyses, because Python makes other capitals of some letters.
    compared = by_word.project(f"communicated_date, {classify.TYPE}, {classify.STATUS}, communications")
    for day, kind, status, communications in compared.fetchall():
        if status is not None and status not in outcomes.statuses:
            found[day, "status", status] += communications
        if kind is not None and kind not in outcomes.channels:
            found[day, "communication_type", kind] += communications
    return sorted(Unmapped(*what, communications) for what, communications in found.items())


def unmapped_attempts(interactions: DuckDBPyRelation) -> list[UnmappedAttempts]:
    """Counts the outbound attempts of each day and channel, and those with an unmapped status."""
    outbound = interactions.filter(classify.IS_ATTEMPT)
    counts = outbound.aggregate(
        f"communicated_date, channel, count(*), count(*) FILTER (outcome = '{UNMAPPED}')", "communicated_date, channel"
    )
    return [UnmappedAttempts(*values) for values in counts.order("communicated_date, channel").fetchall()]


def as_pairs(found: Sequence[Unmapped]) -> list[list[str | int]]:
    """The most frequent words in their presentable form, each with its communications, and the others as one."""
    ordered = sorted(found, key=lambda each: (-each.communications, each))
    others = ordered[MAX_WORDS:]
    pairs: list[list[str | int]] = [
        [f"{each.kind} {presentable(each.value)}", each.communications] for each in ordered[:MAX_WORDS]
    ]
    if others:
        pairs.append([more(len(others), "word"), sum(each.communications for each in others)])
    return pairs
