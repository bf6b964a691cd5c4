"""One day from the API into DuckDB, for each contestant."""

import random
from collections.abc import Mapping

from benchmarks.contestants import (
    BASELINE_DAGSTER,
    CONTESTANTS,
    DLT_DAGSTER,
    OURS_4,
    OURS_8,
    Contestant,
)
from benchmarks.measure import Usage, median
from benchmarks.report import Section, Target
from benchmarks.serving import serving
from benchmarks.session import Session, log_progress

_HEADER = ("contestant", "ms per request", "wall s", "CPU s", "peak MB", "rows/s", "wall / ours")
_NO_LATENCY_MS, _HIGH_LATENCY_MS = 0, 100
_MAX_BASELINE_RATIO = 1.3


def run(session: Session) -> Section:
    """Runs all contestants in turn, at each latency of the session."""
    dataset = session.dataset(session.sizes.day)
    medians: dict[tuple[Contestant, int], Usage] = {}
    server_cpu = []
    for latency_ms in session.latencies_ms:
        usages: dict[Contestant, list[Usage]] = {contestant: [] for contestant in CONTESTANTS}
        with serving(dataset, latency_ms) as server:
            for number in range(session.runs):
                # A new order for each repetition, so that no contestant always follows the same one.
                for contestant in random.Random(number).sample(CONTESTANTS, len(CONTESTANTS)):
                    with session.run_folder() as folder:
                        usages[contestant].append(session.load(contestant, server, folder))
                    log_progress(f"{contestant.name}, {latency_ms} ms: {usages[contestant][-1].wall_s:.1f} s")
            counts = server.counts()
            server_cpu.append(f"{counts.cpu_s / len(CONTESTANTS) / session.runs:.2f} s at {latency_ms} ms")
        medians |= {(contestant, latency_ms): median(taken) for contestant, taken in usages.items()}
    return Section(
        title=f"One day of {dataset.rows:,} rows",
        header=_HEADER,
        rows=[
            (
                contestant.name,
                str(latency_ms),
                f"{usage.wall_s:.1f}",
                f"{usage.cpu_s:.1f}",
                f"{usage.peak_mb:,.0f}",
                f"{dataset.rows / usage.wall_s:,.0f}",
                f"{usage.wall_s / medians[OURS_4, latency_ms].wall_s:.2f}",
            )
            for (contestant, latency_ms), usage in medians.items()
        ],
        note=f"Medians of {session.runs} runs, in turns and in a new order each time. Whole processes, imports "
        "included. All stored the same rows, by count, distinct `public_id`, and a checksum over `public_id`, "
        "`duration` and `communicated_at`. This project runs with all its checks. The server used "
        f"{', '.join(server_cpu)} of CPU per run.",
        targets=_targets({key: usage.wall_s for key, usage in medians.items()}, session.latencies_ms),
    )


def _targets(wall_s: Mapping[tuple[Contestant, int], float], latencies_ms: tuple[int, ...]) -> list[Target]:
    def speedup(ours: Contestant, latency_ms: int, minimum: float) -> Target:
        return Target.at_least(
            f"one day, {latency_ms} ms, {ours.connections} connections, compared with dlt in Dagster",
            minimum,
            wall_s[DLT_DAGSTER, latency_ms] / wall_s[ours, latency_ms],
        )

    def baseline_ratio(latency_ms: int) -> Target:
        return Target.at_most(
            f"one day, {latency_ms} ms, {OURS_8.connections} connections, wall / baseline in Dagster",
            _MAX_BASELINE_RATIO,
            wall_s[OURS_8, latency_ms] / wall_s[BASELINE_DAGSTER, latency_ms],
        )

    targets = []
    if _NO_LATENCY_MS in latencies_ms:
        targets += [speedup(OURS_4, _NO_LATENCY_MS, 4), baseline_ratio(_NO_LATENCY_MS)]
    if _HIGH_LATENCY_MS in latencies_ms:
        targets += [
            speedup(OURS_4, _HIGH_LATENCY_MS, 4),
            speedup(OURS_8, _HIGH_LATENCY_MS, 5.5),
            baseline_ratio(_HIGH_LATENCY_MS),
        ]
    return targets
