"""Backup and restore of a lake, as `docs/operations.md` says."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cleargrid_assets.contracts import TABLES
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.lakes.maintenance import FILES_STAY, maintain
from cleargrid_assets.warehouse.ledger import differences
from cleargrid_assets_tests.lake.servers import new_database
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, log

pytestmark = pytest.mark.lake


def test_backup_of_a_lake_in_use_is_restored_exactly(
    warehouse: Warehouse, lake_servers: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    warehouse.store_day(DAY_2, log("c", DAY_2))
    backed_up = warehouse.everything()
    dump, files = tmp_path / "lake.dump", tmp_path / "lake-files"

    _run("pg_dump", "--format=custom", f"--file={dump}")
    # Between the two steps, runs go on and maintenance does its work.
    warehouse.store_day(DAY_1, log("d"))
    maintain(warehouse.database, timedelta(), datetime.now(timezone.utc) + FILES_STAY / 2, 60)
    shutil.copytree(os.environ["CLEARGRID_LAKE_DATA"], files)

    monkeypatch.setenv("PGDATABASE", new_database(lake_servers)["PGDATABASE"])
    monkeypatch.setenv("CLEARGRID_LAKE_DATA", str(tmp_path / "restored"))
    _run("pg_restore", f"--dbname={os.environ['PGDATABASE']}", str(dump))
    shutil.copytree(files, tmp_path / "restored")
    _run("psql", "-c", f"UPDATE ducklake_metadata SET value = '{tmp_path}/restored/' WHERE key = 'data_path'")

    assert warehouse.everything() == backed_up
    with connect(warehouse.database, read_only=True) as connection:
        assert differences(connection, TABLES) == []
    # What was written after the dump is unknown to it, and goes.
    done = maintain(warehouse.database, timedelta(), datetime.now(timezone.utc) + timedelta(days=30), 60)
    assert done.files == len(list((tmp_path / "restored").rglob("*.parquet")))
    warehouse.store_day(DAY_1, log("e"))
    assert [row[0] for row in warehouse.everything()] == ["c", "e"]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
