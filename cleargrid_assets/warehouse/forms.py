"""The form of stored addresses: as they came, or as pseudonyms of one key. A table holds one form only."""

import re
from collections.abc import Mapping
from datetime import date

from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.wording import counted, first_of

CLEAR = "clear values"
_PSEUDONYMS = re.compile(r"\bpseudonyms [0-9a-f]+\b")
_MAX_LISTED = 5


class OtherFormError(WarehouseError):
    """Days of a table are stored in another form than that of the settings. The message says what to do."""


def form_of(version: str | None) -> str:
    """The form of rows, by the version that they were made with. A version that is not known means clear values."""
    found = _PSEUDONYMS.search(version or "")
    return found[0] if found else CLEAR


def days_in_other_form(entries: Mapping[date, LedgerEntry], version: str | None) -> list[date]:
    """The days that are stored in another form than that of a version."""
    return sorted(day for day, entry in entries.items() if form_of(entry.version) != form_of(version))


def other_form(table_name: str, entries: Mapping[date, LedgerEntry], version: str | None) -> str | None:
    """What is wrong if days of a table are stored in another form; None if all of them have the form of `version`.

    Args:
        table_name: The table.
        entries: The ledger's entries of the table.
        version: What a run would make rows with.
    """
    days = days_in_other_form(entries, version)
    if not days:
        return None
    stored = first_of(sorted({form_of(entries[day].version) for day in days}), _MAX_LISTED, "form")
    return (
        f"{counted(len(days), 'day')} of {table_name} ({first_of(days, _MAX_LISTED, 'day')}) are stored with "
        f"{stored}, but CLEARGRID_PSEUDONYM_KEY and CLEARGRID_REGION now give {form_of(version)}. The same contact "
        "would have two names, so no day is materialized. To go on with this database, set both variables to what they "
        "were. To change them, name a new database in CLEARGRID_DUCKDB, materialize all days, and delete the old one "
        "with its backups."
    )


def refuse_other_form(table_name: str, entries: Mapping[date, LedgerEntry], version: str | None) -> None:
    """Refuses to store rows beside rows of another form. The arguments are those of `other_form`.

    Raises:
        OtherFormError: Days of the table are stored in another form.
    """
    if found := other_form(table_name, entries, version):
        raise OtherFormError(found)
