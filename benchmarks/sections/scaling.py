"""A day ten times as large: memory, and the cost of a row."""

from contextlib import ExitStack

from benchmarks.contestants import OURS_4
from benchmarks.measure import Usage, median
from benchmarks.report import Section, Target
from benchmarks.serving import serving
from benchmarks.session import Session, log_progress

_TINY_DAY_ROWS = 1000
_MAX_PEAK_MB = 1024
_MAX_COST_RATIO = 1.25


def run(session: Session) -> Section:
    """Ours, on a tiny, an ordinary and a large day in turn."""
    sizes = (_TINY_DAY_ROWS, session.sizes.day, session.sizes.large_day)
    usages: dict[int, list[Usage]] = {rows: [] for rows in sizes}
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(session.dataset(rows))) for rows in sizes]
        for _ in range(session.runs):
            for server in servers:
                with session.run_folder() as folder:
                    usage = session.load(OURS_4, server, folder)
                usages[server.dataset.rows].append(usage)
                log_progress(f"{server.dataset.rows:,} rows: {usage.wall_s:.1f} s, {usage.peak_mb:,.0f} MB")
    medians = {rows: median(taken) for rows, taken in usages.items()}
    fixed_s = medians[_TINY_DAY_ROWS].wall_s
    ordinary, large = sizes[1:]
    return Section(
        title="A day ten times as large",
        header=("rows", "wall s", "CPU s", "peak MB", "µs a row", "µs a row beyond the tiny day"),
        rows=[
            (
                f"{rows:,}",
                f"{usage.wall_s:.1f}",
                f"{usage.cpu_s:.1f}",
                f"{usage.peak_mb:,.0f}",
                f"{usage.wall_s / rows * 1e6:.1f}",
                f"{(usage.wall_s - fixed_s) / rows * 1e6:.1f}" if rows > _TINY_DAY_ROWS else "",
            )
            for rows, usage in medians.items()
        ],
        note=f"This project, 4 connections, 0 ms; medians of {session.runs}. The tiny day shows what imports and "
        "Dagster cost whatever the day holds, which makes the rows of a large day seem cheap: hence the last column, a "
        "difference of two times that wants a quiet machine.",
        targets=[
            Target.at_most(f"peak memory of a day of {large:,} rows", _MAX_PEAK_MB, medians[large].peak_mb, "MB"),
            Target.at_most(
                f"cost of its row to that of a day of {ordinary:,}",
                _MAX_COST_RATIO,
                (medians[large].wall_s / large) / (medians[ordinary].wall_s / ordinary),
            ),
        ],
    )
