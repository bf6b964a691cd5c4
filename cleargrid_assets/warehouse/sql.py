"""Names, literals, conditions on days and column definitions in SQL."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from cleargrid_assets.schema import PARTITION_COLUMN, Table


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def readable(name: str) -> str:
    """The name as an SQL identifier, quoted only if necessary."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else quoted(name)


def in_days(days: Sequence[date]) -> str:
    """The condition that a row belongs to one of the days.

    The days are literals, because relations take no parameters, and because DuckDB may join parameters with the rows
    the wrong way round.
    """
    ranges: list[list[date]] = []
    for day in sorted(days):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1][1] = day
        else:
            ranges.append([day, day])
    # Ranges, because DuckDB takes several times as long to look days up in a list.
    conditions = [f"{PARTITION_COLUMN} BETWEEN DATE '{first}' AND DATE '{last}'" for first, last in ranges]
    return f"({' OR '.join(conditions)})" if conditions else "false"


def column_definitions(table: Table) -> str:
    """The column definitions for CREATE TABLE."""
    return ", ".join(
        f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )
