"""Spools in a folder where other users may put what they like."""

import os
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from cleargrid_assets.exports.spooling.private_files import UntrustedFileError
from cleargrid_assets.exports.spooling.spool import Entry, Spool, remove_abandoned
from cleargrid_assets_tests.machine import mode_of

NOW = datetime(2026, 5, 20, 1, tzinfo=timezone.utc)
OTHER_USER = 12345
NAMES = {"root": "spool", "day": "spool/day", "rows": "spool/day/rows.ndjson", "journal": "spool/day/journal.ndjson"}
NAMES["lock"] = "spool/day/lock"
FILES = [name for name in NAMES if name not in {"root", "day"}]
KEPT = b"a file that a link must not overwrite"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


def opened(folder: Path) -> Spool:
    return Spool.open(folder / "spool", "day", "f", NOW)


def left_spool(folder: Path) -> None:
    """What an earlier run of this user left."""
    spool = opened(folder)
    spool.append(b"{}\n", Entry(1, []))
    spool.close()


def refused(folder: Path) -> str:
    with pytest.raises(UntrustedFileError) as caught:
        opened(folder)
    assert "have it removed. Then materialize the day again." in str(caught.value)
    return str(caught.value)


@as_root
@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, name: str) -> None:
    left_spool(tmp_path)
    path = tmp_path / NAMES[name]
    os.chown(path, OTHER_USER, -1)
    size = path.lstat().st_size

    assert f"{path} is not used, because it belongs to the user {OTHER_USER}" in refused(tmp_path)

    assert path.lstat().st_size == size


@pytest.mark.parametrize("name", ["root", "day"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path, name: str, is_there: bool) -> None:
    target = tmp_path / "elsewhere"
    if is_there:
        target.mkdir()
    path = tmp_path / NAMES[name]
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target, target_is_directory=True)

    assert f"{path} is not used, because it is a link" in refused(tmp_path)

    assert not is_there or list(target.iterdir()) == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_in_the_place_of_a_file_overwrites_nothing(
    tmp_path: Path, name: str, link: Callable[[Path, Path], None]
) -> None:
    left_spool(tmp_path)
    target, path = tmp_path / "mine", tmp_path / NAMES[name]
    target.write_bytes(KEPT)
    path.unlink()
    link(target, path)

    if name == "lock" and link is os.link:
        # A lock is never written to.
        opened(tmp_path).close()
    else:
        assert re.search(f"{path} is not used, because it is a link", refused(tmp_path))

    assert target.read_bytes() == KEPT


@pytest.mark.parametrize("name", FILES)
def test_pipe_in_the_place_of_a_file_is_refused_without_waiting(tmp_path: Path, name: str) -> None:
    left_spool(tmp_path)
    path = tmp_path / NAMES[name]
    path.unlink()
    os.mkfifo(path)

    assert "is not used, because it is no file" in refused(tmp_path)


def test_folders_above_the_spool_are_private_if_they_are_made(tmp_path: Path) -> None:
    opened(tmp_path / "new" / "data").close()

    made = (tmp_path / "new", tmp_path / "new" / "data", tmp_path / "new" / "data" / "spool")
    assert [mode_of(folder) for folder in made] == 3 * [0o700]


def test_permissions_for_a_group_are_kept(tmp_path: Path) -> None:
    left_spool(tmp_path)
    modes = {name: 0o770 if name in {"root", "day"} else 0o660 for name in NAMES if name != "lock"}
    for name, mode in modes.items():
        (tmp_path / NAMES[name]).chmod(mode)

    opened(tmp_path).append(b"{}\n", Entry(1, []))

    found = {name: mode_of(tmp_path / NAMES[name]) for name in modes}
    assert found == modes


def test_old_folders_that_are_links_are_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "rows.ndjson").write_bytes(KEPT)
    os.utime(target, (0, 0))
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "day").symlink_to(target, target_is_directory=True)

    remove_abandoned(tmp_path / "spool", NOW)

    assert (tmp_path / "spool" / "day").is_symlink()
    assert [path.name for path in target.iterdir()] == ["rows.ndjson"]


@as_root
def test_old_folders_of_another_user_are_left_alone(tmp_path: Path) -> None:
    left_spool(tmp_path)
    day = tmp_path / NAMES["day"]
    os.utime(day, (0, 0))
    os.chown(day, OTHER_USER, -1)

    remove_abandoned(tmp_path / "spool", NOW)

    assert (day / "rows.ndjson").exists()
