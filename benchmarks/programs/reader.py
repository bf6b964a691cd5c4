"""Keeps the database open to read, as an analyst does, until standard input ends. Prints a line when it has read."""

import sys

from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect


def main() -> None:
    """Reads, and stays."""
    with connect(Settings.from_environment().database, read_only=True) as connection:
        connection.execute("SELECT count(*) FROM communication_logs").fetchall()
        print("read", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
