"""The time of day in the business zone, in SQL."""

from datetime import datetime, timedelta, tzinfo

from duckdb import DuckDBPyRelation

_OFFSET_STEP_S = 900
"""The UTC offset of a zone changes only at whole quarters of an hour."""


def microsecond_of_day(rows: DuckDBPyRelation, zone: tzinfo) -> str:
    """The microseconds from midnight to `communicated_at` on the clock of the zone, in SQL.

    The offsets are computed in Python, because the bounds of the day are. DuckDB has its own time zone rules. If those
    are older, times could lie outside the day.

    Args:
        rows: The rows that the SQL is for. They decide which offsets it has.
        zone: The business time zone.
    """
    [(first, last)] = rows.aggregate("min(epoch_us(communicated_at)), max(epoch_us(communicated_at))").fetchall()
    if first is None:
        return "0"
    first_s, last_s = first // 1_000_000, last // 1_000_000
    offsets: list[tuple[int, int]] = []
    for instant in range(first_s - first_s % _OFFSET_STEP_S, last_s + 1, _OFFSET_STEP_S):
        offset = datetime.fromtimestamp(instant, zone).utcoffset() or timedelta()
        if not offsets or offset.total_seconds() != offsets[-1][1]:
            offsets.append((instant, round(offset.total_seconds())))
    since = " ".join(
        f"WHEN epoch_us(communicated_at) >= {instant * 1_000_000} THEN {offset * 1_000_000}"
        for instant, offset in reversed(offsets)
    )
    return f"((epoch_us(communicated_at) + CASE {since} END) % {24 * 3600 * 1_000_000})"
