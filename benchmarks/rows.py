"""Generated rows in files. The seed is fixed, so every machine gets the same bytes.

A file is one JSON array, ordered by `communicated_at`. An index file next to it has the time and the offset of each
row. The server cuts pages out of the file. The check of the stored rows reads the whole file.
"""

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import accumulate
from pathlib import Path

_VERSION = 2
"""Change it with the rows, so that files of an earlier version are not used."""

_HOURLY_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 12, 35, 70, 90, 85, 60, 45, 65, 80, 85, 70, 55, 40, 22, 10, 4, 2)
_TYPES = {
    "CALL": (60, ("ANSWERED", "ANSWERED", "NO_ANSWER", "BUSY", "VOICEMAIL", "INVALID_NUMBER")),
    "EMAIL": (20, ("DELIVERED", "DELIVERED", "OPENED", "CLICKED", "BOUNCED")),
    "SMS": (12, ("SENT", "DELIVERED", "DELIVERED", "UNDELIVERED", "REPLIED")),
    "WHATSAPP": (8, ("DELIVERED", "READ", "READ", "FAILED", "REPLIED")),
}
_INBOUND_SHARE = 0.06
_ATTEMPTS_PER_CONTACT = 3
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Dataset:
    """The rows of some days in one file.

    Attributes:
        folder: Folder of the file.
        first_day: First day, in UTC.
        days: Number of days.
        rows_per_day: Rows on each day.
    """

    folder: Path
    first_day: date
    days: int
    rows_per_day: int

    @property
    def path(self) -> Path:
        """The file with the JSON array."""
        return self.folder / f"v{_VERSION}-{self.first_day}-{self.days}x{self.rows_per_day}.json"

    @property
    def index_path(self) -> Path:
        """The file with the `communicated_at` in milliseconds and the offset of each row."""
        return self.path.with_suffix(".index")

    @property
    def all_days(self) -> Sequence[date]:
        """The days in order."""
        return [self.first_day + timedelta(days=number) for number in range(self.days)]

    @property
    def rows(self) -> int:
        """Number of rows on all days."""
        return self.days * self.rows_per_day

    def ensure(self) -> None:
        """Writes the file and its index if they are missing."""
        if self.path.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        instants, offsets = array("q"), array("q")
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(b"[")
            offset = 1
            for day in self.all_days:
                for instant, row in _rows_of(day, self.rows_per_day):
                    if instants:
                        offset += file.write(b",")
                    instants.append(instant)
                    offsets.append(offset)
                    offset += file.write(row)
            file.write(b"]")
            # The end of the last row plus one, as if a comma and another row followed.
            offsets.append(offset + 1)
        with self.index_path.open("wb") as file:
            instants.tofile(file)
            offsets.tofile(file)
        part.rename(self.path)

    def index(self) -> "tuple[array[int], array[int]]":
        """The times in milliseconds since 1970, ascending, and the offsets. There is one more offset than rows."""
        instants, offsets = array("q"), array("q")
        with self.index_path.open("rb") as file:
            instants.fromfile(file, self.rows)
            offsets.fromfile(file, self.rows + 1)
        return instants, offsets


def _rows_of(day: date, count: int) -> Iterator[tuple[int, bytes]]:
    """The rows of a day in order, each with its time in milliseconds."""
    rng = random.Random(f"{day} {count}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    midnight_ms = int(midnight.timestamp()) * 1000
    machine = f"{rng.getrandbits(40):010x}"
    types, weights = list(_TYPES), [weight for weight, _ in _TYPES.values()]
    contacts = max(count // _ATTEMPTS_PER_CONTACT, 1)
    for number, milliseconds in enumerate(_instants(rng, count)):
        [type_] = rng.choices(types, weights)
        status = rng.choice(_TYPES[type_][1])
        contact, agent = rng.randrange(contacts), rng.randrange(40)
        if type_ == "EMAIL":
            ours, theirs = f"collections.team{agent:02d}@lender.example", f"borrower.{contact:08d}@post.example"
            subject = (
                f'"Reminder: your instalment of {1 + agent % 28:02d} {day:%B %Y} is due, reply here to agree on a date"'
            )
        else:
            # One number in ten is written without its country code.
            theirs = f"05{contact:08d}" if contact % 10 == 0 else f"+9665{contact:08d}"
            ours, subject = f"+9665500000{agent:02d}", "null"
        inbound = rng.random() < _INBOUND_SHARE
        sender, receiver = (theirs, ours) if inbound else (ours, theirs)
        duration = repr(rng.random() * 240) if status == "ANSWERED" else "null"
        at = midnight + timedelta(milliseconds=milliseconds)
        created = at + timedelta(milliseconds=rng.randrange(500, 9_000))
        updated = created + timedelta(milliseconds=rng.randrange(500, 200_000))
        yield (
            midnight_ms + milliseconds,
            (
                # Same key format as the source: seconds, machine, counter.
                f'{{"public_id":"{midnight_ms // 1000 + milliseconds // 1000:08x}{machine}{number:06x}",'
                f'"communication_type":"{type_}","direction":"{"inbound" if inbound else "outbound"}",'
                f'"status":"{status}","from":"{sender}","to":"{receiver}","subject":{subject},"duration":{duration},'
                f'"communicated_at":"{_iso(at)}","created_at":"{_iso(created)}","updated_at":"{_iso(updated)}"}}'
            ).encode(),
        )


def _instants(rng: random.Random, count: int) -> Iterator[int]:
    """Milliseconds since midnight, ascending. Each hour's share follows its weight."""
    cumulative = [0, *accumulate(_HOURLY_WEIGHTS)]
    edges = [count * weight // cumulative[-1] for weight in cumulative]
    for hour in range(len(_HOURLY_WEIGHTS)):
        in_hour = edges[hour + 1] - edges[hour]
        yield from sorted(hour * _HOUR_MS + rng.randrange(_HOUR_MS) for _ in range(in_hour))


def _iso(instant: datetime) -> str:
    return f"{instant.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
