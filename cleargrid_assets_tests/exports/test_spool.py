"""Rows on disk that survive a kill at any moment, and nothing else that may have happened to the files."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.exports.folder_locks import FolderLocks
from cleargrid_assets.exports.spool import MAX_AGE, Entry, Spool, remove_abandoned
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.machine import mode_of

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 5, 20, 3, tzinfo=timezone.utc)
MIDNIGHT = datetime(2026, 5, 19, tzinfo=timezone.utc)
PAGES = [b'{"public_id":"%d"}\n' % page * page for page in range(6)]


def begun(root: Path, *, fingerprint: str = "f", now: datetime = NOW, name: str = "day") -> Spool:
    return Spool.open(root, name, fingerprint, now)


def entry(page: int) -> Entry:
    still_open = [Window(MIDNIGHT + timedelta(hours=page), MIDNIGHT + timedelta(days=1))]
    said = Entry(page, still_open if page < len(PAGES) - 1 else [])
    if page:
        said.unknown_fields = {"agent": page}
    return said


def fill(spool: Spool) -> None:
    for page, lines in enumerate(PAGES):
        spool.append(lines, entry(page))


def pages_kept(spool: Spool) -> int:
    """How many pages the spool goes on with, after checking that rows and entries are exactly theirs."""
    kept = len(spool.entries)
    assert spool.rows_path.read_bytes() == b"".join(PAGES[:kept])
    for page, found in enumerate(spool.entries):
        assert (found.rows, found.open) == (page, entry(page).open)
        assert found.unknown_fields == ({"agent": page} if page else {})
    return kept


@contextmanager
def left_behind() -> Iterator[Path]:
    """A folder with a whole spool whose process is gone."""
    with tempfile.TemporaryDirectory() as folder:
        spool = begun(Path(folder))
        fill(spool)
        spool.close()
        yield Path(folder)


def test_a_spool_is_gone_on_with_from_its_last_page(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    spool.append(PAGES[0], entry(0))
    spool.append(PAGES[1], entry(1))
    spool.close()
    again = begun(tmp_path, now=NOW + MAX_AGE)
    assert pages_kept(again) == 2
    assert again.extracted_at == NOW
    for page in range(2, len(PAGES)):
        again.append(PAGES[page], entry(page))
    again.close()
    assert pages_kept(begun(tmp_path)) == len(PAGES)


@given(st.data())
@settings(max_examples=40, database=None)
def test_files_cut_off_anywhere_leave_whole_pages(data: st.DataObject) -> None:
    """A kill, or a power cut that lost the end of either file."""
    with left_behind() as root:
        lost = False
        for name in ("rows.ndjson", "journal.ndjson"):
            path = root / "day" / name
            size = path.stat().st_size
            length = data.draw(st.integers(0, size), name)
            os.truncate(path, length)
            lost = lost or length < size
        spool = begun(root)
        kept = pages_kept(spool)
        assert (kept < len(PAGES)) == lost or kept == len(PAGES)
        for page in range(kept, len(PAGES)):
            spool.append(PAGES[page], entry(page))
        spool.close()
        assert pages_kept(begun(root)) == len(PAGES)


@given(st.data())
@settings(max_examples=80, database=None)
def test_a_byte_changed_anywhere_is_not_trusted(data: st.DataObject) -> None:
    with left_behind() as root:
        path = root / "day" / data.draw(st.sampled_from(["rows.ndjson", "journal.ndjson"]))
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        spool = begun(root)
        assert pages_kept(spool) < len(PAGES)
        assert spool.extracted_at == NOW


def test_every_digit_of_the_journal_counts() -> None:
    """A digit that turns into another leaves valid JSON, with windows or lengths that are not true."""
    with left_behind() as root:
        path = root / "day" / "journal.ndjson"
        journal = path.read_bytes()
        for place, byte in enumerate(journal):
            if chr(byte).isdigit():
                path.write_bytes(journal[:place] + (b"1" if byte != ord("1") else b"2") + journal[place + 1 :])
                spool = begun(root)
                assert pages_kept(spool) < len(PAGES), journal[max(0, place - 20) : place + 1]
                assert spool.extracted_at == NOW
                spool.close()
                (root / "day" / "rows.ndjson").write_bytes(b"".join(PAGES))


@pytest.mark.parametrize("later", [MAX_AGE + timedelta(seconds=1), timedelta(days=9), timedelta(seconds=-1)])
def test_a_spool_too_old_or_from_the_future_is_begun_afresh(tmp_path: Path, later: timedelta) -> None:
    spool = begun(tmp_path)
    fill(spool)
    spool.close()
    again = begun(tmp_path, now=NOW + later)
    assert pages_kept(again) == 0
    assert again.extracted_at == NOW + later


@pytest.mark.parametrize(
    "stored_later", [timedelta(0), timedelta(minutes=1), timedelta(minutes=4), timedelta(minutes=7)]
)
def test_spool_not_later_than_what_is_stored_is_begun_afresh(tmp_path: Path, stored_later: timedelta) -> None:
    """The last two are of a machine whose clock is ahead."""
    spool = begun(tmp_path)
    fill(spool)
    spool.close()
    now, stored = NOW + timedelta(minutes=2), NOW + stored_later
    again = Spool.open(tmp_path, "day", "f", now, not_before=stored)
    assert pages_kept(again) == 0
    # Later than the stored one in any case, because the later one counts.
    assert again.extracted_at == (now if stored < now else stored + timedelta(microseconds=1))


@pytest.mark.parametrize("stored_later", [timedelta(microseconds=-1), timedelta(minutes=8), timedelta(days=365)])
def test_spool_later_than_what_is_stored_is_continued(tmp_path: Path, stored_later: timedelta) -> None:
    """The others are of clocks that were wrong, which must not last."""
    spool = begun(tmp_path)
    fill(spool)
    spool.close()
    again = Spool.open(tmp_path, "day", "f", NOW + timedelta(minutes=2), not_before=NOW + stored_later)
    assert pages_kept(again) == len(PAGES)


def test_spool_begun_beside_another_run_is_later_than_what_is_stored(tmp_path: Path) -> None:
    held = begun(tmp_path)
    beside = Spool.open(tmp_path, "day", "f", NOW, not_before=NOW)
    assert beside.rows_path != held.rows_path
    assert beside.extracted_at > NOW


def test_other_settings_begin_afresh(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    fill(spool)
    spool.close()
    assert pages_kept(begun(tmp_path, fingerprint="other")) == 0


def test_the_journal_of_another_version_begins_afresh(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    fill(spool)
    spool.close()
    content = b'{"type":"begun","mark":1}'
    (tmp_path / "day" / "journal.ndjson").write_bytes(b"%08x %b\n" % (zlib.crc32(content), content))
    assert pages_kept(begun(tmp_path)) == 0


def test_a_missing_file_begins_afresh(tmp_path: Path) -> None:
    for name in ("rows.ndjson", "journal.ndjson"):
        spool = begun(tmp_path)
        fill(spool)
        spool.close()
        (tmp_path / "day" / name).unlink()
        again = begun(tmp_path)
        assert pages_kept(again) == 0
        again.close()


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        spool = begun(tmp_path / "new" / "root")
        fill(spool)
    finally:
        os.umask(mask)
    folder = spool.rows_path.parent
    modes = {path.name: mode_of(path) for path in (*folder.iterdir(), folder, folder.parent)}
    assert modes == {"rows.ndjson": 0o600, "journal.ndjson": 0o600, "lock": 0o600, "day": 0o700, "root": 0o700}


def test_a_second_process_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    fill(spool)
    script = (
        "import sys; from pathlib import Path; from datetime import datetime, timezone\n"
        "from cleargrid_assets.exports.spool import Spool\n"
        f"spool = Spool.open(Path(sys.argv[1]), 'day', 'f', datetime.fromisoformat('{NOW.isoformat()}'))\n"
        "print(spool.rows_path.parent.name, len(spool.entries))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    name, entries = done.stdout.split()
    assert name.startswith("day-")
    assert entries == "0"
    assert spool.rows_path.read_bytes() == b"".join(PAGES)


def test_the_lock_is_released_by_whichever_thread_closes(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    fill(spool)
    thread = threading.Thread(target=spool.close)
    thread.start()
    thread.join()
    assert pages_kept(begun(tmp_path)) == len(PAGES)


def test_a_discarded_spool_is_gone(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    fill(spool)
    spool.discard()
    assert list(tmp_path.iterdir()) == []
    assert pages_kept(begun(tmp_path)) == 0


@pytest.mark.parametrize("remove", [Spool.discard, lambda spool: remove_abandoned(spool.rows_path.parents[1], NOW)])
def test_a_spool_begun_while_its_predecessor_is_removed_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Spool], None]
) -> None:
    spool = begun(tmp_path)
    if remove is not Spool.discard:
        spool.close()
        os.utime(tmp_path / "day", (0, 0))
    successors: list[Spool] = []
    removed = shutil.rmtree

    def begin_and_remove(folder: Path, *, ignore_errors: bool) -> None:
        if not successors:
            (folder / "lock").unlink()
            successors.append(begun(tmp_path))
            fill(successors[0])
        removed(folder, ignore_errors=ignore_errors)

    monkeypatch.setattr("shutil.rmtree", begin_and_remove)
    remove(spool)
    (successor,) = successors
    successor.close()
    assert pages_kept(begun(tmp_path)) == len(PAGES)


def test_folder_removed_while_opened_leaves_a_whole_private_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = FolderLocks.take

    def remove_and_take(locks: FolderLocks, folder: Path) -> bool:
        monkeypatch.setattr(FolderLocks, "take", take)
        folder.rmdir()
        return take(locks, folder)

    monkeypatch.setattr(FolderLocks, "take", remove_and_take)
    spool = begun(tmp_path)
    fill(spool)
    assert spool.rows_path.read_bytes() == b"".join(PAGES)
    assert mode_of(spool.rows_path.parent) == 0o700


def test_a_full_disk_fails_the_page_and_leaves_the_pages_before(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    spool.append(PAGES[0], entry(0))
    spool.append(PAGES[1], entry(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            spool.append(b"x" * 5000, entry(2))
        spool.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert pages_kept(begun(tmp_path)) == 2


def test_page_after_one_that_was_not_written_whole_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = begun(tmp_path)
    with monkeypatch.context() as failing:
        failing.setattr("cleargrid_assets.exports.spool._encoded", refuse_to_encode)
        with pytest.raises(MemoryError):
            spool.append(b"lost", entry(0))
    fill(spool)
    spool.close()
    assert pages_kept(begun(tmp_path)) == len(PAGES)


def refuse_to_encode(line: object) -> bytes:
    raise MemoryError


def test_abandoned_spools_are_removed_and_others_are_not(tmp_path: Path) -> None:
    old, held, recent = (begun(tmp_path, name=name) for name in ("old", "held", "recent"))
    old.close()
    recent.close()
    (tmp_path / "a-file").write_text("not a spool")
    long_ago = (NOW - MAX_AGE - timedelta(seconds=1)).timestamp()
    for path in (*tmp_path.iterdir(),):
        os.utime(path, (long_ago, long_ago) if path.name != "recent" else (NOW.timestamp(), NOW.timestamp()))
    remove_abandoned(tmp_path, NOW)
    assert {path.name for path in tmp_path.iterdir()} == {"held", "recent", "a-file"}
    held.close()
    remove_abandoned(tmp_path, NOW)
    assert {path.name for path in tmp_path.iterdir()} == {"recent", "a-file"}


def test_a_spool_of_another_user_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path).close()
    long_ago = (NOW - MAX_AGE - timedelta(seconds=1)).timestamp()
    os.utime(tmp_path / "day", (long_ago, long_ago))

    def refuse(locks: FolderLocks, folder: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(FolderLocks, "take", refuse)
    remove_abandoned(tmp_path, NOW)
    assert (tmp_path / "day").exists()


def test_a_spool_begun_afresh_in_an_old_folder_is_not_old(tmp_path: Path) -> None:
    begun(tmp_path).close()
    long_ago = (NOW - MAX_AGE - timedelta(seconds=1)).timestamp()
    os.utime(tmp_path / "day", (long_ago, long_ago))
    spool = begun(tmp_path, fingerprint="of other settings")
    fill(spool)
    spool.close()
    remove_abandoned(tmp_path, NOW)
    assert pages_kept(begun(tmp_path, fingerprint="of other settings")) == len(PAGES)


def test_continued_spool_is_not_younger_than_its_pages(tmp_path: Path) -> None:
    for later in (timedelta(0), timedelta(minutes=50)):
        spool = begun(tmp_path, now=NOW + later)
        assert (tmp_path / "day").stat().st_mtime == NOW.timestamp()
        spool.close()
    remove_abandoned(tmp_path, NOW + MAX_AGE)
    assert not (tmp_path / "day").exists()


def test_nothing_to_remove_is_no_error(tmp_path: Path) -> None:
    remove_abandoned(tmp_path / "missing", NOW)
