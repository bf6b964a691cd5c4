"""Where Dagster keeps its history, for commands that no Dagster process runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cleargrid_assets.cli.dagster_home import HomeError, given_home, home_beside

if TYPE_CHECKING:
    import dagster as dg


def history_folder(database: str) -> Path | None:
    """The folder whose `dagster.yaml` says where the history is; None if it is not known.

    That is `DAGSTER_HOME`, else the home that `cleargrid up` has made, else the current folder.

    Args:
        database: The value of `CLEARGRID_DUCKDB`.

    Raises:
        HomeError: `DAGSTER_HOME` is unusable.
    """
    if given := given_home():
        return given
    folders = (home_beside(database), Path.cwd())
    # A folder that this user may not enter counts as one without the file. `Path.exists` would raise an error.
    return next((folder for folder in folders if os.path.exists(folder / "dagster.yaml")), None)  # noqa: PTH110


@contextmanager
def history(database: str) -> "Iterator[dg.DagsterInstance | None]":
    """Dagster's history; None if it is not known where that is.

    Args:
        database: The value of `CLEARGRID_DUCKDB`.

    Raises:
        HomeError: `DAGSTER_HOME` is unusable, or the history cannot be read.
    """
    folder = history_folder(database)
    if folder is None:
        yield None
        return
    # Imported here, because it takes seconds.
    import dagster as dg  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        instance = dg.DagsterInstance.from_config(str(folder))
    except Exception as error:  # the storage may be a plug-in with errors of its own
        raise unreadable(folder, error) from error
    try:
        with instance:
            yield instance
    except (dg.DagsterError, SQLAlchemyError) as error:
        raise unreadable(folder, error) from error


def unreadable(folder: Path, error: Exception) -> HomeError:
    """The error that says that the history cannot be read.

    Args:
        folder: The folder with `dagster.yaml`.
        error: Why.
    """
    # Only the kind of error, because the text may have the password of a database.
    return HomeError(
        f"Dagster's history cannot be read ({type(error).__name__}).",
        f"Check the dagster.yaml in {folder}, and that this user may read and write what it names.",
    )
