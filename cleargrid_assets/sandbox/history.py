"""The versions of each row: rows are created late, and change later.

A row is created seconds after its communication, and updated a little later. About 1% of rows are created up to two
days late. About 3% change again within two days: mail is opened or clicked, a duration is added. Three days after its
end, a day no longer changes.
"""

from dataclasses import dataclass, fields
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from cleargrid_assets.sandbox.arrays import Bools, Floats, Ints, Strings
from cleargrid_assets.sandbox.days import FOREVER
from cleargrid_assets.sandbox.instants import HOUR_MS, MINUTE_MS, SECOND_MS, day_bounds_ms
from cleargrid_assets.sandbox.outreach import Outreach

SETTLING_MS = 72 * HOUR_MS

TYPICAL_LAG_MS = 5 * SECOND_MS
LATE_SHARE = 0.01
LATE_MS = (2 * HOUR_MS, 48 * HOUR_MS)
EDITED_SHARE = 0.03
EDITED_MS = (10 * MINUTE_MS, 47 * HOUR_MS)
ROUTINE_MS = (SECOND_MS, 3 * MINUTE_MS)

SEEN = ("OPENED", "CLICKED", "REPLIED", "READ")
"""The status of a message after the contact acted on it. Before that it is DELIVERED."""


@dataclass(frozen=True)
class Versions:
    """Versions of rows; each array has one element per version, and instants are milliseconds since 1970.

    Attributes:
        row: The index of the communication in its `Outreach`.
        status: The status in this version.
        duration: Seconds; NaN where this version has none.
        created: When the row was created; the same in all versions of a row.
        shown_from: When this version was written: its `updated_at`.
        shown_until: When the next version replaced it.
    """

    row: Ints
    status: Strings
    duration: Floats
    created: Ints
    shown_from: Ints
    shown_until: Ints

    def take(self, chosen: Ints | Bools) -> "Versions":
        """The versions chosen by index or by mask."""
        return Versions(*(getattr(self, field.name)[chosen] for field in fields(self)))


def settled_ms(day: date, zone: ZoneInfo) -> int:
    """The instant from which the day no longer changes, in milliseconds since 1970."""
    return day_bounds_ms(day, zone)[1] + SETTLING_MS


def versions_of(seed: int, day: date, outreach: Outreach) -> Versions:
    """Every version of every row of the day, in no particular order."""
    rng = np.random.default_rng([seed, day.toordinal(), 2])
    size = len(outreach.at)
    late = rng.random(size) < LATE_SHARE
    lag = np.where(late, rng.uniform(*LATE_MS, size), rng.lognormal(np.log(TYPICAL_LAG_MS), 0.5, size))
    created = outreach.at + lag.astype(np.int64)
    edited = _edited(rng, outreach, late)
    shortest, longest = np.log(EDITED_MS).tolist()
    edited_after = np.exp(rng.uniform(shortest, longest, size))
    last = created + np.where(edited, edited_after, rng.uniform(*ROUTINE_MS, size)).astype(np.int64)

    twice = np.flatnonzero(edited & (outreach.type == "EMAIL") & np.isin(outreach.status, ["CLICKED", "REPLIED"]))
    opened = created[twice] + ((last - created)[twice] * rng.uniform(0.1, 0.9, len(twice))).astype(np.int64)
    second = last.copy()
    second[twice] = opened
    return Versions(
        row=np.concatenate([np.arange(size), twice, np.arange(size)]),
        status=np.concatenate(
            [
                np.where(edited & np.isin(outreach.status, SEEN), "DELIVERED", outreach.status),
                np.full(len(twice), "OPENED"),
                outreach.status,
            ]
        ),
        duration=np.concatenate(
            [np.where(edited, np.nan, outreach.duration), np.full(len(twice), np.nan), outreach.duration]
        ),
        created=np.concatenate([created, created[twice], created]),
        shown_from=np.concatenate([created, opened, last]),
        shown_until=np.concatenate([second, last[twice], np.full(size, FOREVER)]),
    )


def _edited(rng: np.random.Generator, outreach: Outreach, late: Bools) -> Bools:
    """Which rows change within two days: a share of all rows, drawn from those that have something to change."""
    changeable = np.flatnonzero(~late & (np.isin(outreach.status, SEEN) | ~np.isnan(outreach.duration)))
    size = min(round(EDITED_SHARE * len(late)), len(changeable))
    edited = np.zeros(len(late), dtype=np.bool_)
    edited[rng.choice(changeable, size, replace=False)] = True
    return edited
