"""The heartbeat: sent after a freshness run that succeeded, and its failure is a warning."""

import logging

import dagster as dg
import pytest

from cleargrid_assets.alerts.heartbeat import heartbeat_after_freshness
from cleargrid_assets.automation import freshness_job
from cleargrid_assets_tests.alerts.receivers import webhook


def tick() -> str:
    """One tick of the sensor for a freshness run that succeeded."""
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_run_status_sensor_context(
            sensor_name=heartbeat_after_freshness.name,
            dagster_event=dg.DagsterEvent("PIPELINE_SUCCESS", freshness_job.name),
            dagster_instance=instance,
            dagster_run=dg.DagsterRun(freshness_job.name),
        )
        skipped = heartbeat_after_freshness(context)
    assert isinstance(skipped, dg.SkipReason)
    return str(skipped.skip_message)


def test_successful_freshness_run_sends_a_heartbeat(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    with webhook() as service:
        monkeypatch.setenv("CLEARGRID_HEARTBEAT_URL", f"http://127.0.0.1:{service.port}/hush?x=1")
        assert tick() == "The heartbeat was sent."
        service.status = 500
        assert tick().startswith("The heartbeat was answered with HTTP 500.")
    assert service.requests == ["GET /hush?x=1"] * 2
    unreachable = tick()
    assert unreachable.startswith("The heartbeat was not sent (ConnectionError).")
    assert "hush" not in unreachable + caplog.text


def test_without_an_address_nothing_is_sent() -> None:
    assert tick() == "CLEARGRID_HEARTBEAT_URL is not set."
    assert heartbeat_after_freshness.default_status is dg.DefaultSensorStatus.STOPPED
