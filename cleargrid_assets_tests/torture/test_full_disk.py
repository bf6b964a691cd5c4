"""A small file system that fills: runs fail with a reason and old rows whole, and work again when there is room."""

import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleargrid_assets_tests.exports.api import Api, serving
from cleargrid_assets_tests.torture.campaign import Campaign, hurried, project_of
from cleargrid_assets_tests.torture.conftest import Torture
from cleargrid_assets_tests.torture.source import Source

_SPOOL = "could not be spooled"
_SIZE = 16 << 20
_ROOMS = range(500_000, 0, -20_000)
"""Bytes that are free: from enough to too little for the spool."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of its own."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(disk)],  # noqa: S607 - root's own path
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        # Lazily, because a failed run may have files open.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # noqa: S607


@pytest.mark.torture
def test_disk_that_fills_leaves_old_rows_whole(
    small_disk: Path, torture: Torture, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: Counter[str] = Counter()
    with serving(Api(cursors_name_rows=True)) as api, hurried():
        luck = random.Random(1)  # noqa: S311 - not for secrets
        campaign = Campaign(project_of(api, small_disk), Source(api, luck), luck, caplog)
        assert campaign.attempt() == ""
        ballast = small_disk / "ballast"
        for room in torture.watched("sizes of the room", _ROOMS):
            campaign.source.change()
            _fill(ballast, room)
            said = campaign.attempt()
            if said:
                assert "No space left" in said or "not enough space" in said
            outcomes["failed while fetching" if _SPOOL in said else "failed while storing" if said else "stored"] += 1
            ballast.unlink()
            assert campaign.attempt() == ""
    assert outcomes["failed while fetching"] > 0
    torture.figure("full disk", ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())))


def _fill(ballast: Path, room: int) -> None:
    """Leaves about so many bytes of room."""
    status = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, status.f_bavail * status.f_frsize - room))
