"""Where pages are, and how they are written."""

import os
from pathlib import Path

import pytest

from cleargrid_assets.digest.files import reports_folder, write_page
from cleargrid_assets_tests.digest.examples import DAY
from cleargrid_assets_tests.machine import mode_of


def test_page_and_folder_have_their_modes_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        file = write_page(tmp_path / "data" / "reports", DAY, "<p>é</p>")
    finally:
        os.umask(before)

    assert file == tmp_path / "data" / "reports" / "2026-05-19.html"
    assert (mode_of(file), mode_of(file.parent)) == (0o640, 0o750)
    assert file.read_text(encoding="utf-8") == "<p>é</p>"


def test_new_page_replaces_the_old_one_and_the_folder_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    write_page(tmp_path, DAY, "old")
    (file,) = [write_page(tmp_path, DAY, "new")]

    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]
    assert mode_of(tmp_path) == 0o770


def test_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    file = write_page(tmp_path, DAY, "old")

    with pytest.raises(UnicodeEncodeError):
        write_page(tmp_path, DAY, "\ud800")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_pages_are_beside_the_database_or_the_default_one() -> None:
    assert reports_folder("/data/x.duckdb") == Path("/data/reports")
    assert reports_folder("file:///data/x.duckdb") == Path("/data/reports")
    assert reports_folder("md:outreach") == Path("data/reports")
