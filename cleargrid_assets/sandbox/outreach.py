"""The invented outreach of one business day: who was contacted, when, how, and with which result.

Each day has its own random generator, seeded by (seed, day), so days can be requested in any order. Contacts keep their
traits: a contact that rarely answers is attempted more often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from cleargrid_assets.sandbox.arrays import Bools, Floats, Ints, Strings
from cleargrid_assets.sandbox.communication_types import COMMUNICATION_TYPES
from cleargrid_assets.sandbox.instants import MINUTE_MS, day_bounds_ms, from_ms

SLOT_MS = 15 * MINUTE_MS
"""The UTC offset of every zone is a whole number of slots."""

FIRST_DAY = date(2020, 1, 1)
"""The lender's outreach begins on this business day."""

INBOUND_SHARE = 0.03
CONTACTS_PER_ROW = 1.2
"""Contacts in the pool per row of `rows_per_day`. More than 1, so that the pool can always fill a day."""
ATTEMPT_DECAY = 0.9
"""Each further attempt on a day multiplies the chance of reaching the contact by this."""

DEAD_PHONES, DEAD_MAILBOXES = 0.02, 0.03

WEEKDAY_FACTORS = (1.06, 1.03, 1.0, 0.98, 0.93, 0.26, 0.24)
WEEKDAY_NOISE = 0.02

_NIGHT = (0.05, 0.03, 0.02, 0.02, 0.02, 0.05, 0.1, 0.4)
HOUR_WEIGHTS = np.array([*_NIGHT, 4, 8, 9, 9, 5, 4, 7, 8, 9, 10, 9, 6, 0.8, 0.3, 0.15, 0.1])
"""How many attempts fall in each local hour."""

PROMPTING = ("NO_ANSWER", "BUSY", "VOICEMAIL", "OPENED", "REPLIED", "READ")
"""After these statuses a contact may call or write back."""
ANSWERED_INBOUND = 0.85
UNLOGGED_SHARE = 0.005
"""Share of conversations whose duration is never logged."""


@dataclass(frozen=True)
class Outreach:
    """The communications of one day, in no particular order; each array has one element per communication.

    Attributes:
        type: The communication type.
        inbound: Whether the contact started it.
        contact: The contact's number in the pool.
        status: The final status.
        duration: Seconds; NaN if not applicable or never logged.
        at: When it took place, in milliseconds since 1970.
    """

    type: Strings
    inbound: Bools
    contact: Ints
    status: Strings
    duration: Floats
    at: Ints

    @classmethod
    def concat(cls, parts: "Sequence[Outreach]") -> "Outreach":
        """The communications of all parts."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def take(self, indices: Ints) -> "Outreach":
        """The communications at these indices, in their order."""
        return Outreach(*(getattr(self, field.name)[indices] for field in fields(self)))


def volume(seed: int, rows_per_day: int, day: date) -> int:
    """Number of rows of the day in both directions, once it no longer changes."""
    if day < FIRST_DAY:
        return 0
    noise = np.random.default_rng([seed, day.toordinal(), 1]).normal(0, WEEKDAY_NOISE)
    return round(rows_per_day * WEEKDAY_FACTORS[day.weekday()] * (1 + float(np.clip(noise, -0.05, 0.05))))


def draw(seed: int, rows_per_day: int, zone: ZoneInfo, day: date) -> Outreach:
    """Draws the day's communications, `volume` of them."""
    total = volume(seed, rows_per_day, day)
    inbound = round(INBOUND_SHARE * total)
    rng = np.random.default_rng([seed, day.toordinal(), 0])
    pool = _contacts(seed, round(rows_per_day * CONTACTS_PER_ROW))
    outbound = _outbound(rng, pool, _Slots(day, zone), total - inbound)
    answers = _answers(rng, outbound, inbound, day_bounds_ms(day, zone)[1])
    return Outreach.concat([outbound, answers])


@dataclass(frozen=True)
class _Contacts:
    """The lasting traits of the pool, one element per contact."""

    answering: Floats
    reading: Floats
    dead_phone: Bools
    dead_mailbox: Bools


@lru_cache(maxsize=2)
def _contacts(seed: int, size: int) -> _Contacts:
    rng = np.random.default_rng([seed, size])
    return _Contacts(
        answering=rng.beta(1.2, 2.8, size),
        reading=rng.beta(1.4, 2.4, size),
        dead_phone=rng.random(size) < DEAD_PHONES,
        dead_mailbox=rng.random(size) < DEAD_MAILBOXES,
    )


class _Slots:
    """The quarters of an hour of one business day of 23 to 25 hours, and how busy each is."""

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self.begin, self.end = day_bounds_ms(day, zone)
        starts = range(self.begin, self.end, SLOT_MS)
        self._hours = np.array([from_ms(ms).astimezone(zone).hour for ms in starts])
        weights = HOUR_WEIGHTS[self._hours]
        self._cumulative = np.cumsum(weights) / weights.sum()

    def instants(self, rng: np.random.Generator, shape: tuple[int, int]) -> Ints:
        """Random instants of the day; the chance of a slot is its weight."""
        slot = np.searchsorted(self._cumulative, rng.random(shape), side="right")
        within = rng.integers(0, SLOT_MS, shape)
        instants: Ints = self.begin + np.minimum(slot, len(self._hours) - 1) * SLOT_MS + within
        return instants

    def hours(self, instants: Ints) -> Ints:
        """The local hour of each instant of the day."""
        hours: Ints = self._hours[(instants - self.begin) // SLOT_MS]
        return hours


def _pick(rng: np.random.Generator, weights: dict[str, float], size: int) -> Strings:
    shares = np.array(list(weights.values()), dtype=float)
    return np.asarray(rng.choice(list(weights), size, p=shares / shares.sum()), dtype=np.str_)


def _outbound(rng: np.random.Generator, pool: _Contacts, slots: _Slots, rows: int) -> Outreach:
    """Attempts, `rows` in all. Contacts that are hard to reach are chosen more often."""
    urgency = 1.2 - pool.answering
    # Sorting by exponential draws divided by weights is weighted sampling without replacement.
    contacts = np.argsort(rng.exponential(size=len(urgency)) / urgency)[:rows]
    types = _pick(rng, {name: type_.share for name, type_ in COMMUNICATION_TYPES.items()}, len(contacts))
    attempts = Outreach.concat(
        [_attempts(rng, name, contacts[types == name], pool, slots) for name in COMMUNICATION_TYPES]
    )
    rank = np.empty(len(urgency), dtype=np.int64)
    rank[contacts] = np.arange(len(contacts))
    # Each contact has at least one attempt, so there are enough. The surplus is cut from the least urgent contacts.
    return attempts.take(np.argsort(rank[attempts.contact], kind="stable")[:rows])


def _attempts(rng: np.random.Generator, name: str, contacts: Ints, pool: _Contacts, slots: _Slots) -> Outreach:
    """All attempts of one type on these contacts, ordered by contact and then by time."""
    type_ = COMMUNICATION_TYPES[name]
    max_attempts = len(type_.attempts)
    shape = (len(contacts), max_attempts)
    mail = name == "EMAIL"
    willing = (pool.reading if mail else pool.answering)[contacts]
    dead = (pool.dead_mailbox if mail else pool.dead_phone)[contacts]

    planned = 1 + rng.choice(max_attempts, len(contacts), p=type_.attempts)
    number = np.arange(max_attempts)
    is_planned = number < planned[:, None]
    at = slots.instants(rng, shape)
    at -= at % type_.grid_ms
    at = np.sort(np.where(is_planned, at, slots.end - 1), axis=1)
    hour_factor = type_.factor_by_hour[slots.hours(at)]
    chance = willing[:, None] * type_.response_factor * hour_factor * ATTEMPT_DECAY**number
    reached = (rng.random(shape) < np.minimum(chance, 0.95)) & ~dead[:, None]
    reached_before = np.cumsum(reached, axis=1) > reached
    given_up = reached_before | dead[:, None] & (number > 0)
    row, column = np.nonzero(is_planned & ~given_up)

    is_reached = reached[row, column]
    alive = np.where(is_reached, _pick(rng, type_.reached, len(row)), _pick(rng, type_.missed, len(row)))
    status = np.where(dead[row], type_.dead, alive)
    return Outreach(
        type=np.full(len(row), name),
        inbound=np.zeros(len(row), dtype=np.bool_),
        contact=contacts[row],
        status=status,
        duration=_durations(rng, status),
        at=at[row, column],
    )


def _durations(rng: np.random.Generator, status: Strings) -> Floats:
    """Seconds of each conversation; NaN where there was none or where it was not logged."""
    seconds = np.minimum(rng.lognormal(np.log(70), 1.0, len(status)), 3600)
    unlogged = rng.random(len(status)) < UNLOGGED_SHARE
    return np.where((status == "ANSWERED") & ~unlogged, seconds, np.nan)


def _answers(rng: np.random.Generator, outbound: Outreach, rows: int, day_end: int) -> Outreach:
    """Contacts that respond later the same day, to calls they missed and to messages they read."""
    prompting = np.flatnonzero(np.isin(outbound.status, PROMPTING))
    prompt = outbound.take(rng.choice(prompting if len(prompting) else np.arange(len(outbound.at)), rows))
    delay = np.minimum(rng.exponential(90 * MINUTE_MS, rows), (day_end - 1 - prompt.at) * rng.random(rows))
    called = prompt.type == "CALL"
    answered = np.where(rng.random(rows) < ANSWERED_INBOUND, "ANSWERED", "NO_ANSWER")
    status = np.where(called, answered, "DELIVERED")
    return Outreach(
        type=prompt.type,
        inbound=np.ones(rows, dtype=np.bool_),
        contact=prompt.contact,
        status=status,
        duration=_durations(rng, status),
        at=prompt.at + delay.astype(np.int64),
    )
