"""Prints the summary of the stored log as JSON, for `benchmarks.stored`. It reads a file and a lake."""

import json

from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect

from benchmarks.stored import SUMMARY


def main() -> None:
    """Reads the whole table."""
    with connect(Settings.from_environment().database, read_only=True) as connection:
        print(json.dumps(connection.execute(f"SELECT {SUMMARY} FROM communication_logs").fetchone()))


if __name__ == "__main__":
    main()
