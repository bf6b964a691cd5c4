"""Checks the API's base URL before anything is sent."""

import ipaddress
from urllib.parse import urlsplit

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.setting_types import AFTER_EDITING

_ADVICE = f"Correct it, or unset it to use ClearGrid's own. {AFTER_EDITING}"


def checked_root(base_url: str) -> str:
    """The URL without a slash at the end.

    Raises:
        ExportsError: It is not an http(s) URL, contains credentials, or is plain http to another machine.
    """
    try:
        url = urlsplit(base_url)
        host = url.hostname if url.scheme in {"http", "https"} and url.port != 0 else None
    except ValueError:
        host = None
    if not host:
        # The message does not quote the value, because it may contain credentials.
        raise ExportsError("CLEARGRID_BASE_URL is not an http(s) URL with a host", advice=_ADVICE)
    if url.username or url.password or url.query or url.fragment:
        raise ExportsError(
            "CLEARGRID_BASE_URL contains credentials or a query, but must be the root of the API", advice=_ADVICE
        )
    if url.scheme == "http" and not _is_loopback(host):
        raise ExportsError(
            f"CLEARGRID_BASE_URL is plain http to {host}, which would send the password in the clear",
            advice=f"Use https. Nothing has been sent. {AFTER_EDITING}",
        )
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
