"""What a row of the communication logs is: its type, channel, contact, outcome and stage, in SQL.

What belongs here: what one row means, and the choice of the rows a figure looks at, shared by the analyses. What does
not: any figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

# What `str.strip` removes, of which the last is U+3000. `trim` knows the plain space alone, and given many characters
# is several times slower than a regular expression.
_WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_OUTER_WHITESPACE = f"^[{_WHITESPACE}]+|[{_WHITESPACE}]+$"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _trimmed(column: str) -> str:
    # Most addresses begin and end with a visible ASCII character, which is a cheaper thing to see.
    return f"""CASE
        WHEN "{column}"[1] BETWEEN '!' AND '~' AND "{column}"[-1] BETWEEN '!' AND '~' THEN "{column}"
        ELSE regexp_replace("{column}", {_literal(_OUTER_WHITESPACE)}, '', 'g')
    END"""


def _normalised(column: str) -> str:
    return f"replace(replace(upper({_trimmed(column)}), '-', '_'), ' ', '_')"


def _looked_up(text: str, meanings: Mapping[str, str]) -> str:
    entries = ", ".join(f"{_literal(word)}: {_literal(meaning)}" for word, meaning in meanings.items())
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
"""The communication type of a row as it is compared: trimmed, upper-case, `-` and space as `_`."""

STATUS = _normalised("status")
"""The status of a row as it is compared, likewise."""

IS_REACHED = "outcome IN ('reached', 'engaged')"
"""Of a classified row: whether a person took it."""


def classified(logs: DuckDBPyRelation, outcomes: Outcomes) -> DuckDBPyRelation:
    """The rows with what their type and status mean, each pair of words looked up once however many rows have it.

    Args:
        logs: At least `communication_type` and `status`.
        outcomes: The meaning of both.

    Returns:
        The rows; `communication_type` and `status` as they are compared (trimmed, upper-case, `-` and space as `_`);
        `channel` (`other` for an unknown type), and `outcome` by the status alone (`unmapped` for an unknown one).
    """
    channel = _looked_up(TYPE, outcomes.channels)
    return select(
        f"""
        WITH words AS MATERIALIZED (
            SELECT
                communication_type,
                status,
                {TYPE} AS compared_type,
                {STATUS} AS compared_status,
                coalesce({channel}, 'other') AS channel,
                coalesce({_looked_up(STATUS, outcomes.statuses)}, 'unmapped') AS outcome
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
    """How far a classified row got: 1 attempted, 2 delivered, 3 reached, 4 engaged.

    Engaged are the outcome engaged, and a phone row of outcome reached that lasted `engaged_seconds` or more.
    Failed and unmapped rows were attempted, no further.
    """
    return f"""CASE outcome
        WHEN 'engaged' THEN 4
        WHEN 'reached' THEN CASE WHEN channel = 'phone' AND duration >= {outcomes.engaged_seconds!r} THEN 4 ELSE 3 END
        WHEN 'delivered' THEN 2
        ELSE 1
    END"""


def trailing_days(logs: DuckDBPyRelation, last: date, days: int) -> DuckDBPyRelation:
    """The rows of the given number of business days that end with `last`."""
    first = last - timedelta(days=days - 1)
    return logs.filter(f"communicated_date BETWEEN DATE '{first}' AND DATE '{last}'")
