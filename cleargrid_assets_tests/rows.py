"""The one factory of communications for all tests."""

from datetime import datetime, timedelta, timezone
from typing import Any

Row = dict[str, Any]

NOON = datetime(2026, 5, 19, 12, tzinfo=timezone.utc)

_OWN_COLUMNS = ("communicated_date", "extracted_at")
"""The columns that the project adds to what the API sends."""


def communication(public_id: str, **values: Any) -> Row:
    """A typed row of `communication_logs`: an unanswered outbound call at `NOON`, changed by `values`.

    The other instants follow `communicated_at`. If that is a text, as in a test of malformed rows, they follow `NOON`.
    """
    given = values.get("communicated_at", NOON)
    at = given if isinstance(given, datetime) else NOON
    return {
        "public_id": public_id,
        "communication_type": "CALL",
        "direction": "outbound",
        "status": "NO_ANSWER",
        "from": "+966550000001",
        "to": "+966512345678",
        "subject": None,
        "duration": None,
        "communicated_at": at,
        "created_at": at + timedelta(seconds=5),
        "updated_at": at + timedelta(seconds=60),
        "communicated_date": at.date(),
        "extracted_at": at + timedelta(days=30),
        **values,
    }


def as_json(row: Row) -> Row:
    """The row as the API sends it: without the project's own columns, and with instants as ISO-8601 texts."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in _OWN_COLUMNS
    }


def sent_row(public_id: str, communicated_at: str, **values: Any) -> Row:
    """An answered call as the API sends it, with personal values that no error text may show, changed by `values`."""
    defaults: Row = {
        "status": "ANSWERED",
        "subject": "Overdue instalment",
        "duration": 119.86464333534241,
        "communicated_at": communicated_at,
        "created_at": "2026-05-20T09:31:25.441Z",
        "updated_at": "2026-05-20T09:33:01.118Z",
    }
    return as_json(communication(public_id, **(defaults | values)))
