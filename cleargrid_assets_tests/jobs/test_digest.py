"""The job `digest`, and the sensors that start it."""

from datetime import datetime, timezone

import dagster as dg
import pytest

from cleargrid_assets.assets.daily_digest import DIGEST_JOB, DIGEST_KEY
from cleargrid_assets.automation import daily_job, freshness_job, resync_job
from cleargrid_assets.definitions import defs
from cleargrid_assets.jobs.digest import DIGEST_SENSORS, digest_sensor
from cleargrid_assets.partitions import DAILY
from cleargrid_assets_tests.assets.project import LONG_AFTER

ENDINGS = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def tick(status: dg.DagsterRunStatus, now: datetime, run: dg.DagsterRun) -> object:
    """What the sensor of an ending does about a run."""
    sensor = digest_sensor(status, lambda: now)
    with dg.DagsterInstance.ephemeral() as instance:
        event = dg.DagsterEvent(f"PIPELINE_{status.value}", freshness_job.name)
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_event=event, dagster_instance=instance, dagster_run=run
        )
        return sensor(context)


@pytest.mark.parametrize("status", ENDINGS)
def test_freshness_run_is_followed_by_the_digest_of_the_last_closed_day(status: dg.DagsterRunStatus) -> None:
    run = dg.DagsterRun(freshness_job.name)
    request = tick(status, LONG_AFTER, run)

    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.partition_key) == (run.run_id, "2026-01-19")


def test_no_digest_is_made_before_the_first_day_has_closed() -> None:
    skipped = tick(ENDINGS[0], datetime(2026, 1, 1, 6, tzinfo=timezone.utc), dg.DagsterRun(freshness_job.name))

    assert isinstance(skipped, dg.SkipReason)


def test_sensors_run_by_default_and_start_the_digest_after_freshness_alone() -> None:
    found = [defs.get_repository_def().get_sensor_def(sensor.name) for sensor in DIGEST_SENSORS]

    for sensor in found:
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert [target.job_name for target in sensor.targets] == [DIGEST_JOB]
        assert f"`{freshness_job.name}`" in str(sensor.description)


def test_digest_is_in_no_job_but_its_own_and_has_the_same_days_as_the_tables() -> None:
    jobs = {name: defs.resolve_job_def(name) for name in (daily_job.name, resync_job.name, DIGEST_JOB)}
    with_digest = {name for name, job in jobs.items() if DIGEST_KEY in job.asset_layer.executable_asset_keys}

    assert with_digest == {DIGEST_JOB}
    node = defs.resolve_asset_graph().get(DIGEST_KEY)
    assert node.partitions_def == DAILY
    assert node.backfill_policy == dg.BackfillPolicy.multi_run(10)
