"""What the sections share: folders, sizes, and the function that lets a contestant load a day."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from benchmarks import contestants, environments
from benchmarks.contestants import Contestant
from benchmarks.measure import Usage, measure
from benchmarks.rows import Dataset
from benchmarks.serving import Server
from benchmarks.stored import verify

LAST_DAY = date(2026, 5, 19)
"""The day of all sections with a single day, and the last day of the backfill."""

_DAGSTER_YAML = "telemetry:\n  enabled: false\nnux:\n  enabled: false\npython_logs:\n  python_log_level: INFO\n"
"""For all contestants, with the level of this project's own `dagster.yaml`."""


@dataclass(frozen=True)
class Sizes:
    """Rows per day in the sections.

    Attributes:
        day: Rows of the day that `fetch` and `resume` load.
        large_day: Rows of the large day in `scaling`.
        analysed_day: Rows of the day in `analyses`.
        whole_day: Rows of each day in `month`.
        backfilled_day: Rows of each day in `backfill`.
        backfilled_days: Number of days in `backfill` and `month`.
    """

    day: int
    large_day: int
    analysed_day: int
    whole_day: int
    backfilled_day: int
    backfilled_days: int


@dataclass(frozen=True)
class Session:
    """One run of the harness.

    Attributes:
        folder: Working folder. Environments and rows stay there for the next session.
        runs: Repetitions of each measurement.
        latencies_ms: Delays of responses in `fetch`.
        sizes: Rows per day.
    """

    folder: Path
    runs: int
    latencies_ms: tuple[int, ...]
    sizes: Sizes

    def dataset(self, rows_per_day: int, days: int = 1) -> Dataset:
        """The rows of the days that end with `LAST_DAY`."""
        first = date.fromordinal(LAST_DAY.toordinal() - days + 1)
        return Dataset(self.folder / "rows", first, days, rows_per_day)

    def bin_folder(self, environment: str) -> Path:
        """The folder of the environment's executables, see `environments`."""
        return environments.bin_folder(self.folder / "environments", environment)

    @contextmanager
    def run_folder(self) -> Iterator[Path]:
        """Makes a folder with a Dagster home without runs, and removes it at the end.

        The home already has its databases, as any home has after its first start.
        """
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="run-") as name:
            folder = Path(name)
            shutil.copytree(self._empty_dagster_home, folder, dirs_exist_ok=True)
            # The next run must not wait for data that the run before left to be written.
            os.sync()
            yield folder

    @cached_property
    def _empty_dagster_home(self) -> Path:
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text(_DAGSTER_YAML)
        command = [str(self.bin_folder(environments.OURS) / "dagster"), "run", "list"]
        measure(command, environments.variables({"DAGSTER_HOME": str(home)}), home)
        return home

    def variables(self, contestant: Contestant, server: Server, folder: Path) -> dict[str, str]:
        """The environment variables of a contestant that runs in the folder."""
        return environments.variables(
            contestants.variables(server.url, folder, server.dataset.first_day, contestant.connections)
        )

    def load(self, contestant: Contestant, server: Server, folder: Path) -> Usage:
        """Runs a contestant in the folder, and checks the stored rows.

        Raises:
            CommandFailedError: The contestant failed.
            DifferentRowsError: The contestant stored other rows than the server has.
        """
        usage = measure(
            contestant.command(self.bin_folder(contestant.environment), server.dataset.first_day),
            self.variables(contestant, server, folder),
            folder,
        )
        verify(contestant.name, contestants.database(folder), contestant.table, server.dataset)
        return usage


def log_progress(text: str) -> None:
    """Prints progress to standard error. Results go to standard output."""
    print(text, file=sys.stderr, flush=True)
