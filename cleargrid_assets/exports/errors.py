"""Failures of the Exports API, by what to do about them.

After a `TransientError`, retry the same request. After a `QueryTimeoutError`, request narrower windows. Any other
`ExportsError` is final.
"""

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
"""A telephone number that a server may quote from a row, but no date. Not used for a requestId, which may contain many
digits."""


class ExportsError(Exception):
    """A final failure.

    Attributes:
        status: The HTTP status, if there was an answer.
        message: The server's message. Only its beginning is kept by `redact`, and shown.
        request_id: The server's id of the request. Shortened after `redact`, because half a secret is not found.
        day: Business day being fetched, once known.
        window: Window being fetched, once known.
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
        """Removes secrets and addresses from the server's message and requestId, which may echo them."""
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
        said = [f"HTTP {self.status}"] if self.status else []
        said += [f'the server said "{" ".join(self.message.split())[:_MAX_MESSAGE]}"'] if self.message else []
        said += [f"requestId {self.request_id[:_MAX_ID]}"] if self.request_id else []
        parts = [f"{', '.join(where)}: {self.what}" if where else self.what]
        parts += [f"({', '.join(said)})"] if said else []
        sentence = " ".join(parts).rstrip(".") + "."
        return f"{sentence} {self.advice}" if self.advice else sentence


class TransientError(ExportsError):
    """A failure that may not repeat: the same request is retried, a bounded number of times.

    Attributes:
        retry_after: Seconds of the server's `Retry-After`, or None.
    """

    retry_after: float | None = None


class QueryTimeoutError(TransientError):
    """The query took too long for the server or its proxy. Narrower windows may not."""


class AuthenticationError(ExportsError):
    """No token was issued, or one just issued was refused."""


class ContractError(ExportsError):
    """A row or an answer breaks the dataset's contract."""


def _beginning(text: str) -> str:
    """The first words of a text, since half an address is not found; nothing else of it is shown."""
    line = " ".join(text.split())
    if len(line) <= _MAX_SEARCHED:
        return line
    return line[: line.rfind(" ", 0, _MAX_SEARCHED + 1)] if " " in line[: _MAX_SEARCHED + 1] else _REDACTED
