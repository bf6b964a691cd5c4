"""The errors of the Exports API client, one class for each way to handle a failure."""

from collections.abc import Iterable

from cleargrid_assets.exports.window import Window
from cleargrid_assets.foreign import MASK, presentable, presentable_id


class ExportsError(Exception):
    """A failure that a retry does not fix.

    Attributes:
        what: What happened, without a period at the end.
        status: The HTTP status, if there was a response.
        message: The server's message, as it came until `redact`.
        request_id: The server's id of the request, in its presentable form.
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
        # A plain number, because Dagster does not record the members of an enum, and so not why the run failed.
        self.status = None if status is None else int(status)
        self.message = message or None
        self.request_id = presentable_id(request_id) if request_id else None
        self.advice = advice
        self.day: str | None = None
        self.window: Window | None = None

    def redact(self, secrets: Iterable[str]) -> None:
        """Removes secrets from the server's words, which may repeat them, and keeps the presentable part of the rest.

        Secrets are removed first, because half a secret would not be found.
        """
        for secret in sorted(secrets, key=len, reverse=True):
            if self.message:
                self.message = self.message.replace(secret, MASK)
            if self.request_id:
                self.request_id = self.request_id.replace(secret, MASK)
        if self.message:
            self.message = presentable(self.message)

    def __str__(self) -> str:
        where = [f"day {self.day}"] if self.day else []
        where += [f"window {self.window}"] if self.window else []
        server = [f"HTTP {self.status}"] if self.status else []
        server += [f'the server said "{presentable(self.message)}"'] if self.message else []
        server += [f"requestId {self.request_id}"] if self.request_id else []
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
    """The server accepts no requests: it refuses connections, or answers 429 or the like without `Retry-After`.

    It may be restarted, so the request is retried for minutes.
    """


class QueryTimeoutError(TransientError):
    """The query timed out. A narrower window may be fast enough."""


class AuthenticationError(ExportsError):
    """The login failed, or a new token was refused."""


class ContractError(ExportsError):
    """A row or a response breaks the contract of the dataset."""
