"""Where Dagster keeps its history, for commands that no Dagster process runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def history() -> Iterator[dg.DagsterInstance | None]:
    """Dagster's history, where `dagster dev` keeps it; None if it is not known where that is.

    Raises:
        DagsterError: `DAGSTER_HOME` or `dagster.yaml` is wrong.
    """
    if os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            yield instance
    elif Path("dagster.yaml").exists():
        with dg.DagsterInstance.from_config(str(Path.cwd())) as instance:
            yield instance
    else:
        yield None
