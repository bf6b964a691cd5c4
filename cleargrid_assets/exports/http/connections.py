"""The HTTP library, set up so that requests can be cut off, and that only the final answer counts."""

import logging
import socket
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any

import requests
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from cleargrid_assets.exports.http.in_flight import current_exchange

# It logs the headers that it cannot read, whatever they hold.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class Session(requests.Session):
    """A session that does not look where a redirect leads, because it would read all of its body first."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no redirect is followed."""


class Adapter(requests.adapters.HTTPAdapter):
    """Makes connections that belong to the current exchange, to the server as to proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Makes the pools of connections to the server."""
        super().init_poolmanager(*args, **kwargs)
        _make_interruptible(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The pools of connections to a proxy."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        _make_interruptible(manager)
        return manager


class _FinalResponse(HTTPResponse):
    """An answer after all provisional ones. The library skips only 100, and takes 102 and 103 for the answer."""

    def begin(self) -> None:
        super().begin()
        while self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _InterruptibleConnection(HTTPConnection):
    """Tells the current exchange which socket it uses."""

    response_class = _FinalResponse

    # Not public, but the only place between connecting and the handshakes with proxy and server. urllib3's own
    # connections through SOCKS proxies replace it, too.
    def _new_conn(self) -> socket.socket:
        connection = current_exchange().connect(super()._new_conn)
        current_exchange().use(connection)
        return connection

    def request(self, *args: Any, **kwargs: Any) -> None:
        current_exchange().is_sent = True
        if self.sock is not None:
            # Used before by another exchange, or just made by this one.
            current_exchange().use(self.sock)
        super().request(*args, **kwargs)


def _make_interruptible(manager: urllib3.PoolManager) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _interruptible(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _interruptible(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    if issubclass(pool.ConnectionCls, _InterruptibleConnection):
        return pool
    connection = type(pool.ConnectionCls.__name__, (_InterruptibleConnection, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
