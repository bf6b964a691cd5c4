"""The cause of a failure is found in what Apprise logs, and nothing else of it is shown."""

import pytest

from cleargrid_assets.alerts.causes import cause_in

SOCKET = "Socket Exception: HTTPConnectionPool(host='hush', port=80): Max retries exceeded with url: /hush"


@pytest.mark.parametrize(
    ("logged", "cause"),
    [
        (["Failed to send JSON POST notification: Page not found, error=404."], "HTTP status 404"),
        (["A Connection error occurred.", f"{SOCKET} [Errno 111] Connection refused"], "Connection refused"),
        ([f"{SOCKET} [Errno -2] Name or service not known"], "its host was not found"),
        ([f"{SOCKET} [SSL: CERTIFICATE_VERIFY_FAILED] certificate"], "its certificate was refused"),
        ([f"{SOCKET} (Read timed out. (read timeout=4.0))"], "no answer in time"),
        (["Service 'hush' did not finish within 10.000s."], "no answer in time"),
        (["Socket Exception: (535, b'5.7.8 hush@hush')"], "SMTP status 535"),
        (["error=500.", "error=429."], "HTTP status 429"),
        (["Slack: hush was not understood."], None),
        ([], None),
    ],
)
def test_cause_is_named_without_hosts_and_tokens(logged: list[str], cause: str | None) -> None:
    assert cause_in(logged) == cause
