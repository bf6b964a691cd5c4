"""The files beside a database: who may read them, and what is left of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleargrid_assets.warehouse import files
from cleargrid_assets.warehouse.connection import connect, file_of
from cleargrid_assets_tests.machine import mode_of

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
SPILLING = "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY hash(range)) FROM range(1500000))"


@pytest.fixture(autouse=True)
def _permissive_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_new_database_its_wal_and_its_folders_are_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "data" / "x.duckdb"
    with connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        assert mode_of(files.wal_of(file)) == PRIVATE_FILE
        assert files.wal_of(file).stat().st_size > 0
        assert mode_of(file) == PRIVATE_FILE
    assert mode_of(file.parent) == mode_of(file.parent.parent) == PRIVATE_FOLDER
    assert names_in(file.parent) == {"x.duckdb", "x.duckdb.lock"}


def test_database_is_private_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    rename = Path.rename

    def renamed(self: Path, target: Path) -> Path:
        assert not target.exists()
        seen.append(mode_of(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)
    with connect(str(tmp_path / "x.duckdb")):
        pass
    assert seen == [PRIVATE_FILE]


def test_present_modes_are_kept_and_the_wal_has_that_of_the_database(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o775)
    file = folder / "x.duckdb"
    with connect(str(file)):
        pass
    file.chmod(0o660)
    with connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        assert mode_of(files.wal_of(file)) == 0o660
    assert (mode_of(folder), mode_of(file)) == (0o775, 0o660)


def test_wal_with_rows_is_left_alone_and_an_empty_one_removed(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    with connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    assert files.wal_of(file).stat().st_size > 0
    with connect(str(file), read_only=True) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]
    assert files.wal_of(file).exists()
    with connect(str(file)) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]
    assert not files.wal_of(file).exists()


def test_wal_of_a_file_that_is_gone_is_not_applied_to_a_new_one(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    with connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    assert files.wal_of(file).exists()
    file.unlink()
    with connect(str(file)) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == []


def test_what_is_spilled_is_private_and_not_shared_between_processes(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    with connect(str(file)):
        pass
    with connect(str(file), read_only=True) as connection:
        [folder] = tmp_path.glob("x.duckdb.tmp-*")
        assert mode_of(folder) == PRIVATE_FOLDER
        assert str(os.getpid()) in folder.name
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [(str(folder),)]
        connection.execute("SET memory_limit = '30MB'; SET threads = 1")
        assert connection.execute(SPILLING).fetchall() == [(1_500_000,)]
    assert names_in(tmp_path) == {"x.duckdb", "x.duckdb.lock"}


def test_what_a_killed_process_spilled_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    (tmp_path / "x.duckdb.tmp-1-ab").mkdir()
    (tmp_path / "x.duckdb.tmp-1-ab" / "duckdb_temp_storage.tmp").write_text("rows")
    (tmp_path / "x.duckdb.tmp").mkdir()
    with connect(str(file)):
        pass
    assert names_in(tmp_path) == {"x.duckdb", "x.duckdb.lock", "x.duckdb.tmp"}


def test_folder_that_may_not_be_written_to_can_be_read_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.duckdb"
    with connect(str(file)):
        pass
    mkdir = Path.mkdir

    def refused(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        if self.parent == tmp_path:
            raise PermissionError
        mkdir(self, mode, parents, exist_ok)

    monkeypatch.setattr(Path, "mkdir", refused)
    with connect(str(file), read_only=True) as one, connect(str(file), read_only=True) as other:
        assert one.execute("SELECT 1").fetchall() == other.execute("SELECT 1").fetchall()


def test_reading_a_file_that_is_not_there_creates_nothing(tmp_path: Path) -> None:
    with connect(str(tmp_path / "not there" / "x.duckdb"), read_only=True) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == []
    assert names_in(tmp_path) == set()
    (tmp_path / "x.duckdb.lock").touch()
    with connect(str(tmp_path / "x.duckdb"), read_only=True) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == []
    assert names_in(tmp_path) == {"x.duckdb.lock"}


@pytest.mark.parametrize(
    ("database", "file"),
    [
        ("data/x.duckdb", "data/x.duckdb"),
        ("/data/x.duckdb", "/data/x.duckdb"),
        ("file:/data/x.duckdb", "/data/x.duckdb"),
        ("file:///data/x.duckdb", "/data/x.duckdb"),
        ("file://localhost/data/x.duckdb", "/data/x.duckdb"),
        ("C:x.duckdb", "C:x.duckdb"),
        ("day: one/x.duckdb", None),
        (":memory:", None),
        ("md:outreach", None),
        ("motherduck:outreach", None),
        ("ducklake:postgres:host=localhost", None),
        ("s3://bucket/x.duckdb", None),
    ],
)
def test_file_of_a_database_is_known_by_its_address(database: str, file: str | None) -> None:
    assert file_of(database) == (None if file is None else Path(file))
