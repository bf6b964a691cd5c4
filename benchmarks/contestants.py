"""The contestants: the command of each, its virtual environment, and the table it writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.environments import OURS

LOGS = "cleargrid/communication_logs"


@dataclass(frozen=True)
class Contestant:
    """One way to load a day into DuckDB.

    Attributes:
        name: Name in the tables.
        environment: Name of its virtual environment, see `environments`.
        arguments: A program in that environment and its arguments. `{day}` is replaced by the day.
        table: Table that it writes.
        connections: Max requests in flight.
    """

    name: str
    environment: str
    arguments: tuple[str, ...]
    table: str
    connections: int = 1

    def command(self, bin_folder: Path, day: date) -> list[str]:
        """The command line that loads the day.

        Args:
            bin_folder: Folder of the environment's executables.
            day: Day to load.
        """
        program, *arguments = self.arguments
        return [str(bin_folder / program), *(argument.format(day=day) for argument in arguments)]


def variables(url: str, folder: Path, day: date, connections: int) -> Mapping[str, str]:
    """The environment variables that say what to fetch and where to store it.

    All contestants read the variables of this project.

    Args:
        url: Root of the API.
        folder: Folder of the run, with its database and Dagster home.
        day: Day to fetch. It is also the first partition.
        connections: Max requests in flight.
    """
    return {
        "CLEARGRID_BASE_URL": url,
        "CLEARGRID_LENDER": "fixture",
        "CLEARGRID_EMAIL": "bench@lender.example",
        "CLEARGRID_PASSWORD": "fixture",
        "CLEARGRID_DUCKDB": str(database(folder)),
        "CLEARGRID_START_DATE": str(day),
        "CLEARGRID_CONCURRENCY": str(connections),
        "CLEARGRID_REGION": "SA",
        "BENCH_DAY": str(day),
        "DAGSTER_HOME": str(folder),
    }


def database(folder: Path) -> Path:
    """The DuckDB file of the run in this folder."""
    return folder / "bench.duckdb"


def _materialize(module: str, selection: str) -> tuple[str, ...]:
    return ("dagster", "asset", "materialize", "-m", module, "--select", selection, "--partition", "{day}")


def _ours(connections: int) -> Contestant:
    return Contestant(
        f"this project, {connections} connections",
        OURS,
        _materialize("cleargrid_assets.definitions", f'key:"{LOGS}"'),
        "cleargrid.communication_logs",
        connections,
    )


OURS_4, OURS_8 = _ours(4), _ours(8)
DLT = Contestant("dlt", "dlt", ("python", "-m", "benchmarks.programs.dlt_alone"), "stored.communication_logs")
DLT_DAGSTER = Contestant(
    "dlt in Dagster", "dlt", _materialize("benchmarks.programs.dlt_dagster", "*"), "stored.communication_logs"
)
STOCK_DAGSTER = Contestant(
    "requests, pandas, stock IO manager in Dagster",
    "stock",
    _materialize("benchmarks.programs.stock_dagster", "*"),
    "stored.communication_logs",
)
BASELINE = Contestant(
    "baseline, 8 connections",
    "baseline",
    ("python", "-m", "benchmarks.programs.baseline_alone"),
    "main.communication_logs",
    connections=8,
)
BASELINE_DAGSTER = Contestant(
    "baseline in Dagster, 8 connections",
    "baseline",
    _materialize("benchmarks.programs.baseline_dagster", "*"),
    "main.communication_logs",
    connections=8,
)
CONTESTANTS = (OURS_4, OURS_8, BASELINE, BASELINE_DAGSTER, DLT, DLT_DAGSTER, STOCK_DAGSTER)
