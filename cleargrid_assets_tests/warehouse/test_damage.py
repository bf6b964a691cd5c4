"""Files that are damaged: what the error says, and that a backup brings them back."""

import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.backups.backup import back_up
from cleargrid_assets.warehouse.backups.backup_files import backup_folder
from cleargrid_assets.warehouse.backups.restore import restore
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import DamagedFileError
from cleargrid_assets.warehouse.files import wal_of
from cleargrid_assets_tests.warehouse.another_process import start
from cleargrid_assets_tests.warehouse.materializing import ADDRESS, DAY_1, DAY_2, SUBJECT, Warehouse, log
from cleargrid_assets_tests.warehouse.torn_writes import rewrite, tearing

NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
HEADERS = 12_288
"""Bytes before the first block."""

BEFORE, AFTER = "ANSWERED ANSWERED", "BUSY BUSY"


def garbage(at: int, length: int = 4096) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        with file.open("r+b") as content:
            content.seek(at)
            content.write(os.urandom(length))

    return damage


def cut(length: int) -> Callable[[Path], None]:
    return lambda file: os.truncate(file, length)


DAMAGES = {
    "garbage in the main header": garbage(0),
    "garbage in the first header": garbage(4096),
    "garbage in the second header": garbage(8192),
    "garbage in a block": garbage(HEADERS),
    "cut in the headers": cut(5000),
    "cut after the headers": cut(HEADERS),
    "empty": cut(0),
    "text": lambda file: file.write_text("something else\n" * 10_000) and None,
}


@pytest.fixture(scope="module")
def filled(shared_warehouse: Warehouse) -> Warehouse:
    """A warehouse with a day."""
    shared_warehouse.store_day(DAY_1, log("a", subject=SUBJECT, to=ADDRESS))
    return shared_warehouse


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_refused_with_its_backups_and_the_way_back(
    stored: Warehouse, damage: Callable[[Path], None]
) -> None:
    for hours in range(2):
        back_up(stored.database, 2, NOON + timedelta(hours=hours), 0)
    damage(Path(stored.database))
    for read_only in (True, False):
        with pytest.raises(DamagedFileError) as refused, connect(stored.database, read_only=read_only) as connection:
            connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {SCHEMA}.communication_logs").fetchall()
        said = str(refused.value)
        assert f"{stored.database} is damaged" in said
        assert "DuckDB says: IO Error: " in said
        assert "newest first: 2026-11-28 13:00:00 UTC, 2026-11-28 12:00:00 UTC. `cleargrid restore`" in said
        assert SUBJECT not in said
        assert ADDRESS not in said
    restore(stored.database, None, NOON, 0)
    assert [row[0] for row in stored.everything()] == ["a"]


def test_without_a_backup_the_error_says_how_to_start_again(stored: Warehouse) -> None:
    garbage(0)(Path(stored.database))
    with pytest.raises(DamagedFileError) as refused:
        stored.everything()
    said = str(refused.value)
    assert f"no backup in {backup_folder(Path(stored.database))}" in said
    assert "move warehouse.duckdb and warehouse.duckdb.wal, if it is there, to another folder" in said
    assert "materialize all days again" in said
    Path(stored.database).rename(f"{stored.database}.old")
    assert stored.store_day(DAY_1, log("b")).rows == 1


def test_damaged_wal_is_damage_too(stored: Warehouse) -> None:
    with duckdb.connect(stored.database) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE own AS SELECT range AS a FROM range(1000)")
    garbage(200, 30)(wal_of(Path(stored.database)))
    with pytest.raises(DamagedFileError, match="Corrupt WAL file"):
        stored.everything()


def test_error_of_a_query_is_no_damage(stored: Warehouse) -> None:
    with pytest.raises(duckdb.CatalogException), connect(stored.database) as connection:
        connection.execute("FROM nothing")


def test_folder_in_the_place_of_the_file_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").mkdir()
    with pytest.raises(duckdb.IOException), connect(str(tmp_path / "x.duckdb")):
        pass


def test_power_cut_inside_a_write_leaves_whole_rows_or_the_way_back(stored: Warehouse) -> None:
    stored.store_day(DAY_2, log("b", DAY_2))
    back_up(stored.database, 1, NOON, 0)
    found = []
    for number in range(1, 100):
        process = start(rewrite, stored.database, environment=tearing(number))
        said = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
        found.append(statuses(stored))
        restore(stored.database, None, NOON + timedelta(hours=number), 0)
        assert statuses(stored) == BEFORE
    # At least one cut is inside the block that holds the metadata.
    assert "damaged" in found
    assert set(found) <= {BEFORE, AFTER, "damaged"}


def statuses(warehouse: Warehouse) -> str:
    """The statuses of the stored rows."""
    try:
        return " ".join(sorted(row[COMMUNICATION_LOGS.column_names.index("status")] for row in warehouse.everything()))
    except DamagedFileError:
        return "damaged"
