"""Memory and time per row of a day that is ten times as large."""

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
    """Loads a tiny, an ordinary and a large day in turn."""
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
        header=("rows", "wall s", "CPU s", "peak MB", "µs per row", "µs per row above the tiny day"),
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
        note=f"Medians of {session.runs} runs of this project, 4 connections, 0 ms. The tiny day shows the fixed cost "
        "of imports and Dagster. The last column leaves this cost out. It is a difference of two times, so it needs an "
        "idle machine.",
        targets=[
            Target.at_most(f"peak memory of a day of {large:,} rows", _MAX_PEAK_MB, medians[large].peak_mb, "MB"),
            Target.at_most(
                f"wall per row of a day of {large:,} rows / of {ordinary:,} rows",
                _MAX_COST_RATIO,
                (medians[large].wall_s / large) / (medians[ordinary].wall_s / ordinary),
            ),
        ],
    )
