"""Locks of folders: who holds them, and how many files that takes."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from cleargrid_assets.exports.spooling.folder_locks import FolderLocks
from cleargrid_assets.exports.spooling.private_files import UntrustedFileError

ROOT = Path(__file__).parents[3]
TAKE = """
import sys
from pathlib import Path
from cleargrid_assets.exports.spooling.folder_locks import FolderLocks
print([FolderLocks().take(Path(folder)) for folder in sys.argv[1:]])
"""


def folders(root: Path, number: int) -> list[Path]:
    made = [root / str(name) for name in range(number)]
    for folder in made:
        folder.mkdir()
    return made


def taken_by_another_process(*folders: Path) -> str:
    command = [sys.executable, "-c", TAKE, *map(str, folders)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the open files of a process are listed on Linux only")
def test_locks_of_many_folders_take_one_open_file(tmp_path: Path) -> None:
    before = open_files()
    locks = FolderLocks()
    assert all(locks.take(folder) for folder in folders(tmp_path, 100))
    assert open_files() == before + 1


def test_every_folder_is_locked_until_the_last_is_released(tmp_path: Path) -> None:
    first, second, third = folders(tmp_path, 3)
    locks = FolderLocks()
    assert [locks.take(first), locks.take(second)] == [True, True]
    assert taken_by_another_process(first, second, third) == "[False, False, True]"
    locks.release(first)
    assert taken_by_another_process(second) == "[False]"
    locks.release(second)
    assert taken_by_another_process(first, second) == "[True, True]"


def test_folder_is_not_taken_twice_in_a_process(tmp_path: Path) -> None:
    first, second = folders(tmp_path, 2)
    locks = FolderLocks()
    assert locks.take(first)
    assert not locks.take(first)
    assert not FolderLocks().take(first)
    assert locks.take(second)
    assert not FolderLocks().take(second)


def test_folders_of_an_ended_run_are_all_taken(tmp_path: Path) -> None:
    """They share one file, and each lock that is taken must not block the next."""
    left = folders(tmp_path, 5)
    ended = FolderLocks()
    for folder in left:
        ended.take(folder)
    for folder in left:
        ended.release(folder)
    locks = FolderLocks()
    assert [locks.take(folder) for folder in left] == [True] * 5
    assert not any(FolderLocks().take(folder) for folder in left)
    assert all([path.name for path in folder.iterdir()] == ["lock"] for folder in left)


def test_folders_are_locked_where_links_are_impossible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    made = folders(tmp_path, 3)
    locks = FolderLocks()
    assert [locks.take(folder) for folder in made] == [True] * 3
    assert not any(FolderLocks().take(folder) for folder in made)
    assert all([path.name for path in folder.iterdir()] == ["lock"] for folder in made)


def test_lock_file_replaced_by_a_successor_is_not_linked(tmp_path: Path) -> None:
    first, second = folders(tmp_path, 2)
    locks = FolderLocks()
    locks.take(first)
    (first / "lock").unlink()
    successor = FolderLocks()
    assert successor.take(first)
    assert locks.take(second)
    successor.release(first)
    assert not FolderLocks().take(second)
    assert [path.name for path in second.iterdir()] == ["lock"]


def test_lock_of_a_file_that_was_replaced_meanwhile_is_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = folders(tmp_path, 1)
    lock, faster = fcntl.flock, FolderLocks()

    def replace_and_lock(file: IO[bytes], operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        assert faster.take(folder)
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", replace_and_lock)
    assert not FolderLocks().take(folder)


def test_lock_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, 1)
    (folder / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UntrustedFileError, match="it is a link"):
        FolderLocks().take(folder)
    assert not (tmp_path / "elsewhere").exists()
