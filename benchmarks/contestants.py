"""Who is compared: the command of each, the environment it runs in, and where its rows end up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.environments import OURS

LOGS = "cleargrid/communication_logs"


@dataclass(frozen=True)
class Contestant:
    """One way to get a day into DuckDB.

    Attributes:
        name: In tables.
        environment: Of `environments`.
        arguments: The program of the environment and its arguments; `{day}` stands for the day.
        table: Where the rows end up.
        connections: Requests that may be in flight.
    """

    name: str
    environment: str
    arguments: tuple[str, ...]
    table: str
    connections: int = 1

    def command(self, programs: Path, day: date) -> list[str]:
        """What to start, given the environment's programs."""
        program, *arguments = self.arguments
        return [str(programs / program), *(argument.format(day=day) for argument in arguments)]


def variables(url: str, folder: Path, day: date, connections: int) -> Mapping[str, str]:
    """What tells any contestant what to fetch and where to store it: the project's variables, understood by all.

    Args:
        url: Root of the API.
        folder: Of one run: the database, Dagster's home.
        day: To fetch, and the first day of all partitions.
        connections: Requests in flight.
    """
    return {
        "CLEARGRID_BASE_URL": url,
        "CLEARGRID_LENDER": "fixture",
        "CLEARGRID_EMAIL": "bench@lender.example",
        "CLEARGRID_PASSWORD": "fixture",
        "CLEARGRID_DUCKDB": str(database(folder)),
        "CLEARGRID_START_DATE": str(day),
        "CLEARGRID_CONCURRENCY": str(connections),
        "BENCH_DAY": str(day),
        "DAGSTER_HOME": str(folder),
    }


def database(folder: Path) -> Path:
    """The DuckDB file of a run in the folder."""
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
