"""Access and refresh tokens: random texts that this process remembers."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta


class Tokens:
    """Issues tokens and recognizes them.

    Args:
        lifetime_s: Seconds for which an access token is valid. Refresh tokens do not expire.
        clock: Returns the current time.
    """

    def __init__(self, lifetime_s: float, clock: Callable[[], datetime]) -> None:
        self._lifetime = timedelta(seconds=lifetime_s)
        self._clock = clock
        self._expires_at: dict[str, datetime] = {}
        self._refresh_tokens: set[str] = set()

    def new_access_token(self) -> str:
        """A new access token."""
        token = secrets.token_urlsafe(32)
        self._expires_at[token] = self._clock() + self._lifetime
        return token

    def new_refresh_token(self) -> str:
        """A new refresh token."""
        token = secrets.token_urlsafe(32)
        self._refresh_tokens.add(token)
        return token

    def is_valid(self, access_token: str) -> bool:
        """Whether this is an access token that has not expired."""
        expires_at = self._expires_at.get(access_token)
        return expires_at is not None and self._clock() < expires_at

    def is_refresh_token(self, token: str) -> bool:
        """Whether this is a refresh token."""
        return token in self._refresh_tokens
