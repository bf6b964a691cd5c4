"""The time zone of the process is nobody's business zone, and changes nothing."""

import json
from pathlib import Path

from cleargrid_assets_tests.warehouse.another_process import start
from cleargrid_assets_tests.warehouse.another_run import store_and_load, tell

MIDNIGHT_US = 1_714_521_600_000_000
EXTRACTED_US = 1_717_200_000_000_000


def test_process_time_zone_changes_nothing_stored_or_loaded(tmp_path: Path) -> None:
    zones = ("Asia/Dubai", "America/New_York")
    processes = [start(tell, *_places(tmp_path / zone), environment={"TZ": zone}) for zone in zones]
    last_us = MIDNIGHT_US + 86_399_000_000
    expected = [
        [[2, 2, 0, 0], [1, 1, 0, 0]],
        [[2, None, None, None]],
        [["0", MIDNIGHT_US, EXTRACTED_US, 0, "2024-05-01"], ["1", last_us, EXTRACTED_US, 23, "2024-05-01"]],
        [["2024-05-01 00:00:00+00:00", "2024-05-01 23:59:59+00:00"], ["2024-05-01 00:00:00"] * 2],
    ]
    assert json.loads(json.dumps(store_and_load(*_places(tmp_path / "own")))) == expected
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        assert json.loads(output) == expected


def _places(folder: Path) -> tuple[str, str]:
    return str(folder / "warehouse.duckdb"), str(folder / "spool")
