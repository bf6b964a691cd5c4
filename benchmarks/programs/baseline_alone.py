"""The baseline without Dagster."""

import os
from datetime import date

from benchmarks.programs.baseline import load

if __name__ == "__main__":
    load(date.fromisoformat(os.environ["BENCH_DAY"]))
