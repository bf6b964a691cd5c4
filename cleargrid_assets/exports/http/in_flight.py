"""Requests in flight, and how they are cut off: at a deadline for the whole answer, or because the run ends.

The timeout of a socket bounds a single read, so a server that sends a byte now and then never exceeds it. Here another
thread shuts the socket down. The reading thread then finds the end of the stream, whatever it is waiting for.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import contextmanager
from contextvars import ContextVar

CONNECTING = "exports-connecting"
"""Name of the threads that open sockets."""


class Exchange:
    """One request and its answer, from the name lookup to the last byte.

    Attributes:
        deadline: When it is cut off, in seconds of `time.monotonic`.
        is_sent: Whether a connection was there, so that sending began.
        is_cut: Whether it was cut off. What arrived until then is incomplete, also if it looks whole.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.is_sent = False
        self.is_cut = False
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._connecting: Future[socket.socket] | None = None

    def connect(self, open_socket: Callable[[], socket.socket]) -> socket.socket:
        """Opens a socket in another thread, because name lookups and connection attempts cannot be interrupted.

        Raises:
            ConnectionAbortedError: The exchange was cut off meanwhile.
        """
        future: Future[socket.socket] = Future()
        with self._lock:
            self._connecting = future
            if self.is_cut:
                future.cancel()
        threading.Thread(target=_settle, args=(future, open_socket), name=CONNECTING, daemon=True).start()
        try:
            return future.result()
        except CancelledError:
            raise ConnectionAbortedError from None

    def use(self, connection: socket.socket) -> None:
        """Notes the socket that the exchange uses from now on.

        Keeps a descriptor of its own, because TLS replaces the socket, and the connection may close it early.
        """
        with self._lock:
            self._close()
            self._descriptor = os.dup(connection.fileno())
            if self.is_cut:
                self._shut_down()

    def cut_off(self) -> None:
        """Ends the exchange from another thread."""
        with self._lock:
            self.is_cut = True
            if self._connecting is not None:
                self._connecting.cancel()
            self._shut_down()

    def end(self) -> None:
        """Lets go of the socket, which another exchange may use now."""
        with self._lock:
            self._close()

    def _shut_down(self) -> None:
        if self._descriptor is None:
            return
        # An OSError says that the other side was faster.
        with socket.socket(fileno=os.dup(self._descriptor)) as duplicate, contextlib.suppress(OSError):
            duplicate.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _settle(future: Future[socket.socket], open_socket: Callable[[], socket.socket]) -> None:
    """Opens the socket; closes it if nobody waits for it any more."""
    try:
        opened = open_socket()
    except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
        with contextlib.suppress(InvalidStateError):
            future.set_exception(error)
        return
    try:
        future.set_result(opened)
    except InvalidStateError:
        opened.close()


_CURRENT: ContextVar[Exchange] = ContextVar("exchange")


def current_exchange() -> Exchange:
    """The exchange of the calling thread."""
    return _CURRENT.get()


class InFlight:
    """The exchanges of all threads of a run.

    Args:
        limit_s: Seconds that one exchange may take.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._changed = threading.Condition()
        self._exchanges: set[Exchange] = set()
        self._watchdog: threading.Thread | None = None
        self._is_closed = False

    @contextmanager
    def exchange(self) -> Iterator[Exchange]:
        """An exchange of the calling thread. If the run has ended, it is cut off from the beginning."""
        exchange = Exchange(time.monotonic() + self._limit_s)
        with self._changed:
            self._exchanges.add(exchange)
            if self._is_closed:
                exchange.cut_off()
            elif self._watchdog is None:
                self._watchdog = threading.Thread(target=self._watch, name="exports-watchdog", daemon=True)
                self._watchdog.start()
        token = _CURRENT.set(exchange)
        try:
            yield exchange
        finally:
            _CURRENT.reset(token)
            with self._changed:
                self._exchanges.discard(exchange)
            exchange.end()

    def close(self) -> None:
        """Cuts off all exchanges, those of the future included."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            for exchange in self._exchanges:
                exchange.cut_off()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                for exchange in self._exchanges:
                    if exchange.deadline <= now:
                        exchange.cut_off()
                deadlines = [exchange.deadline for exchange in self._exchanges if not exchange.is_cut]
                # Exchanges that begin while this waits have later deadlines, so they need not wake it up.
                self._changed.wait(min(deadlines, default=now + self._limit_s) - now)
