"""Where Dagster keeps its history, for commands that no Dagster process runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cleargrid_assets.cli.dagster_home import home_beside

if TYPE_CHECKING:
    import dagster as dg


def history_folder(database: str) -> Path | None:
    """The folder whose `dagster.yaml` says where the history is; None if it is not known.

    That is `DAGSTER_HOME`, else the home that `cleargrid up` has made, else the current folder.

    Args:
        database: The value of `CLEARGRID_DUCKDB`.
    """
    if given := os.environ.get("DAGSTER_HOME"):
        return Path(given)
    folders = (home_beside(database), Path.cwd())
    return next((folder for folder in folders if (folder / "dagster.yaml").exists()), None)


@contextmanager
def history(database: str) -> "Iterator[dg.DagsterInstance | None]":
    """Dagster's history; None if it is not known where that is.

    Args:
        database: The value of `CLEARGRID_DUCKDB`.

    Raises:
        DagsterError: `DAGSTER_HOME` or `dagster.yaml` is wrong.
    """
    folder = history_folder(database)
    if folder is None:
        yield None
        return
    # Imported here, because it takes seconds.
    import dagster as dg  # noqa: PLC0415

    of_home = os.environ.get("DAGSTER_HOME")
    with dg.DagsterInstance.get() if of_home else dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance
