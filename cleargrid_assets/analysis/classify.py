"""What a row of the communication logs is: its type, channel, contact, outcome and stage, in SQL.

What belongs here: expressions over one row, and the choice of the rows a figure looks at, shared by the analyses.
What does not: anything that aggregates.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis.outcomes import Outcomes

# What `str.strip` removes, of which the last is U+3000. `trim` knows the plain space alone, and given many characters
# is several times slower than a regular expression.
_WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_OUTER_WHITESPACE = f"^[{_WHITESPACE}]+|[{_WHITESPACE}]+$"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _trimmed(column: str) -> str:
    return f"""regexp_replace("{column}", {_literal(_OUTER_WHITESPACE)}, '', 'g')"""


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

COMMUNICATION_TYPE = _normalised("communication_type")
"""The type as it is compared: trimmed, upper-case, `-` and space as `_`."""

STATUS = _normalised("status")
"""The status as it is compared: trimmed, upper-case, `-` and space as `_`."""


def channel(outcomes: Outcomes) -> str:
    """The row's channel; `other` for a type that the outcomes do not know."""
    return f"coalesce({_looked_up(COMMUNICATION_TYPE, outcomes.channels)}, 'other')"


def is_known_type(outcomes: Outcomes) -> str:
    """Whether the outcomes say what the row's communication type is."""
    return f"{_looked_up(COMMUNICATION_TYPE, outcomes.channels)} IS NOT NULL"


def outcome(outcomes: Outcomes) -> str:
    """The row's outcome by its status alone; `unmapped` where the outcomes do not know the status."""
    return f"coalesce({_looked_up(STATUS, outcomes.statuses)}, 'unmapped')"


def is_reached(outcomes: Outcomes) -> str:
    """Whether a person took it: outcome reached or engaged."""
    return f"{outcome(outcomes)} IN ('reached', 'engaged')"


def stage(outcomes: Outcomes) -> str:
    """How far the row got: 1 attempted, 2 delivered, 3 reached, 4 engaged.

    Engaged are the outcome engaged, and a phone row of outcome reached that lasted `engaged_seconds` or more.
    Failed and unmapped rows were attempted, no further.
    """
    return f"""CASE {outcome(outcomes)}
        WHEN 'engaged' THEN 4
        WHEN 'reached' THEN
            CASE WHEN {channel(outcomes)} = 'phone' AND duration >= {outcomes.engaged_seconds!r} THEN 4 ELSE 3 END
        WHEN 'delivered' THEN 2
        ELSE 1
    END"""


def trailing_days(logs: DuckDBPyRelation, last: date, days: int) -> DuckDBPyRelation:
    """The rows of the given number of business days that end with `last`."""
    first = last - timedelta(days=days - 1)
    return logs.filter(f"communicated_date BETWEEN DATE '{first}' AND DATE '{last}'")
