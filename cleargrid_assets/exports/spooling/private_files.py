"""Folders and files that only this user may have made, even in a folder that everybody may write to.

What is there already is used only if it is no link and belongs to this user. Otherwise another user could read the
rows, change them, or have another file of this user overwritten.
"""

import os
import stat
from pathlib import Path
from typing import IO

from cleargrid_assets.exports.errors import ExportsError

_ADVICE = (
    "Another user may want to read or change the rows. Look at what is there. If it is yours, correct its owner and "
    "permissions, or remove it; otherwise have it removed. Then materialize the day again."
)


class UntrustedFileError(ExportsError):
    """A folder or file for rows cannot be trusted. Nothing was read from it or written to it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} is not used, because {problem}", advice=_ADVICE)


def make_private_folder(path: Path) -> None:
    """Creates a folder that only this user can enter, unless it is there. The permissions of a folder are kept.

    Raises:
        UntrustedFileError: What is there cannot be trusted.
        OSError: The folder cannot be created, for example because a file is there.
    """
    # The mode of `Path.mkdir` with `parents=True` is not for the folders above.
    for parent in reversed(path.absolute().parents):
        parent.mkdir(mode=0o700, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not stat.S_ISDIR(check_trusted(path).st_mode):
            raise


def check_trusted(path: Path) -> os.stat_result:
    """Checks a folder or file that is there, and returns what it is.

    Raises:
        UntrustedFileError: It cannot be trusted.
        FileNotFoundError: It is not there.
    """
    found = path.lstat()
    _check(path, found)
    return found


def open_private_file(path: Path, flags: int = 0, *, may_have_links: bool = False) -> IO[bytes]:
    """Opens a file for reading and writing. A new one can be read by this user only.

    Args:
        path: The file. Its folder must be checked before.
        flags: Further flags of `os.open`, such as `os.O_CREAT`.
        may_have_links: Whether the file may have more than one name.

    Raises:
        UntrustedFileError: What is there cannot be trusted.
        OSError: The file cannot be opened.
    """
    try:
        # Without waiting, because what is there may be a pipe.
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | flags, 0o600)
    except OSError:
        check_trusted(path)
        raise
    try:
        _check_file(path, os.fstat(descriptor), may_have_links=may_have_links)
    except UntrustedFileError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "r+b")


def _check_file(path: Path, found: os.stat_result, *, may_have_links: bool) -> None:
    _check(path, found)
    if not stat.S_ISREG(found.st_mode):
        raise UntrustedFileError(path, "it is no file")
    if found.st_nlink > 1 and not may_have_links:
        raise UntrustedFileError(path, "it is a link")


def _check(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise UntrustedFileError(path, "it is a link")
    if found.st_uid != os.geteuid():
        raise UntrustedFileError(path, f"it belongs to the user {found.st_uid}, not to this one ({os.geteuid()})")
