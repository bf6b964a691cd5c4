"""The DuckDB file against a lake: several processes, an open reader, the analyses, and what a quarter leaves behind."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import cast

from benchmarks.contestants import OURS_4
from benchmarks.environments import OURS
from benchmarks.report import Section, Target
from benchmarks.sections.analyses import INTERACTIONS, TRAILING_DAYS, materialized
from benchmarks.serving import Server, serving
from benchmarks.session import Session, log_progress
from benchmarks.stored import Summary, refuse_other_rows

_FILE, _LAKE = "file", "lake"
_PROCESSES = (1, 2, 4, 8)
_DAYS = 48
_PAGES = 20
_LATENCY_MS = 100
_READER_STAYS_S = 10
_CYCLES, _REPLACED = 90, 3
_KEEP_DAYS = 7
_MIN_SPEEDUP, _MAX_CPU_RATIO, _MAX_MORE_CPU_S, _MAX_READER_RATIO, _MAX_SIZE_RATIO = 5.5, 1.3, 0.4, 1.2, 1.2


@dataclass(frozen=True)
class _Engine:
    """A database without tables, and the session that measures it.

    Attributes:
        session: The session.
        server: Serves the rows.
        folder: Of the run.
        variables: Of the processes.
    """

    session: Session
    server: Server
    folder: Path
    variables: Mapping[str, str]

    @contextmanager
    def program(self, name: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A program of the project that waits for lines; it has printed its first one."""
        process = subprocess.Popen(
            [*self._command(name), *arguments],
            env=dict(self.variables),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            _next_line(process)
            yield process
        finally:
            process.communicate()

    def output(self, name: str, *arguments: str) -> str:
        """What a program of the project prints."""
        return subprocess.run(
            [*self._command(name), *arguments],
            env=dict(self.variables),
            cwd=self.folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def store(self, days: Sequence[date], processes: int, times: int) -> list[float]:
        """Stores the days, shared among processes, and returns how long it took each time."""
        with ExitStack() as stack:
            started = [stack.enter_context(self.program("days")) for _ in range(processes)]
            shares = [days[number::processes] for number in range(processes)]
            return [_seconds(dict(zip(started, shares, strict=True))) for _ in range(times)]

    def verify(self) -> None:
        """Compares the stored log with the rows of the server."""
        refuse_other_rows(self.folder.name, Summary(*json.loads(self.output("summary"))), self.server.dataset)

    def _command(self, name: str) -> list[str]:
        return [str(self.session.bin_folder(OURS) / "python"), "-m", f"benchmarks.programs.{name}"]


@dataclass(frozen=True)
class _Engines:
    """Makes databases of both kinds.

    Attributes:
        session: The session.
        postgres: Variables of a Postgres server, and of a home with DuckDB's extensions.
    """

    session: Session
    postgres: Mapping[str, str]

    @contextmanager
    def empty(self, kind: str, server: Server, **variables: str) -> Iterator[_Engine]:
        """A database of a kind, without tables."""
        from cleargrid_assets_tests.lake.servers import new_database  # noqa: PLC0415 - of the tests

        with self.session.run_folder() as folder:
            ours = self.session.variables(OURS_4, server, folder) | variables
            if kind == _LAKE:
                ours |= new_database(self.postgres)
                ours |= {"CLEARGRID_DUCKDB": "ducklake:postgres:", "CLEARGRID_LAKE_DATA": str(folder / "lake")}
            yield _Engine(self.session, server, folder, ours)


def run(session: Session) -> Section:
    """Measures both kinds of database, one after the other."""
    from cleargrid_assets_tests.lake import servers  # noqa: PLC0415 - of the tests

    with servers.reachable_folder() as folder, servers.postgres(folder) as variables:
        engines = _Engines(session, {**variables, "HOME": str(servers.home_with_extensions(folder))})
        parts = [part(engines) for part in (_several_processes, _open_reader, _analyses, _quarter)]
    return Section(
        title="The DuckDB file and a lake on Postgres",
        header=("", _FILE, _LAKE),
        rows=[row for rows, _ in parts for row in rows],
        note=f"Days a minute: {_DAYS} days of {session.sizes.whole_day:,} rows, {_PAGES} requests of {_LATENCY_MS} ms "
        "in a row for each, a run a day, the first time and again. All stored rows are compared with those of the "
        f"server. The reader of the file stays for {_READER_STAYS_S} s, that of the lake to the end. Analyses: medians "
        f"of {session.runs}. A cycle stores a new day and the {_REPLACED} days before it again; the lake is maintained "
        f"after each. *Old versions* are those of the last {_KEEP_DAYS} days, and files that wait two days.",
        targets=[target for _, targets in parts for target in targets],
    )


_Part = tuple[list[tuple[str, str, str]], list[Target]]


def _several_processes(engines: _Engines) -> _Part:
    dataset = engines.session.dataset(engines.session.sizes.whole_day, _DAYS)
    in_pages = {"CLEARGRID_CONCURRENCY": "1", "CLEARGRID_PAGE_SIZE": str(max(1, dataset.rows_per_day // _PAGES))}
    a_minute: dict[tuple[str, int], list[float]] = {}
    with serving(dataset, _LATENCY_MS) as server:
        for processes in _PROCESSES:
            for kind in (_FILE, _LAKE):
                with engines.empty(kind, server, **in_pages) as engine:
                    seconds = engine.store(dataset.all_days, processes, times=2)
                    engine.verify()
                a_minute[kind, processes] = [60 * _DAYS / each for each in seconds]
                log_progress(f"{kind}, {processes} processes: {a_minute[kind, processes]} days a minute")
    rows = [
        (
            f"days a minute, {processes} processes, first / again",
            *(" / ".join(f"{each:.0f}" for each in a_minute[kind, processes]) for kind in (_FILE, _LAKE)),
        )
        for processes in _PROCESSES
    ]
    speedup = a_minute[_LAKE, _PROCESSES[-1]][0] / a_minute[_LAKE, 1][0]
    name = f"days a minute on a lake, {_PROCESSES[-1]} processes compared with 1"
    return cast("list[tuple[str, str, str]]", rows), [Target.at_least(name, _MIN_SPEEDUP, speedup)]


def _open_reader(engines: _Engines) -> _Part:
    dataset = engines.session.dataset(engines.session.sizes.whole_day)
    alone, beside = {}, {}
    day = [dataset.first_day]
    with serving(dataset) as server:
        for kind in (_FILE, _LAKE):
            with engines.empty(kind, server) as engine, engine.program("days") as run:
                _seconds({run: day})
                alone[kind] = median(_seconds({run: day}) for _ in range(5))
                with engine.program("reader") as reader:
                    # A run on a file ends when the reader does.
                    leaving = partial(_leave, reader) if kind == _FILE else None
                    beside[kind] = median(_seconds({run: day}, leaving) for _ in range(1 if leaving else 5))
    rows = [
        ("seconds of a day, nobody reads", *(f"{alone[kind]:.2f}" for kind in (_FILE, _LAKE))),
        ("seconds of a day, a reader stays", *(f"{beside[kind]:.2f}" for kind in (_FILE, _LAKE))),
    ]
    name = "a day on a lake with a reader, compared with none"
    return cast("list[tuple[str, str, str]]", rows), [
        Target.at_most(name, _MAX_READER_RATIO, beside[_LAKE] / alone[_LAKE])
    ]


def _analyses(engines: _Engines) -> _Part:
    dataset = engines.session.dataset(engines.session.sizes.analysed_day)
    day, cpu = str(dataset.first_day), {}
    with serving(dataset) as server:
        for kind in (_FILE, _LAKE):
            with engines.empty(kind, server) as engine:
                engine.store([dataset.first_day], processes=1, times=1)
                materialized(engines.session, server, engine.folder, INTERACTIONS, engine.variables)
                database = engine.variables["CLEARGRID_DUCKDB"]
                engine.output("trailing_days", database, day, str(TRAILING_DAYS))
                runs = [json.loads(engine.output("analyses_alone", database, day)) for _ in range(engines.session.runs)]
            cpu[kind] = {name: median(each[name] for each in runs) for name in runs[0]}
            log_progress(f"{kind}: {cpu[kind]}")
    total = {kind: sum(cpu[kind].values()) for kind in cpu}
    more = {name: cpu[_LAKE][name] - cpu[_FILE][name] for name in cpu[_FILE]}
    rows = [(f"CPU s of {name}", f"{cpu[_FILE][name]:.2f}", f"{cpu[_LAKE][name]:.2f}") for name in more]
    return [*rows, ("CPU s of all analyses", f"{total[_FILE]:.2f}", f"{total[_LAKE]:.2f}")], [
        Target.at_most("CPU time of the analyses, lake / file", _MAX_CPU_RATIO, total[_LAKE] / total[_FILE]),
        Target.at_most("more CPU time of an analysis on the lake", _MAX_MORE_CPU_S, max(more.values()), "s"),
    ]


def _quarter(engines: _Engines) -> _Part:
    dataset = engines.session.dataset(engines.session.sizes.whole_day, _CYCLES + _REPLACED)
    days = dataset.all_days
    sizes: dict[str, tuple[dict[str, int], ...]] = {}
    with serving(dataset) as server:
        for kind in (_FILE, _LAKE):
            with engines.empty(kind, server) as engine:
                engine.store(days, processes=1, times=1)
                fresh = _size(engine, keep_days=0)
            with engines.empty(kind, server) as engine:
                with engine.program("days") as run:
                    for last in range(_REPLACED, len(days)):
                        _seconds({run: days[last - _REPLACED : last + 1]})
                        if kind == _LAKE:
                            after = _size(engine, keep_days=_KEEP_DAYS)
                if kind == _FILE:
                    after = {"files": 1, "bytes": Path(engine.variables["CLEARGRID_DUCKDB"]).stat().st_size}
                sizes[kind] = (fresh, after, _size(engine, keep_days=0))
                engine.verify()
            log_progress(f"{kind}: {sizes[kind]}")
    names = ("fresh", "with old versions or free space", "after maintenance of all, or compacting")
    rows = [
        (f"MB (files) after {_CYCLES} cycles: {name}", *(_described(sizes[kind][at]) for kind in (_FILE, _LAKE)))
        for at, name in enumerate(names)
    ]
    in_fresh, _, at_least = (size["bytes"] for size in sizes[_LAKE])
    name = f"size of a lake after {_CYCLES} cycles and maintenance, compared with fresh"
    return cast("list[tuple[str, str, str]]", rows), [Target.at_most(name, _MAX_SIZE_RATIO, at_least / in_fresh)]


def _size(engine: _Engine, keep_days: int) -> dict[str, int]:
    size: dict[str, int] = json.loads(engine.output("maintained", str(keep_days)))
    return size


def _described(size: Mapping[str, int]) -> str:
    return f"{size['bytes'] / 1e6:.1f} ({size['files']:,})"


def _seconds(
    shares: "Mapping[subprocess.Popen[str], Sequence[date]]", meanwhile: Callable[[], None] | None = None
) -> float:
    """Lets programs store days, beginning together, and returns how long it takes until the last one is done."""
    began = time.monotonic()
    for process, days in shares.items():
        assert process.stdin  # noqa: S101
        process.stdin.write(f"{' '.join(map(str, days))}\n")
        process.stdin.flush()
    if meanwhile:
        meanwhile()
    for process in shares:
        _next_line(process)
    return time.monotonic() - began


def _leave(reader: "subprocess.Popen[str]") -> None:
    """The reader closes the database after a while."""
    time.sleep(_READER_STAYS_S)
    reader.communicate()


def _next_line(process: "subprocess.Popen[str]") -> None:
    assert process.stdout  # noqa: S101
    if not process.stdout.readline():
        raise RuntimeError(f"{process.args!r} ended.")
