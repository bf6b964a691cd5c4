"""The form of stored addresses: as they came, or as pseudonyms of one key. A table holds one form only."""

import re
from collections.abc import Mapping
from datetime import date

import duckdb

from cleargrid_assets.schema import PARTITION_COLUMN, Table
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import read_ledger
from cleargrid_assets.warehouse.sql import quoted
from cleargrid_assets.warehouse.tables import stored_columns
from cleargrid_assets.wording import counted, first_of

CLEAR = "clear values"
_PSEUDONYMS = re.compile(r"\bpseudonyms [0-9a-f]+\b")
_MAX_LISTED = 5

Versions = Mapping[date, str | None]
"""What the rows of each stored day of a table were made with; None if that is not known."""


class OtherFormError(WarehouseError):
    """Days of a table are stored in another form than that of the settings. The message says what to do."""


def stored_versions(connection: duckdb.DuckDBPyConnection, table: Table) -> Versions:
    """The versions of the stored days of a table, by the ledger. Without entries, they are those with rows."""
    if entries := read_ledger(connection, table):
        return {day: entry.version for day, entry in entries.items()}
    if PARTITION_COLUMN not in stored_columns(connection, table):
        return {}
    days = connection.execute(f"SELECT DISTINCT {PARTITION_COLUMN} FROM {quoted(table.name)}").fetchall()
    return dict.fromkeys(day for (day,) in days)


def form_of(version: str | None) -> str:
    """The form of rows, by the version that they were made with. A version that is not known means clear values."""
    found = _PSEUDONYMS.search(version or "")
    return found[0] if found else CLEAR


def days_in_other_form(versions: Versions, version: str | None) -> list[date]:
    """The days that are stored in another form than that of a version."""
    return sorted(day for day in versions if form_of(versions[day]) != form_of(version))


def other_form(table_name: str, versions: Versions, version: str | None) -> str | None:
    """What is wrong if days of a table are stored in another form; None if all of them have the form of `version`.

    Args:
        table_name: The table.
        versions: Those of its stored days.
        version: What a run would make rows with.
    """
    days = days_in_other_form(versions, version)
    if not days:
        return None
    stored = first_of(sorted({form_of(versions[day]) for day in days}), _MAX_LISTED, "form")
    are = "is" if len(days) == 1 else "are"
    return (
        f"{counted(len(days), 'day')} of {table_name} ({first_of(days, _MAX_LISTED, 'day')}) {are} stored with "
        f"{stored}, but CLEARGRID_PSEUDONYM_KEY and CLEARGRID_REGION now give {form_of(version)}. The same contact "
        "would have two names, so no day is materialized. To go on with this database, set both variables to what they "
        "were. To change them, name a new database in CLEARGRID_DUCKDB, materialize all days, and delete the old one "
        "with its backups."
    )


def refuse_other_form(table_name: str, versions: Versions, version: str | None) -> None:
    """Refuses to store rows beside rows of another form. The arguments are those of `other_form`.

    Raises:
        OtherFormError: Days of the table are stored in another form.
    """
    if found := other_form(table_name, versions, version):
        raise OtherFormError(found)
