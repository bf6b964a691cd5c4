"""The sandbox's access and refresh tokens: signed, stateless, and worthless to any other process.

What belongs here: issuing tokens and telling good ones from others. What does not: who may have one.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any

ACCESS = "access"
REFRESH = "refresh"


class InvalidToken(Exception):  # noqa: N818
    """The token was not issued by this process for this use, or has expired."""


class TokenIssuer:
    """Issues JSON Web Tokens (HS256) that carry `lenderId`, as the API's do.

    Args:
        lender_id: What the tokens carry.
        lifetime_s: Seconds for which an access token is good; refresh tokens last as long as the process.
        clock: The present instant.
    """

    def __init__(self, lender_id: str, lifetime_s: float, clock: Callable[[], datetime]) -> None:
        self._lender_id = lender_id
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def access_token(self) -> str:
        """A fresh access token."""
        return self._issue({"use": ACCESS, "exp": self._clock().timestamp() + self._lifetime_s})

    def refresh_token(self) -> str:
        """A fresh refresh token."""
        return self._issue({"use": REFRESH})

    def lender_of(self, access_token: str) -> str:
        """The lender an access token was issued for.

        Raises:
            InvalidToken: It is no access token of this process, or its time is over.
        """
        claims = self._claims(access_token, ACCESS)
        if self._clock().timestamp() >= claims["exp"]:
            raise InvalidToken
        return str(claims["lenderId"])

    def check_refresh(self, refresh_token: str) -> None:
        """Return if this is a refresh token of this process.

        Raises:
            InvalidToken: It is not.
        """
        self._claims(refresh_token, REFRESH)

    def _issue(self, claims: dict[str, Any]) -> str:
        claims = {"lenderId": self._lender_id, "jti": secrets.token_hex(8), **claims}
        signed = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{signed}.{self._signature(signed)}"

    def _claims(self, token: str, use: str) -> dict[str, Any]:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise InvalidToken
        payload = signed.partition(".")[2]
        claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["use"] != use:
            raise InvalidToken
        return claims

    def _signature(self, signed: str) -> str:
        return _encode(hmac.digest(self._key, signed.encode(), hashlib.sha256))


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
