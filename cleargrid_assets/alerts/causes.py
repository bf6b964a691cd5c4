"""Why a service did not take a message, from what Apprise logs. Its texts have hosts and tokens, so none is shown."""

import os
import re
from collections.abc import Iterable

_HTTP_STATUS = re.compile(r"error=(\d{3})\b")
_MAIL_STATUS = re.compile(r"Socket Exception: \((\d{3}),")
_SYSTEM_ERROR = re.compile(r"\[Errno (-?\d+)\]")
_KNOWN = {
    "CERTIFICATE_VERIFY_FAILED": "its certificate was refused",
    "timed out": "no answer in time",
    "did not finish within": "no answer in time",
}


def cause_in(logged: Iterable[str]) -> str | None:
    """The cause of a failure, in words of this project and of the operating system; None if it is not known.

    Args:
        logged: The texts that Apprise logged of one service, without those about what was sent.
    """
    # The last cause, because the others were followed by another try.
    return next(filter(None, map(_cause, reversed([*logged]))), None)


def _cause(text: str) -> str | None:
    if found := _HTTP_STATUS.search(text):
        return f"HTTP status {found[1]}"
    if found := _MAIL_STATUS.search(text):
        return f"SMTP status {found[1]}"
    if found := _SYSTEM_ERROR.search(text):
        number = int(found[1])
        # Negative numbers are those of name resolution.
        return os.strerror(number) if number > 0 else "its host was not found"
    return next((cause for words, cause in _KNOWN.items() if words in text), None)
