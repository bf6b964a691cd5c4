"""Power cuts inside writes: the file opens with old or new rows, or a backup is put back and the next run is exact."""

import random
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from cleargrid_assets.warehouse.backups.backup import back_up
from cleargrid_assets.warehouse.backups.restore import restore
from cleargrid_assets.warehouse.errors import DamagedFileError
from cleargrid_assets_tests.exports.api import Api, serving
from cleargrid_assets_tests.torture.another_run import run_days, seconds_of_phases
from cleargrid_assets_tests.torture.campaign import project_of
from cleargrid_assets_tests.torture.conftest import Torture
from cleargrid_assets_tests.torture.oracle import Oracle
from cleargrid_assets_tests.torture.source import DAYS, Source
from cleargrid_assets_tests.warehouse.another_process import start
from cleargrid_assets_tests.warehouse.torn_writes import tearing

_BACKUPS = 2


@pytest.mark.torture
def test_torn_write_leaves_the_days_old_or_new_or_is_restored(tmp_path: Path, torture: Torture) -> None:
    outcomes: Counter[str] = Counter()
    nth = 1
    with serving(Api(cursors_name_rows=True)) as api:
        project = project_of(api, tmp_path)
        source = Source(api, random.Random(1))  # noqa: S311 - not for secrets
        oracle, database = Oracle(project, source), str(project.database)
        for _ in torture.watched("torn writes", range(torture.size("torn-writes"))):
            started = oracle.start()
            seconds_of_phases(project)
            oracle.check_success(started, DAYS)
            back_up(database, _BACKUPS, datetime.now(timezone.utc), 0)
            backed_up = oracle.stored
            source.change()
            started = oracle.start()
            process = start(run_days, api.url, str(tmp_path), environment=tearing(nth))
            said = process.communicate()
            if process.returncode == 0:
                # The run has fewer large writes.
                oracle.check_success(started, DAYS)
                nth = 1
                continue
            assert process.returncode < 0, said
            nth += 1
            try:
                is_new = oracle.check_killed(started, DAYS)
                outcomes["new rows" if is_new else "old rows"] += 1
            except DamagedFileError:
                restore(database, None, datetime.now(timezone.utc), 0)
                oracle.check_restored(backed_up)
                outcomes["restored"] += 1
    torture.figure("torn writes", ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())))
