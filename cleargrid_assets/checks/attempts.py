"""Which days Dagster's runs attempted in vain. It explains a missing day; it does not decide whether one is missing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from cleargrid_assets.partitions import BUSINESS_ZONE, DAILY, PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.wording import counted

_RUNS = 200
"""Failed runs that are looked at, latest first."""


@dataclass(frozen=True)
class Attempts:
    """The failed runs of a day.

    Attributes:
        number: How many there were.
        last: When the latest one was created.
    """

    number: int
    last: datetime

    def __str__(self) -> str:
        runs = "" if self.number == 1 else f" ({counted(self.number, 'failed run')})"
        return f"attempted on {self.last.astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M}, and failed{runs}"


def failed_attempts(instance: dg.DagsterInstance, days: Collection[str]) -> dict[str, Attempts]:
    """The failed runs of each of the days that has any, among the latest failed runs."""
    if not days:
        return {}
    found: dict[str, Attempts] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=_RUNS):
        for day in _days(record.dagster_run):
            if day in days:
                known = found.get(day, Attempts(0, record.create_timestamp))
                found[day] = Attempts(known.number + 1, known.last)
    return found


def _days(run: dg.DagsterRun) -> Iterator[str]:
    tags = run.tags
    if PARTITION in tags:
        yield tags[PARTITION]
    elif RANGE_START in tags and RANGE_END in tags:
        yield from DAILY.get_partition_keys_in_range(dg.PartitionKeyRange(tags[RANGE_START], tags[RANGE_END]))
