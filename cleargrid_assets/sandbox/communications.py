"""The invented communication logs (dataset D21): the rows of each business day, in all their versions, as JSON."""

from collections import OrderedDict
from datetime import date, datetime
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets.sandbox.arrays import Ints
from cleargrid_assets.sandbox.days import FOREVER, Day
from cleargrid_assets.sandbox.history import Versions, settled_ms, versions_of
from cleargrid_assets.sandbox.instants import SECOND_MS, to_ms
from cleargrid_assets.sandbox.outreach import Outreach, draw, volume
from cleargrid_assets.sandbox.settings import SandboxSettings

LENDER_LINES = 5
SUBJECTS = (
    "Payment reminder",
    "Your instalment is due",
    "Options for your payment plan",
    "Statement of account",
    "تذكير بموعد السداد",
)


class DayCache:
    """A cache of generated days. The least recently used days are dropped above a number of row versions."""

    def __init__(self, max_versions: int = 1_000_000) -> None:
        self._max_versions = max_versions
        self._days: OrderedDict[tuple[object, ...], Day] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._days)

    def on(self, settings: SandboxSettings, day: date, *, settled: bool) -> Day:
        """The day, generated at the first request."""
        key = (settings.lender, settings.seed, settings.rows_per_day, settings.timezone, day, settled)
        with self._lock:  # held while a day is generated, so that this happens once
            if key not in self._days:
                self._days[key] = _make(settings, day, settled=settled)
            self._days.move_to_end(key)
            while len(self._days) > 1 and sum(len(kept.texts) for kept in self._days.values()) > self._max_versions:
                self._days.popitem(last=False)
            return self._days[key]


_shared_cache = DayCache()


class Communications:
    """The communication logs of a sandbox with these settings."""

    cursor_field = "communicated_at"

    def __init__(self, settings: SandboxSettings, cache: DayCache = _shared_cache) -> None:
        self._settings = settings
        self.zone = ZoneInfo(settings.timezone)
        self._cache = cache

    def on(self, day: date, now: int) -> Day:
        """The day with every version that the API shows at this instant or later."""
        return self._cache.on(self._settings, day, settled=self._is_settled(day, now))

    def count(self, day: date, now: int) -> int:
        """The number of rows that the API shows for the whole day."""
        if self._is_settled(day, now):  # known without generating the day
            return volume(self._settings.seed, self._settings.rows_per_day, day)
        stored = self.on(day, now)
        return stored.count(0, len(stored.texts), now)

    def _is_settled(self, day: date, now: int) -> bool:
        return now >= settled_ms(day, self.zone)


def rows_of_day(
    settings: SandboxSettings, day: date, at: datetime, cache: DayCache = _shared_cache
) -> list[dict[str, Any]]:
    """The communication logs that the API shows for a business day at an instant, in ascending order.

    Args:
        settings: The sandbox's settings. Its lender, seed, volume and zone decide the rows.
        day: A business day in `settings.timezone`.
        at: An instant with a zone.
        cache: The cache of days.

    Returns:
        The rows as decoded from the API's JSON.
    """
    now = to_ms(at)
    stored = Communications(settings, cache).on(day, now)
    size = len(stored.texts)
    return [msgspec.json.decode(stored.texts[index]) for index in stored.shown(0, size, now, max_rows=size)]


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
        key=ids,
        shown_from=versions.shown_from,
        shown_until=versions.shown_until,
        texts=_texts(settings.lender, day, rows, versions, ids),
    )


def _public_ids(seed: int, day: date, versions: Versions) -> NDArray[np.bytes_]:
    """Identifiers in the shape of a Mongo ObjectId: seconds of creation, 5 bytes of origin, a counter.

    The origin holds the day, so no two days share an identifier.
    """
    origin = f"{seed & 0xFFFF:04x}{day.toordinal():06x}"
    seconds = (versions.created // SECOND_MS).tolist()
    ids = [f"{second:08x}{origin}{row:06x}" for second, row in zip(seconds, versions.row.tolist(), strict=True)]
    return np.array(ids, dtype="S24")


def _texts(lender: str, day: date, rows: Outreach, versions: Versions, ids: NDArray[np.bytes_]) -> list[bytes]:
    """The JSON of each version. All arrays have one element per version."""
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
    # No number in this country begins with 00, so these numbers belong to nobody.
    return f"borrower.{contact:07d}@example.com" if by_mail else f"+96600{contact:07d}"


def _lender_address(lender: str, contact: int, by_mail: bool) -> str:
    return f"care@{lender}.example" if by_mail else f"+966010000{contact % LENDER_LINES:03d}"


def _iso(instants: Ints) -> list[str]:
    texts: list[str] = np.datetime_as_string(instants.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return texts
