"""SQL for the meaning of a row: its type, channel, contact, outcome and stage."""

from collections.abc import Mapping
from datetime import date, timedelta

from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis.outcomes import UNMAPPED, Outcomes
from cleargrid_assets.analysis.relations import select
from cleargrid_assets.contracts import OTHER_CHANNEL, PHONE

WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""The characters that `str.strip` removes."""

# DuckDB's `trim` removes only plain spaces. With a list of characters it is several times slower than a regular
# expression.
_OUTER_WHITESPACE = f"^[{WHITESPACE}]+|[{WHITESPACE}]+$"


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(text: str) -> str:
    """A text without outer white space, in SQL.

    Args:
        text: An SQL expression.
    """
    # The first branch is fast, and enough for most addresses: they begin and end with a visible ASCII character.
    return f"""CASE
        WHEN ({text})[1] BETWEEN '!' AND '~' AND ({text})[-1] BETWEEN '!' AND '~' THEN {text}
        ELSE regexp_replace({text}, {literal(_OUTER_WHITESPACE)}, '', 'g')
    END"""


def normalised(text: str) -> str:
    """A word as it is compared, in SQL: trimmed, upper-case, with `_` for `-` and space.

    Args:
        text: An SQL expression.
    """
    return f"replace(replace(upper({trimmed(text)}), '-', '_'), ' ', '_')"


def _looked_up(text: str, meanings: Mapping[str, str]) -> str:
    entries = ", ".join(f"{literal(word)}: {literal(meaning)}" for word, meaning in meanings.items())
    return f"CAST(MAP {{{entries}}} AS MAP(VARCHAR, VARCHAR))[{text}]"


OUTBOUND = "lower(direction) = 'outbound'"
"""Whether a row of the log is an attempt on a contact."""

INBOUND = "lower(direction) = 'inbound'"
"""Whether a row of the log is a communication from a contact."""

IS_ATTEMPT = "direction = 'outbound'"
"""Whether an interaction is an attempt on a contact."""

IS_RESPONSE = "direction = 'inbound'"
"""Whether an interaction is a communication from a contact."""

TYPE = normalised("communication_type")
"""The normalised communication type: trimmed, upper-case, with `_` for `-` and space."""

STATUS = normalised("status")
"""The normalised status: trimmed, upper-case, with `_` for `-` and space."""

IS_REACHED = "outcome IN ('reached', 'engaged')"
"""Whether a classified row reached a person."""

IS_PHONE = f"channel = '{PHONE}'"
"""Whether a classified row is on the phone channel."""


def classified(logs: DuckDBPyRelation, outcomes: Outcomes) -> DuckDBPyRelation:
    """Adds the channel and the outcome of each row.

    Args:
        logs: Rows with at least `communication_type` and `status`.
        outcomes: The meaning of both.

    Returns:
        The rows with normalised `communication_type` and `status`, and two more columns: `channel` (`other` if the
        outcomes file does not list the type) and `outcome` (`unmapped` if it does not list the status).
    """
    # Each pair of type and status is looked up once, because a day has many rows and few pairs.
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


def trailing_days(rows: DuckDBPyRelation, last: date, days: int) -> DuckDBPyRelation:
    """The rows of the given number of business days that end with `last`."""
    first = last - timedelta(days=days - 1)
    return rows.filter(f"communicated_date BETWEEN DATE '{first}' AND DATE '{last}'")
