"""The invented outreach of one business day: who was contacted, when, how, and what came of it in the end.

What belongs here: the random model of a collections team at work. What does not: when its rows were written and
changed, how they are identified, stored or served.

Every day is drawn from a generator seeded by (seed, day) alone, so days may be asked for in any order. Contacts keep
their traits over days: those who never answer keep not answering, and are tried more often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Strings = NDArray[np.str_]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
SLOT_MS = 15 * MINUTE_MS
"""Every zone's offset and every clock change is a whole number of slots."""

FIRST_DAY = date(2020, 1, 1)
"""The lender's outreach begins on this business day."""

INBOUND_SHARE = 0.03
CONTACTS_PER_ROW = 1.2
"""Contacts in the pool for each of `rows_per_day`: always more than one day's rows, so that a day can be filled."""
TRY_DECAY = 0.9
"""What one more try on the same day does to the chance of reaching the contact."""

DEAD_PHONES, DEAD_MAILBOXES = 0.02, 0.03

WEEKDAY_FACTORS = (1.06, 1.03, 1.0, 0.98, 0.93, 0.26, 0.24)
WEEKDAY_NOISE = 0.02

# From midnight: how many attempts fall in each local hour, and how readily people answer the phone then.
NIGHT = (0.05, 0.03, 0.02, 0.02, 0.02, 0.05, 0.1, 0.4)
HOUR_WEIGHTS = np.array([*NIGHT, 4, 8, 9, 9, 5, 4, 7, 8, 9, 10, 9, 6, 0.8, 0.3, 0.15, 0.1])
ASLEEP = (0.3, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.6)
ANSWERING_BY_HOUR = np.array(
    [*ASLEEP, 0.7, 0.8, 0.9, 0.9, 0.65, 0.6, 0.8, 0.9, 1.05, 1.25, 1.5, 1.6, 1.2, 0.8, 0.6, 0.4]
)


@dataclass(frozen=True)
class Manner:
    """How one communication type is used and what can come of it.

    Attributes:
        share: Of the contacts worked on a day.
        tries: The weights of one, two, ... tries a day, for as long as the contact is not reached.
        taken: Statuses when the contact took it, with their weights.
        missed: Statuses when the contact did not.
        dead: The status at an address that cannot be reached.
        appeal: What multiplies the contact's own chance of responding.
        by_hour: What the local hour does to that chance.
        grid_ms: Attempts start at multiples of this: written ones go out in batches.
    """

    share: float
    tries: tuple[float, ...]
    taken: dict[str, float]
    missed: dict[str, float]
    dead: str
    appeal: float
    by_hour: Floats
    grid_ms: int


ANY_HOUR: Floats = np.sqrt(ANSWERING_BY_HOUR)
MANNERS = {
    "CALL": Manner(
        share=0.45,
        tries=(0.35, 0.3, 0.2, 0.15),
        taken={"ANSWERED": 1},
        missed={"NO_ANSWER": 0.64, "BUSY": 0.17, "VOICEMAIL": 0.13, "CANCELLED": 0.03, "FAILED": 0.03},
        dead="INVALID_NUMBER",
        appeal=1.0,
        by_hour=ANSWERING_BY_HOUR,
        grid_ms=SECOND_MS,
    ),
    "EMAIL": Manner(
        share=0.39,
        tries=(0.85, 0.15),
        taken={"OPENED": 0.7, "CLICKED": 0.22, "REPLIED": 0.08},
        missed={"DELIVERED": 0.985, "REJECTED": 0.015},
        dead="BOUNCED",
        appeal=1.0,
        by_hour=ANY_HOUR,
        grid_ms=MINUTE_MS,
    ),
    "SMS": Manner(
        share=0.09,
        tries=(1,),
        taken={"REPLIED": 1},
        missed={"DELIVERED": 0.9, "SENT": 0.06, "UNDELIVERED": 0.04},
        dead="UNDELIVERED",
        appeal=0.12,
        by_hour=ANY_HOUR,
        grid_ms=MINUTE_MS,
    ),
    "WHATSAPP": Manner(
        share=0.07,
        tries=(0.9, 0.1),
        taken={"READ": 0.88, "REPLIED": 0.12},
        missed={"DELIVERED": 0.87, "SENT": 0.13},
        dead="FAILED",
        appeal=1.4,
        by_hour=ANY_HOUR,
        grid_ms=MINUTE_MS,
    ),
}
TYPES = tuple(MANNERS)
PROMPTING = ("NO_ANSWER", "BUSY", "VOICEMAIL", "OPENED", "REPLIED", "READ")
"""After these a contact may come back."""
ANSWERED_INBOUND = 0.85
UNLOGGED_SHARE = 0.005


@dataclass(frozen=True)
class Outreach:
    """The communications of one day, in no particular order; all arrays have one element a communication.

    Attributes:
        type: The communication type.
        inbound: Whether the contact began it.
        contact: The contact's number in the pool.
        status: What came of it in the end.
        duration: Seconds, NaN where not applicable or never logged.
        at: When it took place, milliseconds since 1970.
    """

    type: Strings
    inbound: Bools
    contact: Ints
    status: Strings
    duration: Floats
    at: Ints

    @classmethod
    def together(cls, parts: "Sequence[Outreach]") -> "Outreach":
        """The communications of all parts."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def take(self, indices: Ints) -> "Outreach":
        """The communications at these indices, in their order."""
        return Outreach(*(getattr(self, field.name)[indices] for field in fields(self)))


def to_ms(instant: datetime) -> int:
    """An instant with a zone, as whole milliseconds since 1970; finer digits are cut off."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def day_bounds_ms(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The instants at which the business day begins and ends, in milliseconds since 1970."""
    begin, end = (to_ms(datetime.combine(d, time.min, tzinfo=zone)) for d in (day, day + timedelta(days=1)))
    return begin, end


def volume(seed: int, rows_per_day: int, day: date) -> int:
    """How many rows the day holds once it is settled, both directions together."""
    if day < FIRST_DAY:
        return 0
    noise = np.random.default_rng([seed, day.toordinal(), 1]).normal(0, WEEKDAY_NOISE)
    return round(rows_per_day * WEEKDAY_FACTORS[day.weekday()] * (1 + float(np.clip(noise, -0.05, 0.05))))


def draw(seed: int, rows_per_day: int, zone: ZoneInfo, day: date) -> Outreach:
    """Draw the day's communications, `volume` of them."""
    total = volume(seed, rows_per_day, day)
    inbound = round(INBOUND_SHARE * total)
    rng = np.random.default_rng([seed, day.toordinal(), 0])
    pool = _contacts(seed, round(rows_per_day * CONTACTS_PER_ROW))
    outbound = _outbound(rng, pool, _Slots(day, zone), total - inbound)
    answers = _answers(rng, outbound, inbound, day_bounds_ms(day, zone)[1])
    return Outreach.together([outbound, answers])


@dataclass(frozen=True)
class _Contacts:
    """The pool's lasting traits, one element a contact."""

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
    """The quarters of an hour of one business day, 23 to 25 hours of them, and how busy each is."""

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self.begin, self.end = day_bounds_ms(day, zone)
        starts = range(self.begin, self.end, SLOT_MS)
        self._hours = np.array([(EPOCH + timedelta(milliseconds=ms)).astimezone(zone).hour for ms in starts])
        weights = HOUR_WEIGHTS[self._hours]
        self._cumulative = np.cumsum(weights) / weights.sum()

    def instants(self, rng: np.random.Generator, shape: tuple[int, int]) -> Ints:
        """Instants of the day, as busy slots as likely as they are busy."""
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
    """Work on contacts, the hard to reach more often, each until reached or given up: `rows` attempts in all."""
    urgency = 1.2 - pool.answering
    # Ranking by exponential draws over weights is drawing without replacement by those weights.
    contacts = np.argsort(rng.exponential(size=len(urgency)) / urgency)[:rows]
    types = _pick(rng, {name: manner.share for name, manner in MANNERS.items()}, len(contacts))
    attempts = Outreach.together([_attempts(rng, name, contacts[types == name], pool, slots) for name in TYPES])
    rank = np.empty(len(urgency), dtype=np.int64)
    rank[contacts] = np.arange(len(contacts))
    # Each contact got at least one attempt, so these are enough; what is too much is the least urgent.
    return attempts.take(np.argsort(rank[attempts.contact], kind="stable")[:rows])


def _attempts(rng: np.random.Generator, name: str, contacts: Ints, pool: _Contacts, slots: _Slots) -> Outreach:
    """All attempts of one type on these contacts, in the order of contacts and then of time."""
    manner = MANNERS[name]
    most = len(manner.tries)
    shape = (len(contacts), most)
    mail = name == "EMAIL"
    willing = (pool.reading if mail else pool.answering)[contacts]
    dead = (pool.dead_mailbox if mail else pool.dead_phone)[contacts]

    tries = 1 + rng.choice(most, len(contacts), p=manner.tries)
    number = np.arange(most)
    tried = number < tries[:, None]
    at = slots.instants(rng, shape)
    at -= at % manner.grid_ms
    at = np.sort(np.where(tried, at, slots.end - 1), axis=1)
    chance = willing[:, None] * manner.appeal * manner.by_hour[slots.hours(at)] * TRY_DECAY**number
    taken = (rng.random(shape) < np.minimum(chance, 0.95)) & ~dead[:, None]
    reached_before = np.cumsum(taken, axis=1) > taken
    over = reached_before | dead[:, None] & (number > 0)
    row, column = np.nonzero(tried & ~over)

    took = taken[row, column]
    alive = np.where(took, _pick(rng, manner.taken, len(row)), _pick(rng, manner.missed, len(row)))
    status = np.where(dead[row], manner.dead, alive)
    return Outreach(
        type=np.full(len(row), name),
        inbound=np.zeros(len(row), dtype=np.bool_),
        contact=contacts[row],
        status=status,
        duration=_durations(rng, status),
        at=at[row, column],
    )


def _durations(rng: np.random.Generator, status: Strings) -> Floats:
    """Seconds of conversation where there was one, now and then never logged."""
    seconds = np.minimum(rng.lognormal(np.log(70), 1.0, len(status)), 3600)
    unlogged = rng.random(len(status)) < UNLOGGED_SHARE
    return np.where((status == "ANSWERED") & ~unlogged, seconds, np.nan)


def _answers(rng: np.random.Generator, outbound: Outreach, rows: int, day_end: int) -> Outreach:
    """Contacts coming back later that day: to calls they missed and to messages they read."""
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
