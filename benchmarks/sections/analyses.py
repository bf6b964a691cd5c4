"""Interactions and all analyses of a large day whose trailing days are as large, compared with loading that day."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median as middle

from benchmarks import contestants
from benchmarks.contestants import LOGS, OURS_4
from benchmarks.measure import Usage, measure, median
from benchmarks.report import Section, Target
from benchmarks.serving import Server, serving
from benchmarks.session import Session, log_progress

INTERACTIONS = 'key:"cleargrid/interactions"'
_ANALYSES = f'{INTERACTIONS}+ and not {INTERACTIONS} and not key:"cleargrid/daily_digest"'
TRAILING_DAYS = 7
_REACH = "reach_by_attempt"

_LOAD, _STORE, _ANALYSE = "load the day, 4 connections, 0 ms", "store its interactions", "all analyses, one run"
_MAX_PEAK_MB = 1024
_MAX_INTERACTIONS_SHARE = 0.5
_MAX_REACH_CPU_S = 5


def run(session: Session) -> Section:
    """Loads the day, stores its interactions, fills the days before it, and analyses it, each in a process."""
    dataset = session.dataset(session.sizes.analysed_day)
    usages: dict[str, list[Usage]] = {_LOAD: [], _STORE: [], _ANALYSE: []}
    alone: list[Mapping[str, float]] = []
    with serving(dataset) as server:
        for _ in range(session.runs):
            with session.run_folder() as folder:
                usages[_LOAD].append(session.load(OURS_4, server, folder))
                usages[_STORE].append(materialized(session, server, folder, INTERACTIONS))
                _run_program(session, folder, "trailing_days", str(dataset.first_day), str(TRAILING_DAYS))
                usages[_ANALYSE].append(materialized(session, server, folder, _ANALYSES))
                alone.append(json.loads(_run_program(session, folder, "analyses_alone", str(dataset.first_day))))
            log_progress(", ".join(f"{name}: {taken[-1].cpu_s:.1f} CPU s" for name, taken in usages.items()))
    medians = {name: median(taken) for name, taken in usages.items()}
    cpu = {name: middle(each[name] for each in alone) for name in alone[0]}
    load, store, analyse = medians.values()
    return Section(
        title=f"The analyses of a day of {dataset.rows:,} rows, with {TRAILING_DAYS} days before it as large",
        header=("process", "wall s", "CPU s", "peak MB"),
        rows=[
            *(
                (name, f"{each.wall_s:.1f}", f"{each.cpu_s:.1f}", f"{each.peak_mb:,.0f}")
                for name, each in medians.items()
            ),
            *((f"`{name}` alone", "", f"{seconds:.1f}", "") for name, seconds in cpu.items()),
        ],
        note=f"Medians of {session.runs} runs. Whole processes, with all checks and pictures; the last rows are the "
        "computation alone. The days before are copies of the day.",
        targets=[
            Target.at_most(
                "CPU time of storing interactions / of loading the log",
                _MAX_INTERACTIONS_SHARE,
                store.cpu_s / load.cpu_s,
            ),
            Target.at_most(f"CPU time of {_REACH}", _MAX_REACH_CPU_S, cpu[_REACH], "s"),
            Target.at_most("wall time of the analyses / wall time of the load", 1, analyse.wall_s / load.wall_s),
            Target.at_most("peak memory of the analyses", _MAX_PEAK_MB, analyse.peak_mb, "MB"),
        ],
    )


def materialized(
    session: Session, server: Server, folder: Path, selection: str, variables: Mapping[str, str] | None = None
) -> Usage:
    """Materializes the selected assets of the day, with the variables of this project or with others."""
    contestant = replace(OURS_4, arguments=tuple(selection if LOGS in part else part for part in OURS_4.arguments))
    command = contestant.command(session.bin_folder(contestant.environment), server.dataset.first_day)
    return measure(command, variables or session.variables(contestant, server, folder), folder)


def _run_program(session: Session, folder: Path, name: str, *arguments: str) -> str:
    python = session.bin_folder(OURS_4.environment) / "python"
    return subprocess.run(
        [str(python), "-m", f"benchmarks.programs.{name}", str(contestants.database(folder)), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
