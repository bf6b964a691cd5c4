"""Prints what every schedule does at each of its ticks within spans of days: for tests of other zones than UTC.

Run as a module of its own, because the zone is read when the package is imported.
"""

import json
import sys
from collections.abc import Iterator
from datetime import datetime

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from cleargrid_assets.automation import SCHEDULES
from cleargrid_assets.definitions import defs
from cleargrid_assets.partitions import BUSINESS_ZONE, PARTITION, RANGE_END, RANGE_START

_TAGS = {PARTITION, RANGE_START, RANGE_END}


def ticks(name: str, first: str, last: str) -> Iterator[tuple[str, str]]:
    """When the daemon would evaluate a schedule, on the zone's clock, and which partitions it would run.

    Args:
        name: Of the schedule.
        first: A day; its midnight is where ticks begin.
        last: A day; its midnight is where they end.

    Yields:
        The time of the tick, and the partition, or both ends of a range, or why there is none.
    """
    schedule = defs.resolve_schedule_def(name)
    since, until = (datetime.fromisoformat(day).replace(tzinfo=BUSINESS_ZONE) for day in (first, last))
    for at in schedule_execution_time_iterator(
        since.timestamp(), str(schedule.cron_schedule), schedule.execution_timezone
    ):
        if at >= until:
            return
        context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=defs.get_repository_def())
        data = schedule.evaluate_tick(context)
        [does] = [
            "/".join(value for tag, value in sorted(request.tags.items(), reverse=True) if tag in _TAGS)
            for request in data.run_requests or []
        ] or [f"skipped: {data.skip_message}"]
        yield f"{at:%Y-%m-%d %H:%M%z}", does


if __name__ == "__main__":
    spans = [span.split("/") for span in sys.argv[1:]]
    names = [schedule.name for schedule in SCHEDULES]
    print(json.dumps({name: [tick for first, last in spans for tick in ticks(name, first, last)] for name in names}))
