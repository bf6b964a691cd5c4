"""The job that makes the daily digest, and the sensors that start it.

Sensors and not a schedule: the page is to show what the freshness checks found, however long they take. It is wanted
most when they fail.
"""

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from cleargrid_assets.assets.daily_digest import DIGEST_JOB, DIGEST_KEY
from cleargrid_assets.automation import NOTHING_CLOSED, freshness_job
from cleargrid_assets.partitions import closed_days, now_in_zone

digest_job = dg.define_asset_job(
    DIGEST_JOB,
    selection=dg.AssetSelection.assets(DIGEST_KEY),
    description="Makes the digest of one day. With `CLEARGRID_DIGEST=on`, sends it to the addresses of "
    "`CLEARGRID_ALERTS`.",
)


def digest_sensor(
    status: dg.DagsterRunStatus, now: Callable[[], datetime] = now_in_zone
) -> dg.RunStatusSensorDefinition:
    """The sensor that starts the digest of the last closed day when a run of `freshness` has ended.

    Args:
        status: How the run has ended. A sensor watches one status.
        now: Returns the current time.
    """

    @dg.run_status_sensor(
        name=f"digest_after_freshness_{status.value.lower()}",
        run_status=status,
        monitored_jobs=[freshness_job],
        request_job=digest_job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts the job `{DIGEST_JOB}` for the last closed day when a run of `{freshness_job.name}` has "
        f"ended with {status.value}.",
    )
    def sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        days = closed_days(now())
        if not days:
            return dg.SkipReason(NOTHING_CLOSED)
        return dg.RunRequest(run_key=context.dagster_run.run_id, partition_key=days[-1])

    return sensor


DIGEST_SENSORS = tuple(digest_sensor(status) for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE))
