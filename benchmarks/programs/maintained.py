"""Maintains a lake as if a day had passed since the last time, or compacts a file. Prints its size as JSON.

Run with the number of days for which old versions stay. The clock of the lake's catalog is set back by a day, so that
the cycles of a quarter take minutes.
"""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.backups.compaction import compact
from cleargrid_assets.warehouse.databases import is_lake
from cleargrid_assets.warehouse.lakes.maintenance import FILES_STAY, maintain

_A_DAY_PASSES = (
    "UPDATE ducklake_snapshot SET snapshot_time = snapshot_time - interval '1 day'",
    "UPDATE ducklake_files_scheduled_for_deletion SET schedule_start = schedule_start - interval '1 day'",
)


def main() -> None:
    """Maintains, and measures what is on the disk."""
    settings, keep = Settings.from_environment(), timedelta(days=int(sys.argv[1]))
    now = datetime.now(timezone.utc)
    if not is_lake(settings.database):
        sizes = [compact(settings.database, 60).bytes_after]
    else:
        for statement in _A_DAY_PASSES:
            subprocess.run(["psql", "--quiet", "-c", statement], check=True, env=os.environ)  # noqa: S607
        # With nothing to keep, what is left is what the present rows need.
        maintain(settings.database, keep, now if keep else now + FILES_STAY + timedelta(hours=1), 60)
        sizes = [path.stat().st_size for path in Path(str(settings.lake_data)).rglob("*.parquet")]
    print(json.dumps({"files": len(sizes), "bytes": sum(sizes)}))


if __name__ == "__main__":
    main()
