"""Where the pages of the digest are, and how they are written."""

import os
import tempfile
from datetime import date
from pathlib import Path

from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import file_of

FOLDER = "reports"
_FOLDER_MODE, _FILE_MODE = 0o750, 0o640
"""A page has no personal data, so the group of the user may read it."""


def reports_folder(database: str) -> Path:
    """The folder of pages: beside the database, or beside the default database if the database is no file."""
    file = file_of(database) or Path(Settings.model_fields["database"].default)
    return file.parent / FOLDER


def write_page(folder: Path, day: date, html: str) -> Path:
    """Writes the page of a day, in place of an earlier one. A reader sees the old page or the new one.

    Args:
        folder: Created if it is missing. The permissions of a folder that is there are kept.
        day: The business day, which names the file.
        html: The page.

    Raises:
        OSError: The page cannot be written. The earlier one is unchanged.
    """
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_FOLDER_MODE)
    target = folder / f"{day.isoformat()}.html"
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=folder)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(html)
        new.chmod(_FILE_MODE)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
    return target
