"""Names and column definitions in SQL."""

import re

from cleargrid_assets.schema import Table


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def readable(name: str) -> str:
    """The name as an SQL identifier, quoted only if necessary."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else quoted(name)


def column_definitions(table: Table) -> str:
    """The column definitions for CREATE TABLE."""
    return ", ".join(
        f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )
