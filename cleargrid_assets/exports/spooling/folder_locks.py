"""Locks of folders. A run holds hundreds of them with one open file.

A folder is locked by a lock (`flock`) on the file `lock` in it. Such a lock belongs to the file, not to its name. A run
locks one file, and links it into every other folder that it takes. When the process ends, all its locks end.
"""

import fcntl
import os
import uuid
from pathlib import Path
from typing import IO

from cleargrid_assets.exports.spooling.private_files import open_private_file

_NAME = "lock"


class FolderLocks:
    """The folders that one run has locked."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._files: list[IO[bytes]] = []

    def take(self, folder: Path) -> bool:
        """Locks the folder. Returns whether it did: another run may hold it.

        Raises:
            UntrustedFileError: The lock file is a link or belongs to another user.
            OSError: The lock file cannot be opened, for example because the folder is gone.
        """
        path = folder / _NAME
        found = _locked(path)
        if found is None:
            return False
        with found:
            # The file that was found is not kept: if an ended run left it, it may be linked into other folders, too.
            if not (self._files and _link(path, self._folders[0] / _NAME, self._files[0])):
                # The first folder, or a file system without links.
                self._files.append(_new_file(path))
        self._folders.append(folder)
        return True

    def release(self, folder: Path) -> None:
        """Releases a folder. It is free for other runs when the last folder of this run is released."""
        if folder in self._folders:
            self._folders.remove(folder)
        if not self._folders:
            while self._files:
                self._files.pop().close()


def _locked(path: Path) -> IO[bytes] | None:
    """The file, open and locked; None if another run has locked it."""
    while True:
        file = _opened(path, os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        # Otherwise another file took this name between the two calls, and the lock is worth nothing.
        if _is_same(path, file):
            return file
        file.close()


def _link(path: Path, source: Path, locked: IO[bytes]) -> bool:
    """Puts a link to the locked file in the place of another file. Returns whether that was possible."""
    link = path.with_name(uuid.uuid4().hex)
    try:
        link.hardlink_to(source)
        if _is_same(link, locked):
            link.replace(path)
            return True
    except OSError:
        pass
    link.unlink(missing_ok=True)
    return False


def _new_file(path: Path) -> IO[bytes]:
    """Puts a new, locked file in the place of another one."""
    new = path.with_name(uuid.uuid4().hex)
    file = _opened(new, os.O_CREAT | os.O_EXCL)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    new.replace(path)
    return file


def _opened(path: Path, flags: int) -> IO[bytes]:
    # A file object, because it is closed with its last reference.
    return open_private_file(path, flags, may_have_links=True)


def _is_same(path: Path, file: IO[bytes]) -> bool:
    """Whether the path names the open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
