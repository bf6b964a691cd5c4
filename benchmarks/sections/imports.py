"""What importing the definitions costs beside importing what they are made with."""

import statistics

from benchmarks import environments
from benchmarks.measure import Usage, measured
from benchmarks.report import Section, Target
from benchmarks.session import Session

_OURS = "import cleargrid_assets.definitions"
_BASE = "import dagster, pandas, dagster_duckdb_pandas"
_RUNS_FACTOR = 3
_COST = 1.25


def run(session: Session) -> Section:
    """Both in turn, more often than other sections, because they are short."""
    python = str(session.programs(environments.OURS) / "python")
    usages: dict[str, list[Usage]] = {_BASE: [], _OURS: []}
    with session.empty_folder() as folder:
        # Once each before the first that counts, which would compile and read from the disk.
        for number in range(1 + _RUNS_FACTOR * session.runs):
            for statement, taken in usages.items():
                usage = measured([python, "-c", statement], environments.variables({}), folder)
                if number:
                    taken.append(usage)
    wall_s = {statement: statistics.median(usage.wall_s for usage in taken) for statement, taken in usages.items()}
    return Section(
        title="Imports",
        head=("statement", "wall s", "to the first"),
        rows=[(f"`{statement}`", f"{wall:.2f}", f"{wall / wall_s[_BASE]:.2f}") for statement, wall in wall_s.items()],
        note=f"Whole processes, medians of {_RUNS_FACTOR * session.runs}.",
        targets=[
            Target.at_most(
                "importing the definitions, to Dagster and pandas alone", _COST, wall_s[_OURS] / wall_s[_BASE]
            )
        ],
    )
