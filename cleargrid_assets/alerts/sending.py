"""Sends messages to the URLs of `CLEARGRID_ALERTS` with Apprise. They hold tokens, so no error shows one."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from cleargrid_assets.alerts.causes import cause_in
from cleargrid_assets.alerts.urls import keep_urls_out_of_logs, scheme_of, split_urls
from cleargrid_assets.setting_types import AFTER_EDITING

if TYPE_CHECKING:
    from apprise import NotifyBase, NotifyResult

_TIMEOUT_S = 10.0
"""How long a message may take. It is sent to all URLs at the same time."""

MessageType = Literal["failure", "warning", "success", "info"]
"""How a service marks a message, such as by a colour: the values of Apprise's `NotifyType`."""

_REMEDY = f"Correct CLEARGRID_ALERTS. {AFTER_EDITING}"
_TRY = "`cleargrid check --alerts` tries it."
_SOCKET = "Socket Exception"
"""What the texts begin with that say which connection failed. Other texts of that level are about what was sent."""


class AlertError(Exception):
    """A message was not sent to every URL. The error names URLs by position and scheme.

    Attributes:
        what: What happened.
        advice: What to do now, without the command that tries it. The text of the error has both.
        unsent: The positions of the URLs that did not get it. The first URL has position 1.
    """

    def __init__(self, what: str, advice: str, unsent: Collection[int]) -> None:
        super().__init__(f"{what} {advice} {_TRY}")
        self.what = what
        self.advice = advice
        self.unsent = tuple(unsent)


def send(
    urls: SecretStr,
    title: str,
    body: str,
    attachment: Path | None = None,
    *,
    message_type: MessageType = "info",
    only: Collection[int] | None = None,
) -> None:
    """Sends a message to all URLs, even if some of them fail.

    Args:
        urls: The value of `CLEARGRID_ALERTS`.
        title: The subject.
        body: Plain text.
        attachment: A file to send with it. Services that take no files get the text alone.
        message_type: How services mark the message.
        only: The positions of the URLs to send to, as in `AlertError.unsent`. By default all.

    Raises:
        AlertError: Addresses are unusable or did not take the message, or Apprise is not installed.
    """
    given = dict(enumerate(split_urls(urls.get_secret_value()), 1))
    chosen = {position: url for position, url in given.items() if only is None or position in only}
    services = _services(chosen)
    problems = dict.fromkeys(chosen.keys() - services.keys(), "is unusable")
    problems |= _deliver(services, title, body, attachment, message_type)
    _raise_for(dict(sorted(problems.items())), chosen)


def check_urls(urls: SecretStr) -> int:
    """Checks that Apprise can use all URLs, without sending anything.

    Args:
        urls: The value of `CLEARGRID_ALERTS`.

    Returns:
        How many URLs there are.

    Raises:
        AlertError: Addresses are unusable, or Apprise is not installed.
    """
    given = dict(enumerate(split_urls(urls.get_secret_value()), 1))
    usable = _services(given)
    _raise_for({position: "is unusable" for position in given if position not in usable}, given)
    return len(given)


def _services(urls: Mapping[int, str]) -> "dict[int, NotifyBase]":
    """Apprise's services for the URLs that it can use, by position."""
    keep_urls_out_of_logs()
    try:
        import apprise  # noqa: PLC0415 - optional, and takes a moment to load
    except ImportError as error:
        raise AlertError(
            "Alerts need the package apprise, which is not installed.",
            "In the project's folder, run `pip install --editable '.[alerts]'`, or unset CLEARGRID_ALERTS.",
            urls,
        ) from error
    asset = apprise.AppriseAsset(app_id="ClearGrid alerts", app_desc="Alerts of cleargrid_assets")
    services = {position: apprise.Apprise.instantiate(url, asset=asset) for position, url in urls.items()}
    usable = {position: service for position, service in services.items() if service is not None}
    for service in usable.values():
        service.logger = _private_logger()
        # Apprise would send a text that is too long as it is. Discord, for one, refuses it each time.
        if service.overflow_mode is apprise.OverflowMode.UPSTREAM:
            service.overflow_mode = apprise.OverflowMode.SPLIT
    return usable


def _private_logger() -> logging.Logger:
    """A logger that only Apprise's results listen to, because it is not among the loggers of the process."""
    logger = logging.Logger("service", logging.DEBUG)
    # Without a handler, Python would print warnings to the standard error.
    logger.addHandler(logging.NullHandler())
    return logger


def _deliver(
    services: "Mapping[int, NotifyBase]", title: str, body: str, attachment: Path | None, message_type: MessageType
) -> dict[int, str]:
    """Sends a message, and returns what went wrong by the position of the service."""
    if not services:
        return {}
    import apprise  # noqa: PLC0415 - optional, and takes a moment to load

    outcomes = apprise.Apprise(list(services.values())).notify(
        title=title,
        body=body,
        notify_type=apprise.NotifyType(message_type),
        body_format=apprise.NotifyFormat.TEXT,
        attach=str(attachment) if attachment else None,
        timeout=_TIMEOUT_S,
        log_level=logging.DEBUG,
    )
    # In the order of the services. None if the message could not be prepared at all.
    by_position = dict(zip(services, outcomes, strict=False))
    return {position: _problem(found) for position in services if not (found := by_position.get(position))}


def _problem(outcome: "NotifyResult | None") -> str:
    logged = () if outcome is None else outcome.logs()
    cause = cause_in(entry.message for entry in logged if entry.level != "DEBUG" or entry.message.startswith(_SOCKET))
    return f"did not take the message{f' ({cause})' if cause else ''}"


def _raise_for(problems: Mapping[int, str], urls: Mapping[int, str]) -> None:
    if problems:
        named = [
            f"URL {position} ({scheme_of(urls[position]) or 'no scheme'}) {what}" for position, what in problems.items()
        ]
        raise AlertError(f"{'. '.join(named)}.", _REMEDY, problems)
