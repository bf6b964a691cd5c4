"""Instants as whole milliseconds since 1970."""

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS


def to_ms(instant: datetime) -> int:
    """Converts an instant with a zone; digits below a millisecond are cut off."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_ms(instant: int) -> datetime:
    """Converts to a datetime in UTC."""
    return EPOCH + timedelta(milliseconds=instant)


def parse_ms(text: str) -> int:
    """Reads an ISO-8601 text; without an offset it is UTC.

    Raises:
        ValueError: The text is not ISO-8601.
        OverflowError: The instant is out of the range of `datetime`.
    """
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read "Z"
    return to_ms((instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)).astimezone(timezone.utc))


def day_bounds_ms(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The instants at which the business day begins and ends."""
    begin, end = (to_ms(datetime.combine(d, time.min, tzinfo=zone)) for d in (day, day + timedelta(days=1)))
    return begin, end
