"""Access tokens: login, refresh, and renewal after a 401, shared by all threads of a run.

Tokens and credentials must not appear in any `repr`, log line or error.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import quote

import msgspec

from cleargrid_assets.exports.errors import AuthenticationError, ExportsError, TransientError
from cleargrid_assets.exports.http.retry import REFUSED_LOGINS, RetryPolicy
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.exports.pages.bodies import BodyError, json_document
from cleargrid_assets.exports.pages.envelope import Verdict
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets.setting_types import AFTER_EDITING
from cleargrid_assets.settings import Credentials

T = TypeVar("T")

_LOGIN_RETRIES = RetryPolicy(max_attempts_if_refused=3, retries_timeouts=True)
"""Few attempts after HTTP 500: the API answers a wrong password with it, and too many attempts lock the account."""

_REFRESH_RETRIES = RetryPolicy(retries_timeouts=True)

_MAX_RENEWALS = 3
"""Max new tokens for one request."""

_CHECK_CREDENTIALS = "Check CLEARGRID_LENDER, CLEARGRID_EMAIL and CLEARGRID_PASSWORD."
_LOGIN_ADVICE = f"{_CHECK_CREDENTIALS} {AFTER_EDITING}"
_PASSWORD_ADVICE = f"{_CHECK_CREDENTIALS} The API answers a wrong password with HTTP 500. {AFTER_EDITING}"
_NO_LOGIN_ADVICE = (
    "There is no login at this address. Check CLEARGRID_LENDER, and that CLEARGRID_BASE_URL is the root of the API. "
    f"{AFTER_EDITING}"
)


@dataclass(frozen=True)
class Token:
    """An access token and the public id of its lender."""

    access: str = field(repr=False)
    lender_public_id: str


_Visible = Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z")]
"""Text that is valid in a header and a path. For other text, the HTTP library raises an error that shows the token."""


class _Login(msgspec.Struct):
    lenderPublicId: _Visible  # noqa: N815 - the API's spelling
    token: _Visible
    refreshToken: str | None = None  # noqa: N815


class _Refresh(msgspec.Struct):
    token: _Visible


class Authenticator:
    """Holds the current token of a run. If several requests get a 401 for one token, it is renewed once."""

    def __init__(self, transport: Transport, credentials: Credentials) -> None:
        self._transport = transport
        self._credentials = credentials
        self._path = f"/admin/auth/{quote(credentials.lender.get_secret_value(), safe='')}"
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._accepted: Token | None = None
        self._refresh_token: str | None = None
        self._failure: AuthenticationError | None = None

    def authorized(self, send: Callable[[Token], T], stats: RequestStats) -> T:
        """Sends a request with a token; after a 401, again with a new one.

        A token that worked before, or that got old during retries, has expired. It is renewed, up to `_MAX_RENEWALS`
        times. If a new token is refused at once, the request fails.

        Args:
            send: Sends the request with the token.
            stats: The counts of the request; renewals are added to them.

        Raises:
            AuthenticationError: The login or a new token was refused.
        """
        token = self.token()
        refreshes_before = stats.refreshes
        while True:
            retries_before = stats.retries
            try:
                answer = send(token)
            except ExportsError as error:
                if error.status != HTTPStatus.UNAUTHORIZED:
                    raise
                # Renewals that other requests started are not counted.
                renewals = stats.refreshes - refreshes_before
                is_fresh = self.is_untried(token) and stats.retries == retries_before
                if renewals == _MAX_RENEWALS or (renewals and is_fresh):
                    raise AuthenticationError(
                        "a token that was just issued was refused",
                        status=error.status,
                        message=error.message,
                        request_id=error.request_id,
                        advice="Ask ClearGrid whether the lender is active.",
                    ) from error
                token = self.renew(token, stats)
            else:
                self._accept(token)
                return answer

    def token(self) -> Token:
        """The current token. Logs in if there is none yet.

        Raises:
            AuthenticationError: The login was refused or failed.
        """
        with self._lock:
            if self._token is None:
                self._log_in()
            return self._current()

    def renew(self, refused: Token, stats: RequestStats) -> Token:
        """A token other than the refused one: the one that another thread got, or from a refresh, or from a login.

        Raises:
            AuthenticationError: The login was refused or failed.
        """
        with self._lock:
            if self._token is refused:
                stats.refreshes += 1
                if not self._refreshed(refused):
                    self._log_in()
            return self._current()

    def is_untried(self, token: Token) -> bool:
        """Whether the token is the current one, and the API has not accepted it yet in any thread."""
        with self._lock:
            return self._token is token and self._accepted is not token

    def _accept(self, token: Token) -> None:
        with self._lock:
            if self._token is token:
                self._accepted = token

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
                quotes_server=False,
                retry=_REFRESH_RETRIES,
                parse=lambda body: _parsed(body, _Refresh),
            )
        except ExportsError:
            # Any failure of the refresh is followed by a login, which decides.
            return False
        self._token = Token(answer.token, refused.lender_public_id)
        return True

    def _log_in(self) -> None:
        if self._failure is not None:
            # Other threads do not try again, because too many attempts lock the account.
            raise self._failure
        try:
            answer: _Login = self._transport.send(
                "POST",
                f"{self._path}/login",
                json={
                    "email": self._credentials.email.get_secret_value(),
                    "password": self._credentials.password.get_secret_value(),
                },
                quotes_server=False,
                retry=_LOGIN_RETRIES,
                parse=lambda body: _parsed(body, _Login),
            )
        except ExportsError as error:
            self._failure = AuthenticationError(
                f"the login failed: {error.what}",
                status=error.status,
                request_id=error.request_id,
                advice=_login_advice(error),
            )
            raise self._failure from error
        self._token = Token(answer.token, answer.lenderPublicId)
        self._refresh_token = answer.refreshToken


def _login_advice(error: ExportsError) -> str | None:
    is_transient = isinstance(error, TransientError) and error.status not in REFUSED_LOGINS
    if error.status is None or is_transient:
        return error.advice
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= error.status < HTTPStatus.BAD_REQUEST
    if is_redirect or error.status == HTTPStatus.NOT_FOUND:
        return _NO_LOGIN_ADVICE
    return _PASSWORD_ADVICE if error.status == HTTPStatus.INTERNAL_SERVER_ERROR else _LOGIN_ADVICE


def _parsed(body: bytes, type_: type[T]) -> T:
    """The tokens of a successful answer.

    Raises:
        TransientError: The answer says that it is no success, or it has no usable token.
    """
    try:
        document = json_document(body)
    except BodyError as error:
        raise TransientError(str(error)) from None
    try:
        if not msgspec.convert(document, Verdict).is_good:
            request_id = document.get("requestId")
            raise TransientError("the answer reports an error", status=HTTPStatus.OK, request_id=request_id)
        return msgspec.convert(document, type_)
    except (msgspec.ValidationError, RecursionError):
        # `from None`, because the error may quote tokens from the body.
        raise TransientError("the response to the login or refresh has no usable token") from None
