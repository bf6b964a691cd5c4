"""What the sections share: where things are, how large they are, and how one contestant loads one day."""

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
"""The day of all sections that have but one."""

_DAGSTER_YAML = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"


@dataclass(frozen=True)
class Sizes:
    """How much is loaded, in rows a day.

    Attributes:
        day: Of the day that contestants are compared on.
        large_day: Of the day that scaling is measured with.
        analysed_day: Of the day that is analysed.
        backfilled_day: Of each day of the backfill.
        backfilled_days: Days of the backfill.
    """

    day: int
    large_day: int
    analysed_day: int
    backfilled_day: int
    backfilled_days: int


@dataclass(frozen=True)
class Session:
    """One run of the harness.

    Attributes:
        folder: Of environments and rows, which are kept, and of everything else, which is not.
        runs: How often each measurement is repeated.
        latencies_ms: What requests wait for, one table row and contestant for each.
        sizes: How much is loaded.
    """

    folder: Path
    runs: int
    latencies_ms: tuple[int, ...]
    sizes: Sizes

    def dataset(self, rows_per_day: int, days: int = 1) -> Dataset:
        """Rows of so many days, the last of which is `LAST_DAY`."""
        first = date.fromordinal(LAST_DAY.toordinal() - days + 1)
        return Dataset(self.folder / "rows", first, days, rows_per_day)

    def bin_folder(self, environment: str) -> Path:
        """The environment's programs; see `environments`."""
        return environments.bin_folder(self.folder / "environments", environment)

    @contextmanager
    def run_folder(self) -> Iterator[Path]:
        """A folder with a Dagster home that has seen no run, removed on the way out.

        Its databases are there, as they are for everybody but at their first start.
        """
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="run-") as name:
            folder = Path(name)
            shutil.copytree(self._empty_dagster_home, folder, dirs_exist_ok=True)
            # What the one before has left to be written is not for this one to wait for.
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
        """The environment variables for a contestant that works in the folder."""
        return environments.variables(
            contestants.variables(server.url, folder, server.dataset.first_day, contestant.connections)
        )

    def load(self, contestant: Contestant, server: Server, folder: Path) -> Usage:
        """Lets a contestant load the server's day in the folder, and checks what it stored.

        Raises:
            CommandFailedError: It failed.
            DifferentRowsError: It stored something else.
        """
        usage = measure(
            contestant.command(self.bin_folder(contestant.environment), server.dataset.first_day),
            self.variables(contestant, server, folder),
            folder,
        )
        verify(contestant.name, contestants.database(folder), contestant.table, server.dataset)
        return usage


def log_progress(text: str) -> None:
    """Tells whoever waits what has just been measured; the results themselves go to standard output."""
    print(text, file=sys.stderr, flush=True)
