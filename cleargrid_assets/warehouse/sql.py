"""The contracts' names and types as SQL spells them.

What belongs here: text. What does not: connections and statements.
"""

from cleargrid_assets.contracts import Table


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_definitions(table: Table) -> str:
    """The columns as CREATE TABLE takes them."""
    return ", ".join(
        f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )
