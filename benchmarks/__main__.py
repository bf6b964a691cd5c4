"""`python -m benchmarks` measures, prints the tables, and writes them to `results.md` in the working folder."""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

from benchmarks.environments import CHECKOUT, OURS, versions
from benchmarks.report import Section, Target, targets_markdown
from benchmarks.sections import analyses, backfill, fetch, imports, lake, month, resume, scaling
from benchmarks.session import Session, Sizes, log_progress

_SECTIONS: Mapping[str, Callable[[Session], Section]] = {
    "fetch": fetch.run,
    "backfill": backfill.run,
    "resume": resume.run,
    "scaling": scaling.run,
    "imports": imports.run,
    "analyses": analyses.run,
    "month": month.run,
    "lake": lake.run,
}

_NEEDS_SERVERS = "lake"


def main() -> None:
    """Runs the requested sections."""
    # SIGTERM acts like Ctrl-C, so that child processes are stopped too.
    signal.signal(signal.SIGTERM, _raise_interrupt)
    options = _parse_arguments()
    session = Session(
        folder=options.folder.resolve(),
        runs=options.runs,
        latencies_ms=tuple(options.latencies),
        sizes=Sizes(
            day=200_000 // options.smaller,
            large_day=2_000_000 // options.smaller,
            analysed_day=1_000_000 // options.smaller,
            whole_day=2_000 // options.smaller,
            backfilled_day=5_000 // options.smaller,
            backfilled_days=30,
        ),
    )
    session.folder.mkdir(parents=True, exist_ok=True)
    results = session.folder / "results.md"
    text = f"# Benchmarks\n\n{_describe_machine(session)}\n"
    targets: list[Target] = []
    for name in options.only or [name for name in _SECTIONS if name != _NEEDS_SERVERS]:
        log_progress(f"== {name}")
        started_at = time.monotonic()
        section = _SECTIONS[name](session)
        targets += section.targets
        text += f"\n{section.markdown()}"
        # Written after each section, so that results are kept if a later section fails.
        results.write_text(f"{text}\n{targets_markdown(targets)}", encoding="utf-8")
        log_progress(f"== {name}: {time.monotonic() - started_at:.0f} s")
    print(results.read_text(encoding="utf-8"))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures this project against its alternatives.")
    parser.add_argument("--only", nargs="+", choices=_SECTIONS, help="sections to run (default: all but lake)")
    parser.add_argument("--runs", type=int, default=3, help="repetitions of each measurement")
    parser.add_argument("--latencies", type=int, nargs="+", default=[0, 100], help="ms per request, in `fetch`")
    parser.add_argument("--smaller", type=int, default=1, help="divisor of the rows per day, to try the harness")
    parser.add_argument(
        "--folder", type=Path, default=CHECKOUT / ".bench", help="folder for environments, rows and results"
    )
    return parser.parse_args()


def _describe_machine(session: Session) -> str:
    python = f"Python {platform.python_version()}"
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    machine = f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()} {platform.machine()}"
    package_versions: dict[str, str] = {}
    for environment in (OURS, "dlt", "stock", "baseline"):
        package_versions |= versions(session.bin_folder(environment))
    packages = ", ".join(f"{name} {version}" for name, version in sorted(package_versions.items()))
    return f"{datetime.now(timezone.utc):%Y-%m-%d}; {machine}; {python}; {packages}."


def _raise_interrupt(_: int, __: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
