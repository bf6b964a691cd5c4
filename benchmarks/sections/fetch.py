"""One day from the API into DuckDB, by every contestant."""

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

_HEADER = ("contestant", "ms a request", "wall s", "CPU s", "peak MB", "rows/s", "wall to ours")
_NO_LATENCY_MS, _HIGH_LATENCY_MS = 0, 100


def run(session: Session) -> Section:
    """All contestants in turn, as often as the session says, at each of its latencies."""
    dataset = session.dataset(session.sizes.day)
    medians: dict[tuple[Contestant, int], Usage] = {}
    notes = []
    for latency_ms in session.latencies_ms:
        usages: dict[Contestant, list[Usage]] = {contestant: [] for contestant in CONTESTANTS}
        with serving(dataset, latency_ms) as server:
            for number in range(session.runs):
                # In another order each time, so that nobody always comes after the same one.
                for contestant in random.Random(number).sample(CONTESTANTS, len(CONTESTANTS)):
                    with session.run_folder() as folder:
                        usages[contestant].append(session.load(contestant, server, folder))
                    log_progress(f"{contestant.name}, {latency_ms} ms: {usages[contestant][-1].wall_s:.1f} s")
            counts = server.counts()
            notes.append(f"{counts.cpu_s / len(CONTESTANTS) / session.runs:.2f} s at {latency_ms} ms")
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
        note=f"Whole processes, imports included; medians of {session.runs}, taken in turn, in another order each "
        "time. Each stored the same rows: count, distinct `public_id`, and a checksum over `public_id`, `duration` and "
        f"`communicated_at`. Ours runs its checks as shipped. The server itself took {', '.join(notes)} of CPU for "
        "each.",
        targets=_targets({key: usage.wall_s for key, usage in medians.items()}, session.latencies_ms),
    )


def _targets(wall_s: Mapping[tuple[Contestant, int], float], latencies_ms: tuple[int, ...]) -> list[Target]:
    def ratio(one: Contestant, other: Contestant, latency_ms: int) -> float:
        return wall_s[one, latency_ms] / wall_s[other, latency_ms]

    targets = []
    if _NO_LATENCY_MS in latencies_ms:
        targets += [
            Target.at_least(
                "one day, 0 ms, 4 connections, against dlt in Dagster", 4, ratio(DLT_DAGSTER, OURS_4, _NO_LATENCY_MS)
            ),
            Target.at_most(
                "the same with 8, to the baseline in Dagster", 1.3, ratio(OURS_8, BASELINE_DAGSTER, _NO_LATENCY_MS)
            ),
        ]
    if _HIGH_LATENCY_MS in latencies_ms:
        targets += [
            Target.at_least(
                "one day, 100 ms, 4 connections, against dlt in Dagster",
                4,
                ratio(DLT_DAGSTER, OURS_4, _HIGH_LATENCY_MS),
            ),
            Target.at_least(
                "one day, 100 ms, 8 connections, against dlt in Dagster",
                5.5,
                ratio(DLT_DAGSTER, OURS_8, _HIGH_LATENCY_MS),
            ),
            Target.at_most(
                "the same, to the baseline in Dagster", 1.3, ratio(OURS_8, BASELINE_DAGSTER, _HIGH_LATENCY_MS)
            ),
        ]
    return targets
