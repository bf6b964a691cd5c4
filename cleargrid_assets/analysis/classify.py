"""What one row of the communication logs means: its type, channel, contact, outcome and stage, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cleargrid_assets.analysis.outcomes import UNMAPPED, Outcomes
from cleargrid_assets.analysis.relations import select
from cleargrid_assets.contracts import OTHER_CHANNEL, PHONE

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

# The characters that `str.strip` removes; the last is U+3000. DuckDB's `trim` removes plain spaces only, and with a
# list of characters it is several times slower than a regular expression.
_WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_OUTER_WHITESPACE = f"^[{_WHITESPACE}]+|[{_WHITESPACE}]+$"


def literal(text: str) -> str:
    """The text as a literal in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _trimmed(column: str) -> str:
    # Fast path: most addresses begin and end with a visible ASCII character.
    return f"""CASE
        WHEN "{column}"[1] BETWEEN '!' AND '~' AND "{column}"[-1] BETWEEN '!' AND '~' THEN "{column}"
        ELSE regexp_replace("{column}", {literal(_OUTER_WHITESPACE)}, '', 'g')
    END"""


def _normalised(column: str) -> str:
    return f"replace(replace(upper({_trimmed(column)}), '-', '_'), ' ', '_')"


def _looked_up(text: str, meanings: Mapping[str, str]) -> str:
    entries = ", ".join(f"{literal(word)}: {literal(meaning)}" for word, meaning in meanings.items())
    return f"CAST(MAP {{{entries}}} AS MAP(VARCHAR, VARCHAR))[{text}]"


OUTBOUND = "lower(direction) = 'outbound'"
"""Whether the row is an attempt on a contact."""

INBOUND = "lower(direction) = 'inbound'"
"""Whether the row is a communication from a contact."""

RECIPIENT = f"lower({_trimmed('to')})"
"""The contact of an outbound row, trimmed and lower-cased."""

SENDER = f"lower({_trimmed('from')})"
"""The contact of an inbound row, trimmed and lower-cased."""

TYPE = _normalised("communication_type")
"""The normalised communication type of a row: trimmed, upper-case, `-` and space as `_`."""

STATUS = _normalised("status")
"""The normalised status of a row: trimmed, upper-case, `-` and space as `_`."""

IS_REACHED = "outcome IN ('reached', 'engaged')"
"""Whether a person took the communication of a classified row."""

IS_PHONE = f"channel = '{PHONE}'"
"""Whether a classified row is on the phone channel."""


def classified(logs: DuckDBPyRelation, outcomes: Outcomes) -> DuckDBPyRelation:
    """Adds what the type and status of each row mean.

    Args:
        logs: Rows with at least `communication_type` and `status`.
        outcomes: The meaning of both.

    Returns:
        The rows with normalised `communication_type` and `status`, and two more columns: `channel` (`other` for a type
        that the outcomes file does not list) and `outcome` (`unmapped` for such a status).
    """
    # Each pair of words is looked up once, because many rows share few pairs.
    channel = _looked_up(TYPE, outcomes.channels)
    return select(
        f"""
        WITH words AS MATERIALIZED (
            SELECT
                communication_type,
                status,
                {TYPE} AS compared_type,
                {STATUS} AS compared_status,
                coalesce({channel}, '{OTHER_CHANNEL}') AS channel,
                coalesce({_looked_up(STATUS, outcomes.statuses)}, '{UNMAPPED}') AS outcome
            FROM (SELECT DISTINCT communication_type, status FROM unclassified)
        )
        SELECT
            unclassified.* REPLACE (compared_type AS communication_type, compared_status AS status),
            channel,
            outcome
        FROM unclassified
        JOIN words USING (communication_type, status)
        """,
        "unclassified",
        logs,
    )


def stage(outcomes: Outcomes) -> str:
    """How far a classified row got, in SQL: 1 attempted, 2 delivered, 3 reached, 4 engaged.

    A row is engaged if its outcome is, or if it is a reached phone call of `engaged_seconds` or more. Failed and
    unmapped rows were attempted only.
    """
    return f"""CASE outcome
        WHEN 'engaged' THEN 4
        WHEN 'reached' THEN CASE WHEN {IS_PHONE} AND duration >= {outcomes.engaged_seconds!r} THEN 4 ELSE 3 END
        WHEN 'delivered' THEN 2
        ELSE 1
    END"""


def trailing_days(logs: DuckDBPyRelation, last: date, days: int) -> DuckDBPyRelation:
    """The rows of the given number of business days that end with `last`."""
    first = last - timedelta(days=days - 1)
    return logs.filter(f"communicated_date BETWEEN DATE '{first}' AND DATE '{last}'")
