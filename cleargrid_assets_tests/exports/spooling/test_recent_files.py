"""Files that stay open between writes."""

import os
import resource
from pathlib import Path

import pytest

from cleargrid_assets.exports.spooling.recent_files import RecentFiles


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_writes_to_many_files_keep_few_of_them_open(tmp_path: Path) -> None:
    files, before = RecentFiles(), open_descriptors()
    paths = [tmp_path / str(number) for number in range(40)]
    lengths = dict.fromkeys(paths, 0)
    for content in (b"first", b" second"):
        for path in paths:
            lengths[path] = files.write_at(path, lengths[path], content)
    assert {path.read_bytes() for path in paths} == {b"first second"}
    assert open_descriptors() <= before + 8
    files.close(tmp_path)
    assert open_descriptors() == before


def test_file_that_is_open_is_cut_to_the_given_length(tmp_path: Path) -> None:
    files, path = RecentFiles(), tmp_path / "rows"
    files.write_at(path, 0, b"whole and more")
    assert files.write_at(path, 5, b"!") == 6
    assert path.read_bytes() == b"whole!"
    files.close(tmp_path)


def test_page_that_was_not_written_whole_is_written_again(tmp_path: Path) -> None:
    files, path = RecentFiles(), tmp_path / "rows"
    files.write_at(path, 0, b"page")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            files.write_at(path, 4, b"x" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size > 4
    files.write_at(path, 4, b" kept")
    assert path.read_bytes() == b"page kept"
    files.close(tmp_path)


def test_closing_all_files_reports_what_is_not_on_the_disk(tmp_path: Path) -> None:
    files, path = RecentFiles(), tmp_path / "rows"
    files.write_at(path, 0, b"page")
    [descriptor] = [each for each in Path("/dev/fd").iterdir() if each.exists() and each.samefile(path)]
    os.close(int(descriptor.name))
    with pytest.raises(OSError, match="Bad file descriptor"):
        files.close_all()
