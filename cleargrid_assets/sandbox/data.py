"""The rows the sandbox holds for a business day, in every version they had, ready to be served.

What belongs here: identifiers, addresses, the JSON of rows, the order they are read in, and the cache of days. What
does not: what happened on the day (`outreach`), when its rows appear and change (`history`), and pages (`paging`).
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets.sandbox.history import FOREVER, Versions, settled_ms, versions_of
from cleargrid_assets.sandbox.outreach import SECOND_MS, Ints, Outreach, draw, to_ms
from cleargrid_assets.sandbox.settings import SandboxSettings

LENDER_LINES = 5
SUBJECTS = (
    "Payment reminder",
    "Your instalment is due",
    "Options for your payment plan",
    "Statement of account",
    "تذكير بموعد السداد",
)

CACHED_VERSIONS = 1_000_000
"""Days are forgotten, the longest unused first, while together they have more row versions than this."""
SCAN = 2_048
"""Versions looked at in one go, a page's worth."""


@dataclass(frozen=True)
class Day:
    """One business day: row versions ordered by (`communicated_at`, `public_id`), one element a version.

    Attributes:
        at: `communicated_at`, milliseconds since 1970.
        public_id: 24 hexadecimal digits, as bytes.
        shown_from: First instant at which this version is what the API holds, milliseconds since 1970.
        shown_until: First instant at which it no longer is.
        texts: The rows as JSON.
    """

    at: Ints
    public_id: NDArray[np.bytes_]
    shown_from: Ints
    shown_until: Ints
    texts: list[bytes]

    def index(self, at: int, public_id: bytes = b"", side: Literal["left", "right"] = "left") -> int:
        """Where this position lies: the versions before the index are short of it (on the right: not beyond it)."""
        low, high = np.searchsorted(self.at, at, "left"), np.searchsorted(self.at, at, "right")
        return int(low + np.searchsorted(self.public_id[low:high], public_id, side))

    def shown(self, start: int, stop: int, now: int, most: int, *, descending: bool = False) -> list[int]:
        """The first indices, at `most`, within [start, stop) of what the API holds now; from the end if descending."""
        found: list[int] = []
        while start < stop and len(found) < most:
            if descending:
                low, high = max(start, stop - SCAN), stop
                stop = low
            else:
                low, high = start, min(stop, start + SCAN)
                start = high
            piece = low + np.flatnonzero((self.shown_from[low:high] <= now) & (now < self.shown_until[low:high]))
            found += (piece[::-1] if descending else piece).tolist()
        return found[:most]

    def count(self, start: int, stop: int, now: int) -> int:
        """How many rows the API holds now within [start, stop)."""
        part = slice(start, stop)
        return int(np.count_nonzero((self.shown_from[part] <= now) & (now < self.shown_until[part])))


def rows_of_day(settings: SandboxSettings, day: date, at: datetime) -> list[dict[str, Any]]:
    """The rows the API holds for a business day at an instant, in ascending order.

    Args:
        settings: Of the sandbox; its lender, seed, volume and zone decide the rows.
        day: A business day in `settings.timezone`.
        at: An instant with a zone.

    Returns:
        The rows as the API's JSON decodes.
    """
    now = to_ms(at)
    stored = day_at(settings, day, now)
    size = len(stored.texts)
    return [msgspec.json.decode(stored.texts[index]) for index in stored.shown(0, size, now, most=size)]


_days: OrderedDict[tuple[object, ...], Day] = OrderedDict()
_days_lock = Lock()


def day_at(settings: SandboxSettings, day: date, now: int) -> Day:
    """The day with every version that it shows at this instant (milliseconds since 1970) or later."""
    settled = now >= settled_ms(day, ZoneInfo(settings.timezone))
    key = (settings.lender, settings.seed, settings.rows_per_day, settings.timezone, day, settled)
    with _days_lock:  # held while a day is made, so that nobody makes it a second time
        if key not in _days:
            _days[key] = _make(settings, day, settled=settled)
        _days.move_to_end(key)
        while len(_days) > 1 and sum(len(kept.texts) for kept in _days.values()) > CACHED_VERSIONS:
            _days.popitem(last=False)
        return _days[key]


def _make(settings: SandboxSettings, day: date, *, settled: bool) -> Day:
    outreach = draw(settings.seed, settings.rows_per_day, ZoneInfo(settings.timezone), day)
    versions = versions_of(settings.seed, day, outreach)
    if settled:
        versions = versions.take(versions.shown_until == FOREVER)
    ids = _public_ids(settings.seed, day, versions)
    order = np.lexsort((versions.shown_from, ids, outreach.at[versions.row]))
    ids = ids[order]
    versions = versions.take(order)
    rows = outreach.take(versions.row)
    return Day(
        at=rows.at,
        public_id=ids,
        shown_from=versions.shown_from,
        shown_until=versions.shown_until,
        texts=_texts(settings.lender, day, rows, versions, ids),
    )


def _public_ids(seed: int, day: date, versions: Versions) -> NDArray[np.bytes_]:
    """Identifiers in the shape of a Mongo ObjectId: seconds of creation, 5 bytes of origin, a counter.

    The origin holds the day, so identifiers differ over days. Counters are even: an odd one is another tenant's.
    """
    origin = f"{seed & 0xFFFF:04x}{day.toordinal():06x}"
    seconds = (versions.created // SECOND_MS).tolist()
    ids = [f"{second:08x}{origin}{2 * row:06x}" for second, row in zip(seconds, versions.row.tolist(), strict=True)]
    return np.array(ids, dtype="S24")


def _texts(lender: str, day: date, rows: Outreach, versions: Versions, ids: NDArray[np.bytes_]) -> list[bytes]:
    """The JSON of each version; all arrays are aligned."""
    mail = (rows.type == "EMAIL").tolist()
    inbound = rows.inbound.tolist()
    contacts = rows.contact.tolist()
    theirs = [_contact_address(contact, by_mail) for contact, by_mail in zip(contacts, mail, strict=True)]
    ours = [_lender_address(lender, contact, by_mail) for contact, by_mail in zip(contacts, mail, strict=True)]
    ends = [(their, our) if back else (our, their) for their, our, back in zip(theirs, ours, inbound, strict=True)]
    subjects = [SUBJECTS[(contact + day.toordinal()) % len(SUBJECTS)] for contact in contacts]
    durations = versions.duration.astype(object)
    durations[np.isnan(versions.duration)] = None
    columns: dict[str, list[Any]] = {
        "public_id": ids.astype(str).tolist(),
        "communication_type": rows.type.tolist(),
        "direction": ["inbound" if back else "outbound" for back in inbound],
        "status": versions.status.tolist(),
        "from": [sender for sender, _ in ends],
        "to": [recipient for _, recipient in ends],
        "subject": [
            (f"Re: {subject}" if back else subject) if by_mail else None
            for subject, by_mail, back in zip(subjects, mail, inbound, strict=True)
        ],
        "duration": durations.tolist(),
        "communicated_at": _iso(rows.at),
        "created_at": _iso(versions.created),
        "updated_at": _iso(versions.shown_from),
    }
    names = [field.name for field in COMMUNICATION_LOG_FIELDS]
    encode = msgspec.json.Encoder().encode
    return [
        encode(dict(zip(names, values, strict=True))) for values in zip(*(columns[name] for name in names), strict=True)
    ]


def _contact_address(contact: int, by_mail: bool) -> str:
    # No number in this country begins with 00, so none of these can ring anywhere.
    return f"borrower.{contact:07d}@example.com" if by_mail else f"+96600{contact:07d}"


def _lender_address(lender: str, contact: int, by_mail: bool) -> str:
    return f"care@{lender}.example" if by_mail else f"+966010000{contact % LENDER_LINES:03d}"


def _iso(instants: Ints) -> list[str]:
    texts: list[str] = np.datetime_as_string(instants.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return texts
