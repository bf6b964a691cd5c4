"""Fetched rows on disk, with a journal that makes them a checkpoint.

The spool of a day is a folder with the rows as newline-delimited JSON, and a journal. After the rows of a page, a line
is appended to the journal: its own checksum, the length and checksum of the page, and the windows that are still open.
If a process is killed in between, the last rows have no line, and the next process cuts them off.
"""

import os
import shutil
import uuid
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.spooling.folder_locks import FolderLocks
from cleargrid_assets.exports.spooling.private_files import (
    UntrustedFileError,
    check_trusted,
    make_private_folder,
    open_private_file,
)
from cleargrid_assets.exports.spooling.recent_files import RecentFiles
from cleargrid_assets.exports.window import Window
from cleargrid_assets.schema import QuarantinedRow

MAX_AGE = timedelta(hours=1)
"""Older spools are removed, because the day may have changed since."""

_MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
"""Of machines that share a database. A time that is further ahead is wrong."""

_ROWS, _JOURNAL = "rows.ndjson", "journal.ndjson"


class _Header(msgspec.Struct, tag="begun"):
    fingerprint: str
    extracted_at: datetime


class Entry(msgspec.Struct, tag="page"):
    """A page in the journal.

    Attributes:
        rows: Rows of the page.
        open: Windows that may still have more rows after the page.
        unknown_fields: Fields outside the contract, with the number of rows that have them.
        repeated_rows: Rows that came before in the same sequence of pages.
        quarantined: Rows that break the contract. They are not among the rows.
        repaired_texts: How many free texts had invalid UTF-8, which is replaced.
        length: Bytes of the rows.
        checksum: CRC-32 of the rows.
    """

    rows: int
    open: Sequence[Window]
    unknown_fields: Mapping[str, int] = msgspec.field(default_factory=dict)
    repeated_rows: int = 0
    quarantined: Sequence[QuarantinedRow] = ()
    repaired_texts: int = 0
    length: int = 0
    checksum: int = 0


_LINE: msgspec.json.Decoder[_Header | Entry] = msgspec.json.Decoder(_Header | Entry)
_ENCODER = msgspec.json.Encoder()


@dataclass
class Spool:
    """One day's rows and journal, locked for this run.

    Attributes:
        rows_path: The rows, as newline-delimited JSON.
        extracted_at: When the first process began to fetch the day.
        entries: The pages that earlier processes left, in order; empty in a new spool.
    """

    rows_path: Path
    extracted_at: datetime
    entries: list[Entry]
    _rows_length: int
    _journal_length: int
    _locks: FolderLocks
    _files: RecentFiles

    @classmethod
    def open(
        cls,
        root: Path,
        name: str,
        fingerprint: str,
        now: datetime,
        *,
        not_before: datetime | None = None,
        locks: FolderLocks | None = None,
        files: RecentFiles | None = None,
    ) -> "Spool":
        """Opens the spool of a day: the one that an earlier process left, or a new one.

        Args:
            root: Folder of all spools.
            name: Name of the dataset and day.
            fingerprint: Of all settings that decide the rows. A spool with another fingerprint is not continued.
            now: The time, with its zone.
            not_before: When the fetch of the stored rows of the day began, if there are any. A spool that is not
                later is not continued. A time too far in the future is ignored: a clock was wrong.
            locks: The locks of this run.
            files: The files that this run has open.

        Raises:
            UntrustedFileError: What is there is a link or belongs to another user.
            OSError: The files cannot be written.
        """
        locks, files = locks or FolderLocks(), files or RecentFiles()
        if not_before is not None and not_before > now + _MAX_CLOCK_DIFFERENCE:
            not_before = None
        make_private_folder(root)
        folder = _locked_folder(root, name, locks)
        try:
            kept = _read_journal(folder, fingerprint, now, not_before)
            header, entries, rows_length, journal_length = kept or (_new_header(fingerprint, now, not_before), [], 0, 0)
            files.write_at(folder / _ROWS, rows_length, b"")
            journal_length = files.write_at(folder / _JOURNAL, journal_length, b"" if kept else _encoded(header))
            # The time of the folder decides whether a spool is abandoned. Until here it was that of the lock.
            os.utime(folder, (header.extracted_at.timestamp(),) * 2)
        except BaseException:
            files.close(folder)
            locks.release(folder)
            raise
        return cls(folder / _ROWS, header.extracted_at, entries, rows_length, journal_length, locks, files)

    def append(self, lines: bytes, entry: Entry) -> None:
        """Writes a page's rows, then its line of the journal."""
        rows_length = self._files.write_at(self.rows_path, self._rows_length, lines)
        entry.length, entry.checksum = len(lines), zlib.crc32(lines)
        journal = self.rows_path.with_name(_JOURNAL)
        self._journal_length = self._files.write_at(journal, self._journal_length, _encoded(entry))
        # Only now, because rows without a line in the journal are cut off.
        self._rows_length = rows_length

    def close(self) -> None:
        """Closes the files and releases the lock. The files stay as a checkpoint."""
        self._files.close(self.rows_path.parent)
        self._locks.release(self.rows_path.parent)

    def discard(self) -> None:
        """Removes the files and releases the lock."""
        _remove(self.rows_path.parent)
        self.close()


def _locked_folder(root: Path, name: str, locks: FolderLocks) -> Path:
    """The folder of this name, locked for this run; another one while another run has locked it."""
    folder = root / name
    while True:
        make_private_folder(folder)
        with suppress(FileNotFoundError):  # another run has just removed the folder
            if locks.take(folder):
                return folder
            folder = root / f"{name}-{uuid.uuid4().hex[:8]}"


def try_out(root: Path) -> None:
    """Checks that spools can be written to a folder, and that two runs cannot use the same one.

    Raises:
        ExportsError: The folder is a link or belongs to another user, or locks do not work there.
        OSError: The folder cannot be written.
    """
    make_private_folder(root)
    folder = root / uuid.uuid4().hex
    make_private_folder(folder)
    locks = FolderLocks()
    try:
        if not locks.take(folder) or FolderLocks().take(folder):
            raise ExportsError(
                f"locks do not work in {root}",
                advice="Two runs could mix their pages there. Mount it with locks (flock), or use another disk.",
            )
    finally:
        _remove(folder)
        locks.release(folder)


def remove_abandoned(root: Path, now: datetime) -> None:
    """Removes the spools that are too old to be continued and that no process holds.

    Raises:
        UntrustedFileError: The folder is a link or belongs to another user.
    """
    try:
        check_trusted(root)
    except FileNotFoundError:
        return
    for folder in root.glob("*/"):
        try:
            begun = check_trusted(folder).st_mtime
        except (UntrustedFileError, FileNotFoundError):  # no spool of this user, or removed meanwhile
            continue
        if now.timestamp() - begun < MAX_AGE.total_seconds():
            continue
        locks = FolderLocks()
        try:
            is_taken = locks.take(folder)
        except (UntrustedFileError, OSError):
            continue
        if is_taken:
            _remove(folder)
            locks.release(folder)


def _remove(folder: Path) -> None:
    """Removes the folder of a spool whose lock is held."""
    # Renamed first, because another process may start a spool here as soon as the lock file is gone.
    with suppress(OSError):
        folder = folder.rename(folder.with_name(uuid.uuid4().hex))
    shutil.rmtree(folder, ignore_errors=True)


def _read_journal(
    folder: Path, fingerprint: str, now: datetime, not_before: datetime | None
) -> tuple[_Header, list[Entry], int, int] | None:
    """The header, the entries whose rows are intact, and their length in rows and journal. None if unusable."""
    try:
        with open_private_file(folder / _JOURNAL) as journal:
            lines = journal.read().splitlines(keepends=True)
        rows = open_private_file(folder / _ROWS)
    except FileNotFoundError:
        return None
    with rows:
        header = _decoded(lines[0]) if lines else None
        if (
            not isinstance(header, _Header)
            or header.fingerprint != fingerprint
            or not timedelta(0) <= now - header.extracted_at <= MAX_AGE
            or (not_before is not None and header.extracted_at <= not_before)
        ):
            return None
        entries: list[Entry] = []
        rows_length, journal_length = 0, len(lines[0])
        for line in lines[1:]:
            entry = _decoded(line)
            if not isinstance(entry, Entry):
                break
            if zlib.crc32(chunk := rows.read(entry.length)) != entry.checksum or len(chunk) != entry.length:
                break
            entries.append(entry)
            rows_length += entry.length
            journal_length += len(line)
    return header, entries, rows_length, journal_length


def _new_header(fingerprint: str, now: datetime, not_before: datetime | None) -> _Header:
    # Later than the stored fetch, even if the clock of its machine was ahead: that fetch is known to be over.
    return _Header(fingerprint, now if not_before is None else max(now, not_before + timedelta.resolution))


def _encoded(line: _Header | Entry) -> bytes:
    content = _ENCODER.encode(line)
    return b"%08x %b\n" % (zlib.crc32(content), content)


def _decoded(line: bytes) -> _Header | Entry | None:
    checksum, _, content = line.partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(content[:-1]):
        return None
    try:
        return _LINE.decode(content)
    except msgspec.DecodeError:  # another version's
        return None
