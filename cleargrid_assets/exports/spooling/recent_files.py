"""Files that a run appends to again and again. The latest ones stay open.

Opening a file can take longer than writing a page. All files of a run cannot stay open: it may fetch hundreds of days.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from cleargrid_assets.exports.spooling.private_files import open_private_file

_MAX_OPEN = 8
"""The two files of the spools of four days."""


class RecentFiles:
    """The files that one run has written last."""

    def __init__(self) -> None:
        self._open: dict[Path, IO[bytes]] = {}

    def write_at(self, path: Path, length: int, content: bytes) -> int:
        """Writes after the first `length` bytes of a file, and cuts off the rest.

        Returns:
            The new length of the file.

        Raises:
            UntrustedFileError: What is there is a link or belongs to another user.
            OSError: The file cannot be written. It may end with a part of the content.
        """
        file = self._open.pop(path, None) or open_private_file(path, os.O_CREAT)
        try:
            # Not always, because truncating takes as long as writing a page.
            if file.seek(0, os.SEEK_END) != length:
                file.truncate(length)
                file.seek(length)
            file.write(content)
            file.flush()
        except OSError:
            with suppress(OSError):
                # Closing tries to write the rest once more.
                file.close()
            raise
        self._open[path] = file
        if len(self._open) > _MAX_OPEN:
            self._open.pop(next(iter(self._open))).close()
        return length + len(content)

    def close(self, folder: Path) -> None:
        """Closes the files in a folder, which stay as a checkpoint. Its checksums show whether something is missing."""
        for path in [path for path in self._open if path.parent == folder]:
            with suppress(OSError):
                self._open.pop(path).close()

    def close_all(self) -> None:
        """Closes all files.

        Raises:
            OSError: What was written is not on the disk. Network file systems may say so only now.
        """
        while self._open:
            self._open.popitem()[1].close()
