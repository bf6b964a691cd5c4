"""What a row means, and how rows are grouped and measured, for the second implementation of the analyses."""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

Row = dict[str, Any]

STATUSES = {
    **dict.fromkeys(("FAILED", "INVALID_NUMBER", "BOUNCED", "REJECTED", "UNDELIVERED"), "failed"),
    **dict.fromkeys(("NO_ANSWER", "BUSY", "VOICEMAIL", "CANCELLED", "CANCELED", "SENT", "DELIVERED"), "delivered"),
    **dict.fromkeys(("MACHINE", "ANSWERED_BY_MACHINE"), "delivered"),
    **dict.fromkeys(("ANSWERED", "COMPLETED", "OPENED", "READ"), "reached"),
    **dict.fromkeys(("CLICKED", "REPLIED"), "engaged"),
}
CHANNELS = {"CALL": "phone", "VOICE": "phone", "EMAIL": "email", "SMS": "messaging", "WHATSAPP": "messaging"}
WITHHELD = {"", "ANONYMOUS", "PRIVATE", "UNKNOWN", "RESTRICTED"}


def word(text: str) -> str:
    return text.strip().upper().replace("-", "_").replace(" ", "_")


def kind(row: Row) -> str:
    return word(row["communication_type"])


def channel(row: Row) -> str:
    return CHANNELS.get(kind(row), "other")


def outcome(row: Row) -> str:
    meaning = STATUSES.get(word(row["status"]), "unmapped")
    is_long_call = channel(row) == "phone" and row["duration"] is not None and row["duration"] >= 30
    return "engaged" if meaning == "reached" and is_long_call else meaning


def reached(row: Row) -> bool:
    return outcome(row) in ("reached", "engaged")


def is_outbound(row: Row) -> bool:
    return str(row["direction"]).lower() == "outbound"


def contact(row: Row) -> str | None:
    """The other party; None if withheld. Numbers without a country code are Saudi Arabian."""
    if str(row["direction"]).lower() not in ("inbound", "outbound"):
        return None
    address = row["to"] if is_outbound(row) else row["from"]
    text = "".join(letter for letter in address if unicodedata.category(letter) != "Cf").strip()
    if word(text) in WITHHELD:
        return None
    if "@" in text:
        return text.removeprefix("<").removesuffix(">").strip().lower()
    digits = "".join(str(unicodedata.digit(letter)) for letter in text if letter.isdigit())
    if not digits:
        return text.lower()
    for prefix in ("00", "0"):
        if digits.startswith(prefix) and not text.startswith("+"):
            return "+" + ("" if prefix == "00" else "966") + digits.removeprefix(prefix)
    return "+" + digits


def stage(row: Row) -> int:
    return {"engaged": 4, "reached": 3, "delivered": 2}.get(outcome(row), 1)


def contacts_of(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each contact, without those of withheld addresses."""
    groups = defaultdict(list)
    for row in rows:
        if (name := contact(row)) is not None:
            groups[name].append(row)
    return groups


def grouped(rows: Iterable[Row], *keys: Any) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(key(row) for key in keys)].append(row)
    return groups


def day_of(row: Row) -> date:
    day: date = row["communicated_date"]
    return day


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def quantile(values: Iterable[float], share: float) -> float | None:
    ordered = sorted(values)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The two solutions p of |successes / trials - p| = z sqrt(p (1 - p) / trials)."""
    z = 1.9599639845400545
    share = successes / trials
    a, b, c = 1 + z * z / trials, -(2 * share + z * z / trials), share * share
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
