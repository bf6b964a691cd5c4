"""The `DAGSTER_HOME` of `cleargrid up`: Dagster's settings, its history, and which code it loads."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from cleargrid_assets.cli.errors import AdvisedError
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import file_of
from cleargrid_assets.warehouse.files import make_private_folders
from cleargrid_assets.warehouse.lock import Lock, LockedError

_INSTANCE = """\
# Made by `cleargrid up`. Edit it as you like: it is not written again.

# Run history.
storage:
  sqlite:
    base_dir: {home}

local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config:
    base_dir: {home}

# Output of runs.
compute_logs:
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config:
    base_dir: {compute_logs}

# Shows the project's own log messages with the run, such as a wait for the database lock.
python_logs:
  python_log_level: INFO
  managed_python_loggers:
    - cleargrid_assets

# Max concurrent runs. They fetch in parallel and write one at a time.
concurrency:
  runs:
    max_concurrent_runs: 4

# Ends runs after 6 hours. Raise the limit if CLEARGRID_MAX_REQUESTS_PER_SECOND is low.
run_monitoring:
  enabled: true
  max_runtime_seconds: 21600

telemetry:
  enabled: false

nux:
  enabled: false
"""

_WORKSPACE = """\
# Made by `cleargrid up`.
load_from:
  - python_module:
      module_name: cleargrid_assets.definitions
      location_name: cleargrid_assets
"""


TAKES = "the absolute path of the folder with Dagster's settings and history"
"""What `DAGSTER_HOME` takes."""


class HomeError(AdvisedError):
    """`DAGSTER_HOME` names no folder that can be used, or what is in it cannot be read."""


@dataclass(frozen=True)
class DagsterHome:
    """A folder with the settings and the history of Dagster.

    Attributes:
        folder: The folder, as an absolute path.
        workspace: The file that names the code location.
    """

    folder: Path
    workspace: Path

    def create_storage(self) -> None:
        """Creates Dagster's databases. Two processes that create them at the same time leave them broken."""
        import dagster as dg  # noqa: PLC0415 - takes a second, and most commands do not need it

        with dg.DagsterInstance.from_config(str(self.folder)):
            pass

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes of `cleargrid up` out.

        Raises:
            click.ClickException: One has it already. The message says which.
        """
        try:
            lock = Lock.acquired(self.folder / "up", exclusive=True)
        except LockedError as error:
            raise click.ClickException(
                f"`cleargrid up` runs already with the Dagster home {self.folder}. {error} Stop it first. For another "
                "project, set another CLEARGRID_DUCKDB or DAGSTER_HOME."
            ) from error
        try:
            yield
        finally:
            lock.release()


def prepared_home(settings: Settings) -> DagsterHome:
    """The folder in `DAGSTER_HOME`, or `dagster` beside the database. What is missing is made.

    Raises:
        HomeError: `DAGSTER_HOME` is unusable.
        OSError: The folder cannot be made, or not written to.
    """
    folder = given_home(may_be_missing=True) or home_beside(settings.database)
    # Only this user may enter, because the folder has logs and the history of runs.
    make_private_folders(folder)
    instance, workspace = folder / "dagster.yaml", folder / "workspace.yaml"
    if not instance.exists():
        # JSON is YAML, whatever is in the path.
        home, compute_logs = json.dumps(str(folder)), json.dumps(str(folder / "compute_logs"))
        instance.write_text(_INSTANCE.format(home=home, compute_logs=compute_logs))
    workspace.write_text(_WORKSPACE)
    return DagsterHome(folder, workspace)


def given_home(*, may_be_missing: bool = False) -> Path | None:
    """The folder in `DAGSTER_HOME`; None if the variable is not set.

    Args:
        may_be_missing: Whether a folder that does not exist will be made.

    Raises:
        HomeError: The variable has no absolute path of a folder that can be read.
    """
    given = os.environ.get("DAGSTER_HOME")
    if not given:
        return None
    # As Dagster does, which leaves an unknown user as it is.
    folder = Path(os.path.expanduser(given))  # noqa: PTH111
    if wrong := _wrong(folder, may_be_missing=may_be_missing):
        raise HomeError(
            f"DAGSTER_HOME is {given!r}, {wrong}. It takes {TAKES}.",
            "Correct it, or unset it if you have no such folder.",
        )
    return folder


def _wrong(folder: Path, *, may_be_missing: bool) -> str | None:
    """Why a folder cannot be the home; None if it can."""
    if not folder.is_absolute():
        return "a relative path"
    try:
        if not folder.exists():
            return None if may_be_missing else "which does not exist"
    except OSError as error:  # a folder above it may not be entered, or the name is too long
        return f"which cannot be read ({error.strerror})"
    if not folder.is_dir():
        return "which is no folder"
    return None if os.access(folder, os.R_OK | os.X_OK) else "which this user may not read"


def home_beside(database: str) -> Path:
    """The folder that `cleargrid up` takes without `DAGSTER_HOME`, whether it is there or not.

    Args:
        database: The value of `CLEARGRID_DUCKDB`.
    """
    file = file_of(database)
    return ((file.parent if file else Path("data")) / "dagster").resolve()
