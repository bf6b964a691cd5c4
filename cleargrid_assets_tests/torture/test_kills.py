"""Processes that are killed while they fetch, store and commit: the days are old or new, and the next run is exact."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from cleargrid_assets_tests.exports.api import Api, serving
from cleargrid_assets_tests.torture.another_run import PHASES, AnotherProcess, run_once, seconds_of_phases
from cleargrid_assets_tests.torture.campaign import project_of
from cleargrid_assets_tests.torture.conftest import Torture
from cleargrid_assets_tests.torture.oracle import Oracle
from cleargrid_assets_tests.torture.source import DAYS, Source


@pytest.mark.torture
def test_run_killed_at_any_moment_leaves_the_days_old_or_new(tmp_path: Path, torture: Torture) -> None:
    luck = random.Random(1)  # noqa: S311 - not for secrets
    outcomes: Counter[str] = Counter()
    with serving(Api(cursors_name_rows=True)) as api:
        project, source = project_of(api, tmp_path), Source(api, luck)
        oracle = Oracle(project, source)
        for number in torture.watched("kills", range(torture.size("kills"))):
            # The next run, which must be exact; it also says how long the phases take at the moment.
            started = oracle.start()
            seconds = seconds_of_phases(project)
            oracle.check_success(started, DAYS)
            source.change()
            phase = PHASES[number % len(PHASES)]
            started = oracle.start()
            process = AnotherProcess(run_once, project)
            process.reach(phase)
            time.sleep(luck.uniform(0, seconds[phase]))
            was_running = process.kill()
            is_new = oracle.check_killed(started, DAYS)
            outcomes[f"{phase}: {'new' if is_new else 'old'}" if was_running else "ended before the kill"] += 1
    torture.figure("kills", ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())))
