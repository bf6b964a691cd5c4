"""A month of everything: log, interactions, analyses, checks and pictures, ten days in a run."""

import json
from pathlib import Path

from benchmarks.contestants import OURS_4
from benchmarks.measure import Usage, measure
from benchmarks.report import Section, Target
from benchmarks.serving import serving
from benchmarks.session import Session, log_progress

_DAYS_PER_RUN = 10
_JOB = "daily_outreach"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_MAX_CPU_S_A_DAY = 0.9
_MAX_KB_A_DAY = 250


def run(session: Session) -> Section:
    """Runs the daily job over ranges of days, as a backfill does, and measures what it costs and leaves."""
    dataset = session.dataset(session.sizes.whole_day, session.sizes.backfilled_days)
    days = dataset.all_days
    usages: list[Usage] = []
    with serving(dataset) as server, session.run_folder() as folder:
        dagster = str(session.bin_folder(OURS_4.environment) / "dagster")
        before = _size(folder)
        for begin in range(0, len(days), _DAYS_PER_RUN):
            of_run = days[begin : begin + _DAYS_PER_RUN]
            tags = json.dumps(dict(zip(_RANGE, (str(of_run[0]), str(of_run[-1])), strict=True)))
            command = [dagster, "job", "execute", "-m", "cleargrid_assets.definitions", "-j", _JOB, "--tags", tags]
            usages.append(measure(command, session.variables(OURS_4, server, folder), folder))
            log_progress(f"{of_run[0]} to {of_run[-1]}: {usages[-1].cpu_s:.1f} CPU s")
        stored = _size(folder) - before
    cpu_s = sum(usage.cpu_s for usage in usages) / len(days)
    kilobytes = stored / len(days) / 1000
    return Section(
        title=f"A month of {len(days)} days of {dataset.rows_per_day:,} rows, with all assets and checks",
        header=("runs", "CPU s a day", "Dagster's storage, KB a day", "peak MB"),
        rows=[(str(len(usages)), f"{cpu_s:.2f}", f"{kilobytes:.0f}", f"{max(usage.peak_mb for usage in usages):,.0f}")],
        note=f"{_DAYS_PER_RUN} days in a run, whole processes, imports included. Storage is what the runs add to a "
        "Dagster home, logs of steps included.",
        targets=[
            Target.at_most("CPU time of a day of the month", _MAX_CPU_S_A_DAY, cpu_s, "s"),
            Target.at_most("Dagster's storage of a day of the month", _MAX_KB_A_DAY, kilobytes, "KB"),
        ],
    )


def _size(folder: Path) -> int:
    """Bytes of Dagster's home, without the database and the output of the commands."""
    parts = [path for name in ("history", "schedules", "storage") for path in (folder / name).rglob("*")]
    return sum(path.stat().st_size for path in parts if path.is_file())
