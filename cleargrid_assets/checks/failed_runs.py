"""The failed runs of missing days. They explain why a day is missing; they do not decide whether it is."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

import dagster as dg

from cleargrid_assets.catch_up.plan import CatchUp, Ledgers
from cleargrid_assets.catch_up.runs import read_runs
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.wording import counted


@dataclass(frozen=True)
class FailedRuns:
    """The failed and cancelled runs of a day.

    Attributes:
        number: How many there were.
        last: When the latest one ended.
        is_given_up: Whether the schedules do not request the day any more.
    """

    number: int
    last: datetime
    is_given_up: bool

    def __str__(self) -> str:
        runs = "" if self.number == 1 else f" ({counted(self.number, 'failed run')})"
        left = " and is not requested again by the schedules" if self.is_given_up else ""
        return f"attempted on {self.last.astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M}, and failed{runs}{left}"


def failed_runs(instance: dg.DagsterInstance, days: Collection[str], ledgers: Ledgers) -> dict[str, FailedRuns]:
    """The failed runs of each of the days that has any.

    Args:
        instance: The Dagster instance.
        days: The partition keys of closed days.
        ledgers: What is stored.
    """
    if not days:
        return {}
    catch_up = CatchUp(ledgers, [date.fromisoformat(day) for day in sorted(days)])
    runs = read_runs(instance, catch_up)
    left = {day for _, day in replace(catch_up, runs=runs).given_up()}
    found: dict[str, FailedRuns] = {}
    for (_, day), ends in runs.failed_at.items():
        key = day.isoformat()
        if key in days and (key not in found or len(ends) > found[key].number):
            found[key] = FailedRuns(len(ends), max(ends), day in left)
    return found
