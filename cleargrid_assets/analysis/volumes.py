"""Communications of the log by hour and type, and the days that a day is compared with."""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta, tzinfo

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.baselines import PAST_WEEKS
from cleargrid_assets.analysis.local_time import QUARTER_S
from cleargrid_assets.analysis.outcomes import Outcomes

COLUMNS = ("communicated_date", "communication_type", "hour", "communications")
"""The columns of `hourly_volumes`."""


def past_days(day: date, with_rows: Collection[date], outcomes: Outcomes) -> list[date]:
    """The same weekday of the six weeks before, without days off and days that have no stored rows."""
    before = [day - timedelta(weeks=weeks) for weeks in range(PAST_WEEKS, 0, -1)]
    return [each for each in before if each in with_rows and not outcomes.days_off.includes(each)]


def hourly_volumes(logs: DuckDBPyRelation, zone: tzinfo) -> pd.DataFrame:
    """Counts the communications of both directions by business day, normalised type and hour in the zone.

    Args:
        logs: Communication logs.
        zone: The business time zone.

    Returns:
        Columns: `COLUMNS`. Hours without communications have no row.
    """
    # Grouped by quarters before hours are computed, because a day has many rows and 96 quarters.
    quarters = logs.aggregate(
        f"communicated_date, communication_type, epoch_us(communicated_at) // {QUARTER_S * 10**6} AS quarter, "
        "count(*) AS communications"
    ).project(f"communicated_date, {classify.TYPE}, quarter, communications")
    found: Counter[tuple[date, str, int]] = Counter()
    for day, kind, quarter, communications in quarters.fetchall():
        found[day, kind, datetime.fromtimestamp(quarter * QUARTER_S, zone).hour] += communications
    frame: pd.DataFrame = pd.DataFrame([(*key, number) for key, number in sorted(found.items())], columns=list(COLUMNS))
    return frame
