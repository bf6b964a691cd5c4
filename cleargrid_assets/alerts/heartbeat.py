"""The heartbeat: a service outside learns that the project works, and notices if it hears nothing."""

import dagster as dg
from pydantic import SecretStr

from cleargrid_assets.alerts.urls import keep_urls_out_of_logs
from cleargrid_assets.automation import freshness_job
from cleargrid_assets.settings import Settings

_TIMEOUT_S = 10.0
_REMEDY = "Check CLEARGRID_HEARTBEAT_URL and the network."


class HeartbeatError(Exception):
    """The service did not take the heartbeat. The message does not show its address, because that may be a token."""


def ping(url: SecretStr) -> None:
    """Requests the address once.

    Args:
        url: The value of `CLEARGRID_HEARTBEAT_URL`.

    Raises:
        HeartbeatError: There was no answer in time, or it was an error.
    """
    import requests  # noqa: PLC0415 - definitions do not need it

    keep_urls_out_of_logs()
    try:
        # The body is not read, because it does not matter and may not end.
        with requests.get(url.get_secret_value(), timeout=_TIMEOUT_S, stream=True) as answer:
            status = answer.status_code
    except (requests.RequestException, ValueError) as error:
        raise HeartbeatError(f"The heartbeat was not sent ({type(error).__name__}). {_REMEDY}") from None
    if status >= requests.codes.bad_request:
        raise HeartbeatError(f"The heartbeat was answered with HTTP {status}. {_REMEDY}")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[freshness_job],
    default_status=dg.DefaultSensorStatus.RUNNING
    if Settings.from_environment().heartbeat_url
    else dg.DefaultSensorStatus.STOPPED,
    description="Requests `CLEARGRID_HEARTBEAT_URL` when a run of `freshness` has succeeded, so no `ERROR` check has "
    "failed. Warnings do not matter.",
)
def heartbeat_after_freshness(context: dg.RunStatusSensorContext) -> dg.SkipReason:
    """Requests the address after each freshness run that succeeded."""
    url = Settings.from_environment().heartbeat_url
    if url is None:
        return dg.SkipReason("CLEARGRID_HEARTBEAT_URL is not set.")
    try:
        ping(url)
    except HeartbeatError as error:
        context.log.warning(str(error))
        return dg.SkipReason(str(error))
    return dg.SkipReason("The heartbeat was sent.")
