"""Which SQL statements `cleargrid sql` runs: those that cannot change the database.

DuckDB refuses to change a database that is open to read. But it would attach the file again to write, by another name
of it, and write an exported file over it.
"""

import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import duckdb

from cleargrid_assets.warehouse.connection import file_of

_ALLOWED = {
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.SET,
    duckdb.StatementType.VARIABLE_SET,
    duckdb.StatementType.CALL,
    duckdb.StatementType.CREATE,  # DuckDB allows what is temporary
    duckdb.StatementType.COPY,
}

_CHANGES_A_LAKE = re.compile(r"(ducklake_(add|cleanup|delete|expire|flush|merge|rewrite|set)|postgres_)")
"""Functions that delete files even of a lake that is attached to read, or run any SQL in its Postgres."""


class NotReadOnlyError(Exception):
    """A statement could change the database."""


def refuse_changes(statements: Sequence[duckdb.Statement], own: str) -> None:
    """Checks all statements before the first one runs.

    Args:
        statements: The statements.
        own: The database file; of a lake, the folder or the prefix of its files.

    Raises:
        NotReadOnlyError: One of them could change the database.
    """
    for statement in statements:
        words = _words(statement.query)
        if any(map(_CHANGES_A_LAKE.match, words)):
            raise NotReadOnlyError("`cleargrid sql` calls no functions that maintain a lake or query its catalog.")
        explains_copy = statement.type == duckdb.StatementType.EXPLAIN and "copy" in words
        if statement.type not in _ALLOWED or explains_copy:
            raise NotReadOnlyError(
                f"{statement.type.name} is not for `cleargrid sql`, which takes queries and COPY ... TO. For anything "
                "else, open a copy with DuckDB: `cleargrid backup FILE` makes one."
            )
        if statement.type == duckdb.StatementType.COPY:
            _refuse_own_files(words, own)


def _refuse_own_files(words: Sequence[str], database: str) -> None:
    path = _target(words)
    if path is None:
        raise NotReadOnlyError("COPY needs TO with a path in single quotes.")
    if "://" in path and not path.startswith("file:"):
        if path.startswith(database) or database.startswith(path):
            raise NotReadOnlyError(f"COPY to {path} would overwrite files of the database. Name another file.")
        return
    target = file_of(path) or Path(path)
    # An unknown user stays as it is.
    resolved = Path(os.path.expanduser(target)).resolve()  # noqa: PTH111
    own = Path(database).resolve()
    # A folder that holds the database could be emptied: COPY has an option for that.
    if (
        own.is_relative_to(resolved)
        or (own.is_dir() and resolved.is_relative_to(own))
        or (resolved.parent == own.parent and resolved.name.startswith(f"{own.name}."))
        or (resolved.exists() and own.exists() and resolved.samefile(own))
    ):
        raise NotReadOnlyError(f"COPY to {target} would overwrite files of the database. Name another file.")


def _target(words: Sequence[str]) -> str | None:
    """The path after the last TO outside of parentheses."""
    depth, target = 0, None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word == "to":
            target = following
    if target is None or not target.startswith("'"):
        return None
    return target[1:-1].replace("''", "'")


def _words(query: str) -> list[str]:
    """The words and signs of a statement: keywords in lower case, texts in their quotes."""
    places = [place for place, kind in duckdb.tokenize(query) if kind != duckdb.token_type.comment]
    found = (query[start:end].strip() for start, end in pairwise([*places, len(query)]))
    return [word if word.startswith("'") else word.lower() for word in found]
