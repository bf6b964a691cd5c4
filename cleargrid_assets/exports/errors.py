"""What can go wrong between us and the API, as types that say what to do about it.

A `TransientError` is worth the same request again, a `QueryTimeoutError` the same rows in narrower windows, and any
other `ExportsError` is final.
"""

import re
from collections.abc import Iterable

from cleargrid_assets.exports.window import Window

_LONGEST_MESSAGE = 300
_LONGEST_ID = 100
_REDACTED = "[redacted]"
_EMAIL = re.compile(r"[^\s\"'<>()\[\],;:]+(?:@|%40)[^\s\"'<>()\[\],;:]+")
_TELEPHONE = re.compile(r"(?<!\w)(?!\d{4}-\d\d-\d\d)\+?\(?\d(?:[ ()._-]{0,2}\d){8,}(?!\w)")
"""A telephone number as a server may quote a row's; no date. Of a requestId, it may be an innocent part."""


class ExportsError(Exception):
    """A final failure.

    Attributes:
        status: The HTTP status, where there was an answer.
        message: What the server said, whole; only its beginning is shown.
        request_id: The server's name for the request; whole until it is redacted, since half a secret is not found.
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
        """Takes out of what the server said the secrets that it may echo, and addresses, which may be a borrower's."""
        for secret in sorted(secrets, key=len, reverse=True):
            if self.message:
                self.message = self.message.replace(secret, _REDACTED)
            if self.request_id:
                self.request_id = self.request_id.replace(secret, _REDACTED)
        if self.message:
            self.message = _TELEPHONE.sub(_REDACTED, _EMAIL.sub(_REDACTED, self.message))
        if self.request_id:
            self.request_id = _EMAIL.sub(_REDACTED, self.request_id)[:_LONGEST_ID]

    def __str__(self) -> str:
        where = [f"day {self.day}"] if self.day else []
        where += [f"window {self.window}"] if self.window else []
        said = [f"HTTP {self.status}"] if self.status else []
        said += [f'the server said "{" ".join(self.message.split())[:_LONGEST_MESSAGE]}"'] if self.message else []
        said += [f"requestId {self.request_id[:_LONGEST_ID]}"] if self.request_id else []
        parts = [f"{', '.join(where)}: {self.what}" if where else self.what]
        parts += [f"({', '.join(said)})"] if said else []
        sentence = " ".join(parts).rstrip(".") + "."
        return f"{sentence} {self.advice}" if self.advice else sentence


class TransientError(ExportsError):
    """A failure that may pass: worth the same request again, a bounded number of times.

    Attributes:
        retry_after: Seconds that the server asked us to wait, or None.
    """

    retry_after: float | None = None


class QueryTimeoutError(TransientError):
    """The query outran the server or its proxy: the same rows in narrower windows may not."""


class AuthenticationError(ExportsError):
    """No token could be got, or one just issued was refused."""


class ContractError(ExportsError):
    """A row or an answer is not what the dataset's declaration says."""
