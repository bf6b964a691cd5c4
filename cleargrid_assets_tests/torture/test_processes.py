"""Eight processes with one database file: nobody reads half a day, no run fails, and the days are exact at the end."""

import random
import time
from pathlib import Path

import pytest

from cleargrid_assets_tests.exports.api import Api, serving
from cleargrid_assets_tests.torture.another_run import AnotherProcess, read_for, run_for, seconds_of_phases
from cleargrid_assets_tests.torture.campaign import project_of
from cleargrid_assets_tests.torture.conftest import Torture
from cleargrid_assets_tests.torture.oracle import Oracle
from cleargrid_assets_tests.torture.source import DAYS, Source

_WRITERS, _READERS = 6, 2
_CHANGE_EVERY_S = 0.5


@pytest.mark.torture
def test_eight_processes_leave_the_days_exact(tmp_path: Path, torture: Torture) -> None:
    with serving(Api(cursors_name_rows=True)) as api:
        project = project_of(api, tmp_path)
        source = Source(api, random.Random(1))  # noqa: S311 - not for secrets
        seconds_of_phases(project)
        writers = [AnotherProcess(run_for, project, torture.seconds, seed) for seed in range(_WRITERS)]
        readers = [AnotherProcess(read_for, project, torture.seconds) for _ in range(_READERS)]
        for _ in torture.watched("changes of the source", range(int(torture.seconds / _CHANGE_EVERY_S))):
            time.sleep(_CHANGE_EVERY_S)
            source.change()
        told = [message for process in (*writers, *readers) for message in process.messages()]
        assert len(told) == _WRITERS + _READERS
        assert [wrong for _, wrongs in told for wrong in wrongs] == []
        oracle = Oracle(project, source)
        last = oracle.start()
        seconds_of_phases(project)
        oracle.check_success(last, DAYS)
    counts = [count for count, _ in told]
    torture.figure(
        "8 processes", f"{sum(counts[:_WRITERS]):,} runs, {sum(counts[_WRITERS:]):,} reads, {torture.seconds:.0f} s"
    )
