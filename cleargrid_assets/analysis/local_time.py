"""The time of day in the business zone, in SQL."""

from datetime import datetime, timedelta, tzinfo

from duckdb import DuckDBPyRelation

QUARTER_S = 900
"""The UTC offset of a zone changes only at whole quarters of an hour."""


def minute_of_day(rows: DuckDBPyRelation, zone: tzinfo) -> str:
    """The whole minutes from midnight to `communicated_at` on the clock of the zone, in SQL.

    The offsets are computed in Python, because the bounds of the day are. DuckDB has its own time zone rules. If those
    are older, times could lie outside the day.

    Args:
        rows: The rows that the SQL is for. They decide which offsets it has.
        zone: The business time zone.
    """
    seconds = "epoch_us(communicated_at) // 1000000"
    [(first, last)] = rows.aggregate(f"min({seconds}), max({seconds})").fetchall()
    if first is None:
        return "0"
    offsets: list[tuple[int, int]] = []
    for instant in range(first - first % QUARTER_S, last + 1, QUARTER_S):
        offset = datetime.fromtimestamp(instant, zone).utcoffset() or timedelta()
        if not offsets or offset.total_seconds() != offsets[-1][1]:
            offsets.append((instant, round(offset.total_seconds())))
    since = " ".join(f"WHEN {seconds} >= {instant} THEN {offset}" for instant, offset in reversed(offsets))
    return f"(({seconds} + CASE {since} END) // 60 % 1440)"
