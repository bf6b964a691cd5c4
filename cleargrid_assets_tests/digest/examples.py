"""A digest in which every part of the page has something to show."""

from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any

from cleargrid_assets.digest.content import (
    Digest,
    FailingCheck,
    FetchedDay,
    Figure,
    FunnelRow,
    History,
    Section,
)

DAY = date(2026, 5, 19)
NOW = datetime(2026, 5, 20, 6, 1, tzinfo=timezone.utc)

FRESH = FailingCheck("communication_logs", "is_fresh", True, "2026-05-19 was due. Materialize it.", "", NOW)
MAPPED = FailingCheck(
    "communication_logs", "statuses_and_types_are_mapped", False, "`RINGING` has no mapping.", "2026-05-19", NOW
)

EXAMPLE = Digest(
    day=DAY,
    zone="UTC",
    made_at=NOW,
    latest=DAY,
    is_stored=True,
    figures=[
        Figure("Communications", "1,998", "1,930", "+4%", "1,720 to 2,280"),
        Figure("Contacts reached", "469 (34%)", "430 (33%)", "+1.2 points"),
        Figure("Failed", "8.0%", "2.1%", "+5.9 points", "up to 4.0%", is_unusual=True),
    ],
    unmapped_note="3 of 1,204 attempts have an unmapped status",
    funnel=[
        FunnelRow("ALL", ["1,363", "1,318", "469", "269"], ["100%", "97%", "34%", "20%"]),
        FunnelRow("CALL", ["812", "790", "301", "120"], ["100%", "97%", "37%", "15%"]),
    ],
    more_types="and 2 more types",
    sections=[Section("attempt_funnel", "34% of 1,363 contacts reached", b"\x89PNG not drawn")],
    unmapped=[("status RINGING", "3")],
    history=History([FRESH, MAPPED], 31, [FetchedDay(DAY, "1,998", "2", "15", "1")]),
)


def example(**changed: Any) -> Digest:
    """The example with some fields changed."""
    return replace(EXAMPLE, **changed)
