"""dlt without Dagster."""

import os
from datetime import date

from benchmarks.programs.dlt_source import LOADER_FILE_FORMAT, exports, pipeline
from benchmarks.programs.login import log_in

if __name__ == "__main__":
    source = exports(log_in(), date.fromisoformat(os.environ["BENCH_DAY"]))
    pipeline(os.environ["CLEARGRID_DUCKDB"]).run(source, loader_file_format=LOADER_FILE_FORMAT)
