"""Access tokens: got by login, renewed by refresh, shared by all threads of a run.

What belongs here: how a token is got and replaced. What does not: which request needs one (`client`), or how requests
travel (`transport`). Tokens and credentials appear in no `repr`, log line or error text.
"""

import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import msgspec

from cleargrid_assets.exports.effort import Effort
from cleargrid_assets.exports.errors import AuthenticationError, ExportsError, TransientError
from cleargrid_assets.exports.transport import Transport
from cleargrid_assets.settings import Credentials

_LOGINS_AT_500 = 3
"""Fewer than for other requests: the documented answer to a wrong password is a 500, and accounts get locked."""

_LOGIN_ADVICE = (
    "Check CLEARGRID_LENDER, CLEARGRID_EMAIL and CLEARGRID_PASSWORD: the service answers a wrong password with 500 too."
)
_NO_LOGIN_ADVICE = (
    "There is no login at that address: check CLEARGRID_BASE_URL, which takes the root of the API alone, and "
    "CLEARGRID_LENDER."
)


@dataclass(frozen=True)
class Token:
    """An access token and the lender it is for."""

    access: str = field(repr=False)
    lender_public_id: str


_Visible = Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z")]
"""Fit for a header or a path; http's own error for what is not would show the token."""


class _Login(msgspec.Struct):
    lenderPublicId: _Visible  # noqa: N815 - the API's spelling
    token: _Visible
    refreshToken: str | None = None  # noqa: N815


class _Refresh(msgspec.Struct):
    token: _Visible


class Authenticator:
    """Holds the current token of a run, and replaces it once however many requests it failed."""

    def __init__(self, transport: Transport, credentials: Credentials) -> None:
        self._transport = transport
        self._credentials = credentials
        self._path = f"/admin/auth/{quote(credentials.lender.get_secret_value(), safe='')}"
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._accepted: Token | None = None
        self._refresh_token: str | None = None
        self._failure: AuthenticationError | None = None

    def token(self) -> Token:
        """The token at hand; logs in when there is none yet.

        Raises:
            AuthenticationError: The login was refused or failed.
        """
        with self._lock:
            if self._token is None:
                self._log_in()
            return self._current()

    def renew(self, refused: Token, effort: Effort) -> Token:
        """A token other than the refused one: another thread's if there is one already, else by refresh, else by login.

        Raises:
            AuthenticationError: The login was refused or failed.
        """
        with self._lock:
            if self._token is refused:
                effort.refreshes += 1
                if not self._refreshed(refused):
                    self._log_in()
            return self._current()

    def accepted(self, token: Token) -> None:
        """Notes that the service has taken the token."""
        with self._lock:
            if self._token is token:
                self._accepted = token

    def is_untried(self, token: Token) -> bool:
        """Whether the token is the current one and has not been taken by the service, for any thread, so far."""
        with self._lock:
            return self._token is token and self._accepted is not token

    def _current(self) -> Token:
        assert self._token is not None  # noqa: S101 - set by the callers
        return self._token

    def _refreshed(self, refused: Token) -> bool:
        if self._refresh_token is None:
            return False
        try:
            answer: _Refresh = self._transport.send(
                "POST",
                f"{self._path}/refresh-token",
                json={"refreshToken": self._refresh_token},
                retry_timeouts=True,
                parse=lambda body: _parsed(body, _Refresh),
            )
        except ExportsError:
            # Refused, or broken for longer than retries last: the login, which follows, decides.
            return False
        self._token = Token(answer.token, refused.lender_public_id)
        return True

    def _log_in(self) -> None:
        if self._failure is not None:
            # Once for all threads: each would use up tries of an account that gets locked.
            raise self._failure
        try:
            answer: _Login = self._transport.send(
                "POST",
                f"{self._path}/login",
                json={
                    "email": self._credentials.email.get_secret_value(),
                    "password": self._credentials.password.get_secret_value(),
                },
                attempts_at_500=_LOGINS_AT_500,
                retry_timeouts=True,
                parse=lambda body: _parsed(body, _Login),
            )
        except ExportsError as error:
            self._failure = AuthenticationError(
                f"the login failed: {error.what}",
                status=error.status,
                message=error.message,
                request_id=error.request_id,
                advice=_login_advice(error),
            )
            raise self._failure from error
        self._token = Token(answer.token, answer.lenderPublicId)
        self._refresh_token = answer.refreshToken


def _login_advice(error: ExportsError) -> str | None:
    is_passing = isinstance(error, TransientError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR
    if error.status is None or is_passing:
        return error.advice
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= error.status < HTTPStatus.BAD_REQUEST
    return _NO_LOGIN_ADVICE if is_redirect or error.status == HTTPStatus.NOT_FOUND else _LOGIN_ADVICE


def _parsed(body: bytes, type_: type) -> object:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # From None: the decoder's message could quote the body, which holds tokens.
        raise TransientError("the login or refresh was answered without a usable token") from None
