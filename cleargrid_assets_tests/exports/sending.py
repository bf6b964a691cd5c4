"""Requests of the transport alone, without client and login."""

from collections.abc import Callable
from contextlib import closing

from cleargrid_assets.exports.http.transport import Timeouts, Transport
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets_tests.exports.api import Api
from cleargrid_assets_tests.exports.driving import no_wait

SECRET = "the-access-token"


def to(url: str, wait: Callable[[float], object] = no_wait, **timeouts: float) -> "closing[Transport]":
    """A transport to a server, with these timeouts."""
    return closing(Transport(url, connections=2, wait=wait, timeouts=Timeouts(**timeouts)))


def get(
    api: Api, wait: Callable[[float], object] = no_wait, stats: RequestStats | None = None, **timeouts: float
) -> bytes:
    """The body of one request, which has a secret token."""
    with to(api.url, wait, **timeouts) as transport_:
        body: bytes = transport_.send("GET", "/x", params={"since": "", "until": ""}, token=SECRET, stats=stats)
    return body
