"""A process that fetches two days and ends, for better or worse. Run by `test_ending`."""

import signal
import sys
from datetime import timedelta
from pathlib import Path
from types import FrameType

from cleargrid_assets.exports.client import ExportsClient
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.fetch import fetch
from cleargrid_assets.exports.window import Window
from cleargrid_assets.settings import Settings
from cleargrid_assets_tests.exports.driving import DAY, WINDOW


class Interrupted(BaseException):
    """What an orchestrator raises in the main thread, upon a signal."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def main(folder: Path) -> None:
    """Fetches the days, as an asset does."""
    signal.signal(signal.SIGTERM, _interrupt)
    days = {DAY: WINDOW, "next": Window(WINDOW.until, WINDOW.until + timedelta(days=1))}
    client = ExportsClient(Settings.from_environment(), D21)
    try:
        fetch(client, days, folder, log=print)
    finally:
        client.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
