"""Copies a stored day of the log and of its interactions to the days before it, so that trailing windows are full.

Copying is much faster than fetching as many rows. Each copy has the same contacts as the day, which is what a lender's
days have in common. Run with the database, the day and the number of days before it.
"""

import sys

from cleargrid_assets.warehouse.connection import connect

_COPIED = {
    "communication_logs": "public_id, communicated_at, created_at, updated_at, communicated_date",
    "interactions": "public_id, communicated_at, communicated_date",
}
"""The columns that differ from day to day, by table."""


def main() -> None:
    """Copies the day."""
    database, day, days = sys.argv[1:]
    with connect(database) as connection:
        for back in range(1, int(days) + 1):
            for table, names in _COPIED.items():
                shifted = ", ".join(_shifted(name, back) for name in names.split(", "))
                connection.execute(
                    f"INSERT INTO {table} SELECT * REPLACE ({shifted}) FROM {table} WHERE communicated_date = '{day}'"
                )
            connection.execute(
                f"INSERT INTO days SELECT * REPLACE ({_shifted('communicated_date', back)}) FROM days "
                f"WHERE communicated_date = '{day}' AND table_name IN {tuple(_COPIED)}"
            )


def _shifted(name: str, back: int) -> str:
    if name == "public_id":
        return f"'{back}-' || public_id AS public_id"
    kind = "DATE" if name == "communicated_date" else "TIMESTAMPTZ"
    return f"({name} - INTERVAL {back} DAY)::{kind} AS {name}"


if __name__ == "__main__":
    main()
