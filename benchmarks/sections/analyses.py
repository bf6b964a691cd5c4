"""All analyses of a large day in one run, compared with loading that day."""

from dataclasses import replace

from benchmarks.contestants import LOGS, OURS_4
from benchmarks.measure import Usage, measure, median
from benchmarks.report import Section, Target
from benchmarks.serving import serving
from benchmarks.session import Session, log_progress

_ANALYSES = f'key:"{LOGS}"+ and not key:"{LOGS}"'
"""Everything downstream of the log."""

_MAX_PEAK_MB = 1024


def run(session: Session) -> Section:
    """Loads the day, then analyses it in another process."""
    dataset = session.dataset(session.sizes.analysed_day)
    analyse = replace(OURS_4, arguments=tuple(_ANALYSES if "key:" in part else part for part in OURS_4.arguments))
    loads: list[Usage] = []
    analyses: list[Usage] = []
    with serving(dataset) as server:
        for _ in range(session.runs):
            with session.run_folder() as folder:
                loads.append(session.load(OURS_4, server, folder))
                command = analyse.command(session.bin_folder(analyse.environment), dataset.first_day)
                analyses.append(measure(command, session.variables(analyse, server, folder), folder))
            log_progress(
                f"{dataset.rows:,} rows: loaded in {loads[-1].wall_s:.1f} s, analysed in {analyses[-1].wall_s:.1f} s"
            )
    load, analysis = median(loads), median(analyses)
    return Section(
        title=f"The analyses of a day of {dataset.rows:,} rows",
        header=("process", "wall s", "CPU s", "peak MB"),
        rows=[
            (name, f"{usage.wall_s:.1f}", f"{usage.cpu_s:.1f}", f"{usage.peak_mb:,.0f}")
            for name, usage in (
                ("load the day, 4 connections, 0 ms", load),
                ("all analyses, one run", analysis),
            )
        ],
        note=f"Medians of {session.runs} runs. Whole processes, with all checks and pictures.",
        targets=[
            Target.at_most("wall time of the analyses / wall time of the load", 1, analysis.wall_s / load.wall_s),
            Target.at_most("peak memory of the analyses", _MAX_PEAK_MB, analysis.peak_mb, "MB"),
        ],
    )
