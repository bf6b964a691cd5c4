"""When to call, for each weekday: the hours of the last twelve weeks, with intervals. README.md explains it."""

import calendar
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from cleargrid_assets.analysis.intervals import newcombe, wilson_sql
from cleargrid_assets.warehouse.connection import connect

LEAST = 30
"""An hour with fewer attempts is left out: its rate could be anything."""

_LOW, _HIGH = wilson_sql("reached", "attempts")

# The first hour of a weekday is the one with the highest lower end, so that few attempts do not win by chance.
CALLS = f"""
WITH last_weeks AS (
    FROM hourly_reach
    WHERE channel = 'phone'
        AND communicated_date > (SELECT max(communicated_date) FROM hourly_reach) - 84
), calls AS (
    SELECT
        isodow(communicated_date) AS weekday,
        hour,
        sum(attempts)::BIGINT AS attempts,
        sum(reached_attempts)::BIGINT AS reached
    FROM last_weeks
    GROUP BY ALL
    HAVING sum(attempts) >= $least
)
SELECT *, reached / attempts AS rate, {_LOW} AS low, {_HIGH} AS high
FROM calls
ORDER BY weekday, low DESC, hour
"""  # noqa: S608


class Hour(NamedTuple):
    """The calls in an hour of a weekday. 1 is Monday; `low` and `high` are the ends of the rate's 95% interval."""

    weekday: int
    hour: int
    attempts: int
    reached: int
    rate: float
    low: float
    high: float


def line(best: Hour, others: Iterable[Hour]) -> str:
    """The best hour of a weekday, and those that may be as good: the interval of the difference includes 0."""
    as_good = [
        f"{other.hour:02}:00"
        for other in others
        if newcombe(best.reached, best.attempts, other.reached, other.attempts).low <= 0
    ]
    return (
        f"{calendar.day_name[best.weekday - 1]:<9}  {best.hour:02}:00  {best.rate:.0%} of {best.attempts:,} attempts "
        f"({best.low:.0%} to {best.high:.0%}); maybe as good: {', '.join(sorted(as_good)) or 'none'}"
    )


def main(database: str) -> None:
    """Prints a line for each weekday with enough attempts."""
    if not Path(database).exists():
        sys.exit(f"{database} does not exist. Name the database file.")
    # With the project's lock, so that it waits for runs that write, and they for it.
    with connect(database, read_only=True) as connection:
        calls = [Hour(*row) for row in connection.execute(CALLS, {"least": LEAST}).fetchall()]
    if not calls:
        print(f"No hour of a weekday has {LEAST} calls or more.")
    for _, (best, *others) in groupby(calls, lambda each: each.weekday):
        print(line(best, others))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "data/warehouse.duckdb")
