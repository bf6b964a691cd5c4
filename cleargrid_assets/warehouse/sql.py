"""Names and column definitions in SQL."""

import re
from collections.abc import Sequence
from datetime import date

from cleargrid_assets.schema import PARTITION_COLUMN, Table


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def readable(name: str) -> str:
    """The name as an SQL identifier, quoted only if necessary."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else quoted(name)


def in_days(days: Sequence[date]) -> str:
    """The condition that a row belongs to one of the days.

    The days are literals, because relations take no parameters, and because DuckDB may join parameters with the rows
    the wrong way round.
    """
    listed = ", ".join(f"DATE '{day.isoformat()}'" for day in days)
    return f"{PARTITION_COLUMN} IN ({listed})" if days else "false"


def column_definitions(table: Table) -> str:
    """The column definitions for CREATE TABLE."""
    return ", ".join(
        f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )
