"""Import time of the definitions, compared with the import time of their main dependencies."""

import statistics

from benchmarks import environments
from benchmarks.measure import Usage, measure
from benchmarks.report import Section, Target
from benchmarks.session import Session

_OURS = "import cleargrid_assets.definitions"
_BASE = "import dagster, pandas, dagster_duckdb_pandas"
_REPEATS_PER_RUN = 3
_MAX_COST_RATIO = 1.25


def run(session: Session) -> Section:
    """Runs both imports in turn, more often than other sections, because they are short."""
    python = str(session.bin_folder(environments.OURS) / "python")
    usages: dict[str, list[Usage]] = {_BASE: [], _OURS: []}
    with session.run_folder() as folder:
        # The first round does not count, because it compiles modules and reads them from the disk.
        for number in range(1 + _REPEATS_PER_RUN * session.runs):
            for statement, taken in usages.items():
                usage = measure([python, "-c", statement], environments.variables({}), folder)
                if number:
                    taken.append(usage)
    wall_s = {statement: statistics.median(usage.wall_s for usage in taken) for statement, taken in usages.items()}
    return Section(
        title="Imports",
        header=("statement", "wall s", "wall / first statement"),
        rows=[(f"`{statement}`", f"{wall:.2f}", f"{wall / wall_s[_BASE]:.2f}") for statement, wall in wall_s.items()],
        note=f"Medians of {_REPEATS_PER_RUN * session.runs} runs. Whole processes.",
        targets=[
            Target.at_most(
                "import of the definitions / import of Dagster and pandas",
                _MAX_COST_RATIO,
                wall_s[_OURS] / wall_s[_BASE],
            )
        ],
    )
