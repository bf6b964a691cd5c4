"""The errors of the Exports API client, one class for each way to handle a failure."""

import re
from collections.abc import Iterable

from cleargrid_assets.exports.window import Window

_MAX_MESSAGE = 300
_MAX_ID = 100
_MAX_SEARCHED = 1000
"""Characters of the server's words that are searched for addresses, of which fewer are shown."""

_REDACTED = "[redacted]"
_EMAIL = re.compile(r"[^\s\"'<>()\[\],;:]+(?:@|%40)[^\s\"'<>()\[\],;:]+")
_TELEPHONE = re.compile(r"(?<!\w)(?!\d{4}-\d\d-\d\d)\+?\(?\d(?:[ ()._-]{0,2}\d){8,}(?!\w)")
"""A telephone number, but no date. Not applied to a requestId, which may contain as many digits."""


class ExportsError(Exception):
    """A failure that a retry does not fix.

    Attributes:
        what: What happened, without a period at the end.
        status: The HTTP status, if there was a response.
        message: The server's message. `redact` keeps its beginning.
        request_id: The server's id of the request.
        advice: What to do now.
        day: The business day that was being fetched, if known.
        window: The window that was being fetched, if known.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        message: str | None = None,
        request_id: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.status = status
        self.message = message or None
        self.request_id = " ".join(str(request_id).split()) if request_id else None
        self.advice = advice
        self.day: str | None = None
        self.window: Window | None = None

    def redact(self, secrets: Iterable[str]) -> None:
        """Removes secrets and addresses from the server's message and requestId, which may repeat them.

        Call this before the texts are shortened: half a secret would not be found.
        """
        for secret in sorted(secrets, key=len, reverse=True):
            if self.message:
                self.message = self.message.replace(secret, _REDACTED)
            if self.request_id:
                self.request_id = self.request_id.replace(secret, _REDACTED)
        # Shortened after the secrets, since half a secret is not found, and before the patterns, whose time grows with
        # the square of the length.
        if self.message:
            self.message = _TELEPHONE.sub(_REDACTED, _EMAIL.sub(_REDACTED, _beginning(self.message)))
        if self.request_id:
            self.request_id = _EMAIL.sub(_REDACTED, _beginning(self.request_id))[:_MAX_ID]

    def __str__(self) -> str:
        where = [f"day {self.day}"] if self.day else []
        where += [f"window {self.window}"] if self.window else []
        server = [f"HTTP {self.status}"] if self.status else []
        server += [f'the server said "{" ".join(self.message.split())[:_MAX_MESSAGE]}"'] if self.message else []
        server += [f"requestId {self.request_id[:_MAX_ID]}"] if self.request_id else []
        parts = [f"{', '.join(where)}: {self.what}" if where else self.what]
        parts += [f"({', '.join(server)})"] if server else []
        sentence = " ".join(parts).rstrip(".") + "."
        return f"{sentence} {self.advice}" if self.advice else sentence


class TransientError(ExportsError):
    """A failure that may be temporary: the same request is retried, up to a limit.

    Attributes:
        retry_after: The server's `Retry-After` in seconds, or None.
    """

    retry_after: float | None = None


class UnavailableError(TransientError):
    """The server takes no requests: it refuses connections, or answers 429 without saying when to come back.

    It may be restarted, so the request is retried for minutes.
    """


class QueryTimeoutError(TransientError):
    """The query timed out. A narrower window may be fast enough."""


class AuthenticationError(ExportsError):
    """The login failed, or a new token was refused."""


class ContractError(ExportsError):
    """A row or a response breaks the contract of the dataset."""


def _beginning(text: str) -> str:
    """The first words of a text. Nothing else of it is shown, because the patterns do not find half an address."""
    line = " ".join(text.split())
    if len(line) <= _MAX_SEARCHED:
        return line
    return line[: line.rfind(" ", 0, _MAX_SEARCHED + 1)] if " " in line[: _MAX_SEARCHED + 1] else _REDACTED
