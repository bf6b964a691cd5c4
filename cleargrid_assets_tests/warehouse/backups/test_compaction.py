"""Compaction: what the new file holds, and when the old one stays."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse import opening
from cleargrid_assets.warehouse.backups import compaction, copies
from cleargrid_assets.warehouse.backups.compaction import CompactionError, compact
from cleargrid_assets.warehouse.backups.copies import BackupError
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import DamagedFileError, WarehouseError
from cleargrid_assets.warehouse.files import wal_of
from cleargrid_assets.warehouse.lock import Lock, LockedError
from cleargrid_assets_tests.machine import mode_of
from cleargrid_assets_tests.warehouse.another_process import compact_and_die, held_elsewhere, start, write_as_a_stranger
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, log

OWN = """
CREATE TABLE space AS SELECT hash(range) AS a FROM range(300_000);
CHECKPOINT;
CREATE SCHEMA own;
CREATE SEQUENCE own.numbers START 7;
CREATE TYPE own.mood AS ENUM ('good', 'bad');
CREATE TABLE own.notes (id INTEGER PRIMARY KEY DEFAULT nextval('own.numbers'), mood own.mood NOT NULL, tags VARCHAR[]);
CREATE INDEX by_mood ON own.notes (mood);
INSERT INTO own.notes (mood, tags) VALUES ('good', ['a', NULL]), ('bad', NULL);
COMMENT ON TABLE own.notes IS 'What we noted.';
CREATE MACRO own.twice(x) AS 2 * x;
CREATE VIEW cleargrid.ids AS SELECT public_id FROM communication_logs;
CREATE TABLE own.gone AS SELECT 1 AS a;
CREATE VIEW own.of_nothing AS FROM own.gone;
DROP TABLE own.gone;
CHECKPOINT;
DROP TABLE space;
"""


@pytest.fixture(scope="module")
def filled(shared_warehouse: Warehouse) -> Warehouse:
    """Two days, what a user added, and free space, in a file of another format than DuckDB's default."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{shared_warehouse.database}' AS file (STORAGE_VERSION 'v1.5.0')")
    shared_warehouse.store_day(DAY_1, log("a"), log("b"))
    shared_warehouse.store_day(DAY_2, log("c", DAY_2))
    with duckdb.connect(shared_warehouse.database) as connection:
        connection.execute(OWN)
    return shared_warehouse


def dump(database: str) -> list[Any]:
    """Everything in the file, and its format."""
    with duckdb.connect(database, read_only=True) as connection:
        queries = [
            "SELECT tags FROM duckdb_databases() WHERE database_name = current_database()",
            *(f"FROM {SCHEMA}.{name} ORDER BY ALL" for name in ("communication_logs", "days", "ids")),
            "SELECT *, own.twice(id) FROM own.notes ORDER BY ALL",
            "SELECT table_name, sql, comment FROM duckdb_tables() ORDER BY ALL",
            "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
            "SELECT sequence_name, last_value FROM duckdb_sequences() ORDER BY ALL",
            "SELECT index_name, sql FROM duckdb_indexes() ORDER BY ALL",
        ]
        return [connection.execute(query).fetchall() for query in queries]


def names_beside(warehouse: Warehouse) -> set[str]:
    return {path.name for path in Path(warehouse.database).parent.iterdir()}


def test_file_is_smaller_and_has_all_it_had(stored: Warehouse, tmp_path: Path) -> None:
    file = Path(stored.database)
    file.chmod(0o640)
    with duckdb.connect(stored.database) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO own.notes VALUES (100, 'bad', ['only in the write-ahead log'])")
    (tmp_path / "link.duckdb").symlink_to(file)
    before, size, names = dump(stored.database), file.stat().st_size, names_beside(stored)
    done = compact(str(tmp_path / "link.duckdb"), 0)
    assert dump(stored.database) == before
    assert (done.bytes_before, done.bytes_after) == (size, file.stat().st_size)
    assert done.bytes_after < size - 1_000_000
    assert mode_of(file) == 0o640
    assert names_beside(stored) == names - {wal_of(file).name}
    stored.store_day(DAY_1, log("a"), log("d"))
    assert dump(stored.database)[3] == [("a",), ("c",), ("d",)]


@pytest.mark.parametrize(
    ("database", "says"),
    [
        ("md:outreach", "is no file.*lake_maintenance"),
        ("ducklake:postgres:", "is no file.*lake_maintenance"),
        ("not there.duckdb", "does not exist"),
    ],
)
def test_database_without_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CompactionError, match=says):
        compact(database, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        (f"DELETE FROM {SCHEMA}.communication_logs WHERE public_id = 'c'", BackupError, r"2024-05-02 \(0 rows, 1 in"),
        (f"UPDATE {SCHEMA}.communication_logs SET status = 'X'", BackupError, r"2024-05-02 \(other content\)"),
        (
            # Several, because DuckDB copies tables in any order.
            ";".join(
                f"CREATE TABLE a{i} (address VARCHAR PRIMARY KEY); INSERT INTO a{i} VALUES ('secret@example.com');"
                f"CREATE TABLE b{i} (address VARCHAR REFERENCES a{i} (address)); INSERT INTO b{i} FROM a{i}"
                for i in range(10)
            ),
            CompactionError,
            "foreign key",
        ),
    ],
    ids=["day missing", "other content", "foreign key"],
)
def test_file_that_cannot_be_verified_or_copied_stays(
    stored: Warehouse, damage: str, error: type[Exception], says: str
) -> None:
    with duckdb.connect(stored.database) as connection:
        connection.execute(damage)
    before, names = Path(stored.database).read_bytes(), names_beside(stored)
    with pytest.raises(error, match=says) as refused:
        compact(stored.database, 0)
    assert "secret@" not in str(refused.value)
    assert Path(stored.database).read_bytes() == before
    assert names_beside(stored) == names


class Forgetful:
    """A connection whose copy of a database is then changed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, change: str) -> None:
        self._connection, self._change = connection, change

    def __enter__(self) -> "Forgetful":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def execute(self, statement: str, *parameters: object) -> duckdb.DuckDBPyConnection:
        more = f"; {self._change}" if statement.startswith("COPY") else ""
        return self._connection.execute(f"{statement}{more}", *parameters)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE new.own.notes SET tags = ['b']", r"The rows of own\.notes"),
        ("DROP VIEW new.cleargrid.ids", "all views"),
        ("DROP INDEX new.own.by_mood", "all indexes"),
        ("COMMENT ON COLUMN new.own.notes.id IS 'x'", "all columns"),
    ],
)
def test_new_file_that_differs_from_the_old_one_is_not_taken(
    stored: Warehouse, monkeypatch: pytest.MonkeyPatch, change: str, says: str
) -> None:
    before = Path(stored.database).read_bytes()
    monkeypatch.setattr(
        compaction, "connected", lambda *args, **config: Forgetful(opening.connected(*args, **config), change)
    )
    with pytest.raises(CompactionError, match=says):
        compact(stored.database, 0)
    assert Path(stored.database).read_bytes() == before


def test_disk_without_room_is_refused_with_both_sizes(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(BackupError, match=r"needs \d\.\d MB, but the disk of .* has 0\.0 MB free"):
        compact(stored.database, 0)


def test_damaged_file_is_refused_with_the_way_back(stored: Warehouse) -> None:
    file = Path(stored.database)
    with duckdb.connect(stored.database) as connection:
        connection.execute("CREATE TABLE last AS SELECT hash(range) AS a FROM range(400_000)")
    with file.open("r+b") as content:
        content.seek(file.stat().st_size - 200_000)
        content.write(os.urandom(4096))
    with pytest.raises(DamagedFileError, match=r"is damaged and cannot be read.*There is no backup"):
        compact(stored.database, 0)


def test_reader_is_waited_for_and_named(stored: Warehouse) -> None:
    with held_elsewhere(stored.database, "read") as holder, pytest.raises(WarehouseError, match=f"PID {holder.pid}"):
        compact(stored.database, 0)


def test_nobody_else_writes_until_the_new_file_is_in_place(stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(stored.database)

    def replaced(new: Path, old: Path) -> None:
        with pytest.raises(LockedError):
            Lock.acquired(file, exclusive=False)
        with start(write_as_a_stranger, stored.database) as other:
            assert "Could not set lock" in other.communicate()[1]
        copies.replace_file(new, old)

    monkeypatch.setattr(compaction, "replace_file", replaced)
    compact(stored.database, 0)
    Lock.acquired(file, exclusive=True).release()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_compaction_leaves_one_whole_file_and_no_traces(stored: Warehouse, moment: str) -> None:
    before = dump(stored.database)
    names, size = names_beside(stored), Path(stored.database).stat().st_size
    with start(compact_and_die, stored.database, moment) as process:
        assert process.wait() == -signal.SIGKILL
    assert (Path(stored.database).stat().st_size < size) is (moment == "after")
    with connect(stored.database):
        pass
    assert dump(stored.database) == before
    assert names_beside(stored) == names
